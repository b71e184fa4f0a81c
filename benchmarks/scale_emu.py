"""What size costs: flannel hosts on one LAN with containers on docker0, brought up as `emu run` does it, then a ping between pairs.

python -m benchmarks.scale_emu up|frame|memory HOSTS CONTAINERS-A-HOST PAIRS FOLDER

Prints the microseconds of processor work for one container (`up`) or for one frame that an interface sees (`frame`), or the kilobytes
that a container takes (`memory`).
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from pathlib import Path

from emu.lab import Lab
from emu.netdev.device import Direction, NetDevice
from emu.packet.frame import Frame
from emu.topology.loader import load_topology


def topology(hosts: int, containers: int) -> str:
    """Every host has a /24 of flannel's network, every container its default bridge."""
    lines = ["lans: { lan: { subnet: 192.168.0.0/16 } }", "flannel: { network: 10.0.0.0/8, backend: { type: vxlan } }", "hosts:"]
    for host in range(hosts):
        address = f"192.168.{host // 250}.{host % 250 + 1}/16"
        lines.append(f"  h{host}: {{ interfaces: {{ eth0: {{ lan: lan, address: {address} }} }}, docker: {{}},")
        lines.append(f"    flannel: {{ subnet: 10.1.{host + 1}.0/24 }}, compose: {{ services: {{")
        one = "image: busybox, command: sleep 1000000, network_mode: bridge"
        lines += [f"    c{number}: {{ container_name: c{number}, {one} }}," for number in range(containers)]
        lines.append("  } } }")
    return "\n".join(lines)


def main(what: str, hosts: int, containers: int, pairs: int, folder: Path) -> float:
    for size in ((2, 1), (hosts, containers)):  # the first one imports what is needed
        path = folder / "lab.yaml"
        path.write_text(topology(*size))
        lab = Lab(load_topology(path))
        gc.collect()
        gc.disable()  # as `emu run` does
        start, used = time.process_time(), memory()
        lab.up()
        lab.advance(1.0)
        elapsed = time.process_time() - start
        used = memory() - used
        frames, pinging = ping(lab, *size, pairs if size == (hosts, containers) else 1)
        lab.down()
    if what == "frame":
        return pinging * 1e6 / frames
    return (used if what == "memory" else elapsed * 1e6) / (hosts * containers)


def ping(lab: Lab, hosts: int, containers: int, pairs: int) -> tuple[int, float]:
    """Pings from a container to one on another host, all at once: the frames that interfaces saw, the seconds that it took."""
    seen = 0

    def count(*_: NetDevice | Direction | Frame) -> None:
        nonlocal seen
        seen += 1

    for dev in lab.devices().values():
        dev.taps.append(count)
    start = time.process_time()
    for pair in range(pairs):
        host, number = pair % hosts, pair // hosts % containers
        target = f"10.1.{(host + 1 + pair // (hosts * containers)) % hosts + 1}.{number + 2}"
        lab.start(f"h{host}/c{number}", f"ping -c 1 {target}")
    lab.advance(5.0)
    elapsed = time.process_time() - start
    assert seen > 20 * pairs, f"only {seen} frames: the pings did not arrive"
    return seen, elapsed


def memory() -> int:
    """The most that the process has had, in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5])))
