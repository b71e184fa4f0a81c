"""Pings from container to container over flannel's VXLAN, two hosts: the topology `flannel-vxlan`, as `emu run` has it without captures.

python -m benchmarks.tunnel_emu PINGS FOLDER
"""

from __future__ import annotations

import gc
import sys
import time

from benchmarks.measure import ROOT
from emu.lab import Lab
from emu.topology.loader import load_topology


def main(pings: int) -> float:
    """Microseconds of processor work for one."""
    with Lab(load_topology(ROOT / "topologies" / "flannel-vxlan.yaml")) as lab:
        lab.up()
        lab.run("h1/c1", "ping -i 0.002 -q -c 100 10.1.20.2", programs_of="host")
        gc.disable()  # as `emu run` does
        start = time.process_time()
        process = lab.run("h1/c1", f"ping -i 0.002 -q -c {pings} 10.1.20.2", programs_of="host")
        elapsed = time.process_time() - start
        assert f"{pings} received, 0% packet loss" in process.stdout, process.output
    return elapsed * 1e6 / pings


if __name__ == "__main__":
    print(main(int(sys.argv[1])))
