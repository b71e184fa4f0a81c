"""Rules as text: the words after `-A CHAIN`, read and written as iptables 1.8.9 does (iptables/xshared.c, nft-shared.c).

Not modelled: host names and interface lists, `-c` on the command line, IPv6 (`-6`).
"""

from __future__ import annotations

import shlex
from dataclasses import replace
from itertools import product
from typing import Any

from emu.netfilter.extension import Extension, bang
from emu.netfilter.matches import MATCHES
from emu.netfilter.table import Name, Prefix, Rule, Test
from emu.netfilter.targets import TARGETS
from emu.netfilter.words import ELSEWHERE, PROGRAM, PROTOCOL_NAMES, IptablesError, mask_text, prefix, protocol, usage
from emu.packet.address import ip_text, number

MAX_INTERFACE = 15
ALIASES = {
    "--source": "-s", "--src": "-s", "--destination": "-d", "--dst": "-d", "--in-interface": "-i", "--out-interface": "-o",
    "--protocol": "-p", "--proto": "-p", "--match": "-m", "--jump": "-j", "--goto": "-g", "--fragment": "-f", "--fragments": "-f",
}  # fmt: skip
CORE = {"-s": 1, "-d": 1, "-i": 1, "-o": 1, "-p": 1, "-m": 1, "-j": 1, "-g": 1, "-f": 0}
NOT_INVERTIBLE = frozenset({"-m", "-j", "-g"})
IMPLIED = {1: "icmp", 6: "tcp", 17: "udp", 132: "sctp"}  # `-p tcp --dport` needs no `-m tcp`

QUOTING = frozenset("\"'\\")


class RuleParser:
    """Takes a rule's words one by one; `rules()` gives the rules, several where `-s` or `-d` list addresses."""

    def __init__(self) -> None:
        self.rule = Rule()
        self._sources: list[Prefix | None] = [None]
        self._destinations: list[Prefix | None] = [None]
        self._implied = False
        self.inverted = False
        self.used = False

    def take(self, words: list[str], at: int) -> int | None:
        """One option that begins at `at`; where the next begins. None: it is no option of a rule."""
        word = words[at]
        if word == "!":
            if self.inverted:
                raise usage("multiple consecutive ! not allowed")
            self.inverted = True
            return at + 1
        option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        owner, option, count = self._owner(option)
        if count is None:
            return None
        given = [value] if equals else words[at + 1 : at + 1 + count]
        if len(given) < count:
            raise usage("--tcp-flags requires two args." if option == "--tcp-flags" else f'option "{word}" requires an argument')
        inverted, self.inverted, self.used = self.inverted, False, True
        if owner is None:
            self._core(option, given, inverted)
        else:
            owner.take(option, given, inverted, self.rule)
        return at + 1 + (0 if equals else count)

    def _owner(self, option: str) -> tuple[Extension | None, str, int | None]:
        """Who takes the option (None: the rule itself), by its full name, with how many arguments (None: nobody does)."""
        core = ALIASES.get(option, option)
        if core in CORE and not any(option in match.OPTIONS for match in self.rule.matches):  # -m policy has a --proto too
            return None, core, CORE[core]
        for extension in (*reversed(self.rule.matches), self.rule.target):
            found = _full_name(extension, option)
            if extension is not None and found:
                return extension, found, extension.OPTIONS[found]
        name = IMPLIED.get(self.rule.protocol)
        if name and not self._implied and not self.rule.protocol_inverted and _full_name(MATCHES[name](), option):
            self._implied = True
            self.rule.matches.append(MATCHES[name]())
            return self._owner(option)
        return None, option, None

    def _core(self, option: str, values: list[str], inverted: bool) -> None:
        rule = self.rule
        if inverted and option in NOT_INVERTIBLE:
            raise usage(f"cannot have ! before {option}")
        if option in ("-s", "-d"):
            listed = values[0].split(",")
            if inverted and len(listed) > 1:
                raise usage("! not allowed with multiple source or destination IP addresses")
            prefixes = [prefix(text, inverted) for text in listed]
            if option == "-s":
                self._sources = prefixes
            else:
                self._destinations = prefixes
        elif option == "-i":
            rule.iif = _interface(values[0], inverted)
        elif option == "-o":
            rule.oif = _interface(values[0], inverted)
        elif option == "-p":
            rule.protocol, rule.protocol_inverted = protocol(values[0]), inverted
            if not rule.protocol and inverted:
                raise usage("rule would never match protocol")
        elif option == "-f":
            rule.fragment = not inverted
        elif option == "-m":
            self._load_match(values[0])
        else:
            self._jump(values[0], option == "-g")

    def _load_match(self, name: str) -> None:
        if name not in MATCHES:
            if name in ELSEWHERE:
                raise usage(f"match '{name}' is not modelled\n")
            raise usage(f"Couldn't load match `{name}':No such file or directory\n")
        if name == IMPLIED.get(self.rule.protocol):
            self._implied = True
        self.rule.matches.append(MATCHES[name]())

    def _jump(self, name: str, goto: bool) -> None:
        rule = self.rule
        if rule.target is not None or rule.jump:
            raise usage("multiple -j flags not allowed")
        if name in TARGETS and not goto:
            rule.target = TARGETS[name]()
        elif name in ELSEWHERE and not goto:
            raise usage(f"target '{name}' is not modelled\n")
        else:
            rule.jump, rule.goto = name, goto

    def rules(self) -> list[Rule]:
        for extension in (*self.rule.matches, self.rule.target):
            if extension is not None:
                extension.finish(self.rule)
        pairs = list(product(self._sources, self._destinations))
        return [replace(self.rule, src=src, dst=dst) for src, dst in pairs]


