"""Docker's own DNS server, asked as programs ask it; what it answers is what the recordings of Docker 20.10 show."""

from __future__ import annotations

import pytest

from emu.docker.dns import fitted
from emu.netdev.device import Direction
from emu.netns.socket import UdpSocket
from emu.packet import dns
from emu.packet.address import ip
from tests.docker.conftest import DATA, DockerHost

BUSYBOX = "Server:\t\t127.0.0.11\nAddress:\t127.0.0.11:53\n\n"


@pytest.fixture
def app(docker: DockerHost) -> DockerHost:
    """web (172.18.0.2), web2 and box on network app."""
    docker.runs(
        "docker network create app",
        "docker run -d --name web --network app --network-alias www --network-alias pool bb sleep 100000",
        "docker run -d --name web2 --network app --network-alias pool bb sleep 100000",
        "docker run -d --name box --network app bb sleep 100000",
    )
    return docker


def ask(docker: DockerHost, name: str, kind: int = dns.Type.A, container: str = "box", transport: str = "udp") -> dns.Message | None:
    """The reply to one question; None if none comes within 20 seconds."""
    place = docker.docker.find(container).place
    assert place is not None
    query = dns.build(dns.query(7, name, kind))

    async def exchange() -> bytes:
        if transport == "tcp":
            connection = await place.netns.tcp.connect(("127.0.0.11", 53))
            await connection.send(len(query).to_bytes(2, "big") + query)
            return (await connection.recv(timeout=20.0))[2:]
        sock = UdpSocket(place.netns)
        sock.connect(("127.0.0.11", 53))
        sock.send(query)
        return await sock.recv(timeout=20.0)

    task = docker.engine.spawn(exchange())
    task.on_done(lambda: None)
    docker.engine.run(until=task)
    try:
        return dns.parse(task.result())
    except TimeoutError:
        return None


def addresses(docker: DockerHost, name: str, container: str = "box") -> list[bytes | str] | None:
    reply = ask(docker, name, container=container)
    return None if reply is None else [record.data for record in reply.answers]


@pytest.mark.parametrize("name", ["web", "www", "WEB", "web.app", "www.app"])
def test_names_and_aliases_are_answered_with_a_ttl_of_600(app: DockerHost, name: str) -> None:
    reply = ask(app, name)
    assert reply is not None
    assert reply.flags == 0x8180
    assert reply.answers == [dns.Record(name, dns.Type.A, 600, ip("172.18.0.2"))]


def test_short_id_and_host_name_are_names_too(app: DockerHost) -> None:
    app.runs("docker run -d --name named --hostname other --network app bb sleep 1000")
    assert addresses(app, app.docker.find("web").short_id) == [ip("172.18.0.2")]
    assert addresses(app, "other") == addresses(app, "named") == [ip("172.18.0.5")]


def test_a_shared_alias_gives_all_addresses_in_changing_order(app: DockerHost) -> None:
    orders = [addresses(app, "pool") for _ in range(20)]
    assert {tuple(order or ()) for order in orders} == {(ip("172.18.0.2"), ip("172.18.0.3")), (ip("172.18.0.3"), ip("172.18.0.2"))}


@pytest.mark.parametrize("kind", [dns.Type.AAAA, dns.Type.MX])
def test_a_known_name_has_no_records_of_other_types(app: DockerHost, kind: int) -> None:
    reply = ask(app, "web", kind)
    assert reply is not None
    assert (reply.rcode, reply.answers) == (0, [])


def test_the_name_of_an_address_ends_in_its_network(app: DockerHost) -> None:
    reply = ask(app, "2.0.18.172.in-addr.arpa", dns.Type.PTR)
    assert reply is not None
    assert [record.data for record in reply.answers] == ["web.app"]


def test_a_name_that_the_engine_chose_is_none(app: DockerHost) -> None:
    app.runs("docker run -d --network app --network-alias nameless bb sleep 1000")
    container = next(each for each in app.docker.containers.values() if each.anonymous)
    assert addresses(app, "nameless") == [ip("172.18.0.5")]
    assert addresses(app, container.name) is None
    reply = ask(app, "5.0.18.172.in-addr.arpa", dns.Type.PTR)
    assert reply is not None
    assert reply.answers[0].data == "nameless.app"


def test_names_come_and_go_with_their_containers(app: DockerHost) -> None:
    app.runs("docker stop -t 0 web", "docker network disconnect app web2")
    assert addresses(app, "web") is None
    assert addresses(app, "pool") is None
    app.runs("docker start web")
    assert addresses(app, "web") == [ip("172.18.0.2")]


def test_networks_are_asked_in_the_order_of_their_names(app: DockerHost) -> None:
    app.runs(
        "docker network create aaa",
        "docker run -d --name there --network aaa --network-alias www bb sleep 1000",
        "docker network connect aaa box",
    )
    assert addresses(app, "www") == [ip("172.19.0.2")]
    assert addresses(app, "www.app") == [ip("172.18.0.2")]


