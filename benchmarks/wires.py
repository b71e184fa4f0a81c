"""The network that is measured: two hosts on a bridge."""

from __future__ import annotations

from emu.engine import Engine
from emu.netdev.bridge import Bridge
from emu.netdev.veth import Veth
from emu.netns.namespace import Netns
from emu.packet.address import Mac, ip


class Bridged:
    """`hosts[i]` has 10.0.0.(i+1)/24 on eth0; `bridge` is in a namespace of its own, its ports are `ports`."""

    def __init__(self, engine: Engine) -> None:
        self.hosts = [self._namespace(engine, name) for name in ("left", "right")]
        self.switch = self._namespace(engine, "switch")
        self.bridge = Bridge(engine, "br0")
        self.switch.add_device(self.bridge)
        self.switch.set_up(self.bridge)
        self.ports = []
        for number, host in enumerate(self.hosts, 1):
            eth0 = Veth(engine, "eth0", Mac(bytes([2, 0, 0, 0, 0, number])))
            port = Veth(engine, f"port{number}", Mac(bytes([2, 0, 0, 0, 1, number])))
            eth0.connect(port)
            for netns, dev in ((host, eth0), (self.switch, port)):
                netns.add_device(dev)
                netns.set_up(dev)
            self.bridge.enslave(port)
            host.add_address(eth0, ip(f"10.0.0.{number}"), 24)
            self.ports.append(port)

    @property
    def namespaces(self) -> list[Netns]:
        return [*self.hosts, self.switch]

    @staticmethod
    def _namespace(engine: Engine, name: str) -> Netns:
        netns = Netns(engine, name)
        netns.set_up(netns.device("lo"))
        return netns
