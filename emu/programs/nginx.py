"""nginx as its image runs it: the files of /usr/share/nginx/html on port 80, with keep-alive.

`-g 'daemon off;'` is accepted, other directives are not modelled; nor are configuration files, file times and everything else nginx does.
"""

from __future__ import annotations

from emu.process import Process, UsageError
from emu.programs.httpd import TYPES, find_file
from emu.programs.libc.clock import EPOCH, gettimeofday, http_date
from emu.programs.libc.getopt import getopt
from emu.programs.libc.strerror import strerror
from emu.programs.web.message import REASONS
from emu.programs.web.nginx_log import Log
from emu.programs.web.server import Answer, Request, serve

SERVER = "nginx/1.25.3"
ROOT = "/usr/share/nginx/html"
DEFAULT_TYPE = "application/octet-stream"


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "g:")
    if options.words or options.text("g", "daemon off;").replace(" ", "") not in {"daemonoff;", ""}:
        raise UsageError(f"nginx: '{(options.words or [options.text('g')])[0]}' is not modelled", 1)
    try:
        listener = process.tcp_listen("0.0.0.0", 80, 511)
    except OSError as error:
        raise UsageError(f"nginx: [emerg] bind() to 0.0.0.0:80 failed ({error.errno}: {strerror(error)})", 1) from None
    log = Log(process)
    log.start()
    return await serve(process, listener, lambda request: _respond(process, log, request))


def _respond(process: Process, log: Log, request: Request) -> Answer:
    found = find_file(process.place.files, ROOT, request.path)
    if request.method not in {"GET", "HEAD"} or found is None:
        if request.method in {"GET", "HEAD"}:
            log.not_found(request, ROOT + request.path)
        return _error(process, log, request, 404 if request.method in {"GET", "HEAD"} else 405 if request.method else 400)
    name, body = found
    fields = [f"Last-Modified: {http_date(EPOCH)}"]
    after = [f'ETag: "{EPOCH:x}-{len(body):x}"', "Accept-Ranges: bytes"]
    head = _head(process, "200 OK", TYPES.get(name.rpartition(".")[2], DEFAULT_TYPE), len(body), request.keep_alive, fields, after)
    writes = (head, body) if request.method == "GET" and body else (head,)
    log.access(request, 200, sum(map(len, writes[1:])))
    return Answer(writes, close=not request.keep_alive)


def _error(process: Process, log: Log, request: Request, status: int) -> Answer:
    title = f"{status} {REASONS[status]}"
    head = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    page = f"{head}<hr><center>{SERVER}</center>\r\n</body>\r\n</html>\r\n"
    keep = request.keep_alive and status != 400
    fields = _head(process, title, "text/html", len(page), keep, [], [])
    body = b"" if request.method == "HEAD" else page.encode()
    log.access(request, status, len(body))
    return Answer((fields + body,), close=not keep)


def _head(process: Process, status: str, kind: str, length: int, keep: bool, fields: list[str], after: list[str]) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        f"Server: {SERVER}",
        f"Date: {http_date(gettimeofday(process.engine)[0])}",
        f"Content-Type: {kind}",
        f"Content-Length: {length}",
        *fields,
        f"Connection: {'keep-alive' if keep else 'close'}",
        *after,
    ]
    return "\r\n".join([*lines, "", ""]).encode()
