"""busybox wget (networking/wget.c, 1.35) for http. Options: -q -O FILE -T SECONDS. Hosts have this one too, not GNU's.

Not modelled: TLS and ftp, continuing, posting, spider mode, proxies; the progress bar shows its last state only.
"""

from __future__ import annotations

from emu.engine import SECOND
from emu.process import Process, UsageError
from emu.programs.libc.getaddrinfo import resolve
from emu.programs.libc.getopt import getopt
from emu.programs.libc.resolver import UnknownName
from emu.programs.libc.strerror import strerror
from emu.programs.web.fetch import Response, exchange
from emu.programs.web.message import BadMessage, Url, parse_url

TIMEOUT_S = 900
MOST_REDIRECTS = 5
LONG = {"quiet": "q", "output-document": "O", "timeout": "T"}


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "qO:T:", LONG)
    if not options.words:
        raise UsageError("wget: missing URL", 1)
    timeout = options.text("T", str(TIMEOUT_S))
    if not timeout.isdigit():
        raise UsageError(f"wget: invalid number '{timeout}'", 1)
    for text in options.words:
        url = parse_url("wget", text, 1)
        fetched, response = await _follow(process, url, int(timeout) or TIMEOUT_S, "q" in options)
        _save(process, fetched, response, options.text("O"), "q" in options)
    return 0


async def _follow(process: Process, url: Url, timeout: int, quiet: bool) -> tuple[Url, Response]:
    """Raises UsageError for every failure: wget ends there, with status 1."""
    for _ in range(MOST_REDIRECTS):
        response = await _fetch(process, url, timeout, quiet)
        target = response.head.get("location")
        if response.status not in {301, 302, 303, 307, 308} or not target:
            if response.status not in {200, 204, 206}:
                raise UsageError(f"wget: server returned error: {response.head.start}", 1)
            return url, response
        url = parse_url("wget", target, 1) if "://" in target else Url(url.host, url.port, target)
    raise UsageError("wget: too many redirections", 1)


async def _fetch(process: Process, url: Url, timeout: int, quiet: bool) -> Response:
    try:
        address = await resolve(process, url.host)
    except UnknownName:
        raise UsageError(f"wget: bad address '{url.authority}'", 1) from None
    if not quiet:
        process.error(f"Connecting to {url.authority} ({address}:{url.port})")
    deadline_ns = process.engine.now + timeout * SECOND
    try:
        sock = await process.tcp_connect(address, url.port, timeout=timeout)
    except OSError as error:
        if isinstance(error, TimeoutError) and process.engine.now >= deadline_ns:
            raise UsageError("wget: download timed out", 1) from None
        raise UsageError(f"wget: can't connect to remote host ({address}): {strerror(error)}", 1) from None
    request = f"GET {url.path} HTTP/1.1\r\nHost: {url.authority}\r\nUser-Agent: Wget\r\nConnection: close\r\n\r\n"
    try:
        response = await exchange(process, sock, request.encode(), head_only=False, deadline_ns=deadline_ns)
    except TimeoutError:
        raise UsageError("wget: download timed out", 1) from None
    except OSError as error:
        raise UsageError(f"wget: error getting response: {strerror(error)}", 1) from None
    except BadMessage as wrong:
        raise UsageError(f"wget: bad header line: {wrong}", 1) from None
    finally:
        sock.close()
    if response is None:
        raise UsageError("wget: error getting response", 1)
    return response


def _save(process: Process, url: Url, response: Response, target: str, quiet: bool) -> None:
    name = target or url.path.partition("?")[0].rpartition("/")[2] or "index.html"
    path = process.path(name)
    text = response.body.decode("utf-8", "replace")
    if not target and process.place.files.exists(path):
        raise UsageError(f"wget: can't open '{name}': File exists", 1)
    if not quiet:
        process.error("writing to stdout" if name == "-" else f"saving to '{name}'")
    if name == "-":
        process.write(text)
    elif path != "/dev/null":
        process.place.files.write(path, text)
    if response.missing:
        raise UsageError("wget: connection closed prematurely", 1)
    if not quiet:
        process.error(f"{name.rpartition('/')[2]:<20.20} 100% |{'*' * 32}|{_size(len(response.body)):>6}  0:00:00 ETA")
        process.error("written to stdout" if name == "-" else f"'{name}' saved")


def _size(length: int) -> str:
    """As the progress bar shows a number of bytes: five digits, then k and M."""
    for unit in ("", "k", "M", "G"):
        if length < 100_000:
            return f"{length}{unit}"
        length //= 1024
    return f"{length}T"
