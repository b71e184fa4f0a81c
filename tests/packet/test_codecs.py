"""Each codec builds what Scapy builds, and reads what Scapy wrote."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from emu.packet import arp, ethernet, icmp, ipv4, tcp, udp
from emu.packet.address import ip_text, mac_text
from tests.packet.strategies import ips, longs, macs, octets, payloads, ports, words


@given(macs, macs, st.binary(min_size=2, max_size=2), payloads)
def test_ethernet_header_is_built_as_scapy_builds_it(dst, src, ethertype, payload):
    expected = bytes(Ether(dst=mac_text(dst), src=mac_text(src), type=int.from_bytes(ethertype, "big")) / Raw(payload))
    built = ethernet.build(dst, src, ethertype, payload)
    assert built == expected
    assert (built[ethernet.DST], built[ethernet.SRC], built[ethernet.TYPE]) == (dst, src, ethertype)


@given(st.integers(0, 0xFFFF), macs, ips, macs, ips)
def test_arp_is_built_and_parsed_as_scapy_does(operation, sender_mac, sender_ip, target_mac, target_ip):
    fields = arp.Arp(operation, sender_mac, sender_ip, target_mac, target_ip)
    wire = bytes(
        ARP(op=operation, hwsrc=mac_text(sender_mac), psrc=ip_text(sender_ip), hwdst=mac_text(target_mac), pdst=ip_text(target_ip))
    )
    assert arp.build(fields) == wire
    assert arp.parse(wire) == fields
    assert arp.parse(wire + b"\x00" * 18) == fields


@given(st.binary(max_size=60))
def test_arp_of_any_bytes_is_read_or_refused(wire):
    parsed = arp.parse(wire)
    assert (parsed is not None) == (len(wire) >= 28 and wire[:6] == b"\x00\x01\x08\x00\x06\x04")
    if parsed is not None:
        assert arp.build(parsed) == wire[:28]


@given(ips, ips, octets, payloads, octets, octets, words, words, st.lists(st.binary(min_size=1, max_size=6), max_size=4))
def test_ipv4_is_built_as_scapy_builds_it(src, dst, protocol, payload, ttl, tos, identification, fragment, options):
    raw = b"".join(bytes([0xDE, len(body) + 2]) + body for body in options)
    packet = IP(
        src=ip_text(src), dst=ip_text(dst), proto=protocol, ttl=ttl, tos=tos, id=identification,
        flags=fragment >> 13, frag=fragment & 0x1FFF, options=[IPOption(bytes([0xDE, len(body) + 2]) + body) for body in options],
    )  # fmt: skip
    expected = bytes(packet / Raw(payload))
    built = ipv4.build(src, dst, protocol, payload, ttl=ttl, tos=tos, identification=identification, fragment=fragment, options=raw)
    assert built == expected
    assert ipv4.is_valid(built)
    assert ipv4.header_length(built) == IP(built).ihl * 4
    assert ipv4.fragment_word(built) == fragment
    assert ipv4.fragment_offset(built) == IP(built).frag * 8
    assert ipv4.is_fragment(built) == bool(IP(built).frag or IP(built).flags.MF)


@given(ips, ips, payloads, st.integers(0, 19), st.integers(1, 255))
def test_ipv4_header_with_any_byte_changed_is_invalid(src, dst, payload, position, change):
    packet = ipv4.build(src, dst, 17, payload)
    changed = packet[:position] + bytes([packet[position] ^ change]) + packet[position + 1 :]
    assert not ipv4.is_valid(changed)


@given(st.binary(max_size=80))
def test_ipv4_of_any_bytes_never_fails(packet):
    ipv4.is_valid(packet)


@given(ips, ips, st.integers(1, 255), words, words, payloads)
def test_decrementing_the_ttl_leaves_what_scapy_would_build(src, dst, ttl, identification, fragment, payload):
    packet = ipv4.build(src, dst, 6, payload, ttl=ttl, identification=identification, fragment=fragment)
    changed = ipv4.decrement_ttl(packet)
    assert ipv4.is_valid(changed)
    expected = IP(packet)
    expected.ttl, expected.chksum = ttl - 1, None
    rebuilt = bytes(expected)
    assert changed[:10] + changed[12:] == rebuilt[:10] + rebuilt[12:]
    assert _same_sum(changed[10:12], rebuilt[10:12])


@given(ips, ips, ips, st.sampled_from([ipv4.SRC, ipv4.DST]), payloads)
def test_replacing_an_address_leaves_what_scapy_would_build(src, dst, new, where, payload):
    changed = ipv4.replace(ipv4.build(src, dst, 6, payload), where, new)
    assert ipv4.is_valid(changed)
    expected = bytes(
        IP(src=ip_text(new if where == ipv4.SRC else src), dst=ip_text(new if where == ipv4.DST else dst), proto=6, id=0) / Raw(payload)
    )
    assert changed[:10] + changed[12:] == expected[:10] + expected[12:]
    assert _same_sum(changed[10:12], expected[10:12])


@given(octets, octets, st.binary(min_size=4, max_size=4), payloads)
def test_icmp_is_built_as_scapy_builds_it(kind, code, rest, payload):
    head = bytes([kind, code, 0, 0]) + rest
    expected = bytes(ICMP(type=8, code=0, id=rest[0] << 8 | rest[1], seq=rest[2] << 8 | rest[3]) / Raw(payload))
    assert icmp.build(8, 0, rest, payload) == expected
    built = icmp.build(kind, code, rest, payload)
    assert icmp.is_valid(built)
    assert built[:2] + b"\x00\x00" + built[4:] == head + payload


@given(st.binary(max_size=64))
def test_icmp_of_any_bytes_is_valid_only_with_its_checksum(message):
    if len(message) < 8:
        assert not icmp.is_valid(message)
    else:
        assert icmp.is_valid(icmp.build(message[0], message[1], message[4:8], message[8:]))


@given(ips, ips, ports, ports, payloads)
def test_udp_is_built_as_scapy_builds_it(src, dst, source_port, destination_port, payload):
    packet = IP(src=ip_text(src), dst=ip_text(dst)) / UDP(sport=source_port, dport=destination_port) / Raw(payload)
    expected = bytes(packet)[20:]
    built = udp.build(src, dst, source_port, destination_port, payload)
    assert built == expected
    assert udp.is_valid(ipv4.build(src, dst, ipv4.UDP, built), 20)
    assert udp.is_valid(ipv4.build(src, dst, ipv4.UDP, built, options=b"\x01"), 24)
    bare = udp.build(src, dst, source_port, destination_port, payload, with_checksum=False)
    assert bare == built[:6] + b"\x00\x00" + built[8:]
    assert udp.is_valid(ipv4.build(src, dst, ipv4.UDP, bare), 20)


@given(ips, ips, st.binary(max_size=40))
def test_udp_and_tcp_of_any_bytes_never_fail(src, dst, segment):
    udp.is_valid(ipv4.build(src, dst, ipv4.UDP, segment), 20)
    tcp.is_valid(src, dst, segment)
    tcp.parse(segment)


@given(
    ips, ips, ports, ports, longs, longs, octets, words, st.lists(st.binary(min_size=4, max_size=4), max_size=10).map(b"".join), payloads
)  # fmt: skip
def test_tcp_is_built_and_parsed_as_scapy_does(src, dst, sport, dport, seq, ack, flags, window, options, payload):
    raw = bytes(TCP(sport=sport, dport=dport, seq=seq, ack=ack, flags=flags, window=window, dataofs=5 + len(options) // 4))
    unsummed = raw[:20] + options + payload
    expected = bytes(IP(src=ip_text(src), dst=ip_text(dst), proto=6) / TCP(_with_sum_of(src, dst, unsummed)))[20:]
    segment = tcp.Segment(sport, dport, seq, ack, flags, window, options, payload)
    built = tcp.build(src, dst, segment)
    assert built == expected
    assert tcp.parse(built) == segment
    assert tcp.is_valid(src, dst, built)


def _with_sum_of(src, dst, unsummed):
    """The segment with the checksum that Scapy computes for it."""
    from scapy.layers.inet import in4_chksum

    total = in4_chksum(6, IP(src=ip_text(src), dst=ip_text(dst)), unsummed[:16] + b"\x00\x00" + unsummed[18:])
    return unsummed[:16] + total.to_bytes(2, "big") + unsummed[18:]


def _same_sum(one, other):
    """0x0000 and 0xffff are one number in ones' complement; an incremental update may give the other one, as in Linux."""
    return one == other or {one, other} == {b"\x00\x00", b"\xff\xff"}
