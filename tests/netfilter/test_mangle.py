"""Targets that rewrite packets, or mark them."""

from types import SimpleNamespace

import pytest

from emu.netfilter.words import IptablesError
from emu.netns.tcp_options import parse
from emu.packet import ipv4, tcp

A, B = ("10.0.0.1", 5000), ("10.0.0.2", 80)
SYN, ACK = tcp.SYN, tcp.ACK
MSS_1460 = b"\x02\x04\x05\xb4"
CLAMP = "-t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"


def forward(router, datagram):
    assert router.pass_hooks(datagram, "eth0", "docker0")
    assert ipv4.is_valid(datagram.wire) and len(datagram.wire) == int.from_bytes(datagram.wire[2:4], "big")
    return datagram


def segment(datagram):
    assert tcp.is_valid(datagram.src, datagram.dst, datagram.payload)
    found = tcp.parse(datagram.payload)
    assert found is not None
    return found


def mss(router, flags=SYN, options=MSS_1460, data=b""):
    return parse(segment(forward(router, router.tcp(A, B, flags, options=options, data=data))).options).mss


# --- TCPMSS


@pytest.mark.parametrize(("to", "back", "expected"), [(1400, 1500, 1360), (1500, 1400, 1360), (1500, 1500, 1460), (9000, 9000, 1460)])
def test_the_mss_is_clamped_to_the_narrower_of_both_directions(router, to, back, expected):
    router.netfilter.path_mtu = lambda address, route: to if route is not None else back
    router.iptables(CLAMP)
    datagram = router.tcp(A, B, SYN, options=MSS_1460)
    datagram.route = SimpleNamespace()
    assert parse(segment(forward(router, datagram)).options).mss == expected


def test_a_bridged_packets_mss_is_clamped_to_the_bridge(router):
    router.dev["docker0"].mtu = 1450
    router.iptables(CLAMP)
    assert mss(router) == 1410


def test_a_path_too_narrow_for_any_segment_ends_the_packet(router):
    router.netfilter.path_mtu = lambda address, route: 40
    router.iptables(CLAMP)
    assert not router.pass_hooks(router.tcp(A, B, SYN, options=MSS_1460), "eth0", "docker0")


def test_answers_to_syns_are_clamped_too_and_other_segments_left_alone(router):
    router.iptables("-t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1000")
    assert [mss(router, flags) for flags in (SYN, SYN | ACK, ACK)] == [1000, 1000, 1460]


def test_the_mss_is_never_raised(router):
    router.iptables("-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 9000")
    assert mss(router) == 1460


@pytest.mark.parametrize(("wanted", "expected"), [(1400, 536), (500, 500)])
def test_a_syn_without_the_option_gets_one_before_its_others(router, wanted, expected):
    router.iptables(f"-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss {wanted}")
    datagram = forward(router, router.tcp(A, B, SYN, options=b"\x01\x03\x03\x07"))
    assert segment(datagram).options == b"\x02\x04" + expected.to_bytes(2, "big") + b"\x01\x03\x03\x07"
    assert len(datagram.wire) == 48


def test_a_syn_with_data_or_a_full_header_gets_no_option(router):
    router.iptables("-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 500")
    assert mss(router, options=b"", data=b"early") is None
    assert mss(router, options=b"\x01" * 40) is None


def test_the_option_is_found_behind_others(router):
    router.iptables("-t mangle -A FORWARD -p tcp --syn -j TCPMSS --set-mss 500")
    assert mss(router, options=b"\x04\x02\x01\x01" + MSS_1460) == 500


def test_a_segment_whose_header_is_cut_short_ends(router):
    router.iptables("-t mangle -A FORWARD -p tcp -j TCPMSS --set-mss 500")
    cut = router.packet("10.0.0.1", "10.0.0.2", ipv4.TCP, bytes(12))
    assert not router.pass_hooks(cut, "eth0", "docker0")


@pytest.mark.parametrize("chain", ["PREROUTING", "INPUT"])
def test_where_there_is_no_way_on_nothing_can_be_clamped_to_it(router, chain):
    with pytest.raises(IptablesError, match="Invalid argument"):
        router.iptables(f"-t mangle -A {chain} -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu")


# --- TTL, DSCP, TOS


@pytest.mark.parametrize(
    ("words", "expected"),
    [("--ttl-set 7", 7), ("--ttl-inc 5", 69), ("--ttl-inc 255", 255), ("--ttl-dec 4", 60), ("--ttl-dec 200", 0), ("--ttl-set 64", 64)],
)
def test_the_ttl_is_set_or_moved_within_its_bounds(router, words, expected):
    router.iptables(f"-t mangle -A POSTROUTING -j TTL {words}")
    assert forward(router, router.udp(A, B)).wire[ipv4.TTL] == expected


@pytest.mark.parametrize(
    ("words", "before", "after"),
    [
        ("DSCP --set-dscp-class EF", 0x03, 0xBB), ("DSCP --set-dscp 0", 0xFF, 0x03), ("TOS --set-tos 0x10", 0xE3, 0x10),
        ("TOS --set-tos Minimize-Delay", 0xC3, 0xD0), ("TOS --and-tos 0x0f", 0xE3, 0x03), ("TOS --or-tos 0x10", 0x03, 0x13),
        ("TOS --xor-tos 0x11", 0x01, 0x10), ("DSCP --set-dscp 0x2e", 0xB8, 0xB8),
    ],
)  # fmt: skip
def test_the_type_of_service_is_rewritten_bit_by_bit(router, words, before, after):
    router.iptables(f"-t mangle -A FORWARD -j {words}")
    datagram = router.udp(A, B)
    datagram.wire = ipv4.replace(datagram.wire, slice(0, 2), bytes([0x45, before]))
    assert forward(router, datagram).wire[ipv4.TOS] == after


