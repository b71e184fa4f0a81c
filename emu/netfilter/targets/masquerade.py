"""-j MASQUERADE (nf_nat_masquerade.c): the source becomes the address of the device that the packet leaves by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.conntrack import CONFIRMED
from emu.netfilter.hooks import Hook
from emu.netfilter.nat import Manip, NatRange
from emu.netfilter.nat_target import PortsTarget
from emu.netfilter.table import Passage, Verdict
from emu.packet.address import ANY, Ip

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram


@dataclass(slots=True)
class Masquerade(PortsTarget):
    """`--to-ports`, `--random`, `--random-fully`. The connection ends when the device goes down."""

    name: ClassVar[str] = "MASQUERADE"
    hooks: ClassVar[frozenset[Hook]] = frozenset({Hook.POSTROUTING})
    manip: ClassVar[Manip] = Manip.SRC
    LISTED: ClassVar[str] = "masq ports:"
    OPTIONS: ClassVar[dict[str, int]] = {"--to-ports": 1, "--random": 0, "--random-fully": 0}

    def range_for(self, run: Any, datagram: Datagram, passage: Passage) -> NatRange | None:
        assert passage.oif is not None
        address = run.masquerade_address(datagram, passage.oif)
        if address is None:
            run.log(f"{passage.oif.name} ate my IP address")
            return None
        if not datagram.ct.status & CONFIRMED:
            datagram.ct.masquerade_dev = passage.oif
        return replace(self.wanted, low=Ip(address), high=Ip(address))

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> Verdict:
        if datagram.src == ANY:
            return Verdict.ACCEPT
        return PortsTarget.apply(self, run, datagram, passage)
