"""HTTP/1.1 messages as bytes (RFC 9112). Not modelled: trailers, pipelining, other versions, TLS."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from emu.process import UsageError

END = b"\r\n\r\n"
LARGEST_HEAD = 65536

REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 404: "Not Found", 405: "Not Allowed", 501: "Not Implemented"}


class BadMessage(Exception):
    """Not HTTP, or cut short."""


@dataclass
class Head:
    """A start line and its fields, in order; `text` is how they came."""

    start: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    text: str = ""

    def get(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.fields if key.lower() == name.lower()), default)

    @property
    def status(self) -> int:
        """Of a response. Raises BadMessage."""
        words = self.start.split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
            raise BadMessage(self.start)
        return int(words[1])


@dataclass(frozen=True)
class Url:
    """`http://host:port/path?query`."""

    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What stands in the Host field."""
        return self.host if self.port == 80 else f"{self.host}:{self.port}"


def parse_url(program: str, text: str, status: int) -> Url:
    """Raises UsageError for what is not http."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "http", text
    if scheme.lower() != "http":
        raise UsageError(f"{program}: '{scheme}' is not modelled (http is)", status)
    rest = rest.partition("#")[0]
    cut = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
    authority, path = rest[:cut].rpartition("@")[2], rest[cut:]
    host, colon, port = authority.partition(":")
    if not host or (colon and not (port.isdigit() and 0 < int(port) < 65536)):
        raise UsageError(f"{program}: '{text}' is not a URL", status)
    return Url(host, int(port) if colon else 80, path if path.startswith("/") else f"/{path}")


def parse_head(raw: bytes) -> Head:
    """Raises BadMessage."""
    lines = raw.decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in lines[1:] if line]
    if not lines[0] or any(not colon for _, colon, _ in pairs):
        raise BadMessage(lines[0])
    return Head(lines[0], [(name.strip(), value.strip()) for name, _, value in pairs], raw.decode("latin-1") + "\r\n\r\n")


Receive = Callable[[], Awaitable[bytes]]


class Reader:
    """Messages from a stream; `receive` gives its next bytes, b"" at its end. `seen` counts them all."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._buffer = b""
        self.seen = 0

    async def _more(self) -> bool:
        data = await self._receive()
        self.seen += len(data)
        self._buffer += data
        return bool(data)

    async def head(self) -> Head | None:
        """The next head; None if the stream has ended before it. Raises BadMessage."""
        while END not in self._buffer:
            if len(self._buffer) > LARGEST_HEAD:
                raise BadMessage("head too long")
            if not await self._more():
                if self._buffer:
                    raise BadMessage("cut short")
                return None
        raw, _, self._buffer = self._buffer.partition(END)
        return parse_head(raw)

    async def exactly(self, length: int) -> bytes:
        """`length` bytes, fewer at the stream's end."""
        while len(self._buffer) < length and await self._more():
            pass
        data, self._buffer = self._buffer[:length], self._buffer[length:]
        return data

    async def rest(self) -> bytes:
        while await self._more():
            pass
        data, self._buffer = self._buffer, b""
        return data

    async def line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if not await self._more():
                raise BadMessage("cut short")
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    async def chunks(self) -> bytes:
        """A body in chunks. Raises BadMessage."""
        body = b""
        while True:
            size = (await self.line()).partition(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                raise BadMessage("bad chunk") from None
            body += await self.exactly(length)
            await self.line()
            if not length:
                return body
