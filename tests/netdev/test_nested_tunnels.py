"""Tunnels in tunnels without end, and packets whose congestion mark cannot be passed on."""

from __future__ import annotations

import pytest

from emu.netdev.drop import DropReason
from emu.netdev.ip_tunnel import Gre, Ipip, TunnelConfig
from emu.netns.socket import UdpSocket
from emu.packet import ipv4
from emu.packet.address import ip, mac
from tests.wires import Bridged, address


def test_two_tunnels_through_each_other_are_given_up_at_a_depth():
    lab = Bridged(2)
    host = lab.hosts[0]
    for name, kind, mine, other in (("t1", Ipip, "10.8.1", "10.8.2"), ("t2", Gre, "10.8.2", "10.8.1")):
        dev = kind(lab.engine, name, host.underlay, TunnelConfig(remote=ip(f"{other}.2")), mtu=1400)
        host.add_device(dev)
        host.set_up(dev)
        address(host, name, f"{mine}.1/24")
    UdpSocket(host).sendto(b"x", ("10.8.1.9", 9))
    lab.engine.run()
    assert sum(host.device(name).drops[DropReason.NESTED_TOO_DEEP] for name in ("t1", "t2")) == 1


@pytest.mark.parametrize("inner_ecn", [0, 2])
def test_a_congestion_mark_goes_inside_where_it_can_and_else_the_packet_goes(inner_ecn):
    lab = Bridged(2)
    host = lab.hosts[0]
    dev = Ipip(lab.engine, "t1", host.underlay, TunnelConfig(ip("10.0.0.1"), ip("10.0.0.2")))
    host.add_device(dev)
    host.set_up(dev)
    inner = ipv4.build(ip("10.8.1.2"), ip("10.8.1.1"), ipv4.UDP, bytes(8), tos=inner_ecn)
    outer = ipv4.build(ip("10.0.0.2"), ip("10.0.0.1"), ipv4.IPIP, inner, tos=3)
    seen: list[bytes] = []
    dev.taps.append(lambda _dev, _direction, frame: seen.append(frame.wire))
    eth0 = host.device("eth0")
    eth0.inject(eth0.mac + mac("02:00:00:00:00:99") + b"\x08\x00" + outer)
    lab.engine.run()
    assert ([wire[1] for wire in seen], dev.drops[DropReason.NOT_ECN_CAPABLE]) == (([3], 0) if inner_ecn else ([], 1))
