"""TCP options in the order and padding of Linux's tcp_options_write (net/ipv4/tcp_output.c).

Sources: RFC 9293 §3.2 (MSS), RFC 7323 (window scale, timestamps), RFC 2018 and 2883 (SACK). Not modelled: Fast Open, MD5 and AO
signatures, MPTCP: they are skipped when received.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from emu.packet.tcp import MSS, MSS_LENGTH, NOP

if TYPE_CHECKING:
    from collections.abc import Sequence

END, WINDOW_SCALE, SACK_PERMITTED, SACK, TIMESTAMPS = 0, 3, 4, 5, 8
TIMESTAMPS_LENGTH = 12  # with its two NOPs
MAX_WINDOW_SCALE = 14

_ALIGNED = b"\x01\x01\x08\x0a"
_TIMES = Struct(">4sII")
_PAIR = Struct(">II")


class Options(NamedTuple):
    """What a segment's options say; the numbers are as on the wire."""

    mss: int | None = None
    window_scale: int | None = None
    sack_permitted: bool = False
    timestamp: int | None = None  # TSval
    echo: int = 0  # TSecr
    sack: tuple[tuple[int, int], ...] = ()


NONE = Options()


def parse(wire: bytes) -> Options:
    """Malformed options end the list: what came before them counts, as in tcp_parse_options."""
    if len(wire) == 12 and wire[:4] == _ALIGNED:
        _, value, echo = _TIMES.unpack(wire)
        return Options(None, None, False, value, echo)
    return _parse_any(wire) if wire else NONE


def _parse_any(wire: bytes) -> Options:
    mss: int | None = None
    scale: int | None = None
    permitted = False
    timestamp: int | None = None
    echo = 0
    sack: tuple[tuple[int, int], ...] = ()
    at = 0
    while at < len(wire) and wire[at] != END:
        kind = wire[at]
        if kind == NOP:
            at += 1
            continue
        length = wire[at + 1] if at + 1 < len(wire) else 0
        if length < 2 or at + length > len(wire):
            break
        body = wire[at + 2 : at + length]
        if kind == MSS and length == MSS_LENGTH:
            mss = int.from_bytes(body, "big")
        elif kind == WINDOW_SCALE and length == 3:
            scale = min(body[0], MAX_WINDOW_SCALE)
        elif kind == SACK_PERMITTED and length == 2:
            permitted = True
        elif kind == TIMESTAMPS and length == 10:
            timestamp, echo = _PAIR.unpack(body)
        elif kind == SACK and length >= 10 and (length - 2) % 8 == 0:
            sack = tuple(_PAIR.iter_unpack(body))
        at += length
    return Options(mss, scale, permitted, timestamp, echo, sack)


def build_syn(mss: int, window_scale: int | None, sack_permitted: bool, timestamps: tuple[int, int] | None) -> bytes:
    """MSS, SACK permitted, timestamps, NOP, window scale; without one of a pair, NOPs take its place."""
    wire = b"\x02\x04" + mss.to_bytes(2, "big")
    if timestamps is not None:
        wire += (b"\x04\x02\x08\x0a" if sack_permitted else _ALIGNED) + _PAIR.pack(*timestamps)
    elif sack_permitted:
        wire += b"\x01\x01\x04\x02"
    if window_scale is not None:
        wire += b"\x01\x03\x03%c" % window_scale
    return wire


def build(timestamps: tuple[int, int] | None, sack: Sequence[tuple[int, int]] = ()) -> bytes:
    """The options of a segment without SYN; numbers as on the wire."""
    wire = _TIMES.pack(_ALIGNED, *timestamps) if timestamps is not None else b""
    if sack:
        wire += b"\x01\x01\x05%c" % (2 + 8 * len(sack)) + b"".join(_PAIR.pack(*block) for block in sack)
    return wire
