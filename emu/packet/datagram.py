"""An IP packet inside one network namespace: the working copy of one traversal. It never crosses a veth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emu.packet.frame import Frame


class Datagram:
    """An IPv4 packet on its way through a namespace, with what Linux keeps in the skb beside it.

    `wire` is the whole packet. `iif` is the device it came in by (None: made here), `frame` the frame it came in (for MAC matches and
    bridged packets). `ct` is its ConntrackEntry, `ct_info` its netfilter.conntrack.CtInfo (None: conntrack has not seen it).
    """

    # What most datagrams never have stands in the class, not in each of them: making one is half as dear.
    mark: int = 0
    route: Any = None  # netns.fib.Route
    socket: Any = None  # the socket that sent it
    frag_max: int = 0  # reassembled here: the largest fragment, which the pieces going on must not exceed
    bridge_port_in: Any = None  # the port of a bridged packet (`-m physdev`)
    bridge_port_out: Any = None

    def __init__(self, wire: bytes, trace_id: int, cause: int = 0, iif: Any = None, frame: Frame | None = None) -> None:
        self.wire = wire
        self.trace_id = trace_id
        self.cause = cause
        self.iif = iif
        self.frame = frame
        self.ct: Any = None
        self.ct_info: Any = None

    @property
    def src(self) -> bytes:
        return self.wire[12:16]

    @property
    def dst(self) -> bytes:
        return self.wire[16:20]

    @property
    def protocol(self) -> int:
        return self.wire[9]

    @property
    def header_length(self) -> int:
        return (self.wire[0] & 15) * 4

    @property
    def payload(self) -> bytes:
        """The bytes after the IP header, up to the total length it names."""
        return self.wire[(self.wire[0] & 15) * 4 : self.wire[2] << 8 | self.wire[3]]
