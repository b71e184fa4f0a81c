"""The bridge as br_input.c and br_forward.c have it."""

from __future__ import annotations

from scapy.layers.l2 import Ether

from emu.engine import SECOND
from emu.netdev.device import Direction
from emu.netdev.drop import DropReason
from emu.netns.socket import UdpSocket
from emu.packet.address import mac
from tests.wires import Bridged, Seen, address, veth

A, B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


def frame(src: str, dst: str) -> Ether:
    return Ether(src=src, dst=dst, type=0x88B5) / (b"x" * 46)


def test_bridge_floods_unknown_destination() -> None:
    net = Bridged(3)
    seen = [Seen(net.switch.device(f"port{number}")) for number in (1, 2, 3)]
    net.switch.device("port1").inject(frame(A, B))
    net.engine.run()
    assert [[direction for _, direction, _ in port.frames] for port in seen] == [[Direction.RX], [Direction.TX], [Direction.TX]]


def test_bridge_learns_and_sends_to_one_port() -> None:
    net = Bridged(3)
    net.switch.device("port2").inject(frame(B, A))
    third = Seen(net.switch.device("port3"))
    second = Seen(net.switch.device("port2"))
    net.switch.device("port1").inject(frame(A, B))
    net.engine.run()
    assert (len(second.frames), len(third.frames)) == (1, 0)


def test_bridge_forgets_after_the_ageing_time() -> None:
    net = Bridged(3)
    net.switch.device("port2").inject(frame(B, A))
    net.engine.run(until_ns=300 * SECOND)
    third = Seen(net.switch.device("port3"))
    net.switch.device("port1").inject(frame(A, B))
    net.engine.run()
    assert len(third.frames) == 1


def test_bridge_moves_an_address_to_the_port_where_it_is_seen() -> None:
    net = Bridged(3)
    net.switch.device("port2").inject(frame(B, A))
    net.switch.device("port3").inject(frame(B, A))
    entry = net.bridge.fdb.entries[mac(B)]
    assert entry.port is not None
    assert entry.port.dev.name == "port3"


def test_bridge_never_sends_a_frame_back_unless_hairpin_is_on() -> None:
    net = Bridged(2)
    port = net.switch.device("port1")
    port.inject(frame(B, A))
    out = Seen(port)
    port.inject(frame(A, B))
    assert port.drops[DropReason.BRIDGE_SAME_PORT] == 1
    net.bridge.ports[port].hairpin = True
    port.inject(frame(A, B))
    assert [direction for _, direction, _ in out.frames] == [Direction.RX, Direction.RX, Direction.TX]


def test_bridge_drops_group_source_and_link_local_destination_with_a_reason() -> None:
    net = Bridged(2)
    port = net.switch.device("port1")
    port.inject(frame("03:00:00:00:00:01", B))
    port.inject(frame(A, "01:80:c2:00:00:0e"))
    assert port.drops[DropReason.BRIDGE_INVALID_SOURCE] == 1
    assert port.drops[DropReason.BRIDGE_LINK_LOCAL] == 1


def test_isolated_ports_do_not_reach_each_other() -> None:
    net = Bridged(3)
    for number in (1, 2):
        net.bridge.ports[net.switch.device(f"port{number}")].isolated = True
    second, third = Seen(net.switch.device("port2")), Seen(net.switch.device("port3"))
    net.switch.device("port1").inject(frame(A, B))
    net.engine.run()
    assert (len(second.frames), len(third.frames)) == (0, 1)


def test_bridge_takes_the_lowest_mac_of_its_ports_unless_one_was_set() -> None:
    net = Bridged(3)
    assert net.bridge.mac == min(dev.mac for dev in net.bridge.ports)
    net.switch.set_mac(net.bridge, mac("02:42:00:00:00:01"))
    net.bridge.release(net.switch.device("port1"))
    assert net.bridge.mac == mac("02:42:00:00:00:01")


def test_of_two_devices_with_one_address_the_first_is_the_one_that_is_known() -> None:
    net = Bridged(2)
    own = net.bridge.mac
    net.switch.set_mac(net.bridge, own)
    net.switch.set_mac(net.switch.device("port1"), mac("02:42:00:00:00:01"))
    net.switch.set_mac(net.switch.device("port2"), mac("02:42:00:00:00:01"))
    known = net.bridge.fdb.entries[mac("02:42:00:00:00:01")]
    assert known.port is net.bridge.ports[net.switch.device("port1")]
    net.bridge.release(net.switch.device("port1"))
    known = net.bridge.fdb.entries[mac("02:42:00:00:00:01")]
    assert known.port is net.bridge.ports[net.switch.device("port2")]


def test_bridge_drops_what_does_not_fit_the_port() -> None:
    net = Bridged(2)
    port = net.switch.device("port2")
    net.switch.set_mtu(port, 1000)
    net.switch.device("port1").inject(Ether(src=A, dst=B, type=0x88B5) / (b"x" * 1100))
    assert port.drops[DropReason.TOO_BIG] == 1


def test_tap_on_the_bridge_sees_what_is_forwarded() -> None:
    net = Bridged(2)
    seen = Seen(net.bridge)
    net.switch.device("port1").inject(frame(A, B))
    net.switch.device("port2").inject(frame(B, A))
    assert len(seen.frames) == 2


def test_bridge_counts_what_it_receives_without_its_ethernet_header() -> None:
    net = Bridged(2)
    bridge = net.switch.device("br0")
    net.switch.device("port1").inject(Ether(src=A, dst="ff:ff:ff:ff:ff:ff", type=0x88B5) / (b"x" * 46))
    net.engine.run()
    assert (bridge.counters.rx_packets, bridge.counters.rx_bytes) == (1, 46)


def test_what_the_host_sends_keeps_to_the_mtu_that_a_new_port_brings() -> None:
    net = Bridged(2)
    net.switch.set_mac(net.bridge, mac("02:00:00:00:00:01"))  # which it keeps
    address(net.switch, "br0", "10.0.0.99/24")
    sock, seen = UdpSocket(net.switch), Seen(net.bridge)
    _, narrow = veth(net.hosts[0], "eth1", net.switch, "port3", mtu=1400)
    for _ in "12":
        sock.sendto(b"x" * 1450, ("10.0.0.1", 7))
        net.engine.run()
    net.bridge.enslave(narrow)
    seen.frames.clear()
    sock.sendto(b"x" * 1450, ("10.0.0.1", 7))
    net.engine.run()
    assert [len(frame) for _, direction, frame in seen.frames if direction is Direction.TX] == [1410, 14 + 20 + 1458 - 1376]
