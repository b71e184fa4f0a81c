"""A machine: its root namespace, the namespaces it has made, and the daemons on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from emu.netns.namespace import Netns
from emu.process import Main, Place
from emu.services import Services

if TYPE_CHECKING:
    from emu.engine import Engine


class Host:
    """A Linux host. `docker` is its Docker engine, if one runs there; `namespaces` are those of `ip netns`."""

    def __init__(self, engine: Engine, name: str, find_program: Callable[[Place, str], Main | None]) -> None:
        self.engine = engine
        self.name = name
        self.netns = Netns(engine, name)
        self.netns.set_up(self.netns.device("lo"))
        self.find_program = find_program
        self.place = Place(engine, name, self.netns, name, find_program)
        self.place.host = self
        self.place.env["HOME"] = "/root"
        self.namespaces: dict[str, Netns] = {}
        self.on_namespace: list[Callable[[Netns], None]] = []  # told of each namespace that appears here
        self.docker: Any = None  # docker.engine.DockerEngine
        self.images: Mapping[str, Any] = {}  # those that an engine started here knows
        self.peers: Mapping[str, Host] = {name: self}  # all hosts of the lab
        self.services = Services(self.place)
        self.ovs: Any = None  # netns.ovs.OvsSwitch, from the first ovs-vsctl on
        self.store: Any = None  # store.store.Store: the lab's, which daemons agree through
        files = self.place.files
        files.write("/etc/hostname", f"{name}\n")
        files.write("/etc/hosts", f"127.0.0.1\tlocalhost\n127.0.1.1\t{name}\n")
        files.write("/etc/resolv.conf", "")

    def close_namespace(self, netns: Netns) -> None:
        """The last process and name have left it: physical devices come back to the machine, the others end (default_device_exit_batch)."""
        for dev in list(netns.devices.values()):
            if dev.kind == "nic":
                free = (f"dev{number}" for number in range(1000))
                name = dev.name if dev.name not in self.netns.devices else next(each for each in free if each not in self.netns.devices)
                netns.move_device(dev, self.netns, name)
            elif dev.kind != "loopback" and dev.netns is netns:
                netns.delete_device(dev)
        netns.close()
