"""What a rule's `-j` does to a packet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from emu.netfilter.extension import Extension
from emu.netfilter.table import Passage, Verdict

if TYPE_CHECKING:
    from emu.packet.datagram import Datagram


class Target(Extension):
    """A child gives its `verdict`, or `apply`, which may give one for each packet."""

    verdict: ClassVar[Verdict | None] = None
    listed_as: ClassVar[str] = ""  # `iptables -L` knows it by another name

    def apply(self, run: Any, datagram: Datagram, passage: Passage) -> Verdict | None:
        """`run` is the Netfilter. None: the packet goes on to the next rule."""
        return None
