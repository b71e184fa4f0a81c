"""ip(8) of iproute2 6.1: link, addr, route, neigh, rule, netns, maddr, tunnel, tuntap, monitor. In containers with busybox `addr`, `link`
and `route` print as its own do.

Options: -4 -o -br -d -s -j -p -n -a. Not modelled: the other objects, batch files, IPv6, multipath routes, tables of one's own.
"""

from __future__ import annotations

from collections.abc import Awaitable
from importlib import import_module

from emu.process import Process, UsageError
from emu.programs.ip.words import Context, Words
from emu.programs.libc.userland import has_busybox

# As `ip` looks for them: the first that begins with the word given.
OBJECTS = {
    "address": "addr", "addrlabel": "", "maddress": "maddr", "route": "route", "rule": "rule", "neighbor": "neigh", "neighbour": "neigh",
    "ntable": "", "ntbl": "", "link": "link", "l2tp": "", "fou": "", "ila": "", "macsec": "", "tunnel": "tunnel", "tunl": "tunnel",
    "tuntap": "tuntap",
    "tap": "", "token": "", "tcpmetrics": "", "tcp_metrics": "",
    "monitor": "monitor", "xfrm": "", "mroute": "", "mrule": "", "netns": "netns",
    "netconf": "", "vrf": "", "sr": "", "nexthop": "", "mptcp": "", "ioam": "", "stats": "",
}  # fmt: skip
OPTIONS = (
    "4", "oneline", "brief", "details", "statistics", "stats", "timestamp", "tshort", "json", "pretty", "netns", "all", "Version",
)  # fmt: skip
USAGE = """Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }
where  OBJECT := { address | link | neighbour | route | rule | netns | maddress | tunnel | tuntap | monitor }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -j[son] | -p[retty] |
                    -4 | -br[ief] | -o[neline] | -n[etns] name | -a[ll] }"""
USAGE_STATUS = 255


async def main(process: Process, argv: list[str]) -> int:
    words = Words(argv[1:])
    context = Context(process, process.netns, busybox=has_busybox(process.place))
    while words and words.peek().startswith("-"):
        option = words.next().lstrip("-")
        color, equals, when = option.partition("=")
        if color and "color".startswith(color) and (when in {"always", "auto", "never"} or not equals):
            continue  # output is text without colours here, whatever is asked for
        known = next((name for name in OPTIONS if option and name.startswith(option)), None)
        known = {"br": "brief", "s": "statistics", "n": "netns"}.get(option, known)
        if known is None:
            raise UsageError(f"ip: '-{option}' is not modelled", USAGE_STATUS)
        if known == "Version":
            process.print("ip utility, iproute2-6.1.0, libbpf 1.1.2")
            return 0
        if known == "netns":
            context.enter(words.next())
        if known in {"statistics", "stats"} and {"statistics", "stats"} & context.options:
            raise UsageError("ip: '-s -s' is not modelled", USAGE_STATUS)
        context.options.add(known)
    if not words:
        raise UsageError(USAGE, USAGE_STATUS)
    word = words.next()
    if word == "help":
        raise UsageError(USAGE, USAGE_STATUS)
    found = next((name for name in OBJECTS if name.startswith(word)), None)
    if found is None:
        raise UsageError(f'Object "{word}" is unknown, try "ip help".', 1)
    if not OBJECTS[found]:
        raise UsageError(f"ip: '{found}' is not modelled", USAGE_STATUS)
    status: int | Awaitable[int] = import_module(f"emu.programs.ip.{OBJECTS[found]}").run(context, words)
    return status if isinstance(status, int) else await status
