"""What `-m` can test, one file each. A new match is a file here, and a line in MATCHES."""

from emu.netfilter.match import Match
from emu.netfilter.matches.addrtype import Addrtype
from emu.netfilter.matches.comment import Comment
from emu.netfilter.matches.conntrack import ConntrackMatch
from emu.netfilter.matches.icmp import Icmp
from emu.netfilter.matches.iprange import Iprange
from emu.netfilter.matches.limit import Limit
from emu.netfilter.matches.mac import Mac
from emu.netfilter.matches.mark import Mark
from emu.netfilter.matches.multiport import Multiport
from emu.netfilter.matches.physdev import Physdev
from emu.netfilter.matches.recent import Recent
from emu.netfilter.matches.sctp import Sctp
from emu.netfilter.matches.state import State
from emu.netfilter.matches.statistic import Statistic
from emu.netfilter.matches.tcp import Tcp
from emu.netfilter.matches.udp import Udp

MATCHES: dict[str, type[Match]] = {
    "addrtype": Addrtype,
    "comment": Comment,
    "conntrack": ConntrackMatch,
    "icmp": Icmp,
    "iprange": Iprange,
    "limit": Limit,
    "mac": Mac,
    "mark": Mark,
    "multiport": Multiport,
    "physdev": Physdev,
    "recent": Recent,
    "sctp": Sctp,
    "state": State,
    "statistic": Statistic,
    "tcp": Tcp,
    "udp": Udp,
}
