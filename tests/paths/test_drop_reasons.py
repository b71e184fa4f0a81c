"""Every way in which a packet can end: the command line that brings it about in a lab, and the trace that names it.

left 10.0.1.2 - 10.0.1.1 router 10.0.2.1 - 10.0.2.2 right; `pod` is a namespace of left's behind a veth pair, 10.9.0.1 - 10.9.0.2.
`forge DEV HEX` sends a frame that no honest machine would.
"""

from __future__ import annotations

import pytest

from emu.lab import Lab
from emu.netdev.drop import DropReason
from emu.observe.journey import Dropped, Unanswered
from emu.observe.journey_text import step_text
from emu.observe.reconstruct import reconstruct
from emu.observe.recorder import Recorder
from emu.packet import ethernet, icmp, ipv4, tcp, udp
from emu.packet.address import ip, mac
from tests.labs import lab

NET = """
name: ends
lans:
  a: { subnet: 10.0.1.0/24 }
  b: { subnet: 10.0.2.0/24 }
hosts:
  left:
    interfaces: { eth0: { lan: a, address: 10.0.1.2/24, mac: "02:00:00:00:01:02" } }
    routes: [default via 10.0.1.1]
  router:
    interfaces:
      eth0: { lan: a, address: 10.0.1.1/24, mac: "02:00:00:00:01:01" }
      eth1: { lan: b, address: 10.0.2.1/24, mac: "02:00:00:00:02:01" }
    sysctls: { net.ipv4.ip_forward: 1 }
  right:
    interfaces: { eth0: { lan: b, address: 10.0.2.2/24, mac: "02:00:00:00:02:02" } }
    routes: [default via 10.0.2.1]
programs: { forge: forge.py }
steps: []
"""
FORGE = """
from emu.packet.frame import Frame

async def main(process, argv):
    process.netns.device(argv[1]).transmit(Frame(bytes.fromhex(argv[2]), process.engine.next_trace_id()))
    return 0
"""
LEFT, ROUTER = mac("02:00:00:00:01:02"), mac("02:00:00:00:01:01")
PING = "left$ ping -c 1 -W 1 10.0.2.2"
POD = (
    "left$ ip netns add pod",
    "left$ ip link add v0 type veth peer name v1",
    "left$ ip link set v1 netns pod",
    "left$ ip addr add 10.9.0.1/24 dev v0",
    "left$ ip link set v0 up",
    "left$ ip neigh add 10.9.0.2 lladdr 02:00:00:00:09:02 dev v0",
)
UP = "left$ ip netns exec pod ip link set v1 up"

OVS_TUNNEL = (
    "left$ ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev",
    "left$ ovs-vsctl add-port br0 gre0 -- set interface gre0 type=gre options:remote_ip=10.0.2.2",
    "left$ ip addr add 10.9.0.1/24 dev br0",
    "left$ ip link set br0 up",
    "left$ ping -c 1 -W 1 10.9.0.2",
)


def bridge(port: str = "v0") -> tuple[str, ...]:
    return ("left$ ip link add br0 type bridge", "left$ ip link set br0 up", f"left$ ip link set {port} master br0", UP)


def tunnel(text: str, remote: str = "") -> tuple[str, ...]:
    """A device `t` at both ends, made by the same words but for addresses, 10.8.0.1 and 10.8.0.2."""
    lines = []
    for place, own, other, words in (("left", "10.0.1.2", "10.0.2.2", text), ("right", "10.0.2.2", "10.0.1.2", remote or text)):
        number = "1" if place == "left" else "2"
        lines += [f"{place}$ ip link add t type {words.format(own=own, other=other)}", f"{place}$ ip addr add 10.8.0.{number}/24 dev t"]
        lines.append(f"{place}$ ip link set t up")
    return tuple(lines)


def forged(packet: bytes, src: bytes = LEFT, dst: bytes = ROUTER, kind: bytes = ethernet.IPV4, dev: str = "eth0") -> str:
    return f"left$ forge {dev} {(dst + src + kind + packet).hex()}"


