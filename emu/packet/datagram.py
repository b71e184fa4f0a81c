"""An IP packet inside one network namespace: the working copy of one traversal. It never crosses a veth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emu.packet.frame import Frame


class Datagram:
    """An IPv4 packet on its way through a namespace, with what Linux keeps in the skb beside it.

    `wire` is the whole packet; `src`, `dst` and `protocol` mirror it: change them by `set_wire` only. `iif` is the device it came in
    by (None: made here), `oif` the one it will leave by. `frame` is the frame it came in (for MAC matches and bridged packets).
    """

    __slots__ = (
        "bridge_port_in", "bridge_port_out", "cause", "ct", "ct_info", "dst", "frag_max", "frame", "iif", "mark", "oif", "protocol",
        "route", "socket", "src", "trace_id", "wire",
    )  # fmt: skip

    def __init__(self, wire: bytes, trace_id: int, cause: int = 0, iif: Any = None, frame: Frame | None = None) -> None:
        self.wire = wire
        self.src = wire[12:16]
        self.dst = wire[16:20]
        self.protocol = wire[9]
        self.trace_id = trace_id
        self.cause = cause
        self.iif = iif
        self.oif: Any = None
        self.frame = frame
        self.mark = 0
        self.ct: Any = None  # ConntrackEntry
        self.ct_info: Any = None  # netfilter.conntrack.CtInfo; None: conntrack has not seen it
        self.route: Any = None  # netns.fib.Route
        self.socket: Any = None  # the socket that sent it
        self.frag_max = 0  # reassembled here: the largest fragment, which the pieces going on must not exceed
        self.bridge_port_in: Any = None  # the port of a bridged packet (`-m physdev`)
        self.bridge_port_out: Any = None

    def set_wire(self, wire: bytes) -> None:
        """Take the rewritten packet and read its addresses again."""
        self.wire = wire
        self.src = wire[12:16]
        self.dst = wire[16:20]
        self.protocol = wire[9]

    @property
    def header_length(self) -> int:
        return (self.wire[0] & 15) * 4

    @property
    def payload(self) -> bytes:
        """The bytes after the IP header, up to the total length it names."""
        return self.wire[(self.wire[0] & 15) * 4 : self.wire[2] << 8 | self.wire[3]]
