"""What dockerd refuses, as the Engine API says it: an HTTP status and a message."""

from __future__ import annotations

from emu.errors import EmuError


class DockerError(EmuError):
    """`status` is the API's: 400 a bad request, 403 not allowed, 404 not found, 409 a conflict, 500 anything else."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def no_such_container(name: str) -> DockerError:
    return DockerError(404, f"No such container: {name}")


def network_not_found(name: str) -> DockerError:
    return DockerError(404, f"network {name} not found")
