"""What a container costs as labs grow: hosts with Docker on one LAN, containers on a bridge each, brought up as `emu run` does it.

python -m benchmarks.scale_emu time|memory HOSTS CONTAINERS-A-HOST FOLDER
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from pathlib import Path

from emu.lab import Lab
from emu.topology.loader import load_topology


def topology(hosts: int, containers: int) -> str:
    lines = ["lans: { lan: { subnet: 10.0.0.0/16 } }", "hosts:"]
    for host in range(hosts):
        address = f"10.0.{host // 250}.{host % 250 + 1}/16"
        lines.append(f"  h{host}: {{ interfaces: {{ eth0: {{ lan: lan, address: {address} }} }}, docker: {{}}, compose: {{ services: {{")
        lines += [f"    c{number}: {{ image: busybox, command: sleep 1000000 }}," for number in range(containers)]
        lines.append("  } } }")
    return "\n".join(lines)


def main(what: str, hosts: int, containers: int, folder: Path) -> float:
    """Microseconds of processor work for one container, or the kilobytes of memory that it takes."""
    for size in ((1, 1), (hosts, containers)):  # the first one imports what is needed
        path = folder / "lab.yaml"
        path.write_text(topology(*size))
        lab = Lab(load_topology(path))
        gc.collect()
        gc.disable()  # as `emu run` does
        start, used = time.process_time(), memory()
        lab.up()
        lab.settle()
        elapsed, used = time.process_time() - start, memory() - used
        lab.down()
    return (used if what == "memory" else elapsed * 1e6) / (hosts * containers)


def memory() -> int:
    """The most that the process has had, in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])))
