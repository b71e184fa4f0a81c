"""Docker's null driver, of the network `none` (libnetwork drivers/null): the container has only `lo`."""

from __future__ import annotations

from emu.docker.driver import Driver


class NullDriver(Driver):
    name = "null"
    has_addresses = False
    only_one = True
