"""Serving: accept, read a request, let a program make the answer, write it in the pieces that the program gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from emu.engine import Task
from emu.netns.tcp_listen import TcpListener
from emu.netns.tcp_socket import TcpSocket
from emu.process import Process
from emu.programs.web.message import BadMessage, Head, Reader


@dataclass(frozen=True)
class Request:
    """`head` is what came; method and path are empty for what is not HTTP. `connection` counts from 1."""

    method: str
    path: str
    keep_alive: bool
    peer: tuple[str, int]
    connection: int
    head: Head = field(default_factory=lambda: Head(""))

    @property
    def line(self) -> str:
        return self.head.start

    def get(self, name: str) -> str:
        return self.head.get(name)


@dataclass(frozen=True)
class Answer:
    """`writes`: each given to one send(2), so that small ones make segments of their own."""

    writes: tuple[bytes, ...]
    close: bool


Respond = Callable[[Request], Answer]


async def serve(process: Process, listener: TcpListener, respond: Respond) -> int:
    """Never returns: the program ends by being killed, and its connections with it."""
    tasks: set[Task[None]] = set()

    def end() -> None:
        for task in list(tasks):
            task.cancel()

    process.at_exit(end)
    for number in count(1):
        sock = await listener.accept()
        task = process.engine.spawn(_connection(sock, number, respond), f"{process.place.name}$ {process.argv[0]} connection")
        tasks.add(task)
        task.on_done(lambda task=task: tasks.discard(task))  # type: ignore[misc]
    return 0


async def _connection(sock: TcpSocket, number: int, respond: Respond) -> None:
    try:
        reader = Reader(sock.recv)
        while True:
            request = await _request(reader, sock, number)
            if request is None:
                return
            answer = respond(request)
            for data in answer.writes:
                await sock.send(data)
            if answer.close:
                return
    except OSError:
        return  # the peer is gone
    finally:
        sock.close()


async def _request(reader: Reader, sock: TcpSocket, number: int) -> Request | None:
    """The next request, its body read and forgotten; None at the end of the stream."""
    try:
        head = await reader.head()
        if head is None:
            return None
        words = head.start.split(" ")
        length = head.get("content-length", "0")
        if len(words) == 3 and length.isdigit():
            await reader.exactly(int(length))
            keep = words[2] == "HTTP/1.1" and head.get("connection").lower() != "close"
            return Request(words[0], words[1].partition("?")[0], keep, sock.peer, number, head)
    except BadMessage:
        pass
    return Request("", "", False, sock.peer, number)
