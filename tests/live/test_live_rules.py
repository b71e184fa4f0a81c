"""iptables' matches and targets against the kernel's: what they let through and what they change, frame by frame, and what they count."""

from __future__ import annotations

import pytest

from tests.live.both import Both

pytestmark = pytest.mark.usefixtures("iptables_support")
CHAINS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")


def mangle(both: Both, place: str, *rules: str) -> None:
    both.run(place, *(f"iptables -t mangle -P {chain} ACCEPT" for chain in CHAINS))  # over nf_tables a chain counts from its first mention
    both.run(place, *(f"iptables -t mangle -A {rule}" for rule in rules))


def counted(both: Both, place: str) -> None:
    both.run(place, "iptables -t mangle -S -v")
    assert both.differences() == []


def test_mss_is_clamped_to_the_narrower_way(routed: Both) -> None:
    mangle(routed, "router", "FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu")
    routed.serve("right", "tcp-echo 0.0.0.0 7")
    routed.run("left", "tcp-send --hold 0.2 10.0.2.2 7 hello")
    routed.serve("left", "tcp-echo 0.0.0.0 7")
    routed.run("right", "tcp-send --hold 0.2 10.0.1.2 7 hello")
    counted(routed, "router")


@pytest.mark.parametrize("mss", [600, 9000])
def test_mss_is_lowered_and_never_raised(routed: Both, mss: int) -> None:
    mangle(routed, "router", f"FORWARD -p tcp --syn -j TCPMSS --set-mss {mss}", "POSTROUTING -p tcp --syn -m tcpmss --mss 601:65535")
    routed.serve("right", "tcp-echo 0.0.0.0 7")
    routed.run("left", "tcp-send --hold 0.2 10.0.2.2 7 hello")
    counted(routed, "router")


def test_mss_is_put_into_every_segment_that_has_none_where_the_rule_is_not_for_syns_only(routed: Both) -> None:
    mangle(routed, "router", "FORWARD -p tcp -j TCPMSS --set-mss 1000")
    routed.serve("right", "tcp-echo 0.0.0.0 7")
    routed.run("left", "tcp-send --hold 0.2 10.0.2.2 7 hello")
    counted(routed, "router")


def test_ttl_and_the_type_of_service_are_rewritten(routed: Both) -> None:
    mangle(
        routed,
        "router",
        "PREROUTING -i eth0 -m ttl --ttl-eq 1 -j TTL --ttl-inc 9",
        "POSTROUTING -p icmp --icmp-type echo-request -j TTL --ttl-dec 10",
        "POSTROUTING -p icmp --icmp-type echo-reply -j TTL --ttl-set 200",
        "POSTROUTING -o eth1 -j DSCP --set-dscp-class EF",
        "FORWARD -p icmp --icmp-type echo-reply -j TOS --set-tos Minimize-Delay",
        "POSTROUTING -m dscp --dscp-class EF",
        "POSTROUTING -m tos ! --tos Minimize-Delay",
        "POSTROUTING -m tos --tos 0x10/0x3f",
        "POSTROUTING -m ttl --ttl-lt 64",
        "POSTROUTING -m ttl --ttl-gt 64",
    )
    routed.run("left", "ping -c 2 -i 0.2 10.0.2.2", "ping -c 1 -Q 0x03 10.0.2.2")
    routed.run("left", "ping -c 1 -t 1 10.0.2.2")
    routed.run("right", "ping -c 1 10.0.1.2")
    counted(routed, "router")


def test_a_connection_keeps_the_mark_that_its_first_packet_got(routed: Both) -> None:
    mangle(
        routed,
        "router",
        "PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff",
        "PREROUTING -p icmp -m conntrack --ctstate NEW -j MARK --set-mark 0x305",
        "PREROUTING -p udp -m conntrack --ctstate NEW -j MARK --set-mark 0x7",
        "PREROUTING -j CONNMARK --save-mark --mask 0xff",
        "FORWARD -p udp -j CONNMARK --or-mark 0x100",
        "POSTROUTING -m mark --mark 5",
        "POSTROUTING -m mark --mark 0x305",
        "POSTROUTING -m connmark --mark 5",
        "POSTROUTING -m connmark ! --mark 5",
        "POSTROUTING -m connmark --mark 0x107",
        "POSTROUTING -m mark --mark 7 -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xff00 --left-shift-mark 8",
        "POSTROUTING -m connmark --mark 0x707",
        "INPUT -m connmark --mark 0/0",
        "INPUT -m connmark ! --mark 0/0",
    )
    routed.serve("right", "udp-echo 0.0.0.0 7")
    routed.run("left", "ping -c 2 -i 0.2 10.0.2.2", "udp-send 10.0.2.2 7 hello", "ping -c 1 10.0.1.1")
    routed.run("left", "udp-send 10.0.2.2 9 refused", status=1)
    counted(routed, "router")


