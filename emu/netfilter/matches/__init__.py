"""What `-m` can test, one file each. A new match is a file here, and a line in MATCHES."""

from emu.netfilter.match import Match
from emu.netfilter.matches.addrtype import Addrtype
from emu.netfilter.matches.comment import Comment
from emu.netfilter.matches.connlimit import Connlimit
from emu.netfilter.matches.connmark import Connmark
from emu.netfilter.matches.conntrack import ConntrackMatch
from emu.netfilter.matches.dscp import Dscp
from emu.netfilter.matches.hashlimit import Hashlimit
from emu.netfilter.matches.helper import Helper
from emu.netfilter.matches.icmp import Icmp
from emu.netfilter.matches.iprange import Iprange
from emu.netfilter.matches.length import Length
from emu.netfilter.matches.limit import Limit
from emu.netfilter.matches.mac import Mac
from emu.netfilter.matches.mark import Mark
from emu.netfilter.matches.multiport import Multiport
from emu.netfilter.matches.physdev import Physdev
from emu.netfilter.matches.pkttype import Pkttype
from emu.netfilter.matches.policy import Policy
from emu.netfilter.matches.recent import Recent
from emu.netfilter.matches.rpfilter import Rpfilter
from emu.netfilter.matches.sctp import Sctp
from emu.netfilter.matches.state import State
from emu.netfilter.matches.statistic import Statistic
from emu.netfilter.matches.tcp import Tcp
from emu.netfilter.matches.tcpmss import Tcpmss
from emu.netfilter.matches.tos import Tos
from emu.netfilter.matches.ttl import Ttl
from emu.netfilter.matches.udp import Udp

MATCHES: dict[str, type[Match]] = {
    "addrtype": Addrtype,
    "comment": Comment,
    "connlimit": Connlimit,
    "connmark": Connmark,
    "conntrack": ConntrackMatch,
    "dscp": Dscp,
    "hashlimit": Hashlimit,
    "helper": Helper,
    "icmp": Icmp,
    "iprange": Iprange,
    "length": Length,
    "limit": Limit,
    "mac": Mac,
    "mark": Mark,
    "multiport": Multiport,
    "physdev": Physdev,
    "pkttype": Pkttype,
    "policy": Policy,
    "recent": Recent,
    "rpfilter": Rpfilter,
    "sctp": Sctp,
    "state": State,
    "statistic": Statistic,
    "tcp": Tcp,
    "tcpmss": Tcpmss,
    "tos": Tos,
    "ttl": Ttl,
    "udp": Udp,
}