def test_only_the_mangle_table_rewrites_headers(router):
    for words in ("TTL --ttl-set 5", "DSCP --set-dscp 1", "TOS --set-tos 1"):
        with pytest.raises(IptablesError, match="Invalid argument"):
            router.iptables(f"-A FORWARD -j {words}")


# --- CONNMARK


def test_a_connections_mark_is_saved_from_a_packet_and_restored_to_the_next(router):
    router.iptables(
        "-t mangle -A PREROUTING -j CONNMARK --restore-mark",
        "-t mangle -A PREROUTING -m mark --mark 0 -j MARK --set-mark 0x2a",
        "-t mangle -A POSTROUTING -j CONNMARK --save-mark",
    )
    forward(router, router.udp(A, B))
    router.iptables("-t mangle -D PREROUTING 2")
    answer = router.udp(B, A)
    assert router.pass_hooks(answer, "docker0", "eth0") and answer.mark == 0x2A
    assert router.entries()[0].endswith("mark=42 use=1")
    assert forward(router, router.udp(("10.0.0.1", 5001), B)).mark == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--set-mark 5", 0x5), ("--set-mark 0x5/0xf", 0xF5), ("--set-xmark 0x5/0x3", 0xF5), ("--and-mark 0x0f", 0x01),
        ("--or-mark 0x102", 0x1F3), ("--xor-mark 0xff", 0x0E), ("--save-mark --mask 0xff", 0x34),
        ("--save-mark --nfmask 0xff --ctmask 0", 0xF1 ^ 0x34), ("--save-mark --nfmask 0xff --ctmask 0xff00 --left-shift-mark 8", 0x34F1),
        ("--save-mark --right-shift-mark 4", 0x123), ("--set-mark 1 --left-shift-mark 4", 0x10),
    ],
)  # fmt: skip
def test_how_a_connections_mark_is_changed(router, words, expected):
    router.iptables(
        "-t mangle -A FORWARD -j MARK --set-mark 0x1234",
        "-t mangle -A FORWARD -j CONNMARK --set-mark 0xf1",
        f"-t mangle -A FORWARD -j CONNMARK {words}",
    )
    assert forward(router, router.udp(A, B)).ct.mark == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [("--restore-mark", 0xABCD), ("--restore-mark --nfmask 0xff --ctmask 0xff", 0x12CD), ("--restore-mark --right-shift-mark 8", 0xAB)],
)
def test_how_a_packets_mark_is_restored(router, words, expected):
    router.iptables(
        "-t mangle -A FORWARD -j MARK --set-mark 0x1234",
        "-t mangle -A FORWARD -j CONNMARK --set-mark 0xabcd",
        f"-t mangle -A FORWARD -j CONNMARK {words}",
    )
    assert forward(router, router.udp(A, B)).mark == expected


def test_who_listens_to_connections_is_told_of_a_new_mark_once(router):
    told = []
    router.netfilter.conntrack.on_change.append(lambda kind, entry: told.append((kind, entry.mark)))
    router.iptables("-t mangle -A FORWARD -m length --length 29: -j CONNMARK --set-mark 9")
    for data in (b"", b"x", b"x"):
        forward(router, router.udp(A, B, data))
    assert told == [("NEW", 0), ("UPDATE", 9)]


def test_a_packet_of_no_connection_has_no_mark_to_change_or_test(router):
    router.iptables(
        "-t raw -A PREROUTING -j CT --notrack",
        "-t mangle -A FORWARD -j CONNMARK --set-mark 1",
        "-t mangle -A FORWARD -m connmark --mark 0 -j DROP",
        "-t mangle -A FORWARD -m connmark ! --mark 0 -j DROP",
    )
    forward(router, router.udp(A, B))


# --- NETMAP, NFLOG


def test_a_network_is_mapped_host_by_host_and_answers_are_mapped_back(router):
    router.iptables(
        "-t nat -A PREROUTING -d 10.5.0.0/24 -j NETMAP --to 172.17.0.0/24",
        "-t nat -A POSTROUTING -s 10.0.0.0/24 -j NETMAP --to 10.9.9.0/24",
    )
    there = forward(router, router.udp(A, ("10.5.0.77", 53)))
    assert router.ends(there) == "10.9.9.1:5000 > 172.17.0.77:53"
    answer = router.udp(("172.17.0.77", 53), ("10.9.9.1", 5000))
    assert router.pass_hooks(answer, "docker0", "eth0")
    assert router.ends(answer) == "10.5.0.77:53 > 10.0.0.1:5000"


def test_a_packet_copied_to_programs_goes_on_unchanged(router):
    router.iptables("-A FORWARD -j NFLOG --nflog-group 2 --nflog-prefix seen", "-A FORWARD -p udp -j DROP")
    datagram = router.tcp(A, B, SYN)
    before = datagram.wire
    assert forward(router, datagram).wire == before
    assert not router.pass_hooks(router.udp(A, B), "eth0", "docker0")


# --- where rules may stand


def test_a_chain_may_not_be_reached_from_a_hook_that_its_rules_do_not_work_at(router):
    router.iptables("-t raw -N back", "-t raw -A back -m rpfilter --invert -j DROP", "-t raw -A PREROUTING -j back")
    with pytest.raises(IptablesError, match="Invalid argument"):
        router.iptables("-t raw -A OUTPUT -j back")
    router.iptables("-t raw -N outer", "-t raw -A OUTPUT -j outer")
    with pytest.raises(IptablesError, match="Invalid argument"):
        router.iptables("-t raw -A outer -j back")
