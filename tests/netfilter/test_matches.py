"""What the rarer matches test."""

from types import SimpleNamespace

import pytest

from emu.netfilter.words import IptablesError
from emu.packet import ipv4
from emu.packet.address import ip
from emu.packet.frame import Frame

A, B = ("10.0.0.1", 5000), ("10.0.0.2", 80)
SYN, ACK, RST = 2, 16, 4
HOST = "192.168.50.10"
ETHERNET = b"\x02\0\0\0\0\1\x08\0"


def ends_at(router, datagram, iif="eth0", oif="docker0"):
    return not router.pass_hooks(datagram, iif, oif)


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ("-m length --length 44", True), ("-m length --length 45:", False), ("-m length ! --length 45:", True),
        ("-m length --length 44:40", False), ("-m ttl --ttl-eq 64", True), ("-m ttl ! --ttl-eq 64", False), ("-m ttl --ttl-lt 64", False),
        ("-m ttl --ttl-lt 65", True), ("-m ttl --ttl-gt 63", True), ("-m ttl --ttl-gt 64", False), ("-m dscp --dscp 0x2e", True),
        ("-m dscp ! --dscp-class EF", False), ("-m dscp --dscp-class AF11", False), ("-m tos --tos 0xb9", True),
        ("-m tos --tos 0xb8/0xfc", True), ("-m tos ! --tos 0xb9/0xff", False), ("-m tos --tos Normal-Service", False),
        ("-p tcp -m tcpmss --mss 1460", True), ("-p tcp -m tcpmss --mss 1:1459", False), ("-p tcp -m tcpmss ! --mss 1:1459", True),
        ("-m policy --dir in --pol none", True), ("-m policy --dir in --pol ipsec", False),
        ("-m policy --dir out --pol ipsec --proto esp --reqid 1", False), ("-m helper --helper ftp", False),
        ("-m helper ! --helper ftp", True), ("-m pkttype --pkt-type unicast", True), ("-m pkttype --pkt-type broadcast", False),
        ("-m pkttype --pkt-type otherhost", False),
    ],
)  # fmt: skip
def test_what_a_rule_matches(router, rule, matches):
    router.iptables(f"-A FORWARD {rule} -j DROP")
    syn = router.tcp(A, B, SYN, options=b"\x02\x04\x05\xb4")
    syn.wire = ipv4.replace(syn.wire, slice(0, 2), b"\x45\xb9")
    assert ends_at(router, syn) is matches


@pytest.mark.parametrize(("words", "matches"), [("--mss 1:", False), ("! --mss 1:", True)])
def test_a_segment_that_names_no_mss_matches_only_inverted(router, words, matches):
    router.iptables(f"-A FORWARD -p tcp -m tcpmss {words} -j DROP")
    assert ends_at(router, router.tcp(A, B, ACK, options=b"\x01\x01\x05\x02")) is matches


@pytest.mark.parametrize(
    ("destination", "kind"),
    [(b"\xff" * 6, "broadcast"), (b"\x01\0\x5e\0\0\1", "multicast"), (b"\x02\0\0\0\0\2", "unicast")],
)
def test_the_frames_destination_is_the_packets_type(router, destination, kind):
    router.iptables(f"-A INPUT -m pkttype --pkt-type {kind} -j DROP", "-A INPUT -j ACCEPT")
    datagram = router.udp(A, ("10.0.0.255", 9))
    datagram.frame = Frame(destination + ETHERNET + datagram.wire, 1)
    assert ends_at(router, datagram, oif=None)


def test_a_broadcast_of_our_own_is_heard_as_one(router):
    router.iptables("-A INPUT -m pkttype --pkt-type broadcast -j DROP")
    datagram = router.udp(A, ("10.0.0.255", 9))
    datagram.iif = router.dev["lo"]
    assert ends_at(router, datagram, "lo", None)


