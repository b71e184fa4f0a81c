"""What `-j` can do, one file each. A new target is a file here, and a line in TARGETS."""

from emu.netfilter.target import Target
from emu.netfilter.targets.accept import Accept
from emu.netfilter.targets.checksum import Checksum
from emu.netfilter.targets.connmark import Connmark
from emu.netfilter.targets.ct import Ct
from emu.netfilter.targets.dnat import Dnat
from emu.netfilter.targets.drop import Drop
from emu.netfilter.targets.dscp import Dscp
from emu.netfilter.targets.log import Log
from emu.netfilter.targets.mark import Mark
from emu.netfilter.targets.masquerade import Masquerade
from emu.netfilter.targets.netmap import Netmap
from emu.netfilter.targets.nflog import Nflog
from emu.netfilter.targets.notrack import Notrack
from emu.netfilter.targets.redirect import Redirect
from emu.netfilter.targets.reject import Reject
from emu.netfilter.targets.return_ import Return
from emu.netfilter.targets.snat import Snat
from emu.netfilter.targets.tcpmss import Tcpmss
from emu.netfilter.targets.tos import Tos
from emu.netfilter.targets.trace import Trace
from emu.netfilter.targets.ttl import Ttl

TARGETS: dict[str, type[Target]] = {
    "ACCEPT": Accept,
    "CHECKSUM": Checksum,
    "CONNMARK": Connmark,
    "CT": Ct,
    "DNAT": Dnat,
    "DROP": Drop,
    "DSCP": Dscp,
    "LOG": Log,
    "MARK": Mark,
    "MASQUERADE": Masquerade,
    "NETMAP": Netmap,
    "NFLOG": Nflog,
    "NOTRACK": Notrack,
    "REDIRECT": Redirect,
    "REJECT": Reject,
    "RETURN": Return,
    "SNAT": Snat,
    "TCPMSS": Tcpmss,
    "TOS": Tos,
    "TRACE": Trace,
    "TTL": Ttl,
}
