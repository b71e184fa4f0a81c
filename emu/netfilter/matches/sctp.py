"""-m sctp (xt_sctp.c). Not modelled: chunk types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from emu.netfilter.ports import Ports


@dataclass(slots=True)
class Sctp(Ports):
    """Ports of SCTP."""

    name: ClassVar[str] = "sctp"
    protocol: ClassVar[int] = 132
