"""How programs find addresses: /etc/hosts, the search list, questions by UDP; and the programs that ask name servers."""

from __future__ import annotations

import pytest
from scapy.layers.dns import DNS
from scapy.layers.inet import ICMP

from tests.programs.machines import Machines

ZONE = """web.lan A 10.5.0.2
two.lan A 10.5.0.77
two.lan.lan A 10.5.0.78
www.lan CNAME web.lan
2.0.5.10.in-addr.arpa PTR web.lan
"""


@pytest.fixture
def machines() -> Machines:
    """`b` serves ZONE, and `a` asks it; `lan` completes short names."""
    both = Machines()
    both.hosts["b"].place.files.write("/zone", ZONE)
    both.hosts["a"].place.files.write("/etc/resolv.conf", "search lan\nnameserver 10.5.0.2\n")
    both.start("b", "tiny-dns 10.5.0.2 /zone")
    return both


def asked(machines: Machines) -> list[tuple[str, int]]:
    """Names and types of the questions on the wire."""
    questions = [packet[DNS] for packet in machines.wire.packets if DNS in packet and ICMP not in packet and not packet[DNS].qr]
    return [(question.qd[0].qname.decode(), question.qd[0].qtype) for question in questions]


def test_a_short_name_is_completed_first_and_asked_for_in_both_families(machines: Machines) -> None:
    assert "PING web (10.5.0.2)" in machines.output("a", "ping -c 1 web")
    assert asked(machines)[:2] == [("web.lan.", 1), ("web.lan.", 28)]


def test_a_name_with_a_dot_is_asked_for_as_it_is_first(machines: Machines) -> None:
    assert "PING two.lan (10.5.0.77)" in machines.run("a", "ping -c 1 -w 1 two.lan").output
    assert machines.run("a", "ping -c 1 x.y").output == "ping: x.y: Name or service not known\n"
    assert [name for name, kind in asked(machines) if kind == 1 and name.startswith("x")] == ["x.y.", "x.y.lan."]


def test_ndots_says_how_many_dots_make_a_name_whole(machines: Machines) -> None:
    machines.hosts["a"].place.files.write("/etc/resolv.conf", "search lan\nnameserver 10.5.0.2\noptions ndots:2\n")
    assert "PING two.lan (10.5.0.78)" in machines.run("a", "ping -c 1 -w 1 two.lan").output


def test_the_hosts_file_comes_first(machines: Machines) -> None:
    machines.hosts["a"].place.files.write("/etc/hosts", "10.5.0.2 web\n")
    machines.output("a", "ping -c 1 web")
    assert asked(machines) == []


def test_ping_asks_once_for_the_name_of_who_answers(machines: Machines) -> None:
    assert "64 bytes from web.lan (10.5.0.2): icmp_seq=2" in machines.output("a", "ping -c 2 web")
    assert [kind for _, kind in asked(machines)] == [1, 28, 12]


def test_a_server_that_is_silent_is_asked_twice_for_five_seconds(machines: Machines) -> None:
    machines.hosts["a"].place.files.write("/etc/resolv.conf", "nameserver 10.5.0.2\n")
    machines.hosts["b"].netns.iptables("-A INPUT -p udp --dport 53 -j DROP")
    process = machines.run("a", "curl http://web.lan/")
    assert (process.exit_status, process.stderr) == (6, "curl: (6) Could not resolve host: web.lan\n")
    assert machines.engine.now == 10_000_000_000
    assert asked(machines) == [("web.lan.", 1), ("web.lan.", 28)] * 2


def test_curl_gives_up_a_name_at_its_own_limit(machines: Machines) -> None:
    machines.hosts["b"].netns.iptables("-A INPUT -p udp --dport 53 -j DROP")
    process = machines.run("a", "curl -m 2 http://web.lan/")
    assert (process.exit_status, process.stderr) == (28, "curl: (28) Resolving timed out after 2000 milliseconds\n")


def test_where_nobody_listens_the_refusal_is_immediate() -> None:
    machines = Machines()
    machines.hosts["a"].place.files.write("/etc/resolv.conf", "search lan\nnameserver 10.5.0.2\n")
    assert machines.refusal("a", "ping -c 1 web") == (2, "ping: web: Temporary failure in name resolution\n")
    assert machines.engine.now < 1_000_000_000
    assert len(asked(machines)) == 4  # two attempts, no other domain


def test_of_several_addresses_the_one_most_like_our_own_is_used(machines: Machines) -> None:
    assert machines.output("a", "getent ahosts web.lan").splitlines() == [
        "10.5.0.2        STREAM web.lan",
        "10.5.0.2        DGRAM  ",
        "10.5.0.2        RAW    ",
    ]


