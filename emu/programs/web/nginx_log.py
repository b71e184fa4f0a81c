"""What nginx's image writes to `docker logs`: its entrypoint's words, notices of the start, a line for each request (`log_format main` of
its nginx.conf) and one for each file that was not there. On a host the last two go to /var/log/nginx.

Not modelled: notices that depend on the machine (its kernel, its limits, its number of processors: there is one worker).
"""

from __future__ import annotations

from emu.process import Process
from emu.programs.libc.clock import MONTHS, civil, gettimeofday
from emu.programs.web.server import Request

ENTRYPOINT = """\
/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration
/docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/
/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh
10-listen-on-ipv6-by-default.sh: info: Getting the checksum of /etc/nginx/conf.d/default.conf
10-listen-on-ipv6-by-default.sh: info: Enabled listen on IPv6 in /etc/nginx/conf.d/default.conf
/docker-entrypoint.sh: Sourcing /docker-entrypoint.d/15-local-resolvers.envsh
/docker-entrypoint.sh: Launching /docker-entrypoint.d/20-envsubst-on-templates.sh
/docker-entrypoint.sh: Launching /docker-entrypoint.d/30-tune-worker-processes.sh
/docker-entrypoint.sh: Configuration complete; ready for start up
"""
NOTICES = ('using the "epoll" event method', "nginx/1.25.3", "built by gcc 12.2.0 (Debian 12.2.0-14)", "start worker processes")
WORKER = 29  # its pid, behind those of the entrypoint's scripts
FOLDER = "/var/log/nginx"


class Log:
    """The two logs of one nginx."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.in_image = process.place.container is not None

    def start(self) -> None:
        if self.in_image:
            self.process.write(ENTRYPOINT)
        for notice in (*NOTICES, f"start worker process {WORKER}"):
            self._error(f"[notice] 1#1: {notice}")

    def access(self, request: Request, status: int, body: int) -> None:
        year, month, day, hour, minute, second, _ = self._now()
        when = f"{day:02}/{MONTHS[month - 1]}/{year}:{hour:02}:{minute:02}:{second:02} +0000"
        others = " ".join(f'"{request.get(name) or "-"}"' for name in ("Referer", "User-Agent", "X-Forwarded-For"))
        self._put("access.log", f'{request.peer[0]} - - [{when}] "{request.line}" {status} {body} {others}')

    def not_found(self, request: Request, path: str) -> None:
        what = f'open() "{path}" failed (2: No such file or directory), client: {request.peer[0]}, server: localhost'
        line = f'*{request.connection} {what}, request: "{request.line}", host: "{request.get("Host")}"'
        self._error(f"[error] {WORKER}#{WORKER}: {line}")

    def _now(self) -> tuple[int, int, int, int, int, int, int]:
        return civil(gettimeofday(self.process.engine)[0])

    def _error(self, text: str) -> None:
        year, month, day, hour, minute, second, _ = self._now()
        self._put("error.log", f"{year}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02} {text}")

    def _put(self, name: str, line: str) -> None:
        if not self.in_image:
            self.process.place.files.append(f"{FOLDER}/{name}", line + "\n")
        elif name == "access.log":
            self.process.print(line)
        else:
            self.process.error(line)
