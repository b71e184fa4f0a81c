"""telnet(1) as people use it, to see whether a port answers: Debian's (netkit 0.17) on hosts, busybox's (1.35) in its containers.

What is typed goes out line by line, what comes in is shown. Not modelled: the options of the protocol, the escape character's commands.
"""

from __future__ import annotations

from emu.netns.tcp_socket import TcpSocket
from emu.process import Process, UsageError
from emu.programs.libc.getaddrinfo import resolve
from emu.programs.libc.getopt import getopt
from emu.programs.libc.resolver import UnknownName
from emu.programs.libc.services import service_port
from emu.programs.libc.strerror import strerror
from emu.programs.libc.userland import has_busybox

TELNET = 23
CLOSED = "Connection closed by foreign host"


async def main(process: Process, argv: list[str]) -> int:
    busybox = has_busybox(process.place)
    options = getopt(argv, "4")
    if not 1 <= len(options.words) <= 2:
        raise UsageError("Usage: telnet [-a] [-l USER] HOST [PORT]" if busybox else "telnet: interactive use is not modelled", 1)
    name, port_text = options.words[0], (options.words[1:] or [str(TELNET)])[0]
    port = int(port_text) if port_text.isdigit() else service_port("tcp", port_text)
    if port is None or not 0 < port < 65536:
        raise UsageError(f"telnet: bad port '{port_text}'", 1)
    try:
        address = await resolve(process, name)
    except UnknownName as unknown:
        raise UsageError(
            f"telnet: bad address '{name}'" if busybox else f"Server lookup failure:  {name}:{port_text}, {unknown}", 1
        ) from None
    if not busybox:
        process.print(f"Trying {address}...")
    try:
        sock = await process.tcp_connect(address, port)
    except OSError as error:
        text = f"can't connect to remote host ({address})" if busybox else "Unable to connect to remote host"
        raise UsageError(f"telnet: {text}: {strerror(error)}", 1) from None
    process.print(f"Connected to {name}" if busybox else f"Connected to {name}.\nEscape character is '^]'.")
    return await _talk(process, sock, busybox=busybox)


async def _talk(process: Process, sock: TcpSocket, *, busybox: bool) -> int:
    """Until either side ends: busybox says so when it is the other, Debian's telnet in both cases."""
    typing = process.engine.spawn(_send(process, sock), f"{process.place.name}$ telnet <")
    process.at_exit(typing.cancel)
    try:
        while data := await sock.recv():
            process.write(data.decode("utf-8", "replace").replace("\r\n", "\r\n" if busybox else "\n"))
    except OSError:
        pass  # reset, or closed by what was typed
    own = typing.done
    if not busybox or not own:
        process.error(f"{CLOSED}\r" if busybox else f"{CLOSED}.")
    return int(not own)


async def _send(process: Process, sock: TcpSocket) -> None:
    try:
        while text := await process.stdin.read_some():
            await sock.send(text.encode() if has_busybox(process.place) else text.replace("\n", "\r\n").encode())
        sock.shutdown()
    except OSError:
        return  # who receives finds out the same
