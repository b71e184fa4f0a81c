"""busybox httpd (networking/httpd.c, 1.35): files of a directory. Options: -f -v -p [IP:]PORT -h HOME.

Not modelled: CGI, configuration files, access rules, ranges, compression, file times (all are of the lab's epoch).
"""

from __future__ import annotations

from emu.files import Files
from emu.netns.tcp_listen import TcpListener
from emu.process import Process, UsageError
from emu.programs.libc.clock import EPOCH, gettimeofday, http_date
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.strerror import strerror
from emu.programs.web.message import REASONS
from emu.programs.web.server import Answer, Request, serve

TYPES = {
    "html": "text/html", "htm": "text/html", "txt": "text/plain", "h": "text/plain", "c": "text/plain", "css": "text/css",
    "js": "application/javascript", "json": "application/json", "xml": "text/xml", "svg": "image/svg+xml", "png": "image/png",
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "wav": "audio/wav",
}  # fmt: skip

EXPLANATIONS = {
    400: "Unsupported method",
    404: "The requested URL was not found",
    501: "The requested method is not recognized",
}


def find_file(files: Files, root: str, path: str) -> tuple[str, bytes] | None:
    """The file that a request's path means: its name and content; a directory stands for its index.html."""
    if ".." in path.split("/"):
        return None
    name = root.rstrip("/") + path + ("index.html" if path.endswith("/") else "")
    return (name, files.read(name).encode()) if files.exists(name) else None


def listen(process: Process, where: str) -> TcpListener:
    """Listen on `PORT` or `IP:PORT`. Raises UsageError."""
    address, _, port = where.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(f"httpd: bad port '{port}'", 1)
    try:
        return process.tcp_listen(address or "0.0.0.0", int(port), 9)
    except ValueError:
        raise UsageError(f"httpd: bad address '{address}'", 1) from None
    except OSError as error:
        raise UsageError(f"httpd: bind: {strerror(error)}", 1) from None


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "fvp:h:")
    if options.words:
        raise UsageError(f"httpd: '{options.words[0]}' is not modelled", 1)
    listener = listen(process, options.text("p", "80"))
    if "f" not in options:  # into the background, the port being known to be free
        listener.close()
        process.place.start([argv[0], "-f", *argv[1:]], env=process.env, on_output=process.put, on_error=process.put_error)
        return 0
    return await serve(process, listener, lambda request: _respond(process, options, request))


def _respond(process: Process, options: Options, request: Request) -> Answer:
    head = [f"Date: {http_date(gettimeofday(process.engine)[0])}", "Connection: close"]
    if request.method not in {"GET", "HEAD"}:
        return _error(head, 501 if request.method else 400)
    found = find_file(process.place.files, options.text("h", "/"), request.path)
    if found is None:
        if find_file(process.place.files, options.text("h", "/"), request.path + "/") is not None:
            return _head(["HTTP/1.1 302 Found", *head, f"Location: {request.path}/"])
        return _error(head, 404)
    name, body = found
    lines = [
        "HTTP/1.1 200 OK",
        *head,
        *([f"Content-type: {TYPES[kind]}"] if (kind := name.rpartition(".")[2]) in TYPES else []),
        "Accept-Ranges: bytes",
        f"Last-Modified: {http_date(EPOCH)}",
        f'ETag: "{EPOCH:x}-{len(body):x}"',
        f"Content-Length: {len(body)}",
    ]
    return _head(lines, *([body] if body and request.method == "GET" else []))


def _error(head: list[str], status: int) -> Answer:
    title = f"{status} {REASONS[status]}"
    page = f"<HTML><HEAD><TITLE>{title}</TITLE></HEAD>\n<BODY><H1>{title}</H1>\n{EXPLANATIONS[status]}\n</BODY></HTML>\n"
    text = "\r\n".join([f"HTTP/1.1 {title}", *head, "Content-type: text/html", "", page])
    return Answer((text.encode(),), close=True)


def _head(lines: list[str], *rest: bytes) -> Answer:
    return Answer(("\r\n".join([*lines, "", ""]).encode(), *rest), close=True)