def test_lengths_and_kinds_of_packets_are_told_apart(routed: Both) -> None:
    routed.run("router", "sysctl -w net.ipv4.icmp_echo_ignore_broadcasts=0")
    mangle(
        routed,
        "router",
        "PREROUTING -m length --length 84",
        "PREROUTING -m length --length 85:1500",
        "PREROUTING -m length ! --length :1000",
        *(f"{chain} -m pkttype --pkt-type {kind}" for chain in ("PREROUTING", "INPUT") for kind in ("unicast", "broadcast", "multicast")),
        "OUTPUT -m pkttype --pkt-type unicast",
        "POSTROUTING -m pkttype ! --pkt-type unicast",
        "PREROUTING -m pkttype --pkt-type otherhost",
        "PREROUTING -m policy --dir in --pol none",
        "POSTROUTING -m policy --dir out --pol ipsec",
        "PREROUTING -m helper --helper ftp",
        "PREROUTING -m helper ! --helper ftp",
    )
    routed.run("left", "ping -c 1 10.0.1.1", "ping -c 1 -s 1200 10.0.2.2", "ping -c 1 -M dont -s 2500 10.0.1.1")
    routed.run("left", "ping -c 1 -W 1 -b 10.0.1.255")
    counted(routed, "router")


def test_what_would_be_answered_another_way_fails_the_reverse_path_test(routed: Both) -> None:
    routed.run("left", "ip addr add 10.7.0.1/32 dev eth0", "ip addr add 10.8.0.1/32 dev eth0", "ip addr add 10.10.0.1/32 dev eth0")
    routed.run("router", "ip route add 10.7.0.0/24 via 10.0.2.2", "ip route add unreachable 10.8.0.0/24")
    mangle(
        routed,
        "router",
        "PREROUTING -m rpfilter",
        "PREROUTING -m rpfilter --invert",
        "PREROUTING -m rpfilter --loose",
        "PREROUTING -m rpfilter --loose --invert",
        "PREROUTING -m rpfilter --accept-local",
    )
    routed.run("left", "ping -c 1 10.0.1.1", "ping -c 1 10.0.2.2")
    for source in ("10.7.0.1", "10.8.0.1", "10.10.0.1"):
        routed.run("left", f"ping -c 1 -W 1 -I {source} 10.0.1.1", status=1)
    routed.run("router", "ping -c 1 127.0.0.1")
    counted(routed, "router")


def test_connections_beyond_a_limit_are_refused(routed: Both) -> None:
    routed.run("router", *(f"iptables -P {chain} ACCEPT" for chain in ("INPUT", "FORWARD", "OUTPUT")))
    routed.run("router", "iptables -A FORWARD -p udp -m connlimit --connlimit-above 2 -j REJECT")
    routed.run("router", "iptables -A FORWARD -p tcp --syn -m connlimit --connlimit-above 1 --connlimit-mask 24 -j REJECT")
    routed.run("router", "iptables -A FORWARD -p udp -m connlimit --connlimit-upto 1 --connlimit-daddr")
    routed.serve("right", "udp-echo 0.0.0.0 7")
    routed.serve("right", "tcp-echo 0.0.0.0 7")
    for number in (1, 2):
        routed.run("left", f"udp-send --sport 500{number} 10.0.2.2 7 hello")
    routed.run("left", "udp-send --sport 5003 10.0.2.2 7 hello", status=1)
    routed.run("left", "udp-send --sport 5001 10.0.2.2 7 hello", status=1)  # the refused one is still counted when the list is searched
    routed.run("left", "tcp-send --hold 0.1 10.0.2.2 7 one", "tcp-send --hold 0.1 10.0.2.2 7 two")
    routed.run("router", "iptables -S -v")
    assert routed.differences() == []


def test_a_hosts_own_packets_are_rewritten_before_they_leave(routed: Both) -> None:
    mangle(
        routed,
        "left",
        "OUTPUT -p tcp --syn -j TCPMSS --set-mss 900",
        "POSTROUTING -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
        "OUTPUT -p icmp -j TTL --ttl-set 33",
        "OUTPUT -p udp -j TOS --set-tos 0x08",
        "INPUT -p tcp --tcp-flags SYN,ACK SYN,ACK -j TCPMSS --set-mss 700",
        "OUTPUT -p icmp -j CONNMARK --set-mark 6",
        "INPUT -m connmark --mark 6 -j CONNMARK --restore-mark",
        "INPUT -m mark --mark 6",
        "PREROUTING -i lo -m mark --mark 0",
        "PREROUTING -i lo -m connmark --mark 6",
        "PREROUTING -m pkttype --pkt-type unicast",
        "INPUT -m ttl --ttl-lt 64",
        "OUTPUT -m length --length 100:",
    )
    routed.run("left", "ip route add 10.0.2.2/32 via 10.0.1.1 mtu 1200")
    routed.serve("right", "tcp-echo 0.0.0.0 7")
    routed.serve("right", "udp-echo 0.0.0.0 7")
    routed.run("left", "tcp-send --hold 0.2 10.0.2.2 7 hello", "udp-send 10.0.2.2 7 hello", "ping -c 1 10.0.2.2", "ping -c 1 127.0.0.1")
    routed.run("left", "ping -c 1 10.0.1.2", "ping -c 1 -M dont -s 2000 10.0.2.2")
    routed.run("left", "udp-send 10.0.1.2 9 refused", status=1)
    counted(routed, "left")