@pytest.mark.parametrize(
    ("flags", "kind", "dev", "passes"),
    [
        ("", "unicast", "eth0", True), ("", "unicast", "docker0", False), ("--loose", "unicast", "docker0", True),
        ("", "unreachable", None, False), ("--loose", "blackhole", None, False), ("--loose", "", None, False), ("", "local", "eth0", False),
        ("--accept-local", "local", "eth0", True), ("--accept-local", "local", "docker0", False), ("--loose", "local", "eth0", False),
        ("--accept-local --loose", "local", "docker0", True),
    ],
)  # fmt: skip
def test_the_way_back_decides_the_reverse_path_test(router, flags, kind, dev, passes):
    route = SimpleNamespace(kind=kind, dev=router.dev.get(dev)) if kind else None
    router.netfilter.way_to = lambda address: route if address == ip("10.0.0.1") else None
    router.iptables(f"-t raw -A PREROUTING -m rpfilter {flags} --invert -j DROP")
    assert ends_at(router, router.udp(A, B)) is not passes
    router.iptables("-t raw -F", f"-t raw -A PREROUTING -m rpfilter {flags} -j DROP")
    assert ends_at(router, router.udp(A, B)) is passes


def test_who_has_no_address_yet_and_what_comes_by_lo_pass_the_reverse_path_test(router):
    router.iptables("-t raw -A PREROUTING -m rpfilter --invert -j DROP")
    assert not ends_at(router, router.udp(("0.0.0.0", 68), ("255.255.255.255", 67)), oif=None)
    assert not ends_at(router, router.udp(("0.0.0.0", 68), ("224.0.0.9", 67)), oif=None)
    assert not ends_at(router, router.udp(("127.0.0.1", 5), ("127.0.0.1", 6)), "lo", None)
    assert ends_at(router, router.udp(("0.0.0.0", 68), (HOST, 67)), oif=None)


def test_the_mark_of_a_connection_is_compared_under_its_mask(router):
    router.iptables(
        "-t mangle -A PREROUTING -j CONNMARK --set-mark 0x105",
        "-A FORWARD -p udp -m connmark --mark 5/0xff -j DROP",
        "-A FORWARD -p tcp -m connmark ! --mark 0x105 -j DROP",
    )
    assert ends_at(router, router.udp(A, B))
    assert not ends_at(router, router.tcp(A, B, SYN))


# --- hashlimit


def passed(router, source, port=80, count=1):
    return [not ends_at(router, router.udp((source, 5000), ("10.0.0.2", port))) for _ in range(count)]


def test_each_client_has_a_bucket_of_its_own_that_fills_in_virtual_time(router):
    router.iptables(
        "-A FORWARD -m hashlimit --hashlimit-upto 1/sec --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name a -j ACCEPT",
        "-P FORWARD DROP",
    )
    assert passed(router, "10.0.0.1", count=3) == [True, True, False]
    assert passed(router, "10.0.0.9", count=3) == [True, True, False]
    router.wait(0.5)
    assert passed(router, "10.0.0.1") == [False]
    router.wait(0.5)
    assert passed(router, "10.0.0.1", count=2) == [True, False]


def test_a_bucket_that_was_idle_is_thrown_away_when_the_garbage_is_collected_and_the_next_is_full(router):
    router.iptables(
        "-A FORWARD -m hashlimit --hashlimit-above 1/hour --hashlimit-burst 1 --hashlimit-name a"
        " --hashlimit-htable-expire 1500 --hashlimit-htable-gcinterval 1000 -j DROP"
    )
    assert passed(router, "10.0.0.1", count=2) == [True, False]
    router.wait(1.9)
    assert passed(router, "10.0.0.1") == [False]  # and it lives 1.5 s longer
    router.wait(2.2)
    assert passed(router, "10.0.0.1") == [True]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("", [True, False, False]), ("srcip", [True, True, False]), ("dstport", [True, False, True]), ("srcip,dstport", [True, True, True])],
)
def test_what_packets_of_a_bucket_have_alike(router, mode, expected):
    words = f"--hashlimit-mode {mode}" if mode else ""
    router.iptables(f"-A FORWARD -m hashlimit --hashlimit-above 1/min --hashlimit-burst 1 {words} --hashlimit-name a -j DROP")
    assert [passed(router, *ends)[0] for ends in (("10.0.0.1", 80), ("10.0.0.9", 80), ("10.0.0.1", 81))] == expected


