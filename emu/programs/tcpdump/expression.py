"""pcap-filter(7): the words of a capture filter, as a test of a frame's bytes (Ethernet and IPv4).

Taken: host, net, port, portrange with src, dst and a protocol; ether host, ether proto, broadcast, multicast; arp, ip, icmp, tcp, udp …;
proto; less, greater; relations of `len` and `proto[at:size]` (`arithmetic`); and, or, not, parentheses. Not modelled: IPv6, vlan, mpls,
gateway, Wi-Fi words.
"""

from __future__ import annotations

from collections.abc import Callable

from emu.packet import ipv4
from emu.packet.address import ip, mac, network
from emu.programs.libc.services import service_port
from emu.programs.tcpdump.arithmetic import Words, begins_relation, relation
from emu.programs.tcpdump.frame_tests import (
    ETHERTYPES,
    PROTOCOLS,
    SYNTAX,
    FilterError,
    Test,
    addresses,
    both,
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


def parse(text: str, resolve: Callable[[str], bytes | None]) -> Test:
    """The test that an expression stands for; an empty one lets all pass. Raises FilterError."""
    words = Words(text)
    if not words.left:
        return lambda _wire: True
    parser = _Parser(words, resolve)
    test = parser.expression()
    if words.left:
        raise SYNTAX
    return test


class _Parser:
    """Recursive descent. What stands before an id (`src host`) also holds for the next bare id (`src host a or b`)."""

    def __init__(self, words: Words, resolve: Callable[[str], bytes | None]) -> None:
        self.words = words
        self.resolve = resolve
        self.before: tuple[str, str, str] = ("", "", "")  # protocol, direction, kind

    # `and` and `or` bind equally, from the left

    def expression(self) -> Test:
        test = self._negation()
        while self.words.peek() in {"and", "or", "&&", "||"}:
            word, one, two = self.words.take(), test, self._negation()
            test = both(one, two) if word in {"and", "&&"} else either(one, two)
        return test

    def _negation(self) -> Test:
        if self.words.peek() in {"not", "!"}:
            self.words.take()
            test = self._negation()
            return lambda wire: not test(wire)
        if self.words.peek() == "(" and not begins_relation(self.words):
            self.words.take()
            test = self.expression()
            if self.words.take() != ")":
                raise SYNTAX
            return test
        return relation(self.words) if begins_relation(self.words) else self._primitive()

    # --- primitives

    def _primitive(self) -> Test:
        word = self.words.peek()
        if word in REFUSED:
            raise FilterError(f"filter: '{word}' is not modelled")
        if word in {"less", "greater"}:
            self.words.take()
            limit = self.words.integer()
            return (lambda wire: len(wire) <= limit) if word == "less" else (lambda wire: len(wire) >= limit)
        protocol = self.words.take() if word in {"ether", *ETHERTYPES, *PROTOCOLS} else ""
        direction = self._direction()
        kind = self.words.take() if self.words.peek() in {"host", "net", "port", "portrange", "proto", "broadcast", "multicast"} else ""
        if kind in {"broadcast", "multicast"}:
            return is_group(protocol, kind)
        if kind == "proto":
            return self._proto(protocol)
        if not kind and not direction and (protocol and (not self.words.left or self.words.peek() in {"and", "or", "&&", "||", ")"})):
            return is_protocol(protocol)
        if not protocol and not direction and not kind:
            protocol, direction, kind = self.before
            if not kind:  # a bare id, and nothing that would say of what
                raise SYNTAX
        kind = kind or "host"
        self.before = (protocol, direction, kind)
        return self._id(protocol, direction or "either", kind)

    def _direction(self) -> str:
        if self.words.peek() not in {"src", "dst"}:
            return ""
        first = self.words.take()
        if self.words.peek() in {"or", "and"} and self.words.peek(1) in {"src", "dst"} and self.words.peek(1) != first:
            word = self.words.take()
            self.words.take()
            return "either" if word == "or" else "both"
        return first

    def _id(self, protocol: str, direction: str, kind: str) -> Test:
        if kind in {"port", "portrange"}:
            return self._ports(protocol, direction, kind)
        text = self.words.take()
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
        elif self.words.peek() == "mask":
            self.words.take()
            length = self._mask(self.words.take())
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
        text = self.words.take()
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
        text = self.words.take().removeprefix("\\")
        if protocol == "ether":
            ethertype = numbered(text, ETHERTYPES, "ether").to_bytes(2, "big")
            return lambda wire: wire[12:14] == ethertype
        number = numbered(text, PROTOCOLS | {"gre": ipv4.GRE}, "ip")
        return lambda wire: wire[12:14] == b"\x08\x00" and wire[23] == number