def test_each_client_has_a_rate_of_its_own(routed: Both) -> None:
    routed.run("left", "ip addr add 10.0.1.3/24 dev eth0")
    mangle(
        routed,
        "router",
        "PREROUTING -p icmp -m hashlimit --hashlimit-upto 2/min --hashlimit-burst 3 --hashlimit-mode srcip --hashlimit-name client",
        "PREROUTING -p icmp -m hashlimit --hashlimit-above 2/min --hashlimit-burst 3 --hashlimit-mode srcip --hashlimit-name client",
        "FORWARD -p icmp -m hashlimit --hashlimit-above 1/hour --hashlimit-burst 4 --hashlimit-name all",
        "FORWARD -m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-mode dstport --hashlimit-name port",
        "FORWARD -m hashlimit --hashlimit 1/hour --hashlimit-burst 48 --hashlimit-srcmask 24 --hashlimit-mode srcip --hashlimit-name d",
        "FORWARD -m limit --limit 1/hour --limit-burst 3",
    )
    routed.serve("right", "udp-echo 0.0.0.0 7")
    routed.run("left", "ping -c 5 -i 0.2 -I 10.0.1.2 10.0.2.2", "ping -c 5 -i 0.2 -I 10.0.1.3 10.0.2.2")
    routed.run("left", *["udp-send --sport 5000 10.0.2.2 7 hello"] * 2)
    counted(routed, "router")


def test_a_network_is_mapped_to_another_host_by_host(routed: Both) -> None:
    routed.run("router", *(f"iptables -t nat -P {chain} ACCEPT" for chain in CHAINS if chain != "FORWARD"))
    routed.run(
        "router",
        "iptables -t nat -A PREROUTING -d 10.5.0.0/24 -j NETMAP --to 10.0.2.0/24",
        "iptables -t nat -A POSTROUTING -s 10.0.1.0/24 -o eth1 -j NETMAP --to 10.0.2.64/26",
    )
    routed.run("right", "ip route add 10.0.2.64/26 via 10.0.2.1")
    routed.serve("right", "tcp-echo 0.0.0.0 7")
    routed.run("left", "ping -c 1 10.5.0.2", "tcp-send --hold 0.2 10.5.0.2 7 hello")
    routed.run("router", "iptables -t nat -S -v")
    assert routed.differences() == []


def test_packets_that_are_logged_to_programs_go_on(routed: Both) -> None:
    mangle(routed, "router", "FORWARD -j NFLOG --nflog-group 3 --nflog-prefix seen", "FORWARD -p icmp")
    routed.run("left", "ping -c 1 10.0.2.2")
    counted(routed, "router")


@pytest.mark.usefixtures("bridge_support")
def test_bridged_packets_pass_the_same_rules(both: Both) -> None:
    both.run("switch", "ip link add br0 address 02:00:00:00:00:fe type bridge")
    for number in (1, 2):
        both.wire(f"h{number}:eth0", f"switch:port{number}")
        both.run(f"h{number}", f"ip addr add 10.0.0.{number}/24 dev eth0")
        both.run("switch", f"ip link set port{number} master br0")
    both.run("h2", "sysctl -w net.ipv4.icmp_echo_ignore_broadcasts=0")
    both.run("switch", "ip link set br0 mtu 1400 up", "ip addr add 10.0.0.254/24 dev br0")
    both.run("switch", "modprobe br_netfilter || true", "sysctl -w net.bridge.bridge-nf-call-iptables=1")
    both.capture("h1:eth0", "h2:eth0")
    mangle(
        both,
        "switch",
        *(f"{chain} -m pkttype --pkt-type {kind}" for chain in CHAINS for kind in ("unicast", "broadcast")),
        "PREROUTING -m rpfilter",
        "FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu",
        "FORWARD -p tcp --tcp-flags SYN,ACK SYN,ACK -j TCPMSS --set-mss 1000",
        "POSTROUTING -p tcp -j DSCP --set-dscp 46",
        "PREROUTING -p icmp -j CONNMARK --set-mark 4",
        "POSTROUTING -m connmark --mark 4 -j TTL --ttl-inc 1",
    )
    both.serve("h2", "tcp-echo 0.0.0.0 7")
    both.run("h1", "ping -c 1 10.0.0.2", "tcp-send --hold 0.2 10.0.0.2 7 hello", "ping -c 1 -b 10.0.0.255", "ping -c 1 10.0.0.254")
    both.run("switch", "iptables -t mangle -S -v | grep -e -A")  # the machine's bridge joins a group, which its policies count
    assert both.differences() == []
