"""The pings of tunnel_emu in namespaces of this kernel: flannel and Docker by hand. Needs root, iproute2, iptables and ping.

python -m benchmarks.tunnel_linux PINGS FOLDER
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

NAMES = ("emubench-h1", "emubench-h2", "emubench-c1", "emubench-c2")
PROGRAMS = ("ip", "bridge", "iptables", "ping", "sysctl")
MAC = "02:00:00:00:01:0{}"
SUBNETS = {1: "10.1.15", 2: "10.1.20"}


def run(line: str) -> str:
    return subprocess.run(line.split(), check=True, capture_output=True, text=True).stdout


def on(number: int, *lines: str) -> None:
    for line in lines:
        run(f"ip netns exec emubench-h{number} {line}")


def host(number: int) -> None:
    """flannel.1, docker0 and a container behind it."""
    subnet, other, peer = SUBNETS[number], SUBNETS[3 - number], MAC.format(3 - number)
    on(
        number,
        "ip link set lo up",
        "sysctl -qw net.ipv4.ip_forward=1",
        f"ip addr add 192.168.60.1{number}/24 dev eth0",
        "ip link set eth0 up",
        f"ip link add flannel.1 address {MAC.format(number)} type vxlan id 1 local 192.168.60.1{number} dev eth0 dstport 8472 nolearning",
        f"ip addr add {subnet}.0/32 dev flannel.1",
        "ip link set flannel.1 up",
        f"ip neigh add {other}.0 lladdr {peer} dev flannel.1 nud permanent",
        f"bridge fdb add {peer} dev flannel.1 dst 192.168.60.1{3 - number} self permanent",
        f"ip route add {other}.0/24 via {other}.0 dev flannel.1 onlink",
        "ip link add docker0 type bridge",
        f"ip addr add {subnet}.1/24 dev docker0",
        "ip link set docker0 up",
        f"ip link add vethc mtu 1450 type veth peer name eth0 mtu 1450 netns emubench-c{number}",
        "ip link set vethc master docker0 up",
        "iptables -t nat -A POSTROUTING -s 10.1.0.0/16 -d 10.1.0.0/16 -j RETURN",
        "iptables -t nat -A POSTROUTING -s 10.1.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully",
        "iptables -P FORWARD DROP",
        "iptables -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "iptables -A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
        "iptables -A FORWARD -s 10.1.0.0/16 -j ACCEPT",
    )
    inside = f"ip netns exec emubench-c{number} ip"
    for line in (f"addr add {subnet}.2/24 dev eth0", "link set eth0 up", f"route add default via {subnet}.1"):
        run(f"{inside} {line}")


def main(pings: int) -> float:
    """Microseconds from one echo request to the next, as `ping -f` counts them."""
    try:
        for name in NAMES:
            run(f"ip netns add {name}")
        run("ip link add eth0 netns emubench-h1 type veth peer name eth0 netns emubench-h2")
        for number in SUBNETS:
            host(number)
        ping = "ip netns exec emubench-c1 ping -f -q -c {} 10.1.20.2"
        run(ping.format(100))
        text = run(ping.format(pings))
    finally:
        for name in NAMES:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    took = re.search(r" time (\d+)ms", text)
    assert took is not None, text
    assert " 0% packet loss" in text, text
    return int(took[1]) * 1000 / pings


if __name__ == "__main__":
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if os.geteuid() or missing:
        print(f"needs {'root' if os.geteuid() else ', '.join(missing)}", file=sys.stderr)
        sys.exit(3)
    print(main(int(sys.argv[1])))