def test_a_link_is_a_name_for_one_container_alone(app: DockerHost) -> None:
    app.runs("docker run -d --name linked --network app --link web:backend bb sleep 1000")
    assert addresses(app, "backend", "linked") == [ip("172.18.0.2")]
    assert addresses(app, "backend", "box") is None


def test_tcp_is_answered_too(app: DockerHost) -> None:
    reply = ask(app, "web", transport="tcp")
    assert reply is not None
    assert reply.answers[0].data == ip("172.18.0.2")


def test_what_does_not_fit_is_truncated() -> None:
    reply = dns.reply(dns.query(1, "pool", dns.Type.A))
    reply.answers = [dns.Record("pool", dns.Type.A, 600, bytes([10, 0, 0, number])) for number in range(60)]
    cut = dns.parse(fitted(reply, 512))
    assert cut.truncated
    assert len(cut.answers) == (512 - 12 - 10) // 20


def test_an_unknown_name_is_asked_from_the_container_and_silence_stays_silence(app: DockerHost) -> None:
    seen: list[str] = []
    place = app.docker.find("box").place
    assert place is not None
    place.netns.device("eth0").taps.append(lambda _, way, frame: seen.append(frame.packet.summary()) if way is Direction.TX else None)
    assert addresses(app, "nosuch") is None
    assert [line for line in seen if "192.168.50.1:domain" in line or "DNS Qry" in line]


def test_the_next_server_is_asked_when_the_first_does_not_know(app: DockerHost) -> None:
    app.host.place.files.write("/empty", "")
    app.host.place.files.write("/zone", "printer.lan A 192.168.50.20\n")
    first, second = (app.host.place.start(["tiny-dns", *words]) for words in (["172.18.0.1", "/empty"], ["192.168.50.10", "/zone"]))
    app.runs("docker run -d --name asker --network app --dns 172.18.0.1 --dns 192.168.50.10 bb sleep 1000")
    assert addresses(app, "printer.lan", "asker") == [ip("192.168.50.20")]
    assert [process.stdout.count("printer.lan type 1 from") for process in (first, second)] == [1, 1]
    assert ask(app, "nosuch", container="asker").rcode == dns.Rcode.NXDOMAIN  # type: ignore[union-attr]


def test_short_names_stay_inside_where_the_user_has_set_ndots(app: DockerHost) -> None:
    app.host.place.files.write("/zone", "printer.lan A 192.168.50.20\n")
    process = app.host.place.start(["tiny-dns", "192.168.50.10", "/zone"])
    app.runs("docker run -d --name asker --network app --dns 192.168.50.10 --dns-opt ndots:1 bb sleep 1000")
    reply = ask(app, "nosuch", container="asker")
    assert reply is not None
    assert (reply.rcode, reply.answers, process.stdout) == (dns.Rcode.NOERROR, [], "")
    assert addresses(app, "printer.lan", "asker") == [ip("192.168.50.20")]


def test_the_rules_lead_port_53_to_the_servers_own_ports(app: DockerHost) -> None:
    container = app.docker.find("box")
    assert container.sandbox is not None
    server = container.sandbox.dns
    assert server is not None
    recorded = (DATA.parent.parent / "netfilter/data/user-network-dns-box.iptables-save").read_text()
    expected = recorded.replace("39669", str(server.tcp.local[1])).replace("33298", str(server.udp.local[1]))
    assert container.sandbox.netns.netfilter.save(None, counters=False) == expected


def test_the_default_bridge_has_no_server(docker: DockerHost) -> None:
    docker.runs("docker run -d --name box bb sleep 1000")
    assert docker.out("cat /etc/resolv.conf", "box") == "nameserver 192.168.50.1"
    sandbox = docker.docker.find("box").sandbox
    assert sandbox is not None
    assert sandbox.dns is None


def test_the_server_stays_after_the_last_user_defined_network(app: DockerHost) -> None:
    app.runs("docker network connect bridge box", "docker network disconnect app box")
    assert app.out("cat /etc/resolv.conf", "box") == "nameserver 127.0.0.11\noptions ndots:0"


def test_nslookup_in_a_container_prints_what_busybox_prints(app: DockerHost) -> None:
    known = "Non-authoritative answer:\nName:\tweb\nAddress: 172.18.0.2\n\n"
    assert app.run("nslookup web", "box").output == f"{BUSYBOX}{known}Non-authoritative answer:\n\n"
    assert app.run("nslookup 172.18.0.2", "box").output == (
        f"{BUSYBOX}Non-authoritative answer:\n2.0.18.172.in-addr.arpa\tname = web.app\n\n"
    )
    began = app.engine.now
    failed = app.run("nslookup -type=a nosuch", "box")
    assert (failed.exit_status, failed.output) == (1, ";; connection timed out; no servers could be reached\n\n")
    assert app.engine.now - began == 5_000_000_000
