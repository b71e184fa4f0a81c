"""Whatever bytes come to a tunnel device, to its UDP port or its IP protocol: delivered or dropped with a counted reason, never raised."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emu.encap import vxlan
from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.netdev.ip_tunnel import Gre, Gretap, Ipip, TunnelConfig
from emu.netdev.tun import Tun
from emu.netdev.vxlan import Vxlan, VxlanConfig
from emu.netdev.vxlan_fdb import Remote
from emu.netns.namespace import Netns
from emu.packet import ipv4, udp
from emu.packet.address import ZERO_MAC, ip, mac
from emu.packet.frame import Frame, PacketFrame
from tests.wires import Bridged, address

HERE, THERE = ip("10.0.0.1"), ip("10.0.0.2")
FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
ETHERNET = st.tuples(
    st.sampled_from([mac("02:00:00:00:42:01"), mac("ff:ff:ff:ff:ff:ff"), mac("01:00:5e:00:00:01")]),
    st.sampled_from([mac("02:00:00:00:42:02"), mac("03:00:00:00:00:01"), ZERO_MAC]),
    st.sampled_from([b"\x08\x00", b"\x08\x06", b"\x86\xdd"]),
    st.binary(max_size=80),
).map(b"".join)
PAYLOAD = st.one_of(
    st.binary(max_size=120),
    ETHERNET.map(lambda inner: vxlan.encapsulate(42, inner)),
    st.tuples(st.sampled_from([b"\0\0\x65\x58", b"\0\0\x08\0", b"\x20\0\x65\x58\0\0\0\x05", b"\xb0\0\x08\0"]), ETHERNET).map(b"".join),
)


def make(kind: str) -> tuple[Bridged, Netns, NetDevice]:
    lab = Bridged(2)
    netns = lab.hosts[0]
    engine, underlay, lower = lab.engine, netns.underlay, netns.device("eth0")
    dev: NetDevice
    if kind == "vxlan":
        config = VxlanConfig(42, port=4789, local=HERE, lower=lower, tos=1, ttl_inherit=True)
        dev = Vxlan(engine, "t0", mac("02:00:00:00:42:01"), underlay, config)
        dev.fdb.add(ZERO_MAC, Remote(THERE), 0)
    elif kind == "tun":
        dev = Tun(engine, "t0")
        dev.reader = lambda _: None
    else:
        config_of = {"gre": Gre, "gretap": Gretap, "ipip": Ipip}[kind]
        dev = config_of(engine, "t0", underlay, TunnelConfig(HERE, THERE, ikey=5 if kind == "gretap" else None, tos=1))
    netns.add_device(dev)
    netns.set_up(dev)
    address(netns, "t0", "10.3.0.1/24")
    return lab, netns, dev


def counted(netns: Netns) -> Counter[DropReason]:
    return sum((dev.drops for dev in netns.devices.values()), Counter(netns.drops))


KINDS = ("vxlan", "gre", "gretap", "ipip", "tun")


@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(data=st.one_of(st.binary(max_size=100), ETHERNET))
def test_any_bytes_may_be_sent_through_a_tunnel_device_and_come_out_of_one(kind, data):
    lab, _, dev = make(kind)
    frame = Frame if dev.hard_header_len else PacketFrame
    if not dev.hard_header_len or len(data) >= 14:
        dev.transmit(frame(data, lab.engine.next_trace_id()))
    dev.receive(frame(data, lab.engine.next_trace_id()))
    lab.engine.run()
    assert dev.counters.rx_packets == 1


@pytest.mark.parametrize("kind", KINDS[:-1])
@FEW
@given(payload=PAYLOAD, tos=st.integers(0, 3))
def test_any_payload_may_come_to_a_tunnel_s_port_or_protocol(kind, payload, tos):
    lab, netns, dev = make(kind)
    protocol = {"vxlan": ipv4.UDP, "ipip": ipv4.IPIP}.get(kind, ipv4.GRE)
    body = udp.build(THERE, HERE, 50000, 4789, payload) if kind == "vxlan" else payload
    packet = ipv4.build(THERE, HERE, protocol, body, ttl=64, tos=tos)
    before = sum(counted(netns).values())
    eth0 = netns.device("eth0")
    eth0.inject(eth0.mac + mac("02:00:00:00:00:99") + b"\x08\x00" + packet)
    lab.engine.run()
    assert dev.counters.rx_packets + sum(counted(netns).values()) > before
