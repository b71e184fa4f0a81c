"""ss(8) of iproute2 6.1, for TCP and UDP. Options: -t -u -l -a -n -p -4 -H -s, and the filters `state S`, `sport`, `dport`, `src`, `dst`.

Columns are as wide as they must be, as where the output is no terminal. Not modelled: other kinds of sockets (none is shown), -i -m -e -o
and the filters' `and`/`or` with parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from emu.netns.tcp_connection import Connection
from emu.netns.tcp_state import TcpState
from emu.packet.address import ip, network
from emu.process import Process, UsageError
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import UnknownName, name_of, resolve
from emu.programs.libc.services import service_name, service_port
from emu.programs.libc.sockets import Socket, sockets

LONG = {
    "tcp": "t", "udp": "u", "listening": "l", "all": "a", "numeric": "n", "processes": "p", "ipv4": "4", "no-header": "H", "summary": "s",
    "resolve": "r", "version": "V",
}  # fmt: skip
S = TcpState
LISTENING = {S.LISTEN, S.CLOSED}
CONNECTED = set(S) - LISTENING - {S.TIME_WAIT, S.SYN_RECEIVED}
STATES = {
    "established": {S.ESTABLISHED}, "syn-sent": {S.SYN_SENT}, "syn-recv": {S.SYN_RECEIVED}, "fin-wait-1": {S.FIN_WAIT1},
    "fin-wait-2": {S.FIN_WAIT2}, "time-wait": {S.TIME_WAIT}, "unconnected": {S.CLOSED}, "closed": {S.CLOSED},
    "close-wait": {S.CLOSE_WAIT}, "last-ack": {S.LAST_ACK}, "listening": {S.LISTEN}, "closing": {S.CLOSING}, "all": set(S),
    "connected": set(S) - LISTENING, "synchronized": set(S) - LISTENING - {S.SYN_SENT},
    "bucket": {S.TIME_WAIT, S.SYN_RECEIVED}, "big": set(S) - {S.TIME_WAIT, S.SYN_RECEIVED},
}  # fmt: skip
TITLES = ("Netid", "State", "Recv-Q", "Send-Q", "Local Address:", "Port", "Peer Address:", "Port", "Process")
DELIMITERS = ("", " ", " ", " ", " ", "", " ", "", "")
RIGHT = frozenset({4, 6})


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "tulanp4HsrV", LONG, status=255)
    if "V" in options:
        process.print("ss utility, iproute2-6.1.0")
        return 0
    if "s" in options:
        process.write(_summary(process))
        return 0
    protocols = {name for letter, name in (("t", "tcp"), ("u", "udp")) if letter in options} or {"udp", "tcp"}
    states = set(S) if "a" in options else LISTENING if "l" in options else CONNECTED
    wanted, named = _filter(process, options.words)
    states = named or states
    chosen = [each for each in sockets(process) if each.protocol in protocols and each.state in states and wanted(each)]
    rows = [_row(process, each, options) for each in chosen]
    hidden = {0} if len(protocols) == 1 else set()
    only_established = protocols == {"udp"} and states is CONNECTED
    hidden |= {1} if len(states) == 1 or only_established else set()
    process.write(_layout(rows, hidden, header="H" not in options))
    return 0


# --- which sockets

Wanted = Callable[[Socket], bool]


def _filter(process: Process, words: list[str]) -> tuple[Wanted, set[TcpState]]:
    """`state S …` and expressions joined by `and` (or by nothing)."""
    words = [word for text in words for word in re.sub(r"(!=|>=|<=|==|=|<|>)", r" \1 ", text).replace("( ", "").split() if word not in "()"]
    states: set[TcpState] = set()
    tests: list[Wanted] = []
    while words:
        word = words.pop(0)
        if word in {"and", "&&"}:
            continue
        if word == "state" and words:
            name = words.pop(0)
            if name not in STATES:
                raise UsageError(f"ss: wrong state name: {name}", 255)
            states |= STATES[name]
        elif word in {"sport", "dport", "src", "dst"} and words:
            tests.append(_test(process, word, words))
        else:
            raise UsageError(f"ss: bison bellows (while parsing filter): '{word}' is not modelled", 255)
    return (lambda each: all(test(each) for test in tests)), states


def _test(process: Process, word: str, words: list[str]) -> Wanted:
    operator = words.pop(0) if words[0] in COMPARE or words[0] in NAMED else "="
    if not words:
        raise UsageError('ss: bison bellows (while parsing filter): "syntax error!"', 255)
    text = words.pop(0)
    local = word in {"sport", "src"}
    operator = NAMED.get(operator, operator)
    if word in {"sport", "dport"}:
        port = _port(text.rpartition(":")[2])
        return lambda each: COMPARE[operator]((each.local if local else each.peer)[1], port)
    host, _, port_text = text.partition(":")
    address, _, length_text = host.partition("/")
    length = int(length_text) if length_text.isdigit() and int(length_text) <= 32 else 32
    try:
        subnet = network(ip(resolve(process, address)), length)
    except UnknownName:
        raise UsageError(f'Error: an inet prefix is expected rather than "{host}".', 1) from None
    number = _port(port_text) if port_text else None

    def test(each: Socket) -> bool:
        end = each.local if local else each.peer
        same = network(ip(end[0]), length) == subnet and (number is None or end[1] == number)
        return same is (operator != "!=")

    return test


COMPARE: dict[str, Callable[[int, int], bool]] = {
    "=": lambda one, two: one == two, "==": lambda one, two: one == two, "!=": lambda one, two: one != two,
    ">=": lambda one, two: one >= two, "<=": lambda one, two: one <= two, ">": lambda one, two: one > two, "<": lambda one, two: one < two,
}  # fmt: skip
NAMED = {"eq": "=", "ne": "!=", "neq": "!=", "ge": ">=", "le": "<=", "gt": ">", "lt": "<"}


def _port(text: str) -> int:
    if text.isdigit() and int(text) < 65536:
        return int(text)
    found = service_port("tcp", text)
    if found is None:
        raise UsageError(f'Error: argument "{text}" is wrong: does not look like a port', 255)
    return found


# --- rows and columns


def _row(process: Process, each: Socket, options: Options) -> list[str]:
    row = [each.protocol, each.state.value, f"{each.recv_queue:<6}", f"{each.send_queue:<6}"]
    for address, port in (each.local, each.peer):
        host = name_of(process, address) or address if "r" in options else address
        service = str(port) if "n" in options else service_name(each.protocol, port) or str(port)
        row += [f"{host}:", service if port else "*"]
    users = ",".join(f'("{name}",pid={pid},fd={descriptor})' for name, pid, descriptor in each.owners)
    return [*row, f" users:({users})" if users and "p" in options else ""]


def _layout(rows: list[list[str]], hidden: set[int], *, header: bool) -> str:
    """As ss lays out its columns: each as wide as the widest field before the last line's end."""
    shown = [column for column in range(len(TITLES)) if column not in hidden]
    lines = ([list(TITLES)] if header else []) + rows
    widths: list[int] = []
    for column in shown:
        measured = lines[:-1] if column == shown[-1] and rows else lines
        widest = max((len(line[column]) for line in measured), default=0)
        widths.append(widest + (len(DELIMITERS[column]) if widths and widest else 0))
    text = ""
    for line in lines:
        for place, (column, width) in enumerate(zip(shown, widths, strict=True)):
            if not width and not line[column]:
                continue
            delimiter = DELIMITERS[column] if place else ""
            text += delimiter + (line[column].rjust if column in RIGHT else line[column].ljust)(width - len(delimiter))
        text += "\n"
    return text


# --- -s


def _summary(process: Process) -> str:
    every = sockets(process)
    tcp = [each for each in every if each.protocol == "tcp"]
    count = {state: sum(each.state is state for each in tcp) for state in S}
    connections = [each for each in process.netns.tcp.connections() if isinstance(each, Connection)]
    waiting = count[S.TIME_WAIT]
    open_tcp, udp = len(tcp) - waiting, len(every) - len(tcp)
    orphaned = sum(each.orphaned for each in connections)
    rows = [("RAW", 0), ("UDP", udp), ("TCP", open_tcp), ("INET", open_tcp + udp), ("FRAG", 0)]
    established = count[S.ESTABLISHED] + count[S.CLOSE_WAIT]
    head = (
        f"Total: {open_tcp + udp}\nTCP:   {len(tcp)} (estab {established}, closed {waiting}, orphaned {orphaned}, timewait {waiting})\n\n"
    )
    table = "".join(f"{name}\t  {number:<9} {number:<9} {0:<9}\n" for name, number in rows)
    return head + "Transport Total     IP        IPv6\n" + table + "\n"
