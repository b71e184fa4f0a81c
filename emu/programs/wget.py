"""busybox wget (networking/wget.c, 1.35) for http. Options: -q -O -T -S -U --spider --header --post-data --no-check-certificate -Y.

Hosts have this one too, not GNU's. Not modelled: TLS and ftp, continuing, proxies; the progress bar shows its last state only.
"""

from __future__ import annotations

from emu.engine import SECOND
from emu.process import Process, UsageError
from emu.programs.libc.getaddrinfo import resolve
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import UnknownName
from emu.programs.libc.strerror import strerror
from emu.programs.web.fetch import Response, exchange
from emu.programs.web.message import BadMessage, Url, parse_url

TIMEOUT_S = 900
MOST_REDIRECTS = 5
LONG = {
    "quiet": "q", "output-document": "O", "timeout": "T", "server-response": "S", "user-agent": "U", "proxy": "Y", "spider": "spider",
    "header": "header:", "post-data": "post-data:", "no-check-certificate": "no-check-certificate",
}  # fmt: skip


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "qO:T:SU:Y:", LONG)
    if not options.words:
        raise UsageError("wget: missing URL", 1)
    timeout = options.text("T", str(TIMEOUT_S))
    if not timeout.isdigit():
        raise UsageError(f"wget: invalid number '{timeout}'", 1)
    for text in options.words:
        url = parse_url("wget", text, 1)
        fetched, response = await _follow(process, url, int(timeout) or TIMEOUT_S, options)
        if "spider" not in options:
            _save(process, fetched, response, options.text("O"), "q" in options)
        elif "q" not in options:
            process.error("remote file exists")
    return 0


async def _follow(process: Process, url: Url, timeout: int, options: Options) -> tuple[Url, Response]:
    """Raises UsageError for every failure: wget ends there, with status 1."""
    for _ in range(MOST_REDIRECTS):
        response = await _fetch(process, url, timeout, options)
        target = response.head.get("location")
        if response.status not in {301, 302, 303, 307, 308} or not target:
            if response.status not in {200, 204, 206}:
                raise UsageError(f"wget: server returned error: {response.head.start}", 1)
            return url, response
        url = parse_url("wget", target, 1) if "://" in target else Url(url.host, url.port, target)
    raise UsageError("wget: too many redirections", 1)


async def _fetch(process: Process, url: Url, timeout: int, options: Options) -> Response:
    try:
        address = await resolve(process, url.host)
    except UnknownName:
        raise UsageError(f"wget: bad address '{url.authority}'", 1) from None
    if "q" not in options:
        process.error(f"Connecting to {url.authority} ({address}:{url.port})")
    deadline_ns = process.engine.now + timeout * SECOND
    try:
        sock = await process.tcp_connect(address, url.port, timeout=timeout)
    except OSError as error:
        if isinstance(error, TimeoutError) and process.engine.now >= deadline_ns:
            raise UsageError("wget: download timed out", 1) from None
        raise UsageError(f"wget: can't connect to remote host ({address}): {strerror(error)}", 1) from None
    try:
        response = await exchange(process, sock, _request(url, options), head_only="spider" in options, deadline_ns=deadline_ns)
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
    if "S" in options:
        for line in response.head.text.removesuffix("\r\n").split("\r\n"):
            process.error(f"  {line}")
    return response


def _request(url: Url, options: Options) -> bytes:
    """With --spider it asks for the whole file too, and closes when it has seen the head."""
    data = options.text("post-data")
    lines = [f"{'POST' if 'post-data' in options else 'GET'} {url.path} HTTP/1.1", f"Host: {url.authority}"]
    lines += [f"User-Agent: {options.text('U', 'Wget')}", "Connection: close", *options.all("header")]
    if any(line.lower().startswith("host:") for line in options.all("header")):
        del lines[1]
    if "post-data" in options:
        own = any(line.lower().startswith("content-type:") for line in options.all("header"))
        lines += [] if own else ["Content-Type: application/x-www-form-urlencoded"]
        lines.append(f"Content-Length: {len(data.encode())}")
    return ("\r\n".join(lines) + "\r\n\r\n" + data).encode()


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
