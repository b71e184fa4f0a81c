"""curl(1) 7.88.1 for http. Options: -s -S -o -O -m --connect-timeout -I -i -v -X -d -H -A -w -f -L -k -4 (-k changes nothing without TLS).

Not modelled: the progress meter (as if -s were given), TLS and other protocols, proxies, authentication, cookies, uploads, keep-alive
between URLs.
"""

from __future__ import annotations

import re

from emu.engine import MILLISECOND, SECOND
from emu.netns.tcp_socket import TcpSocket
from emu.process import Process, UsageError
from emu.programs.libc.getaddrinfo import resolve, within
from emu.programs.libc.getopt import Options, getopt
from emu.programs.libc.resolver import UnknownName
from emu.programs.libc.strerror import strerror
from emu.programs.web.fetch import Response, exchange
from emu.programs.web.message import BadMessage, Url, parse_url

AGENT = "curl/7.88.1"
CONNECT_TIMEOUT_S = 300.0
LONG = {
    "silent": "s", "show-error": "S", "output": "o", "remote-name": "O", "max-time": "m", "connect-timeout": "connect-timeout:",
    "head": "I", "include": "i", "verbose": "v", "request": "X", "data": "d", "header": "H", "user-agent": "A", "write-out": "w",
    "fail": "f", "location": "L", "insecure": "k", "ipv4": "4", "max-redirs": "max-redirs:",
}  # fmt: skip
TRY = "curl: try 'curl --help' or 'curl --manual' for more information"


