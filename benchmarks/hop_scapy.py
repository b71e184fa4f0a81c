"""What a device costs that is written with Scapy: dissect a frame, edit it, rebuild it.

python -m benchmarks.hop_scapy FOLDER
"""

from __future__ import annotations

import time

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

HOPS = 2_000


def main() -> float:
    """Microseconds a hop."""
    ether = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")
    wire = bytes(ether / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=40000, dport=9) / bytes(56))
    for count in (200, HOPS):  # the first ones warm up
        start = time.perf_counter()
        for _ in range(count):
            wire = hop(wire)
        elapsed = time.perf_counter() - start
    return elapsed * 1e6 / HOPS


def hop(wire: bytes) -> bytes:
    frame = Ether(wire)
    frame[IP].ttl = 64
    del frame[IP].chksum
    return bytes(frame)


if __name__ == "__main__":
    print(main())
