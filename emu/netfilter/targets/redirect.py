"""-j REDIRECT (nf_nat_redirect.c): to this host itself. Not modelled: more than the primary address of the device to choose from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.hooks import Hook
from emu.netfilter.nat import Manip, NatRange
from emu.netfilter.nat_target import PortsTarget
from emu.netfilter.table import Passage
from emu.packet.address import Ip

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram

LOCALHOST = Ip(b"\x7f\x00\x00\x01")


@dataclass(slots=True)
class Redirect(PortsTarget):
    """`--to-ports`, `--random`. The address is that of the device the packet came in by; 127.0.0.1 for one made here."""

    name: ClassVar[str] = "REDIRECT"
    hooks: ClassVar[frozenset[Hook]] = frozenset({Hook.PREROUTING, Hook.OUTPUT})
    manip: ClassVar[Manip] = Manip.DST
    LISTED: ClassVar[str] = "redir ports"
    OPTIONS: ClassVar[dict[str, int]] = {"--to-ports": 1, "--random": 0}

    def range_for(self, run: Any, datagram: Datagram, passage: Passage) -> NatRange | None:
        address = LOCALHOST if passage.hook is Hook.OUTPUT else run.primary_address(passage.iif)
        return None if address is None else replace(self.wanted, low=Ip(address), high=Ip(address))
