"""Docker's embedded DNS server (libnetwork resolver.go, resolver_unix.go, sandbox.go at 20.10).

It serves each namespace with a container on a user-defined network, at 127.0.0.11 in that namespace, on ports of the kernel's choice; rules
in the namespace's nat table lead port 53 there. What it does not know it asks of the host's servers, from the container's namespace; if
none of them answers, neither does it. Not modelled: IPv6 addresses, swarm's services, the limit of 1024 questions at a time.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from emu.docker.resolv_conf import EMBEDDED, Upstream
from emu.engine import Future, Task
from emu.netns.socket import UdpSocket
from emu.packet import dns
from emu.packet.address import Ip, ip

if TYPE_CHECKING:
    from random import Random

    from emu.docker.engine import DockerEngine
    from emu.docker.model import Endpoint
    from emu.docker.sandbox import Sandbox
    from emu.netns.namespace import Netns
    from emu.netns.tcp import TcpListener, TcpSocket

TTL = 600
MOST_UPSTREAMS = 3
UPSTREAM_TIMEOUT = 4.0  # seconds, for all of one server's exchange
FIRST_READ, NEXT_READ = 2.0, 8.0  # seconds that a TCP client may be silent
MOST_TCP = 65534
REVERSE = (dns.REVERSE, ".ip6.arpa")
OUTPUT, POSTROUTING = "DOCKER_OUTPUT", "DOCKER_POSTROUTING"


class EmbeddedServer:
    """The server of one namespace. `ndots`: its resolv.conf had that option, so short names that are not known are not asked elsewhere."""

    def __init__(self, docker: DockerEngine, sandbox: Sandbox, upstreams: list[Upstream], ndots: bool) -> None:
        self.docker = docker
        self.sandbox = sandbox
        self.upstreams = upstreams[:MOST_UPSTREAMS]
        self.ndots = ndots
        netns = self.netns = sandbox.netns
        self._tasks: dict[Task[None], None] = {}
        self.udp = UdpSocket(netns)
        self.udp.bind((EMBEDDED, 0))
        self.tcp: TcpListener = netns.tcp.listen((EMBEDDED, 0), 4096)
        self._open: list[Any] = [self.udp, self.tcp]
        self._add_rules()
        self._spawn(self._serve_udp(), "udp")
        self._spawn(self._serve_tcp(), "tcp")

    @cached_property
    def _random(self) -> Random:
        return self.docker.stream(f"dns {self.netns.name}")

    def _add_rules(self) -> None:
        """Each is inserted at the top."""
        netns = self.netns
        for chain, built_in in ((OUTPUT, "OUTPUT"), (POSTROUTING, "POSTROUTING")):
            netns.iptables(f"-t nat -N {chain}")
            netns.iptables(f"-t nat -I {built_in} -d {EMBEDDED} -j {chain}")
        for protocol, port in (("udp", self.udp.local[1]), ("tcp", self.tcp.local[1])):
            netns.iptables(f"-t nat -I {OUTPUT} -d {EMBEDDED} -p {protocol} --dport {dns.PORT} -j DNAT --to-destination {EMBEDDED}:{port}")
            netns.iptables(f"-t nat -I {POSTROUTING} -s {EMBEDDED} -p {protocol} --sport {port} -j SNAT --to-source :{dns.PORT}")

    def _spawn(self, coroutine: Any, what: str) -> None:
        task = self.netns.engine.spawn(coroutine, f"DNS of {self.netns.name}: {what}")
        self._tasks[task] = None
        task.on_done(lambda: self._tasks.pop(task, None))

    def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        for sock in self._open:
            sock.close()
        self._open.clear()

    # --- a question comes

    async def _serve_udp(self) -> None:
        while True:
            with suppress(OSError):
                wire, peer = await self.udp.recvfrom()
                self._spawn(self._answer_udp(wire, peer), "a question")

    async def _answer_udp(self, wire: bytes, peer: tuple[str, int]) -> None:
        with suppress(OSError):
            answer = await self._answer(wire, "udp")
            if answer is not None:
                self.udp.sendto(answer, peer)

    async def _serve_tcp(self) -> None:
        while True:
            self._spawn(self._answer_tcp(await self.tcp.accept()), "a connection")

    async def _answer_tcp(self, client: TcpSocket) -> None:
        self._open.append(client)
        wait = FIRST_READ
        with suppress(OSError):
            while (wire := await read_message(client, wait)) is not None:
                answer = await self._answer(wire, "tcp")
                if answer is None:
                    break
                await client.send(len(answer).to_bytes(2, "big") + answer)
                wait = NEXT_READ
        client.close()
        if client in self._open:
            self._open.remove(client)

    async def _answer(self, wire: bytes, transport: str) -> bytes | None:
        """ServeDNS: from the networks' names, or else from elsewhere; None is no reply at all."""
        try:
            query = dns.parse(wire)
        except dns.DnsError:
            return None
        if not query.questions:
            return None
        asked = query.questions[0]
        if asked.type == dns.Type.PTR and not asked.name.endswith(REVERSE):
            return None
        reply = self.look_up(query)
        short = "." not in asked.name
        if reply is None and self.ndots and short and asked.type in {dns.Type.A, dns.Type.AAAA}:
            reply = dns.reply(query)
        if reply is None:
            return await self._forward(query, transport)
        return fitted(reply, _room(query) if transport == "udp" else MOST_TCP)

    # --- what the networks know

    def look_up(self, query: dns.Message) -> dns.Message | None:
        """The reply to a question about a container; None if it is about none."""
        asked = query.questions[0]
        if asked.type == dns.Type.PTR:
            name = self.name_of(asked.name.removesuffix(dns.REVERSE))
            records = [dns.Record(asked.name, dns.Type.PTR, TTL, name)] if name else None
        elif asked.type in {dns.Type.A, dns.Type.AAAA, dns.Type.MX}:
            records = self._address_records(asked)
        else:
            records = None
        if records is None:
            return None
        reply = dns.reply(query)
        reply.answers = records
        return reply

    def _address_records(self, asked: dns.Question) -> list[dns.Record] | None:
        """A name that is known has no AAAA and no MX records, rather than being unknown."""
        found = self.addresses(asked.name)
        if found is None or asked.type != dns.Type.A:
            return None if found is None else []
        for place in range(len(found) - 1, 0, -1):
            other = self._random.randrange(place + 1)
            found[place], found[other] = found[other], found[place]
        return [dns.Record(asked.name, dns.Type.A, TTL, each) for each in found]

    def addresses(self, name: str) -> list[Ip] | None:
        """`a.b.c` is itself on any network, then `a.b` on network c, then `a` on network b.c; link aliases before real names."""
        endpoints = self.sandbox.in_order()
        splits = [(name, "")] + [(name[:at], name[at + 1 :]) for at in range(len(name) - 1, -1, -1) if name[at] == "."]
        for wanted, network in splits:
            here = [endpoint for endpoint in endpoints if not network or endpoint.network.name == network]
            for endpoint in here:
                child = dict(endpoint.config.links).get(wanted)
                if child is not None and (found := self._known(endpoint, child)):
                    return found
            for endpoint in here:
                if wanted not in dict(endpoint.config.links) and (found := self._known(endpoint, wanted)):
                    return found
        return None

    @staticmethod
    def _known(endpoint: Endpoint, name: str) -> list[Ip]:
        """The addresses of a name on an endpoint's network."""
        if endpoint.network.predefined:
            return []
        wanted = name.lower()
        members = endpoint.network.members
        return list(dict.fromkeys(member.ip for member in members if member.ip is not None and wanted in map(str.lower, member.names)))

    def name_of(self, reversed_address: str) -> str:
        """`web.app` for `2.0.18.172`; nothing if no network that we are on has that address."""
        try:
            wanted = ip(".".join(reversed(reversed_address.split("."))))
        except ValueError:
            return ""
        for endpoint in self.sandbox.in_order():
            for member in endpoint.network.members:
                if member.ip == wanted and member.names and not endpoint.network.predefined:
                    return f"{member.names[0]}.{endpoint.network.name}"
        return ""

    # --- what others know

    async def _forward(self, query: dns.Message, transport: str) -> bytes | None:
        """Each server in turn, as long as none has a good answer; the last answer that came is passed on."""
        last: bytes | None = None
        wire = dns.build(query)
        for upstream in self.upstreams:
            netns = self.docker.netns if upstream.from_host else self.netns
            try:
                received = await self._within(self._ask(netns, upstream.ip, wire, transport))
                reply = dns.parse(received)
            except (OSError, dns.DnsError):
                continue
            last = received
            if reply.rcode == dns.Rcode.NOERROR or (reply.rcode == dns.Rcode.NXDOMAIN and reply.flags & dns.AUTHORITATIVE):
                break
        return last

    async def _within(self, work: Any) -> bytes:
        """Raises TimeoutError when a server takes too long."""
        done: Future[bytes] = Future(self.netns.engine)

        async def follow() -> None:
            try:
                done.set_result(await work)
            except OSError as wrong:
                done.set_error(wrong)

        task = self.netns.engine.spawn(follow(), f"DNS of {self.netns.name}: upstream")
        timer = self.netns.engine.timeout(done, round(UPSTREAM_TIMEOUT * 1e9))
        try:
            return await done
        finally:
            timer.cancel()
            task.cancel()

    async def _ask(self, netns: Netns, server: str, wire: bytes, transport: str) -> bytes:
        """Raises OSError."""
        if transport == "udp":
            sock = UdpSocket(netns)
            try:
                sock.connect((server, dns.PORT))
                sock.send(wire)
                return await sock.recv()
            finally:
                sock.close()
        connection = await netns.tcp.connect((server, dns.PORT))
        try:
            await connection.send(len(wire).to_bytes(2, "big") + wire)
            return await read_message(connection, UPSTREAM_TIMEOUT) or b""
        finally:
            connection.close()


async def read_message(sock: TcpSocket, wait: float) -> bytes | None:
    """A message over TCP comes after its length; None at the connection's end. Raises OSError."""
    received = b""
    while len(received) < 2 or len(received) < 2 + int.from_bytes(received[:2], "big"):
        more = await sock.recv(timeout=wait)
        if not more:
            return None
        received += more
    return received[2 : 2 + int.from_bytes(received[:2], "big")]


def _room(query: dns.Message) -> int:
    """How long a reply over UDP may be: EDNS0's word, and at least 512 bytes."""
    return max((record.klass for record in query.additional if record.type == dns.Type.OPT), default=dns.MOST_UDP) or dns.MOST_UDP


def fitted(reply: dns.Message, room: int) -> bytes:
    """Without the last answers if all do not fit, and marked so: truncateResp."""
    wire = dns.build(reply)
    while len(wire) > max(room, dns.MOST_UDP) and reply.answers:
        reply.flags |= dns.TRUNCATED
        reply.answers.pop()
        wire = dns.build(reply)
    return wire
