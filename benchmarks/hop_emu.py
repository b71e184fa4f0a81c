"""What a frame costs that a device hands on: into a bridge's port, out of the other one.

python -m benchmarks.hop_emu FOLDER
"""

from __future__ import annotations

import gc
import time

from benchmarks.wires import Bridged
from emu.engine import Engine
from emu.packet import ethernet, ipv4, udp
from emu.packet.address import ip
from emu.packet.frame import Frame

HOPS = 100_000


def main() -> float:
    """Microseconds a hop."""
    engine = Engine()
    net = Bridged(engine)
    left, right = (host.device("eth0") for host in net.hosts)
    source, target = net.ports
    segment = udp.build(ip("10.0.0.1"), ip("10.0.0.2"), 40000, 9, bytes(56))
    packet = ipv4.build(ip("10.0.0.1"), ip("10.0.0.2"), ipv4.UDP, segment)
    target.receive(Frame(ethernet.build(left.mac, right.mac, ethernet.IPV4, packet), engine.next_trace_id()))  # learnt: no flooding
    wire = ethernet.build(right.mac, left.mac, ethernet.IPV4, packet)
    frames = [Frame(wire, engine.next_trace_id()) for _ in range(HOPS)]
    receive = source.receive
    gc.disable()
    start = time.perf_counter()
    for frame in frames:
        receive(frame)
    return (time.perf_counter() - start) * 1e6 / HOPS


if __name__ == "__main__":
    print(main())
