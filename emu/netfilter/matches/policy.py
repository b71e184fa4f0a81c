"""-m policy (xt_policy.c): does IPsec apply to the packet? Nothing here is ever under IPsec: `--pol none` always matches, what asks for
IPsec never does. The options that describe it are read and printed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from emu.netfilter.extension import INVALID, bang
from emu.netfilter.hooks import Hook
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import address, bounded, mask_of, mask_text, protocol, usage
from emu.packet.address import ip_text

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter

PROTOCOLS = {50: "esp", 51: "ah", 108: "ipcomp"}
MODES = ("transport", "tunnel")
ENDS = ("--tunnel-src", "--tunnel-dst")
ELEMENT = ("--reqid", "--spi", "--proto", "--mode", "--tunnel-dst", "--tunnel-src")  # as they are printed
MOST = 4
WRONG_HOOKS = {"in": {Hook.POSTROUTING, Hook.OUTPUT}, "out": {Hook.PREROUTING, Hook.INPUT}}
Element = dict[str, tuple[str, bool]]  # by option: the text, inverted


@dataclass(slots=True)
class Policy(Match):
    """A direction, and either none or what each transformation must be."""

    name: ClassVar[str] = "policy"
    OPTIONS: ClassVar[dict[str, int]] = {**dict.fromkeys(("--dir", "--pol", *ELEMENT), 1), "--strict": 0, "--next": 0}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(ELEMENT)
    REPEATABLE: ClassVar[frozenset[str]] = frozenset({*ELEMENT, "--next"})
    direction: str = ""
    none: bool = False
    strict: bool = False
    elements: list[Element] = field(default_factory=lambda: [{}])

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        text = values[0] if values else ""
        if option == "--dir":
            if text not in WRONG_HOOKS:
                raise usage(f'policy_match: invalid dir "{text}"')
            self.direction = text
        elif option == "--pol":
            if text not in ("none", "ipsec"):
                raise usage(f'policy match: invalid policy "{text}"')
            self.none = text == "none"
        elif option == "--strict":
            self.strict = True
        elif option == "--next":
            if len(self.elements) == MOST:
                raise usage("policy match: maximum policy depth reached")
            self.elements.append({})
        elif option in self.elements[-1]:
            raise usage(f"policy match: double {option} option")
        else:
            self.elements[-1][option] = _value(option, text), inverted

    def check(self, rule: Rule) -> None:
        if not self.direction:
            raise usage("policy match: neither --dir in nor --dir out specified")
        if self.none and self.strict:
            raise usage("policy match: policy none but --strict given")
        for number, element in enumerate(() if self.none else self.elements):
            if self.strict and not element:
                raise usage(
                    f"policy match: empty policy element {number}. --strict is in effect, but at least one of reqid, spi, tunnel-src,"
                    " tunnel-dst, proto or mode is required."
                )
            if any(end in element for end in ENDS) and element.get("--mode", ("transport", False)) not in _TUNNELS:
                raise usage("policy match: --tunnel-src/--tunnel-dst is only valid in tunnel mode")
        if "--next" in self.given and not self.strict:
            raise usage('policy: option "--next" also requires "--strict".\n')

    def kernel_refuses(self, rule: Rule, hook: Hook | None) -> str:
        return INVALID if hook in WRONG_HOOKS[self.direction] else ""

    def save(self) -> str:
        kind = "none" if self.none else "ipsec"
        words = [f"--dir {self.direction} --pol {kind}", *(["--strict"] if self.strict else [])]
        elements = [] if self.none else self.elements
        return " ".join([*words, " --next ".join(_text(element, "--", numeric=False) for element in elements)]).rstrip()

    def list(self, numeric: bool) -> str:
        kind = "none" if self.none else "ipsec"
        words = [f"policy match dir {self.direction} pol {kind}", *(["strict"] if self.strict else [])]
        for number, element in enumerate(() if self.none else self.elements):
            words += [f"[{number}]"] if len(self.elements) > 1 else []
            words += [_text(element, "", numeric=numeric)] if element else []
        return " ".join(words)

    def compile(self, netfilter: Netfilter) -> Test:
        none = self.none
        return lambda datagram, iif, oif: none


_TUNNELS = (("tunnel", False), ("transport", True))


def _value(option: str, text: str) -> str:
    """The option's argument as it is printed."""
    if option in ("--reqid", "--spi"):
        number = bounded("policy", option, text, 0, 0xFFFFFFFF)
        return f"{number:#x}" if option == "--spi" else str(number)
    if option == "--proto":
        kind = PROTOCOLS.get(protocol(text))
        if kind is None:
            raise usage("policy match: protocol must be ah/esp/ipcomp")
        return kind
    if option == "--mode":
        if text not in MODES:
            raise usage(f'policy match: invalid mode "{text}"')
        return text
    host, slash, mask = text.partition("/")
    length = mask_text(mask_of(mask)) if slash else "32"
    return ip_text(address(host)) + ("" if length == "32" else f"/{length}")


def _text(element: Element, dashes: str, *, numeric: bool) -> str:
    words = [(option, *element[option]) for option in ELEMENT if option in element]
    numbers = {name: str(number) for number, name in PROTOCOLS.items()} if numeric else {}
    return " ".join(f"{bang(inverted)}{dashes}{option[2:]} {numbers.get(text, text)}" for option, text, inverted in words)
