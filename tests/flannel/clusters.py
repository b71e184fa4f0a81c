"""Hosts on one segment that share a store, each with flanneld, and a "container" behind a bridge: for flannel's tests."""

from __future__ import annotations

import json
from typing import Any

from emu.engine import SECOND
from emu.host import Host
from emu.netdev.bridge import Bridge
from emu.netns.fib import Route
from emu.netns.namespace import Netns
from emu.packet.address import ANY, ip, ip_text, prefix
from emu.process import Main, Place, Process
from emu.programs import find
from emu.store.store import Store
from tests.wires import Bridged, namespace, veth

CONFIG_KEY = "/coreos.com/network/config"
NETWORK = "10.1.0.0/16"


class Cluster:
    """`hosts[i]` is h(i+1), 192.168.60.11 and on; `flanneld(i, subnet)` starts the daemon as if it had had the subnet before."""

    def __init__(self, count: int, backend: dict[str, Any], **keys: Any) -> None:
        switch = Bridged(0)
        self.engine = switch.engine
        self.store = Store(self.engine)
        self.store.put(CONFIG_KEY, json.dumps({"Network": NETWORK, "Backend": backend, **keys}))
        self.hosts: list[Host] = []
        self.containers: list[Netns] = []
        for number in range(1, count + 1):
            host = Host(self.engine, f"h{number}", self._find)
            _, port = veth(host.netns, "eth0", switch.switch, f"port{number}")
            switch.bridge.enslave(port)
            host.netns.add_address(host.netns.device("eth0"), ip(f"192.168.60.1{number}"), 24)
            host.store = self.store
            self.hosts.append(host)

    @staticmethod
    def _find(place: Place, name: str) -> Main | None:
        return find(place, name)

    def flanneld(self, index: int, subnet: str = "", *words: str) -> Process:
        """Start it on a host, and give it the time to come up."""
        host = self.hosts[index]
        if subnet:
            host.place.files.write("/run/flannel/subnet.env", f"FLANNEL_SUBNET={subnet}\n")
        process = host.place.start(["flanneld", "-iface=eth0", "-ip-masq", *words])
        self.engine.run(until_ns=self.engine.now + SECOND // 10)
        return process

    def up(self, *subnets: str) -> None:
        for index, subnet in enumerate(subnets):
            self.flanneld(index, subnet)
            self.container(index)
        self.engine.run(until_ns=self.engine.now + SECOND)

    def env(self, index: int) -> dict[str, str]:
        """What flanneld wrote for Docker."""
        lines = self.hosts[index].place.files.read("/run/flannel/subnet.env").splitlines()
        return dict(line.split("=", 1) for line in lines)  # type: ignore[misc]

    def container(self, index: int) -> Netns:
        """A namespace with the subnet's second address, behind a bridge with the first, as Docker would make them."""
        host, env = self.hosts[index], self.env(index)
        gateway, length = prefix(env["FLANNEL_SUBNET"])
        mtu = int(env["FLANNEL_MTU"])
        host.netns.sysctl.set("net.ipv4.ip_forward", "1")
        bridge = Bridge(self.engine, "docker0", mtu=mtu)
        host.netns.add_device(bridge)
        host.netns.set_up(bridge)
        host.netns.add_address(bridge, gateway, length)
        inside = namespace(self.engine, f"{host.name}/c{index + 1}")
        _, port = veth(inside, "eth0", host.netns, "vethc", mtu)
        bridge.enslave(port)
        inside.add_address(inside.device("eth0"), ip(ip_text(gateway)[:-1] + "2"), length)
        inside.fib.add(Route(ANY, 0, inside.device("eth0"), via=gateway))
        self.containers.append(inside)
        return inside

    def run(self, netns: Netns, line: str) -> Process:
        """A command in a container's namespace, to its end."""
        process = self.hosts[0].place.in_netns(netns).start(line.split())
        self.engine.run(until=process.exited)
        return process
