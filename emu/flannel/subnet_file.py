"""/run/flannel/subnet.env: what flanneld writes for Docker, and reads again at its next start."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.files import Files

SUBNET_FILE = "/run/flannel/subnet.env"


def read_subnet_file(files: Files, path: str = SUBNET_FILE) -> dict[str, str]:
    """Its variables; none if it is not there."""
    lines = files.read(path).splitlines() if files.exists(path) else []
    return dict(line.split("=", 1) for line in lines if "=" in line)