class Failure(Exception):
    """The transfer failed: curl's number and words for it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "sSo:Om:IivX:d:H:A:w:fLk4", LONG, status=2)
    if not options.words:
        raise UsageError(f"curl: no URL specified!\n{TRY}", 2)
    status = 0
    for number, text in enumerate(options.words):
        transfer = _Transfer(process, options, number)
        try:
            await transfer.run(parse_url("curl", text, 1))
            status = 0
        except Failure as failure:
            status = failure.status
            if "s" not in options or "S" in options:
                process.error(f"curl: ({status}) {failure}")
        if "w" in options:
            process.write(transfer.write_out(options.text("w")))
    return status


def _seconds(options: Options, option: str) -> float | None:
    if option not in options:
        return None
    text = options.text(option)
    if not re.fullmatch(r"\d+(\.\d*)?", text):
        name = f"-{option}" if len(option) == 1 else f"--{option}"
        raise UsageError(f"curl: option {name}: expected a proper numerical parameter\n{TRY}", 2)
    return float(text) or None


class _Transfer:
    def __init__(self, process: Process, options: Options, number: int) -> None:
        self.process = process
        self.options = options
        self.number = number
        self.start_ns = process.engine.now
        self.limit = _seconds(options, "m")
        self.connect_limit = _seconds(options, "connect-timeout")
        self.deadline_ns = self.start_ns + round(self.limit * SECOND) if self.limit else None
        self.variables = dict.fromkeys(("remote_ip", "local_ip", "redirect_url", "content_type"), "")
        self.variables |= dict.fromkeys(("http_code", "response_code"), "000")
        self.variables |= dict.fromkeys(("remote_port", "local_port", "size_download", "num_connects", "num_redirects", "exitcode"), "0")
        self.variables |= dict.fromkeys(("time_total", "time_connect", "time_namelookup"), "0.000000")

    def _elapsed_ms(self) -> int:
        return (self.process.engine.now - self.start_ns) // MILLISECOND

    def _note(self, line: str) -> None:
        if "v" in self.options:
            self.process.error(line)

    async def run(self, url: Url) -> None:
        """Raises Failure."""
        redirects = int(_seconds(self.options, "max-redirs") or 0) if "max-redirs" in self.options else 50
        while True:
            response = await self._fetch(url)
            self._done(response)
            target = response.head.get("location")
            if "L" not in self.options or response.status not in {301, 302, 303, 307, 308} or not target:
                return self._output(url, response)
            if int(self.variables["num_redirects"]) >= redirects:
                raise Failure(47, f"Maximum ({redirects}) redirects followed")
            self.variables["num_redirects"] = str(int(self.variables["num_redirects"]) + 1)
            if "i" in self.options or "I" in self.options:
                self.process.write(response.head.text.replace("\r\n", "\n"))
            url = parse_url("curl", target if "://" in target else f"http://{url.authority}/{target.removeprefix('/')}", 1)

    async def _fetch(self, url: Url) -> Response:
        try:
            address = await within(self.process, resolve(self.process, url.host, ipv4_only="4" in self.options), self._patience())
        except TimeoutError:
            raise Failure(28, f"Resolving timed out after {self._elapsed_ms()} milliseconds") from None
        except UnknownName:
            raise Failure(6, f"Could not resolve host: {url.host}") from None
        sock = await self._connect(url, address)
        request = self._request(url)
        for line in request.decode("latin-1").partition("\r\n\r\n")[0].split("\r\n"):
            self._note(f"> {line}")
        self._note("> ")
        try:
            response = await exchange(self.process, sock, request, head_only="I" in self.options, deadline_ns=self.deadline_ns)
        except TimeoutError:
            raise Failure(28, f"Operation timed out after {self._elapsed_ms()} milliseconds with 0 bytes received") from None
        except OSError as error:
            raise Failure(56, f"Recv failure: {strerror(error)}") from None
        except BadMessage:
            raise Failure(1, "Received HTTP/0.9 when not allowed") from None
        finally:
            sock.close()
        if response is None:
            raise Failure(52, "Empty reply from server")
        for line in response.head.text.split("\r\n")[:-1]:
            self._note(f"< {line}")
        kept = response.head.get("connection").lower() != "close"
        self._note(f"* Connection #0 to host {url.host} left intact" if kept else "* Closing connection 0")
        return response

    def _patience(self) -> float | None:
        """Seconds that looking up the name may take: as long as connecting."""
        left = [(self.deadline_ns - self.process.engine.now) / SECOND] if self.deadline_ns is not None else []
        return min((*left, *([self.connect_limit] if self.connect_limit else [])), default=None)

    async def _connect(self, url: Url, address: str) -> TcpSocket:
        self._note(f"*   Trying {address}:{url.port}...")
        limits = [limit for limit in (self.limit, self.connect_limit, CONNECT_TIMEOUT_S) if limit]
        limit = min(limits)
        begun = self.process.engine.now
        failed = f"Failed to connect to {url.host} port {url.port} after"
        try:
            sock = await self.process.tcp_connect(address, url.port, timeout=limit, polling=True)
        except OSError as error:
            after = self._elapsed_ms()
            timed_out = isinstance(error, TimeoutError) and self.process.engine.now - begun >= round(limit * SECOND)
            if timed_out and limit == self.limit:
                raise Failure(28, f"Connection timed out after {after} milliseconds") from None
            if timed_out:
                raise Failure(28, f"{failed} {after} ms: Timeout was reached") from None
            self._note(f"* connect to {address} port {url.port} failed: {strerror(error)}")
            self._note(f"* {failed} {after} ms: Couldn't connect to server")
            self._note("* Closing connection 0")
            raise Failure(7, f"{failed} {after} ms: Couldn't connect to server") from None
        self._note(f"* Connected to {url.host} ({address}) port {url.port} (#0)")
        self.variables["time_connect"] = f"{(self.process.engine.now - self.start_ns) / SECOND:.6f}"
        for side, (ip, port) in (("remote", sock.peer), ("local", sock.local)):
            self.variables |= {f"{side}_ip": ip, f"{side}_port": str(port)}
        self.variables["num_connects"] = str(int(self.variables["num_connects"]) + 1)
        return sock

    def _request(self, url: Url) -> bytes:
        options = self.options
        data = "&".join(options.all("d"))
        method = options.text("X") or ("HEAD" if "I" in options else "POST" if "d" in options else "GET")
        fields = [("Host", url.authority), ("User-Agent", options.text("A", AGENT)), ("Accept", "*/*")]
        if "d" in options:
            fields += [("Content-Length", str(len(data.encode()))), ("Content-Type", "application/x-www-form-urlencoded")]
        own = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in options.all("H"))]
        replaced = {name.lower() for name, _ in own}
        if "host" in replaced:  # stays first
            fields[0] = next(pair for pair in own if pair[0].lower() == "host")
            own = [pair for pair in own if pair[0].lower() != "host"]
            replaced.discard("host")
        fields = [pair for pair in fields if pair[0].lower() not in replaced] + own
        lines = [f"{method} {url.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields if value)]
        return ("\r\n".join(lines) + "\r\n\r\n" + data).encode()

    def _done(self, response: Response) -> None:
        code = f"{response.status:03}"
        seconds = (self.process.engine.now - self.start_ns) / SECOND
        self.variables |= {"http_code": code, "response_code": code, "content_type": response.head.get("content-type")}
        self.variables |= {"size_download": str(len(response.body)), "time_total": f"{seconds:.6f}"}

    def _output(self, url: Url, response: Response) -> None:
        options = self.options
        if "f" in options and response.status >= 400:
            raise Failure(22, f"The requested URL returned error: {response.status}")
        text = response.head.text.replace("\r\n", "\n") if "i" in options or "I" in options else ""
        text += response.body.decode("utf-8", "replace")
        paths = options.all("o")
        path = paths[self.number] if self.number < len(paths) else "-"
        if "O" in options:
            path = url.path.partition("?")[0].rpartition("/")[2]
            if not path:
                raise Failure(23, "Remote file name has no length!")
        if path == "-":
            self.process.write(text)
        elif path != "/dev/null":
            self.process.place.files.write(self.process.path(path), text)
        if response.missing:
            raise Failure(18, f"transfer closed with {response.missing} bytes remaining to read")

    def write_out(self, template: str) -> str:
        """-w's text. Raises UsageError for a variable that is not modelled."""

        def value(match: re.Match[str]) -> str:
            if match[1] is None:
                return {"n": "\n", "t": "\t", "r": "\r"}.get(match[2], match[0]) if match[2] else "%"
            if match[1] not in self.variables:
                raise UsageError(f"curl: '%{{{match[1]}}}' is not modelled", 2)
            return self.variables[match[1]]

        return re.sub(r"%\{(\w+)\}|\\(.)|%%", value, template)
