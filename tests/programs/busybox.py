"""Runs programs as a container with busybox has them, on a machine without Docker."""

from __future__ import annotations

from types import SimpleNamespace

from tests.programs.machines import Machines


def busybox_machines() -> Machines:
    """Both machines look like containers of the image `busybox` to their programs."""
    machines = Machines()
    for host in machines.hosts.values():
        host.place.container = SimpleNamespace(image=SimpleNamespace(name="busybox"))
    return machines
