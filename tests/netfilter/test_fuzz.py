"""Packets of any bytes pass all hooks, or end there: nothing is raised."""

from hypothesis import given
from hypothesis import strategies as st

from emu.packet import ipv4
from emu.packet.datagram import Datagram
from tests.netfilter.conftest import Router

RULES = """*raw
-A PREROUTING -p udp -m udp --sport 7 -j CT --notrack
-A PREROUTING -j TRACE
COMMIT
*mangle
-A PREROUTING -m conntrack --ctproto tcp --ctorigdst 10.0.0.0/8 --ctorigdstport 1:9 --ctstatus ASSURED --ctdir REPLY -j MARK --set-mark 1
-A FORWARD -p tcp -m tcp --tcp-option 3 --tcp-flags SYN SYN -j MARK --or-mark 2
COMMIT
*nat
-A PREROUTING -p tcp -j DNAT --to-destination 172.17.0.2:80
-A PREROUTING -p udp -j REDIRECT --to-ports 53
-A POSTROUTING -j MASQUERADE --random-fully
COMMIT
*filter
-A FORWARD -p icmp -m icmp --icmp-type 3/4 -j ACCEPT
-A FORWARD -p tcp -m multiport --ports 1,2:9 -j ACCEPT
-A FORWARD -m addrtype --dst-type LOCAL -j ACCEPT
-A FORWARD -m physdev --physdev-in veth+ -j ACCEPT
-A FORWARD -j LOG --log-tcp-sequence --log-tcp-options --log-ip-options
COMMIT
"""
ADDRESS = st.sampled_from([b"\x0a\0\0\1", b"\x0a\0\0\2", b"\0\0\0\0"])
PACKET = st.builds(
    lambda src, dst, protocol, payload, fragment, options: ipv4.build(src, dst, protocol, payload, fragment=fragment, options=options),
    ADDRESS, ADDRESS, st.sampled_from([1, 6, 17, 47, 132, 255]), st.binary(max_size=70), st.sampled_from([0, 0, 0x2000, 0x2001, 0x4000]),
    st.sampled_from([b"", b"", b"\1\1\1\0"]),
)  # fmt: skip


@st.composite
def errors(draw):
    """ICMP errors that quote another packet, whole or cut."""
    quoted = draw(PACKET)
    kind = draw(st.sampled_from([3, 4, 5, 11, 12]))
    payload = bytes([kind, 0, 0, 0]) + bytes(4) + quoted[: draw(st.integers(0, len(quoted)))]
    return [quoted, ipv4.build(draw(ADDRESS), draw(ADDRESS), 1, payload)]


@given(st.lists(st.one_of(PACKET.map(lambda packet: [packet]), errors()), max_size=8))
def test_packets_of_any_bytes_raise_nothing(groups):
    router = Router()
    router.netfilter.restore(RULES)
    for wire in (wire for group in groups for wire in group):
        for iif, oif in (("eth0", "docker0"), ("docker0", "eth0"), ("eth0", None), (None, "eth0")):
            datagram = Datagram(wire, 1)
            if router.pass_hooks(datagram, iif, oif):
                assert ipv4.is_valid(datagram.wire)
