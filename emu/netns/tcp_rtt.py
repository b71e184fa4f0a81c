"""Round-trip time and retransmission timeout: RFC 6298 as Linux computes it (tcp_rtt_estimator, net/ipv4/tcp_input.c).

Linux differs from the RFC: the variation's floor is 200 ms (so RTO >= SRTT + 200 ms), and it grows at once and falls once per round trip.
"""

from __future__ import annotations

from emu.engine import MILLISECOND, SECOND

RTO_MIN_NS = 200 * MILLISECOND
RTO_MAX_NS = 120 * SECOND
RTO_INITIAL_NS = SECOND


class RoundTrip:
    """Times in nanoseconds; `srtt_ns` 0 means that nothing was measured yet."""

    __slots__ = ("_base_rto_ns", "_deviation_max_ns", "_deviation_ns", "_next_sequence", "_variation_ns", "backoff", "min_ns", "srtt_ns")

    def __init__(self) -> None:
        self.srtt_ns = 0
        self.min_ns = 0
        self.backoff = 0
        self._deviation_ns = self._deviation_max_ns = self._variation_ns = 0
        self._base_rto_ns = RTO_INITIAL_NS
        self._next_sequence = 0

    @property
    def rto_ns(self) -> int:
        return min(self._base_rto_ns << self.backoff, RTO_MAX_NS)

    def sample(self, rtt_ns: int, una: int, nxt: int) -> None:
        """Take a measurement into account; `una` and `nxt` mark where a round trip ends."""
        rtt_ns = max(rtt_ns, 1000)
        self.min_ns = min(self.min_ns, rtt_ns) if self.min_ns else rtt_ns
        if not self.srtt_ns:
            self.srtt_ns = rtt_ns
            self._deviation_ns = rtt_ns // 2
            self._variation_ns = self._deviation_max_ns = max(2 * rtt_ns, RTO_MIN_NS)
            self._next_sequence = nxt
        else:
            self._update(rtt_ns, una, nxt)
        self._base_rto_ns = min(self.srtt_ns + self._variation_ns, RTO_MAX_NS)

    def _update(self, rtt_ns: int, una: int, nxt: int) -> None:
        error = rtt_ns - self.srtt_ns
        self.srtt_ns += error // 8
        deviation = abs(error) - self._deviation_ns
        if error < 0 < deviation:
            deviation //= 8  # a faster path does not make the timeout longer
        self._deviation_ns += deviation // 4
        if 4 * self._deviation_ns > self._deviation_max_ns:
            self._deviation_max_ns = 4 * self._deviation_ns
            self._variation_ns = max(self._variation_ns, self._deviation_max_ns)
        if una > self._next_sequence:
            if self._deviation_max_ns < self._variation_ns:
                self._variation_ns -= (self._variation_ns - self._deviation_max_ns) // 4
            self._next_sequence = nxt
            self._deviation_max_ns = RTO_MIN_NS