def test_dig_prints_what_dig_prints(machines: Machines) -> None:
    text = machines.output("a", "dig web.lan")
    identifier = text.partition("id: ")[2].partition("\n")[0]
    assert text == (
        "\n; <<>> DiG 9.18.49-1~deb12u3-Debian <<>> web.lan\n"
        ";; global options: +cmd\n"
        ";; Got answer:\n"
        f";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: {identifier}\n"
        ";; flags: qr rd ra; QUERY: 1, ANSWER: 1, AUTHORITY: 0, ADDITIONAL: 0\n\n"
        ";; QUESTION SECTION:\n;web.lan.\t\t\tIN\tA\n\n"
        ";; ANSWER SECTION:\nweb.lan.\t\t300\tIN\tA\t10.5.0.2\n\n"
        ";; Query time: 0 msec\n;; SERVER: 10.5.0.2#53(10.5.0.2) (UDP)\n"
        ";; WHEN: Wed Jan 01 00:00:00 UTC 2020\n;; MSG SIZE  rcvd: 41\n\n"
    )
    assert machines.output("a", "dig +short www.lan") == "web.lan.\n"
    assert machines.output("a", "dig +short -x 10.5.0.2 @10.5.0.2") == "web.lan.\n"
    assert machines.output("a", "dig +noall +answer web.lan A") == "web.lan.\t\t300\tIN\tA\t10.5.0.2\n"
    assert machines.refusal("a", "dig +trace web.lan") == (1, "dig: '+trace' is not modelled\n")
    gone = machines.run("a", "dig @10.5.0.1 web.lan")
    assert (gone.exit_status, gone.output) == (
        9,
        ";; communications error to 10.5.0.1#53: connection refused\n" * 3
        + "\n; <<>> DiG 9.18.49-1~deb12u3-Debian <<>> @10.5.0.1 web.lan\n"
        + "; (1 server found)\n;; global options: +cmd\n;; no servers could be reached\n",
    )


def test_host_prints_what_host_prints(machines: Machines) -> None:
    assert machines.output("a", "host web") == "web.lan has address 10.5.0.2\n"
    assert machines.output("a", "host 10.5.0.2") == "2.0.5.10.in-addr.arpa domain name pointer web.lan.\n"
    assert machines.output("a", "host -t aaaa web.lan") == "web.lan has no AAAA record\n"
    missing = machines.run("a", "host nosuch 10.5.0.2")
    assert (missing.exit_status, missing.output) == (
        1,
        "Using domain server:\nName: 10.5.0.2\nAddress: 10.5.0.2#53\nAliases: \n\nHost nosuch not found: 3(NXDOMAIN)\n",
    )


def test_nslookup_on_a_host_prints_what_binds_prints(machines: Machines) -> None:
    head = "Server:\t\t10.5.0.2\nAddress:\t10.5.0.2#53\n\n"
    assert machines.output("a", "nslookup web") == f"{head}Non-authoritative answer:\nName:\tweb.lan\nAddress: 10.5.0.2\n\n"
    assert machines.output("a", "nslookup 10.5.0.2") == (
        "2.0.5.10.in-addr.arpa\tname = web.lan.\n\nAuthoritative answers can be found from:\n\n"
    )
    missing = machines.run("a", "nslookup nosuch")
    assert (missing.exit_status, missing.output) == (1, f"{head}** server can't find nosuch: NXDOMAIN\n\n")


def test_getent_prints_addresses_with_names(machines: Machines) -> None:
    assert machines.output("a", "getent hosts web") == "10.5.0.2        web.lan web\n"
    assert machines.output("a", "getent hosts 10.5.0.2") == "10.5.0.2        web.lan\n"
    assert machines.run("a", "getent hosts nosuch").exit_status == 2


def test_dns_ask_shows_code_and_address(machines: Machines) -> None:
    assert machines.output("a", "dns-ask 10.5.0.2 web.lan") == "rcode 0 10.5.0.2\n"
    assert machines.output("a", "dns-ask 10.5.0.2 nosuch") == "rcode 3 \n"
    assert machines.run("a", "dns-ask 10.5.0.1 web.lan").output == "Connection refused\n"


def test_the_small_name_server_knows_what_its_zone_says_and_nothing_else(machines: Machines) -> None:
    assert machines.run("b", "tiny-dns 10.5.0.2").exit_status == 2
    assert "NXDOMAIN" in machines.run("a", "nslookup gw.lan 10.5.0.2").stdout
