"""How the `docker` program reaches the engine of its host."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.docker.engine import DockerEngine
    from emu.process import Process


def engine_of(process: Process) -> DockerEngine:
    """The host's engine; the program has looked that there is one."""
    docker: DockerEngine = process.host.docker
    return docker


async def confirmed(process: Process, warning: str) -> bool:
    """Asks for a yes on standard input."""
    process.print(f"WARNING! {warning}")
    process.write("Are you sure you want to continue? [y/N] ")
    return (await process.stdin.read_line()).strip().lower() == "y"
