"""pcap-filter(7): the words of a capture filter, as a test of a frame's bytes (Ethernet and IPv4).

Taken: host, net, port, portrange with src, dst and a protocol; ether host, ether proto, broadcast, multicast; arp, ip, icmp, tcp, udp …;
proto; less, greater, `len`; `proto[at:size]` with arithmetic and comparison; and, or, not, parentheses. Not modelled: IPv6, vlan, mpls,
gateway, Wi-Fi words.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from emu.packet import ipv4
from emu.packet.address import ip, mac, network
from emu.programs.libc.services import service_port
from emu.programs.tcpdump.frame_tests import (
    ETHERTYPES,
    PROTOCOLS,
    SYNTAX,
    FilterError,
    Number,
    Test,
    addresses,
    both,
    bytes_of,
    calculated,
    either,
    ends_are,
    is_group,
    is_protocol,
    numbered,
    ports,
)  # fmt: skip

REFUSED = frozenset({
    "gateway", "vlan", "mpls", "pppoed", "pppoes", "geneve", "wlan", "type", "subtype", "dir", "inbound", "outbound", "ifname", "decnet",
    "atalk", "icmp6", "stp", "iso", "ipx",
})  # fmt: skip
CONSTANTS = {
    "tcpflags": 13, "icmptype": 0, "icmpcode": 1, "tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32,
    "tcp-ece": 64, "tcp-cwr": 128, "icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8,
    "icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13,
    "icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,
}  # fmt: skip
COMPARE: dict[str, Callable[[int, int], bool]] = {
    "=": lambda one, two: one == two, "==": lambda one, two: one == two, "!=": lambda one, two: one != two,
    ">": lambda one, two: one > two, "<": lambda one, two: one < two, ">=": lambda one, two: one >= two, "<=": lambda one, two: one <= two,
}  # fmt: skip
ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "|": lambda one, two: one | two, "^": lambda one, two: one ^ two, "&": lambda one, two: one & two, "<<": lambda one, two: one << two,
    ">>": lambda one, two: one >> two, "+": lambda one, two: one + two, "-": lambda one, two: one - two & 0xFFFFFFFF,
    "*": lambda one, two: one * two, "/": lambda one, two: one // two, "%": lambda one, two: one % two,
}  # fmt: skip
RANKS = (("|", "^"), ("&",), ("<<", ">>"), ("+", "-"), ("*", "/", "%"))
_TOKEN = re.compile(r"\s*(\[|\]|\(|\)|&&|\|\||==|!=|>=|<=|<<|>>|[=<>!|&^+*%]|(?<=[\])\s])[-/](?=[\s\d(a-z])|\\?[\w][\w.:/-]*|:)")


def parse(text: str, resolve: Callable[[str], bytes | None]) -> Test:
    """The test that an expression stands for; an empty one lets all pass. Raises FilterError."""
    words = _words(text)
    if not words:
        return lambda _wire: True
    parser = _Parser(words, resolve)
    test = parser.expression()
    if parser.left:
        raise SYNTAX
    return test


def _words(text: str) -> list[str]:
    words, at = [], 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise SYNTAX
        words.append(match[1])
        at = match.end()
        while at < len(text) and text[at].isspace():
            at += 1
    return words


class _Parser:
    """Recursive descent. What stands before an id (`src host`) also holds for the next bare id (`src host a or b`)."""

    def __init__(self, words: list[str], resolve: Callable[[str], bytes | None]) -> None:
        self.left = words
        self.resolve = resolve
        self.before: tuple[str, str, str] = ("", "", "")  # protocol, direction, kind

    def _peek(self, at: int = 0) -> str:
        return self.left[at] if at < len(self.left) else ""

    def _take(self) -> str:
        if not self.left:
            raise SYNTAX
        return self.left.pop(0)

    # `and` and `or` bind equally, from the left

    def expression(self) -> Test:
        test = self._negation()
        while self._peek() in {"and", "or", "&&", "||"}:
            word, one, two = self._take(), test, self._negation()
            test = both(one, two) if word in {"and", "&&"} else either(one, two)
        return test

    def _negation(self) -> Test:
        if self._peek() in {"not", "!"}:
            self._take()
            test = self._negation()
            return lambda wire: not test(wire)
        if self._peek() == "(" and not self._is_arithmetic():
            self._take()
            test = self.expression()
            if self._take() != ")":
                raise SYNTAX
            return test
        return self._relation() if self._is_arithmetic() else self._primitive()

    # --- primitives

    def _primitive(self) -> Test:
        word = self._peek()
        if word in REFUSED:
            raise FilterError(f"filter: '{word}' is not modelled")
        if word in {"less", "greater"}:
            self._take()
            limit = self._integer()
            return (lambda wire: len(wire) <= limit) if word == "less" else (lambda wire: len(wire) >= limit)
        protocol = self._take() if word in {"ether", *ETHERTYPES, *PROTOCOLS} else ""
        direction = self._direction()
        kind = self._take() if self._peek() in {"host", "net", "port", "portrange", "proto", "broadcast", "multicast"} else ""
        if kind in {"broadcast", "multicast"}:
            return is_group(protocol, kind)
        if kind == "proto":
            return self._proto(protocol)
        if not kind and not direction and (protocol and (not self.left or self._peek() in {"and", "or", "&&", "||", ")"})):
            return is_protocol(protocol)
        if not protocol and not direction and not kind:
            protocol, direction, kind = self.before
            if not kind:  # a bare id, and nothing that would say of what
                raise SYNTAX
        kind = kind or "host"
        self.before = (protocol, direction, kind)
        return self._id(protocol, direction or "either", kind)

    def _direction(self) -> str:
        if self._peek() not in {"src", "dst"}:
            return ""
        first = self._take()
        if self._peek() in {"or", "and"} and self._peek(1) in {"src", "dst"} and self._peek(1) != first:
            word = self._take()
            self._take()
            return "either" if word == "or" else "both"
        return first

    def _id(self, protocol: str, direction: str, kind: str) -> Test:
        if kind in {"port", "portrange"}:
            return self._ports(protocol, direction, kind)
        text = self._take()
        if protocol in PROTOCOLS:
            raise FilterError(f"'{protocol}' modifier applied to {kind}")
        if protocol == "ether":
            try:
                hardware = mac(text)
            except ValueError:
                raise FilterError(f"unknown ether host '{text}'") from None
            return ends_are(direction, lambda wire: [wire[6:12]], lambda wire: [wire[:6]], lambda end: end == hardware)
        head, slash, rest = text.partition("/")
        if kind == "net" or slash:
            subnet, length = self._net(head, rest)
        else:
            found = self.resolve(text)
            if found is None:
                raise FilterError(f"unknown host '{text}'")
            subnet, length = found, 32
        ethertypes = {ETHERTYPES[protocol]} if protocol in {"ip", "arp", "rarp"} else {0x0800, 0x0806, 0x8035}
        return ends_are(direction, *addresses(ethertypes), lambda end: network(end, length) == subnet)

    def _net(self, head: str, length_text: str) -> tuple[bytes, int]:
        """`10.1`, `10.0.0.0/8`, `10.0.0.0 mask 255.0.0.0`."""
        parts = head.split(".")
        if not all(part.isdigit() and int(part) < 256 for part in parts) or len(parts) > 4:
            raise FilterError(f"invalid IPv4 address '{head}'")
        address = ip(".".join(parts + ["0"] * (4 - len(parts))))
        length = 8 * len(parts)
        if length_text:
            if not length_text.isdigit() or int(length_text) > 32:
                raise FilterError("mask length must be <= 32")
            length = int(length_text)
        elif self._peek() == "mask":
            self._take()
            length = self._mask(self._take())
        if network(address, length) != address:
            raise FilterError(f'non-network bits set in "{head}{f"/{length_text}" if length_text else ""}"')
        return address, length

    @staticmethod
    def _mask(text: str) -> int:
        try:
            return int.from_bytes(ip(text), "big").bit_count()
        except ValueError:
            raise FilterError(f"invalid IPv4 address '{text}'") from None

    def _ports(self, protocol: str, direction: str, kind: str) -> Test:
        numbers = {PROTOCOLS[protocol]} if protocol in {"tcp", "udp", "sctp"} else {6, 17, 132}
        if protocol not in {"", "ip", "tcp", "udp", "sctp"}:
            raise FilterError("illegal qualifier of 'port'")
        text = self._take()
        low, _, high = text.partition("-") if kind == "portrange" or text[0].isdigit() else (text, "", "")
        first = self._port(low, protocol)
        last = self._port(high, protocol) if kind == "portrange" and high else first
        return ends_are(direction, *ports(numbers), lambda end: first <= int.from_bytes(end, "big") <= last)

    def _port(self, text: str, protocol: str) -> int:
        if text.isdigit():
            if int(text) > 65535:
                raise FilterError(f"illegal port number {text} > 65535")
            return int(text)
        found = [service_port(name, text) for name in ("tcp", "udp") if protocol in {"", "ip", name}]
        port = next((each for each in found if each is not None), None)
        if port is None:
            raise FilterError(f"unknown port '{text}'")
        return port

    def _proto(self, protocol: str) -> Test:
        text = self._take().removeprefix("\\")
        if protocol == "ether":
            ethertype = numbered(text, ETHERTYPES, "ether").to_bytes(2, "big")
            return lambda wire: wire[12:14] == ethertype
        number = numbered(text, PROTOCOLS | {"gre": ipv4.GRE}, "ip")
        return lambda wire: wire[12:14] == b"\x08\x00" and wire[23] == number

    def _integer(self) -> int:
        text = self._take()
        if not re.fullmatch(r"0x[\da-fA-F]+|\d+", text):
            raise SYNTAX
        return int(text, 16) if text.startswith("0x") else int(text)

    # --- arithmetic

    def _is_arithmetic(self) -> bool:
        """Does a comparison begin here, and not a primitive?"""
        at = 0
        while self._peek(at) == "(":
            at += 1
        word = self._peek(at)
        return self._peek(at + 1) == "[" or word == "len" or (re.fullmatch(r"0x[\da-f]+|\d+", word) is not None and self._peek(at + 1) in {
            *COMPARE, *ARITHMETIC})  # fmt: skip

    def _relation(self) -> Test:
        one = self._number(0)
        operator = self._take()
        if operator not in COMPARE:
            raise SYNTAX
        two = self._number(0)
        compare = COMPARE[operator]

        def test(wire: bytes) -> bool:
            try:
                return compare(one(wire), two(wire))
            except (IndexError, ZeroDivisionError):
                return False

        return test

    def _number(self, rank: int) -> Number:
        if rank == len(RANKS):
            return self._operand()
        number = self._number(rank + 1)
        while self._peek() in RANKS[rank]:
            number = calculated(ARITHMETIC[self._take()], number, self._number(rank + 1))
        return number

    def _operand(self) -> Number:
        word = self._take()
        if word == "(":
            number = self._number(0)
            if self._take() != ")":
                raise SYNTAX
            return number
        if word == "len":
            return len
        if self._peek() == "[":
            return self._accessor(word)
        if word in CONSTANTS:
            constant = CONSTANTS[word]
        elif re.fullmatch(r"0x[\da-fA-F]+|\d+", word):
            constant = int(word, 16) if word.startswith("0x") else int(word)
        else:
            raise SYNTAX
        return lambda _wire: constant

    def _accessor(self, protocol: str) -> Number:
        """`tcp[at:size]`: bytes of a header."""
        if protocol not in {"ether", "link", *ETHERTYPES, *PROTOCOLS}:
            raise SYNTAX
        self._take()
        if ":" in self._peek():  # the tokens keep `0:2` together
            at_text, _, size_text = self._take().partition(":")
            self.left[:0] = [at_text, ":", size_text]
        at, size = self._number(0), 1
        if self._peek() == ":":
            self._take()
            size = self._integer()
            if size not in {1, 2, 4}:
                raise FilterError("data size must be 1, 2, or 4")
        if self._take() != "]":
            raise SYNTAX
        return bytes_of(protocol, at, size)
