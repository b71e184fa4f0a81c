"""Words of a capture filter, and its arithmetic: `ip[2:2] - 20 > 100`, `tcp[tcpflags] & tcp-syn != 0` (pcap-filter(7), the end)."""

from __future__ import annotations

import re
from collections.abc import Callable

from emu.programs.tcpdump.frame_tests import ETHERTYPES, PROTOCOLS, SYNTAX, FilterError, Number, Test, bytes_of, calculated

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


class Words:
    """What is left of an expression, word by word."""

    def __init__(self, text: str) -> None:
        self.left = _words(text)

    def peek(self, at: int = 0) -> str:
        return self.left[at] if at < len(self.left) else ""

    def take(self) -> str:
        if not self.left:
            raise SYNTAX
        return self.left.pop(0)

    def integer(self) -> int:
        text = self.take()
        if not re.fullmatch(r"0x[\da-fA-F]+|\d+", text):
            raise SYNTAX
        return int(text, 16) if text.startswith("0x") else int(text)


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


def begins_relation(words: Words) -> bool:
    """Does a comparison begin here, and not a primitive?"""
    at = 0
    while words.peek(at) == "(":
        at += 1
    word = words.peek(at)
    return words.peek(at + 1) == "[" or word == "len" or (re.fullmatch(r"0x[\da-f]+|\d+", word) is not None and words.peek(at + 1) in {
        *COMPARE, *ARITHMETIC})  # fmt: skip


def relation(words: Words) -> Test:
    one = _number(words, 0)
    operator = words.take()
    if operator not in COMPARE:
        raise SYNTAX
    two = _number(words, 0)
    compare = COMPARE[operator]

    def test(wire: bytes) -> bool:
        try:
            return compare(one(wire), two(wire))
        except (IndexError, ZeroDivisionError):
            return False

    return test


def _number(words: Words, rank: int) -> Number:
    if rank == len(RANKS):
        return _operand(words)
    number = _number(words, rank + 1)
    while words.peek() in RANKS[rank]:
        number = calculated(ARITHMETIC[words.take()], number, _number(words, rank + 1))
    return number


def _operand(words: Words) -> Number:
    word = words.take()
    if word == "(":
        number = _number(words, 0)
        if words.take() != ")":
            raise SYNTAX
        return number
    if word == "len":
        return len
    if words.peek() == "[":
        return _accessor(words, word)
    if word in CONSTANTS:
        constant = CONSTANTS[word]
    elif re.fullmatch(r"0x[\da-fA-F]+|\d+", word):
        constant = int(word, 16) if word.startswith("0x") else int(word)
    else:
        raise SYNTAX
    return lambda _wire: constant


def _accessor(words: Words, protocol: str) -> Number:
    """`tcp[at:size]`: bytes of a header."""
    if protocol not in {"ether", "link", *ETHERTYPES, *PROTOCOLS}:
        raise SYNTAX
    words.take()
    if ":" in words.peek():  # the tokens keep `0:2` together
        at_text, _, size_text = words.take().partition(":")
        words.left[:0] = [at_text, ":", size_text]
    at, size = _number(words, 0), 1
    if words.peek() == ":":
        words.take()
        size = words.integer()
        if size not in {1, 2, 4}:
            raise FilterError("data size must be 1, 2, or 4")
    if words.take() != "]":
        raise SYNTAX
    return bytes_of(protocol, at, size)
