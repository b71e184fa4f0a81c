"""GSO packets: several segments that TCP hands down as one, to be cut apart below it (tcp_tso_autosize, tcp_tso_segs in
net/ipv4/tcp_output.c). What the wire shows of it: the last segment of such a packet has PSH (since Linux 5.4), and a packet that met a
smaller MTU is cut anew as one.

Not modelled: waiting for more of a packet (tcp_tso_should_defer), the boundaries of buffers within one packet.
"""

from __future__ import annotations

from emu.engine import SECOND
from emu.netns.tcp_congestion import Cubic
from emu.netns.tcp_rtt import RoundTrip

MAX_SIZE = 65536 - 320 - 1  # sk_gso_max_size: a packet's bytes without the room for headers
MIN_SEGMENTS = 2  # sysctl tcp_min_tso_segs
PACING_SHIFT = 10  # a packet is what the pacing rate sends in about a millisecond
RTT_SHIFT = 9  # sysctl tcp_tso_rtt_log: near peers get larger packets, half as much more for each 512 µs
SLOW_START_PERCENT, PERCENT = 200, 120  # of a window in each round trip (tcp_pacing_ss_ratio, tcp_pacing_ca_ratio)


def segments(mss: int, congestion: Cubic, round_trip: RoundTrip) -> int:
    """How many segments one packet holds at most."""
    if not round_trip.srtt_ns:
        return max(MAX_SIZE // mss, MIN_SEGMENTS)
    percent = SLOW_START_PERCENT if congestion.cwnd < congestion.ssthresh // 2 else PERCENT
    rate = mss * congestion.cwnd * percent * SECOND // (100 * round_trip.srtt_ns)  # bytes a second
    size = rate >> PACING_SHIFT
    near = (round_trip.min_ns // 1000) >> RTT_SHIFT
    if near < MAX_SIZE.bit_length():
        size += MAX_SIZE >> near
    return max(min(size, MAX_SIZE) // mss, MIN_SEGMENTS)
