"""How packets walk rules, and what targets do to them."""

import pytest

from emu.netdev.drop import DropReason
from emu.netfilter.hooks import Hook

A, B = ("10.0.0.1", 5000), ("10.0.0.2", 80)


def test_an_empty_namespace_has_nothing_to_do(router):
    assert not any(router.netfilter.active.values())
    router.iptables("-A INPUT -j DROP")
    assert router.netfilter.active == {hook: hook in (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT) for hook in Hook}


def test_the_policy_decides_at_the_end(router):
    router.iptables("-P FORWARD DROP", "-A FORWARD -s 10.0.0.1 -j ACCEPT")
    assert router.pass_hooks(router.udp(A, B), "eth0", "docker0")
    assert not router.pass_hooks(router.udp(B, A), "docker0", "eth0")
    assert router.dropped == [DropReason.NETFILTER]


def test_return_goes_back_to_the_rule_after_the_jump(router):
    router.iptables("-N user", "-A user -p udp -j RETURN", "-A user -j DROP")
    router.iptables("-A FORWARD -j user", "-A FORWARD -p udp -j MARK --set-mark 7")
    datagram = router.udp(A, B)
    assert router.pass_hooks(datagram, "eth0", "docker0") and datagram.mark == 7
    assert not router.pass_hooks(router.tcp(A, B, 2), "eth0", "docker0")


def test_goto_does_not_come_back(router):
    router.iptables("-N user", "-A user -p tcp -j ACCEPT", "-A FORWARD -g user", "-A FORWARD -j DROP")
    assert router.pass_hooks(router.udp(A, B), "eth0", "docker0")


@pytest.mark.parametrize(
    ("rule", "matches"),
    [
        ("-i eth0", True), ("-i eth+", True), ("! -i eth0", False), ("-o eth0", False), ("-s 10.0.0.0/8", True), ("! -s 10.0.0.0/8", False),
        ("-d 10.0.0.3", False), ("-p tcp", True), ("-p udp", False), ("! -p udp", True), ("-p tcp --dport 80", True),
        ("-p tcp --dport 81:", False),
        ("-p tcp ! --sport 5000", False), ("-p tcp --syn", True), ("-p tcp --tcp-flags ACK ACK", False), ("-p tcp --tcp-option 2", True),
        ("-p tcp -m multiport --dports 22,80:90", True), ("-p tcp -m multiport ! --ports 5000", False), ("-m mark --mark 0", True),
        ("-m addrtype --src-type LOCAL", False), ("-m conntrack --ctstate NEW,RELATED", True), ("-m conntrack ! --ctstate NEW", False),
        ("-m conntrack --ctproto tcp --ctorigdstport 80 --ctdir ORIGINAL", True), ("-m state --state ESTABLISHED", False),
        ("-m mac --mac-source 02:00:00:00:00:01", False), ("-m comment --comment 'said so'", True), ("-f", False), ("! -f", True),
        ("-m iprange --src-range 10.0.0.1-10.0.0.1", True), ("-m iprange --dst-range 10.0.0.250-10.0.1.0", False),
        ("-m iprange ! --src-range 10.0.0.1-10.0.0.9", False), ("-m iprange --src-range 10.0.0.9-10.0.0.1", False),
        ("-m physdev --physdev-is-bridged", False), ("-m statistic --mode nth --every 1 --packet 0", True),
    ],
)  # fmt: skip
def test_what_a_rule_matches(router, rule, matches):
    router.iptables(f"-A FORWARD {rule} -j DROP")
    syn = router.tcp(A, B, 2, options=b"\x02\x04\x05\xb4")
    assert router.pass_hooks(syn, "eth0", "docker0") is not matches


def test_limit_lets_a_burst_through_and_refills_in_virtual_time(router):
    router.iptables("-A FORWARD -m limit --limit 1/second --limit-burst 3 -j ACCEPT", "-P FORWARD DROP")
    assert [router.pass_hooks(router.udp(A, B), "eth0", "docker0") for _ in range(5)] == [True, True, True, False, False]
    router.wait(2)
    assert [router.pass_hooks(router.udp(A, B), "eth0", "docker0") for _ in range(3)] == [True, True, False]


def test_every_third_packet(router):
    router.iptables("-A FORWARD -m statistic --mode nth --every 3 --packet 1 -j DROP")
    assert [router.pass_hooks(router.udp(A, B), "eth0", "docker0") for _ in range(6)] == [True, False, True, True, False, True]


def test_reject_ends_the_packet_and_asks_for_an_answer(router):
    router.iptables("-A FORWARD -p tcp -j REJECT --reject-with tcp-reset", "-A FORWARD -j REJECT")
    assert not router.pass_hooks(router.tcp(A, B, 2), "eth0", "docker0")
    assert not router.pass_hooks(router.udp(A, B), "eth0", "docker0")
    assert router.rejected == ["tcp-reset", "icmp-port-unreachable"]
    assert router.dropped == [DropReason.NETFILTER] * 2


def test_log_writes_what_the_kernel_writes(router):
    router.iptables("-A FORWARD -j LOG --log-prefix 'seen: ' --log-tcp-sequence")
    router.pass_hooks(router.tcp(A, B, 2, seq=7), "eth0", "docker0")
    packet = "SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=0"
    segment = "PROTO=TCP SPT=5000 DPT=80 SEQ=7 ACK=0 WINDOW=1000 RES=0x00 SYN URGP=0"
    assert [text for _, text in router.netfilter.kernel_log] == [f"seen: IN=eth0 OUT=docker0 MAC= {packet} {segment}"]


def test_trace_logs_each_rule_that_matches(router):
    router.iptables("-t raw -A PREROUTING -p udp -j TRACE", "-N user", "-A FORWARD -j user", "-A user -j ACCEPT")
    router.pass_hooks(router.udp(A, B), "eth0", "docker0")
    router.pass_hooks(router.tcp(A, B, 2), "eth0", "docker0")
    passed = [line.split(" ")[1] for _, line in router.netfilter.kernel_log]
    assert passed == ["raw:PREROUTING:policy:2", "filter:FORWARD:rule:1", "filter:user:rule:1"]


def test_who_watches_is_told_of_rules_states_and_rewrites(router):
    events = []
    router.netfilter.traces.append(events.append)
    router.iptables("-t nat -A POSTROUTING -o eth0 -j MASQUERADE", "-A FORWARD -j ACCEPT")
    router.pass_hooks(router.udp(("172.17.0.2", 5), ("10.0.0.1", 6)), "docker0", "eth0")
    assert [(event.table, event.chain, event.number, event.verdict) for event in events] == [
        ("conntrack", "", 0, "NEW"),
        ("nat", "PREROUTING", 0, "ACCEPT"),
        ("filter", "FORWARD", 1, "ACCEPT"),
        ("nat", "POSTROUTING", 1, "MASQUERADE"),
        ("nat", "", 0, "src 172.17.0.2:5 > 192.168.50.10:5"),
    ]