def test_a_mask_makes_one_client_of_a_network(router):
    words = "--hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name a"
    router.iptables(f"-A FORWARD -m hashlimit --hashlimit-above 1/min --hashlimit-burst 1 {words} -j DROP")
    assert [passed(router, source)[0] for source in ("10.0.0.1", "10.0.0.9", "10.0.1.1")] == [True, False, True]


def test_rules_that_name_one_table_share_its_buckets(router):
    rate = "--hashlimit-upto 1/min --hashlimit-burst 2 --hashlimit-name a"
    router.iptables(f"-A FORWARD -m hashlimit {rate} -j MARK --set-mark 1", f"-A FORWARD -m hashlimit {rate} -j ACCEPT", "-P FORWARD DROP")
    assert passed(router, "10.0.0.1", count=2) == [True, False]


def test_a_table_that_is_full_has_no_bucket_for_another(router):
    words = "--hashlimit-mode srcip --hashlimit-htable-size 1 --hashlimit-htable-max 1 --hashlimit-name a"
    router.iptables(f"-A FORWARD -m hashlimit --hashlimit-upto 1/sec {words} -j DROP")
    assert [passed(router, source)[0] for source in ("10.0.0.1", "10.0.0.9")] == [False, True]
    router.wait(2)
    assert passed(router, "10.0.0.9") == [False]


@pytest.mark.parametrize("words", ["--hashlimit-upto 512kb/s", "--hashlimit-upto 5/s --hashlimit-rate-match"])
def test_what_hashlimit_has_beyond_packets_is_refused_by_name(router, words):
    with pytest.raises(IptablesError, match="not modelled"):
        router.iptables(f"-A FORWARD -m hashlimit {words} --hashlimit-name a")


# --- connlimit


def syn(router, source, port):
    return not ends_at(router, router.tcp((source, port), B, SYN))


def test_the_third_connection_of_a_client_is_refused_and_others_are_not(router):
    router.iptables("-A FORWARD -p tcp --syn -m connlimit --connlimit-above 2 -j DROP")
    assert [syn(router, "10.0.0.1", port) for port in (1, 2, 3, 4)] == [True, True, False, False]
    assert syn(router, "10.0.0.9", 1)


def test_a_connection_that_has_ended_or_was_refused_makes_room(router):
    router.iptables("-A FORWARD -p tcp --syn -m connlimit --connlimit-above 1 -j DROP")
    assert [syn(router, "10.0.0.1", port) for port in (1, 2)] == [True, False]
    assert not ends_at(router, router.tcp(B, ("10.0.0.1", 1), RST | ACK, ack=1), "docker0", "eth0")
    assert [syn(router, "10.0.0.1", port) for port in (3, 4)] == [True, False]


def test_a_whole_network_or_a_server_is_counted(router):
    router.iptables(
        "-A FORWARD -p tcp -m connlimit --connlimit-above 1 --connlimit-mask 24 -j DROP",
        "-A FORWARD -p udp -m connlimit ! --connlimit-upto 1 --connlimit-daddr -j DROP",
    )
    assert [syn(router, source, 1) for source in ("10.0.0.1", "10.0.0.9", "10.0.1.1")] == [True, False, True]
    assert [not ends_at(router, router.udp((f"10.0.0.{host}", 1), B)) for host in (1, 2)] == [True, False]


def test_up_to_a_limit_is_the_opposite_of_above_it(router):
    router.iptables("-A FORWARD -p udp -m connlimit --connlimit-upto 1 -j ACCEPT", "-P FORWARD DROP")
    assert [not ends_at(router, router.udp(("10.0.0.1", port), B)) for port in (1, 2)] == [True, False]
    router.wait(31)  # a flow that is silent is forgotten
    assert not ends_at(router, router.udp(("10.0.0.1", 3), B))
