"""nc(1): TCP and UDP by hand. On hosts OpenBSD's words, in containers with busybox busybox's. Options: -l -u -p -w -z -v -k -N -n -4.

Not modelled: -e, proxies, Unix sockets, ports in a random order (-r).
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from emu.netns.socket import UdpSocket
from emu.netns.tcp_socket import TcpSocket
from emu.process import Process, UsageError
from emu.programs.libc.getaddrinfo import resolve
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import UnknownName
from emu.programs.libc.strerror import strerror
from emu.programs.libc.userland import has_busybox

SERVICES = {
    20: "ftp-data",
    21: "ftp",
    22: "ssh",
    23: "telnet",
    25: "smtp",
    53: "domain",
    80: "http",
    443: "https",
    3306: "mysql",
    8080: "http-alt",
}


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "lup:w:zvkNn4")
    return await _Nc(process, options).run()


class _Nc:
    def __init__(self, process: Process, options: Options) -> None:
        self.process = process
        self.options = options
        self.busybox = has_busybox(process.place)
        self.protocol = "udp" if "u" in options else "tcp"
        wait = options.text("w", "0")
        if not wait.isdigit():
            raise UsageError(f"nc: timeout invalid: {wait}", 1)
        self.timeout = float(wait) or None

    async def run(self) -> int:
        words, options = self.options.words, self.options
        if "l" in options:
            port = _port(options.text("p") or (words[-1] if words else ""))
            address = words[0] if len(words) == 2 or (words and "p" in options) else "0.0.0.0"
            return await (self._serve_udp(address, port) if self.protocol == "udp" else self._serve(address, port))
        if len(words) != 2:
            raise UsageError("usage: nc [-lukzvNn] [-p PORT] [-w SECONDS] HOST PORT", 1)
        try:
            address = await resolve(self.process, words[0], ipv4_only="4" in options)
        except UnknownName as unknown:
            text = f"nc: bad address '{words[0]}'" if self.busybox else f'nc: getaddrinfo for host "{words[0]}" port {words[1]}: {unknown}'
            raise UsageError(text, 1) from None
        work = self._send_udp if self.protocol == "udp" else self._connect
        statuses = [await work(words[0], address, port) for port in self._ports(words[1])]
        return min(statuses)  # one that succeeded is enough

    def _ports(self, text: str) -> list[int]:
        """build_ports: a port or, but for busybox, a range of them, either way round."""
        first, dash, last = text.partition("-")
        if dash and self.busybox:
            raise UsageError(f"nc: bad port '{text}'", 1)
        low, high = sorted((_port(first), _port(last if dash else first)))
        return list(range(low, high + 1))

    def _note(self, text: str) -> None:
        if "v" in self.options:
            self.process.error(text)

    # --- TCP

    async def _connect(self, host: str, address: str, port: int) -> int:
        local = _port(self.options.text("p")) if "p" in self.options else 0
        try:
            sock = await self.process.tcp_connect(address, port, timeout=self.timeout, local_port=local)
        except OSError as error:
            timed_out = isinstance(error, TimeoutError)
            if self.busybox:
                raise UsageError(
                    "nc: timed out" if timed_out else f"nc: can't connect to remote host ({address}): {strerror(error)}", 1
                ) from None
            self._note(f"nc: connect to {host} port {port} (tcp) failed: {'Operation now in progress' if timed_out else strerror(error)}")
            return 1
        named = f"{host} ({address})" if host != address else host
        self._note(f"Connection to {named} {port} port [tcp/{SERVICES.get(port, '*')}] succeeded!")
        if "z" not in self.options:
            await self._talk(sock)
        sock.close()
        return 0

    async def _serve(self, address: str, port: int) -> int:
        try:
            listener = self.process.tcp_listen(address, port, 1)
        except (OSError, ValueError) as error:
            raise UsageError(f"nc: {strerror(error) if isinstance(error, OSError) else error}", 1) from None
        self._note(f"Listening on {address} {port}")
        while True:
            sock = await listener.accept()
            self.process.keep(sock)
            if "k" not in self.options:
                listener.close()
            self._note(f"Connection received on {sock.peer[0]} {sock.peer[1]}")
            await self._talk(sock)
            sock.close()
            if "k" not in self.options:
                return 0

    async def _talk(self, sock: TcpSocket) -> None:
        """Standard input out, what comes in to standard output, until the other side ends."""
        self._spawn(self._send_input(sock))
        try:
            while data := await sock.recv(timeout=None if self.busybox else self.timeout):
                self.process.write(data.decode("utf-8", "replace"))
        except OSError:
            return  # reset, or silent for as long as -w allows

    async def _send_input(self, sock: TcpSocket) -> None:
        try:
            while text := await self.process.stdin.read_some():
                await sock.send(text.encode())
            if self.busybox or "N" in self.options:
                sock.shutdown()
        except OSError:
            return  # who receives finds out the same

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self.process.engine.spawn(coroutine, f"{self.process.place.name}$ nc <")
        self.process.at_exit(task.cancel)

    # --- UDP

    async def _send_udp(self, host: str, address: str, port: int) -> int:
        if "z" in self.options:
            raise UsageError("nc: '-z' with '-u' is not modelled", 1)
        sock = self.process.udp_socket()
        try:
            sock.bind(("0.0.0.0", _port(self.options.text("p")) if "p" in self.options else 0))
            sock.connect((address, port))
        except OSError as error:
            raise UsageError(f"nc: {strerror(error)}", 1) from None
        self._spawn(self._send_datagrams(sock, (address, port)))
        return await self._listen_udp(sock)

    async def _send_datagrams(self, sock: UdpSocket, peer: tuple[str, int]) -> None:
        try:
            while text := await self.process.stdin.read_some():
                sock.sendto(text.encode(), peer)
        except OSError:
            return  # who receives finds out the same

    async def _serve_udp(self, address: str, port: int) -> int:
        sock = self.process.udp_socket()
        try:
            sock.bind((address, port))
        except (OSError, ValueError) as error:
            raise UsageError(f"nc: {strerror(error) if isinstance(error, OSError) else error}", 1) from None
        data, peer = await sock.recvfrom()
        self._note(f"Connection received on {peer[0]} {peer[1]}")
        self.process.write(data.decode("utf-8", "replace"))
        if "k" not in self.options:
            sock.connect(peer)
        self._spawn(self._send_datagrams(sock, peer))
        return await self._listen_udp(sock)

    async def _listen_udp(self, sock: UdpSocket) -> int:
        try:
            while True:
                self.process.write((await sock.recv(timeout=self.timeout)).decode("utf-8", "replace"))
        except TimeoutError:
            return 0
        except OSError as error:
            if self.busybox:
                raise UsageError(f"nc: {strerror(error)}", 1) from None
            return 1


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise UsageError(f"nc: port number invalid: {text}" if text else "nc: missing port number", 1)
    return int(text)