def datagram(payload: bytes, protocol: int = 17, **words: int) -> bytes:
    return ipv4.build(ip("10.0.1.2"), ip("10.0.2.2"), protocol, payload, **words)


def udp_to(port: int, data: bytes = b"x") -> bytes:
    return udp.build(ip("10.0.1.2"), ip("10.0.2.2"), 1000, port, data)


VXLAN = "vxlan id {vni} local {{own}} remote {{other}} dstport 4789"
INNER = mac("02:00:00:00:08:02") + mac("02:00:00:00:08:01") + ethernet.IPV4 + ipv4.build(ip("10.8.0.1"), ip("10.8.0.2"), 17, udp_to(7))

CASES: dict[str, tuple[str, ...]] = {
    "DEVICE_DOWN": ("right$ ip link set eth0 down", PING),
    "NO_CARRIER": (*POD, "left$ ping -c 1 -W 1 10.9.0.2"),
    "MALFORMED": (forged(b"\x45\x00\x00"),),
    "BAD_CHECKSUM": (forged(datagram(udp_to(7)[:6] + b"\x12\x34" + b"x")),),
    "TOO_BIG": (*POD, UP, "left$ ip netns exec pod ip link set v1 mtu 1000", "left$ ping -c 1 -W 1 -s 1200 10.9.0.2"),
    "QUEUE_FULL": ("left$ tc qdisc add dev eth0 root netem limit 1 delay 9s", "left$ ping -c 3 -i 0.2 -W 1 10.0.2.2"),
    "LOSS": ("left$ tc qdisc add dev eth0 root netem loss 100%", PING),
    "NOT_MINE": ("left$ ip neigh replace 10.0.1.1 lladdr 02:00:00:00:00:99 dev eth0", PING),
    "UNKNOWN_PROTOCOL": (forged(datagram(b"abcd", protocol=99)),),
    "BRIDGE_INVALID_SOURCE": (*POD, *bridge(), "left$ ip netns exec pod " + forged(b"", b"\x03" * 6, dev="v1").partition("$ ")[2]),
    "BRIDGE_LINK_LOCAL": (
        *POD,
        *bridge(),
        "left$ ip netns exec pod " + forged(b"", dst=mac("01:80:c2:00:00:0e"), dev="v1").partition("$ ")[2],
    ),
    "BRIDGE_SAME_PORT": (*POD, *bridge(), "left$ ip netns exec pod " + forged(b"", dst=LEFT, dev="v1").partition("$ ")[2]),
    "BRIDGE_NO_PORT": (
        "left$ ip link add br0 type bridge",
        "left$ ip link set br0 up",
        "left$ ip addr add 10.9.0.1/24 dev br0",
        "left$ ping -c 1 -W 1 10.9.0.2",
    ),
    "NETFILTER": ("router$ iptables -A FORWARD -p icmp -j DROP", PING),
    "NAT_CLASH": (
        "router$ iptables -t nat -A POSTROUTING -p udp -j SNAT --to-source 10.0.2.1:1000",
        "left$ udp-send --sport 2001 --wait 0.1 10.0.2.2 53 x",
        "left$ udp-send --sport 2002 --wait 0.1 10.0.2.2 53 x",
    ),
    "NAT_MISFIT": (
        "router$ iptables -t nat -A POSTROUTING -p udp -j MASQUERADE",
        "router$ ip route add 10.9.9.9/32 via 10.0.2.2",
        "left$ udp-send --sport 2001 --wait 0.1 10.9.9.9 53 x",
        "router$ ip route replace 10.9.9.9/32 via 10.0.1.9 dev eth0",
        "left$ udp-send --sport 2001 --wait 0.1 10.9.9.9 53 x",
    ),
    "MARTIAN_SOURCE": ("left$ ip addr add 10.0.2.1/32 dev lo", "left$ ping -c 1 -W 1 -I 10.0.2.1 10.0.2.2"),
    "MARTIAN_DESTINATION": ("left$ ping -c 1 -W 1 0.1.2.3",),
    "RP_FILTER": (
        "router$ sysctl -w net.ipv4.conf.all.rp_filter=1",
        "left$ ip addr add 10.7.0.1/32 dev lo",
        "left$ ping -c 1 -W 1 -I 10.7.0.1 10.0.2.2",
    ),
    "NO_ROUTE": ("left$ ping -c 1 -W 1 8.8.8.8",),
    "BLACKHOLE": ("router$ ip route add blackhole 10.3.0.0/16", "left$ ping -c 1 -W 1 10.3.0.1"),
    "UNREACHABLE_ROUTE": ("router$ ip route add unreachable 10.3.0.0/16", "left$ ping -c 1 -W 1 10.3.0.1"),
    "PROHIBIT_ROUTE": ("router$ ip route add prohibit 10.3.0.0/16", "left$ ping -c 1 -W 1 10.3.0.1"),
    "FORWARDING_OFF": ("router$ sysctl -w net.ipv4.ip_forward=0", PING),
    "TTL_EXCEEDED": ("left$ ping -c 1 -W 1 -t 1 10.0.2.2",),
    "FRAG_NEEDED": ("router$ ip link set eth1 mtu 1000", "left$ ping -c 1 -W 1 -M do -s 1200 10.0.2.2"),
    "REASSEMBLY_TIMEOUT": ("router$ iptables -A FORWARD -f -j DROP", "left$ ping -c 1 -W 1 -s 3000 10.0.2.2", "left$ sleep 31"),
    "REASSEMBLY_OVERLAP": (
        forged(datagram(udp_to(7, bytes(56)), identification=9, fragment=0x2000)),
        forged(datagram(bytes(64), identification=9, fragment=0x2000 | 4)),
    ),
    "NO_NEIGHBOUR": ("left$ ping -c 1 -W 4 10.0.2.9",),
    "NEIGHBOUR_QUEUE_FULL": ("router$ sysctl -w net.ipv4.neigh.eth1.unres_qlen=1", "left$ ping -c 2 -i 0.2 -W 1 10.0.2.9"),
    "NO_LISTENER": ("left$ udp-send --wait 0.1 10.0.2.2 53 x",),
    "SOCKET_BUFFER_FULL": (
        "right$ sysctl -w net.core.rmem_default=256",
        "right$ udp-echo 53 &",
        "left$ udp-send --wait 0.1 10.0.2.2 53 x",
    ),
    "TCP_INVALID": (
        "right$ httpd -f -p 80 &",
        forged(datagram(tcp.build(ip("10.0.1.2"), ip("10.0.2.2"), tcp.Segment(1000, 80, 1, 0, tcp.FIN, 100, b"", b"")), 6)),
    ),
    "LISTEN_OVERFLOW": ("right$ sysctl -w net.ipv4.tcp_max_syn_backlog=0", "right$ httpd -f -p 80 &", "left$ nc -z -w 1 10.0.2.2 80"),
    "ARP_IGNORED": ("left$ ping -c 1 -W 1 10.0.1.9",),
    "ICMP_RATE_LIMIT": ("left$ ping -c 12 -i 0.01 -W 1 8.8.8.8",),
    "ECHO_IGNORED": ("right$ sysctl -w net.ipv4.icmp_echo_ignore_all=1", PING),
    "GROUP_ECHO_IGNORED": ("left$ ping -c 1 -W 1 -b 10.0.1.255",),
    "ICMP_IGNORED": (forged(datagram(icmp.build(icmp.Type.TIMESTAMP, 0, bytes(4), bytes(12)), 1)),),
    "VXLAN_FLAGS": (*tunnel(VXLAN.format(vni=1)), forged(datagram(udp_to(4789, bytes(30))))),
    "UNKNOWN_VNI": (*tunnel(VXLAN.format(vni=1), VXLAN.format(vni=2)), "left$ ping -c 1 -W 1 10.8.0.2"),
    "NO_REMOTE": (*tunnel("vxlan id 1 dstport 4789"), "left$ ping -c 1 -W 1 10.8.0.2"),
    "OWN_SOURCE": (
        *tunnel(VXLAN.format(vni=1)),
        *(f"{place}$ ip link set t address 02:00:00:00:08:01" for place in ("left", "right")),
        "left$ ping -c 1 -W 1 10.8.0.2",
    ),
    "FDB_FIXED": (
        *tunnel(VXLAN.format(vni=1)),
        "left$ ip link set t address 02:00:00:00:08:01",
        "right$ bridge fdb add 02:00:00:00:08:01 dev t dst 10.0.2.77",
        "left$ ping -c 1 -W 1 10.8.0.2",
    ),
    "NOT_ECN_CAPABLE": (
        *tunnel(VXLAN.format(vni=1)),
        forged(datagram(udp_to(4789, b"\x08\x00\x00\x00\x00\x00\x01\x00" + INNER), tos=3)),
    ),
    "NO_TUNNEL": (
        *tunnel("gre local {own} remote {other} key 1", "gre local {own} remote {other} key 2"),
        "left$ ping -c 1 -W 1 10.8.0.2",
    ),
    "CIRCULAR_ROUTE": (
        *tunnel("ipip local {own} remote {other}"),
        "left$ ip route add 10.0.2.2/32 dev t",
        "left$ ping -c 1 -W 1 10.8.0.2",
    ),
    "NESTED_TOO_DEEP": (
        "left$ ip link add one type ipip local 10.0.1.2 remote 10.6.0.1",
        "left$ ip link add two type ipip local 10.0.1.2 remote 10.6.0.2",
        "left$ ip link set one up",
        "left$ ip link set two up",
        "left$ ip route add 10.6.0.1/32 dev two",
        "left$ ip route add 10.6.0.2/32 dev one",
        "left$ ping -c 1 -W 1 10.6.0.1",
    ),
    "LOST_BATCH": (
        *POD,
        UP,
        "left$ ip netns exec pod ip addr add 10.9.0.2/24 dev v1",
        "left$ ip netns exec pod ip neigh add 10.9.0.3 lladdr 02:00:00:00:09:03 dev v1",
        "left$ ip link add w0 mtu 1000 type veth peer name w1",
        "left$ ip link set w0 up",
        "left$ ip link set w1 up",
        "left$ ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev -- add-port br0 v0 -- add-port br0 w0",
        "left$ ip netns exec pod ping -c 1 -W 1 -s 3000 10.9.0.3",
    ),
    "TUNNEL_NEIGHBOUR": (
        "left$ ovs-vsctl add-br phy -- set bridge phy datapath_type=netdev -- add-port phy eth0",
        "left$ ip addr del 10.0.1.2/24 dev eth0",
        "left$ ip addr add 10.0.1.2/24 dev phy",
        "left$ ip link set phy up",
        "left$ ip route add default via 10.0.1.1",
        *OVS_TUNNEL,
    ),
    "TUNNEL_OFF_BRIDGE": OVS_TUNNEL,
}


def watched(made: Lab) -> Recorder:
    recorder = Recorder(made, journeys=True)
    for netns in made.namespaces().values():
        recorder.watch(netns)
    return recorder


def net(tmp_path) -> Lab:
    (tmp_path / "forge.py").write_text(FORGE)
    return lab(tmp_path, NET)


@pytest.mark.parametrize("reason", list(DropReason), ids=lambda reason: reason.name)
def test_every_reason_can_be_brought_about_and_is_named(reason, tmp_path):
    made = net(tmp_path)
    made.run("left", "ping -c 1 10.0.2.2")  # the neighbours know each other
    recorder = watched(made)
    for line in CASES[reason.name]:
        place, _, command = line.partition("$ ")
        if command.endswith(" &"):
            made.start(place, command.removesuffix(" &"))
            made.advance(0.1)
        else:
            made.run(place, command)
    made.advance(1)
    told = {step.reason: step for each in reconstruct(recorder) for _, step in each.steps() if isinstance(step, (Dropped, Unanswered))}
    assert reason.name in told
    assert reason.value in step_text(told[reason.name]) or reason is DropReason.NETFILTER


def test_the_table_has_no_reason_too_many():
    assert set(CASES) <= {reason.name for reason in DropReason}
