"""Address translation: mappings as Linux chooses them, and packets whose checksums Scapy agrees with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP

from emu.netdev.drop import DropReason
from emu.netfilter.conntrack import flow_of
from emu.netfilter.nat import Manip, Translation
from emu.packet import icmp, ipv4, tcp, udp
from emu.packet.address import ip, ip_text

CLIENT, HOST, WEB = "192.168.50.20", "192.168.50.10", "172.17.0.2"
DNAT = "-t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80"
MASQUERADE = "-t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"
SYN, SYNACK, ACK = tcp.SYN, tcp.SYN | tcp.ACK, tcp.ACK


def has_good_checksums(datagram):
    """Scapy, asked to compute all checksums anew, builds the same bytes."""
    packet = IP(datagram.wire)
    for layer in packet.iterpayloads():
        if "chksum" in layer.fields and layer.name in ("IP", "TCP", "UDP", "ICMP"):
            layer.chksum = None
    return bytes(packet) == datagram.wire


def test_a_published_port_leads_to_the_container_and_back(router):
    router.iptables(DNAT, MASQUERADE)
    syn = router.tcp((CLIENT, 5000), (HOST, 8080), SYN, seq=100)
    assert router.pass_hooks(syn, "eth0", "docker0")
    assert router.ends(syn) == "192.168.50.20:5000 > 172.17.0.2:80"
    answer = router.tcp((WEB, 80), (CLIENT, 5000), SYNACK, seq=900, ack=101)
    assert router.pass_hooks(answer, "docker0", "eth0")
    assert router.ends(answer) == "192.168.50.10:8080 > 192.168.50.20:5000"
    assert has_good_checksums(syn) and has_good_checksums(answer)
    there = "src=192.168.50.20 dst=192.168.50.10 sport=5000 dport=8080"
    back = "src=172.17.0.2 dst=192.168.50.20 sport=80 dport=5000"
    assert router.entries() == [f"tcp      6 60 SYN_RECV {there} {back} mark=0 use=1"]


def test_a_hairpin_is_translated_at_both_ends(router):
    router.iptables(DNAT, "-t nat -A POSTROUTING -p tcp -s 172.17.0.2 -d 172.17.0.2 --dport 80 -j MASQUERADE")
    syn = router.tcp((WEB, 5000), (HOST, 8080), SYN, seq=100)
    assert router.pass_hooks(syn, "docker0", "docker0")
    assert router.ends(syn) == "172.17.0.1:5000 > 172.17.0.2:80"
    answer = router.tcp((WEB, 80), ("172.17.0.1", 5000), SYNACK, seq=900, ack=101)
    assert router.pass_hooks(answer, "docker0", "docker0")
    assert router.ends(answer) == "192.168.50.10:8080 > 172.17.0.2:5000"
    assert has_good_checksums(syn) and has_good_checksums(answer)


def test_masquerade_keeps_the_port_until_it_clashes(router):
    router.iptables(MASQUERADE)
    ports = []
    for container in ("172.17.0.2", "172.17.0.3"):
        datagram = router.udp((container, 5000), ("10.99.0.2", 53))
        assert router.pass_hooks(datagram, "docker0", "eth0")
        assert datagram.src == ip(HOST)
        ports.append(int.from_bytes(datagram.wire[20:22], "big"))
        assert has_good_checksums(datagram)
    assert ports[0] == 5000
    assert ports[1] != 5000 and 1024 <= ports[1] <= 65535


@pytest.mark.parametrize(("port", "low", "high"), [(300, 1, 511), (600, 600, 1023), (1024, 1024, 65535)])
def test_a_port_that_clashes_stays_in_its_class(router, port, low, high):
    router.iptables(MASQUERADE)
    for number in range(2, 40):
        datagram = router.udp((f"172.17.0.{number}", port), ("10.99.0.2", 53))
        assert router.pass_hooks(datagram, "docker0", "eth0")
        assert low <= int.from_bytes(datagram.wire[20:22], "big") <= high


def test_the_same_port_serves_different_destinations(router):
    router.iptables(MASQUERADE)
    for container, server in (("172.17.0.2", "10.99.0.2"), ("172.17.0.3", "10.99.0.3")):
        datagram = router.udp((container, 5000), (server, 53))
        assert router.pass_hooks(datagram, "docker0", "eth0")
        assert router.ends(datagram) == f"192.168.50.10:5000 > {server}:53"


def test_random_fully_takes_another_port(router):
    router.iptables(MASQUERADE + " --random-fully")
    found = set()
    for number in range(8):
        datagram = router.udp((WEB, 5000 + number), ("10.99.0.2", 53))
        router.pass_hooks(datagram, "docker0", "eth0")
        found.add(int.from_bytes(datagram.wire[20:22], "big") - 5000 - number)
    assert len(found) > 1


def test_two_pings_with_one_identifier_get_two(router):
    router.iptables(MASQUERADE)
    first, second = router.ping("172.17.0.2", "10.99.0.2", 7), router.ping("172.17.0.3", "10.99.0.2", 7)
    assert router.pass_hooks(first, "docker0", "eth0") and router.pass_hooks(second, "docker0", "eth0")
    identifiers = [int.from_bytes(datagram.wire[24:26], "big") for datagram in (first, second)]
    assert identifiers[0] == 7 and identifiers[1] != 7
    answer = router.ping("10.99.0.2", HOST, identifiers[1], reply=True)
    assert router.pass_hooks(answer, "eth0", "docker0")
    assert ip_text(answer.dst) == "172.17.0.3" and answer.wire[24:26] == b"\0\7"
    assert all(map(has_good_checksums, (first, second, answer)))


def test_an_icmp_error_is_translated_with_the_packet_it_quotes(router):
    router.iptables(MASQUERADE)
    sent = router.udp((WEB, 5000), ("10.99.0.2", 53), b"question")
    before = sent.wire
    assert router.pass_hooks(sent, "docker0", "eth0")
    error = router.icmp_error("10.99.0.2", HOST, icmp.Type.DEST_UNREACH, icmp.Unreachable.PORT, sent.wire)
    assert router.pass_hooks(error, "eth0", "docker0")
    assert ip_text(error.dst) == WEB
    assert error.wire[28:] == before  # what the sender is shown is what it sent
    assert has_good_checksums(error)


def test_an_icmp_error_of_a_container_shows_the_client_the_address_it_knows(router):
    router.iptables("-t nat -A PREROUTING -p udp --dport 5353 -j DNAT --to-destination 172.17.0.2:53")
    sent = router.udp((CLIENT, 5000), (HOST, 5353), b"question")
    before = sent.wire
    assert router.pass_hooks(sent, "eth0", "docker0")
    error = router.icmp_error(WEB, CLIENT, icmp.Type.DEST_UNREACH, icmp.Unreachable.PORT, sent.wire)
    assert router.pass_hooks(error, "docker0", "eth0")
    assert ip_text(error.src) == HOST
    assert error.wire[28:] == before
    assert has_good_checksums(error)


def test_docker_dns_rules_translate_on_the_way_out_and_back(router):
    """A container's resolver: OUTPUT changes the destination, POSTROUTING the answer's source."""
    router.iptables(
        "-t nat -A OUTPUT -d 127.0.0.11 -p udp --dport 53 -j DNAT --to-destination 127.0.0.11:33298",
        "-t nat -A POSTROUTING -s 127.0.0.11 -p udp --sport 33298 -j SNAT --to-source :53",
    )
    question = router.udp(("127.0.0.1", 5000), ("127.0.0.11", 53))
    assert router.pass_hooks(question, None, "lo") and router.pass_hooks(question, "lo", None)
    assert router.ends(question) == "127.0.0.1:5000 > 127.0.0.11:33298"
    answer = router.udp(("127.0.0.11", 33298), ("127.0.0.1", 5000))
    assert router.pass_hooks(answer, None, "lo") and router.pass_hooks(answer, "lo", None)
    assert router.ends(answer) == "127.0.0.11:53 > 127.0.0.1:5000"


def test_redirect_leads_to_this_host(router):
    router.iptables("-t nat -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 3128")
    syn = router.tcp((WEB, 5000), ("10.99.0.2", 80), SYN)
    assert router.pass_hooks(syn, "docker0", None)
    assert router.ends(syn) == "172.17.0.2:5000 > 172.17.0.1:3128"


def test_rules_are_asked_for_the_first_packet_only(router):
    router.iptables(MASQUERADE)
    for _ in range(3):
        router.pass_hooks(router.udp((WEB, 5000), ("10.99.0.2", 53)), "docker0", "eth0")
        router.pass_hooks(router.udp(("10.99.0.2", 53), (HOST, 5000)), "eth0", "docker0")
    assert "[1:29] -A POSTROUTING" in router.netfilter.save(["nat"], counters=True)


def test_a_connection_that_is_older_than_the_rules_keeps_its_addresses(router):
    router.iptables("-A FORWARD -m conntrack --ctstate INVALID -j DROP")
    first, second = (router.udp((WEB, 5000), ("10.99.0.2", 53)) for _ in range(2))
    router.pass_hooks(first, "docker0", "eth0")
    router.iptables(MASQUERADE)
    assert router.pass_hooks(second, "docker0", "eth0")
    assert router.ends(second) == router.ends(first) == f"{WEB}:5000 > 10.99.0.2:53"
    assert "[1:29] -A POSTROUTING" in router.netfilter.save(["nat"], counters=True)  # asked, without effect
    router.netfilter.device_down(router.dev["eth0"])
    assert len(router.entries()) == 1  # and it has borrowed nothing


def test_a_device_without_address_ends_what_would_borrow_it(router):
    router.iptables(MASQUERADE)
    router.netfilter.masquerade_address = lambda datagram, oif: None
    assert not router.pass_hooks(router.udp((WEB, 5000), ("10.99.0.2", 53)), "docker0", "eth0")
    assert router.dropped == [DropReason.NETFILTER]
    assert [text for _, text in router.netfilter.kernel_log] == ["eth0 ate my IP address"]


def test_a_device_that_goes_down_ends_its_masqueraded_connections(router):
    router.iptables(MASQUERADE)
    router.pass_hooks(router.udp((WEB, 5000), ("10.99.0.2", 53)), "docker0", "eth0")
    router.netfilter.device_down(router.dev["eth0"])
    assert router.entries() == []


ADDRESS = st.binary(min_size=4, max_size=4)
PORT = st.integers(0, 65535)


@given(ADDRESS, ADDRESS, PORT, PORT, ADDRESS, PORT, st.binary(max_size=40), st.sampled_from(list(Manip)), st.sampled_from([1, 6, 17]))
def test_any_rewrite_leaves_checksums_that_scapy_computes(src, dst, sport, dport, address, port, data, manip, protocol):
    payload = {
        6: lambda: tcp.build(src, dst, tcp.Segment(sport, dport, 1, 2, 16, 3, b"", data)),
        17: lambda: udp.build(src, dst, sport, dport, data),
        1: lambda: icmp.build(8, 0, sport.to_bytes(2, "big") + b"\0\1", data),
    }[protocol]()
    wire = ipv4.build(src, dst, protocol, payload)
    target = bytes([protocol]) + address * 2 + port.to_bytes(2, "big") * 2
    changed = Translation(target, manip).apply(wire)
    flow, before = flow_of(changed), flow_of(wire)
    at = 1 if manip is Manip.SRC else 5
    assert flow[at : at + 4] == address and flow[6 - at : 10 - at] == before[6 - at : 10 - at]
    packet = IP(changed)
    del packet.chksum, packet.payload.chksum
    assert bytes(packet) == changed
