"""netstat(8): net-tools' 2.10 on hosts, busybox's 1.35 in containers that have busybox. Options: -t -u -l -a -n -p -r -i -e -4 -x -w.

Not modelled: statistics (-s), timers (-o), groups, continuous listing, IPv6. There are no Unix or raw sockets.
"""

from __future__ import annotations

from emu.netns.tcp_state import TcpState
from emu.process import Process, UsageError
from emu.programs.ifconfig import SHORT_TITLE, in_order, short_line
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import name_of
from emu.programs.libc.services import service_name
from emu.programs.libc.sockets import Socket, sockets
from emu.programs.libc.userland import has_busybox
from emu.programs.route import table

LONG = {
    "tcp": "t", "udp": "u", "listening": "l", "all": "a", "numeric": "n", "program": "p", "programs": "p", "route": "r", "interfaces": "i",
    "inet": "4", "raw": "w", "unix": "x", "wide": "W",
}  # fmt: skip
S = TcpState
LISTENING = frozenset({S.LISTEN, S.CLOSED})
WORDS = {
    S.SYN_SENT: "SYN_SENT", S.SYN_RECEIVED: "SYN_RECV", S.ESTABLISHED: "ESTABLISHED", S.FIN_WAIT1: "FIN_WAIT1", S.FIN_WAIT2: "FIN_WAIT2",
    S.CLOSE_WAIT: "CLOSE_WAIT", S.CLOSING: "CLOSING", S.LAST_ACK: "LAST_ACK", S.TIME_WAIT: "TIME_WAIT", S.LISTEN: "LISTEN", S.CLOSED: "",
}  # fmt: skip


async def main(process: Process, argv: list[str]) -> int:
    busybox = has_busybox(process.place)
    options = getopt(argv, "tulanrewx" if busybox else "tulanprie4wxW", {} if busybox else LONG, status=1 if busybox else 3)
    if options.words:
        raise UsageError(f"netstat: '{options.words[0]}' is not modelled", 1 if busybox else 3)
    if "r" in options:
        process.write(table(process, numeric="n" in options, extended=True))
    elif "i" in options:
        _interfaces(process, every="a" in options)
    else:
        _Netstat(process, options, busybox=busybox).run()
    return 0


def _interfaces(process: Process, *, every: bool) -> None:
    process.print("Kernel Interface table")
    process.print(SHORT_TITLE.replace("Iface      MTU", f"{'Iface':<15} {'MTU':>5}"))
    devices = process.netns.devices
    for name in in_order([name for name, dev in devices.items() if every or dev.up]):
        process.print(short_line(devices[name]))


class _Netstat:
    def __init__(self, process: Process, options: Options, *, busybox: bool) -> None:
        self.process = process
        self.options = options
        self.busybox = busybox
        self.numeric = "n" in options
        kinds = {letter for letter in "tuwx" if letter in options}
        self.kinds = kinds or {"t", "u", "w"} | (set() if "4" in options else {"x"})

    def run(self) -> None:
        which = "(servers and established)" if "a" in self.options else "(only servers)" if "l" in self.options else "(w/o servers)"
        if self.kinds & {"t", "u", "w"}:
            self.process.print(f"Active Internet connections {which}")
            state, end = ("State       ", "") if self.busybox else ("State      ", " PID/Program name    ")
            title = f"Proto Recv-Q Send-Q {'Local Address':<23} {'Foreign Address':<23} {state}"
            self.process.print(title + (end if "p" in self.options else ""))
            every = sockets(self.process)
            for name in ("tcp", "udp"):
                for each in every:
                    if each.protocol == name and name[0] in self.kinds and self._wanted(each):
                        self.process.print(self._line(each))
        if "x" in self.kinds:
            self.process.print(f"Active UNIX domain sockets {which}")
            self.process.print(f"Proto RefCnt Flags       Type       State         I-Node {'' if self.busybox else '  '}Path")

    def _wanted(self, each: Socket) -> bool:
        if "a" in self.options:
            return True
        return (each.state in LISTENING) is ("l" in self.options)

    def _line(self, each: Socket) -> str:
        local, peer = (self._end(each.protocol, *end) for end in (each.local, each.peer))
        wide = 99 if "W" in self.options else 23
        state = WORDS[each.state]
        unsent = 0 if each.state is S.LISTEN else each.send_queue  # /proc/net/tcp does not tell the backlog
        line = f"{each.protocol:<3}   {each.recv_queue:>6} {unsent:>6} {local[:wide]:<23} {peer[:wide]:<23} "
        line += f"{state:<12}" if self.busybox else f"{state:<11}"
        if "p" in self.options:
            owner = f"{each.owners[0][1]}/{each.owners[0][0]}" if each.owners else "-"
            line += f" {owner:<20}"
        return line

    def _end(self, protocol: str, address: str, port: int) -> str:
        service = (None if self.numeric else service_name(protocol, port)) or str(port)
        host = (None if self.numeric else name_of(self.process, address)) or address
        return f"{host}:{service if port else '*'}"
