"""Docker's host driver (libnetwork drivers/host): the container uses the host's own namespace, so nothing is made."""

from __future__ import annotations

from emu.docker.driver import Driver


class HostDriver(Driver):
    name = "host"
    has_addresses = False
    only_one = True
