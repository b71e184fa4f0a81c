"""CUBIC congestion control (RFC 9438; net/ipv4/tcp_cubic.c) in whole numbers, windows in segments.

Not modelled: HyStart (slow start ends at the first loss), pacing, other algorithms of tcp_congestion_control.
"""

from __future__ import annotations

from emu.engine import MILLISECOND

INITIAL_WINDOW = 10
UNLIMITED = 0x7FFFFFFF

_BETA, _SCALE = 717, 1024  # the window is multiplied by 0.7 on a loss
_CUBE = 10**10 // 4  # 1 / C in ms^3 per segment, C = 0.4 segments per s^3


def _cube_root(value: int) -> int:
    """The whole part, by Newton's method from above."""
    if value <= 0:
        return 0
    root = 1 << -(-value.bit_length() // 3)
    while True:
        lower = (2 * root + value // (root * root)) // 3
        if lower >= root:
            return root
        root = lower


class Cubic:
    """The congestion window `cwnd` and the slow start threshold."""

    __slots__ = (
        "_count", "_epoch_ns", "_friendly", "_friendly_acks", "_k_ms", "_last_max", "_origin", "cwnd", "ssthresh",
    )  # fmt: skip

    def __init__(self) -> None:
        self.cwnd = INITIAL_WINDOW
        self.ssthresh = UNLIMITED
        self._last_max = 0
        self.reset()

    def reset(self) -> None:
        """Begin a new epoch: after a loss, or a timeout."""
        self._epoch_ns = -1
        self._origin = self._k_ms = self._friendly = self._friendly_acks = 0
        self._count = 0

    def on_loss(self) -> int:
        """The new threshold after a loss (bictcp_recalc_ssthresh, with fast convergence)."""
        shrinking = self.cwnd < self._last_max
        self._last_max = self.cwnd * (_SCALE + _BETA) // (2 * _SCALE) if shrinking else self.cwnd
        self.reset()
        return max(self.cwnd * _BETA // _SCALE, 2)

    def on_ack(self, acked: int, now_ns: int, rtt_ns: int) -> None:
        """Grow by `acked` segments that a window-limited sender got acknowledged."""
        if self.cwnd < self.ssthresh:
            grown = min(self.cwnd + acked, self.ssthresh)
            acked -= grown - self.cwnd
            self.cwnd = grown
        if acked > 0:
            self._avoid(acked, self._acks_per_segment(acked, now_ns, rtt_ns))

    def _avoid(self, acked: int, needed: int) -> None:
        """One segment more for every `needed` acknowledged ones (tcp_cong_avoid_ai)."""
        if self._count >= needed:
            self._count = 0
            self.cwnd += 1
        self._count += acked
        if self._count >= needed:
            self.cwnd += self._count // needed
            self._count %= needed

    def _acks_per_segment(self, acked: int, now_ns: int, rtt_ns: int) -> int:
        cwnd = self.cwnd
        if self._epoch_ns < 0:
            self._epoch_ns = now_ns
            self._friendly, self._friendly_acks = cwnd, 0
            self._k_ms = _cube_root((self._last_max - cwnd) * _CUBE)
            self._origin = max(self._last_max, cwnd)
        self._friendly_acks += acked
        offset_ms = (now_ns + rtt_ns - self._epoch_ns) // MILLISECOND - self._k_ms
        target = self._origin + offset_ms**3 // _CUBE
        needed = cwnd // (target - cwnd) if target > cwnd else 100 * cwnd
        if not self._last_max:
            needed = min(needed, 20)
        # At least as fast as Reno with the same decrease: 8/15 of a segment per round trip (bictcp_update, "TCP Friendly").
        per_segment = max(cwnd * 15 // 8, 1)
        self._friendly += self._friendly_acks // per_segment
        self._friendly_acks %= per_segment
        if self._friendly > cwnd:
            needed = min(needed, cwnd // (self._friendly - cwnd))
        return max(needed, 2)