def _full_name(extension: Extension | None, option: str) -> str:
    """The option that the word means: itself, or the one that it begins."""
    if extension is None:
        return ""
    if option in extension.OPTIONS:
        return option
    near = [name for name in extension.OPTIONS if name.startswith(option)] if len(option) > 3 and option.startswith("--") else []
    return near[0] if len(near) == 1 else ""


def _interface(text: str, inverted: bool) -> Name | None:
    if not text:
        raise usage("Empty interface is likely to be undesired")
    if len(text) > MAX_INTERFACE:
        raise usage(f"interface name `{text}' must be shorter than IFNAMSIZ ({MAX_INTERFACE})")
    return None if text == "+" and not inverted else Name(text, inverted)


def split(command: str) -> list[str]:
    """A command line's words, as a shell splits them."""
    if QUOTING.isdisjoint(command):
        return command.split()
    try:
        return shlex.split(command)
    except ValueError as error:
        raise IptablesError(f"{PROGRAM}{error}: {command}", 2) from None


def split_saved(line: str) -> list[str]:
    """A line's words as iptables-restore splits them: double quotes only, and a backslash in them stands before any character."""
    words: list[str] = []
    word: str | None = None
    quoted = escaped = False
    for char in line:
        if escaped or (quoted and char not in '"\\') or not (quoted or char in ' \t"'):
            word, escaped = (word or "") + char, False
        elif char == "\\":
            escaped = True
        elif char == '"':
            word, quoted = word or "", not quoted
        elif word is not None:
            words.append(word)
            word = None
    return words if word is None else [*words, word]


# --- writing


def rule_text(rule: Rule, *, counters: str = "") -> str:
    """The rule as `iptables -S` prints it after `-A CHAIN`, with a space before each part; `counters` go before the target."""
    words: list[str] = []
    for option, where in (("-s", rule.src), ("-d", rule.dst)):
        if where is not None:
            words.append(f"{bang(where.inverted)}{option} {ip_text(where.address)}/{mask_text(where.mask)}")
    for option, dev in (("-i", rule.iif), ("-o", rule.oif)):
        if dev is not None:
            words.append(f"{bang(dev.inverted)}{option} {dev.text}")
    if rule.protocol:
        words.append(f"{bang(rule.protocol_inverted)}-p {PROTOCOL_NAMES.get(rule.protocol, rule.protocol)}")
    if rule.fragment is not None:
        words.append(f"{bang(not rule.fragment)}-f")
    for match in rule.matches:
        words += [f"-m {match.name}", match.save()]
    words.append(counters)
    if rule.target is not None:
        words += [f"-j {rule.target.name}", rule.target.save()]
    elif rule.jump:
        words.append(f"{'-g' if rule.goto else '-j'} {rule.jump}")
    return "".join(f" {word}" for word in words if word)


# --- compiling


def compile_rule(rule: Rule, netfilter: Any) -> tuple[Test, ...]:
    """The functions that test a packet, the cheap ones first; its devices have been looked at."""
    tests: list[Test] = []
    if rule.protocol:
        tests.append(_protocol_test(rule.protocol, rule.protocol_inverted))
    for at, where in ((12, rule.src), (16, rule.dst)):
        if where is not None:
            tests.append(_address_test(where, at))
    if rule.fragment is not None:
        tests.append(_fragment_test(rule.fragment))
    return (*tests, *(match.compile(netfilter) for match in rule.matches if match.name != "comment"))


def _protocol_test(wanted: int, inverted: bool) -> Test:
    return lambda datagram, iif, oif: (datagram.wire[9] == wanted) is not inverted


def _address_test(where: Prefix, at: int) -> Test:
    address, inverted = where.address, where.inverted
    if where.mask == b"\xff\xff\xff\xff":
        return lambda datagram, iif, oif: (datagram.wire[at : at + 4] == address) is not inverted
    mask, wanted = number(where.mask), number(address)
    return lambda datagram, iif, oif: (int.from_bytes(datagram.wire[at : at + 4], "big") & mask == wanted) is not inverted


def _fragment_test(later: bool) -> Test:
    return lambda datagram, iif, oif: bool(datagram.wire[6] & 0x1F or datagram.wire[7]) is later
