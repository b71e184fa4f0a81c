"""-j NETMAP (nf_nat_netmap.c in xt_NETMAP.c): a network's addresses become those of another, host by host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.hooks import Hook
from emu.netfilter.nat import DST, MANIP_OF, NatRange
from emu.netfilter.table import Passage, Rule, Verdict
from emu.netfilter.target import Target
from emu.netfilter.words import mask_text, prefix, usage
from emu.packet.address import ANY, Ip, from_number, ip_text, netmask, number

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram


@dataclass(slots=True)
class Netmap(Target):
    """The network to map to: destinations before routing, sources after it."""

    name: ClassVar[str] = "NETMAP"
    tables: ClassVar[frozenset[str]] = frozenset({"nat"})
    hooks: ClassVar[frozenset[Hook]] = frozenset(MANIP_OF)
    needs_conntrack: ClassVar[bool] = True
    OPTIONS: ClassVar[dict[str, int]] = {"--to": 1}
    REQUIRED: ClassVar[str] = "--to"
    address: Ip = ANY
    mask: Ip = ANY

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        network = prefix(values[0], True)
        assert network is not None
        self.address, self.mask = network.address, network.mask
        if netmask(number(self.mask).bit_count()) != number(self.mask):
            raise usage(f"NETMAP: a mask with holes is not modelled: {values[0]}\n")

    def save(self) -> str:
        return f"--to {ip_text(self.address)}/{mask_text(self.mask)}"

    def list(self, numeric: bool) -> str:
        return f"to:{ip_text(self.address)}/{mask_text(self.mask)}"

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> Verdict:
        manip = MANIP_OF[passage.hook]
        host = number(datagram.dst if manip is DST else datagram.src) & ~number(self.mask)
        mapped = from_number(number(self.address) | host)
        run.nat.bind(datagram.ct, NatRange(mapped, mapped), manip)
        return Verdict.ACCEPT
