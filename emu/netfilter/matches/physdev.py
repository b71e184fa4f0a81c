"""-m physdev (xt_physdev.c): the ports of a bridge that a bridged packet passes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import usage

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

ORDER = ("physdev-is-in", "physdev-in", "physdev-is-out", "physdev-out", "physdev-is-bridged")
NAMED = frozenset({"physdev-in", "physdev-out"})


@dataclass(slots=True)
class Physdev(Match):
    """Each option given must be true."""

    name: ClassVar[str] = "physdev"
    OPTIONS: ClassVar[dict[str, int]] = {f"--{option}": int(option in NAMED) for option in ORDER}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    wanted: dict[str, tuple[str, bool]] = field(default_factory=dict)

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        self.wanted[option[2:]] = values[0] if values else "", inverted

    def check(self, rule: Rule) -> None:
        if not self.wanted:
            raise usage("PHYSDEV: no physdev option specified")

    def save(self) -> str:
        words = [(key, *self.wanted[key]) for key in ORDER if key in self.wanted]
        return " ".join(f"{bang(inverted)}--{key}" + (f" {name}" if name else "") for key, name, inverted in words)

    def list(self, numeric: bool) -> str:
        return f"PHYSDEV match {self.save()}"

    def compile(self, netfilter: Netfilter) -> Test:
        wanted = list(self.wanted.items())

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            ports = {"in": datagram.bridge_port_in, "out": datagram.bridge_port_out}
            return all(_holds(key, name, ports) is not inverted for key, (name, inverted) in wanted)

        return test


def _holds(key: str, name: str, ports: dict[str, Any]) -> bool:
    if key == "physdev-is-bridged":
        return ports["in"] is not None and ports["out"] is not None
    port = ports[key.rpartition("-")[2]]
    if port is None:
        return False
    if not name:
        return True
    own: str = port.dev.name
    return own.startswith(name[:-1]) if name.endswith("+") else own == name
