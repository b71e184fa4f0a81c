"""-m udp (xt_tcpudp.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from emu.netfilter.ports import Ports


@dataclass(slots=True)
class Udp(Ports):
    """Ports of UDP."""

    name: ClassVar[str] = "udp"
    protocol: ClassVar[int] = 17
