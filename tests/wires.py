"""Small networks made by hand, for tests: namespaces joined by a bridge, by a veth pair, or in a row of routers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from emu.engine import Engine
from emu.netdev.bridge import Bridge
from emu.netdev.device import Direction, NetDevice
from emu.netdev.veth import Veth
from emu.netns.fib import Route
from emu.netns.namespace import Netns
from emu.packet.address import ANY, Mac, ip, prefix
from emu.packet.frame import Frame

T = TypeVar("T")


def namespace(engine: Engine, name: str, *, forwarding: bool = False) -> Netns:
    netns = Netns(engine, name)
    netns.set_up(netns.device("lo"))
    if forwarding:
        netns.sysctl.set("net.ipv4.ip_forward", "1")
    return netns


def veth(left: Netns, left_name: str, right: Netns, right_name: str, mtu: int = 1500) -> tuple[Veth, Veth]:
    """A pair, both ends up. MAC addresses follow from the names."""
    engine = left.engine
    one, two = (
        Veth(engine, dev_name, Mac(b"\x02" + engine.stream(f"{netns.name}/{dev_name}").randbytes(5)), mtu)
        for netns, dev_name in ((left, left_name), (right, right_name))
    )
    one.connect(two)
    left.add_device(one)
    right.add_device(two)
    left.set_up(one)
    right.set_up(two)
    return one, two


def address(netns: Netns, dev: str, text: str) -> None:
    netns.add_address(netns.device(dev), *prefix(text))


def default_route(netns: Netns, via: str, dev: str) -> None:
    netns.fib.add(Route(ANY, 0, netns.device(dev), via=ip(via)))


class Bridged:
    """`hosts[i]` has 10.0.0.(i+1)/24 on eth0, all on `bridge` in a namespace of its own."""

    def __init__(self, count: int = 2, seed: int = 1) -> None:
        self.engine = Engine(seed)
        self.switch = namespace(self.engine, "switch")
        self.bridge = Bridge(self.engine, "br0")
        self.switch.add_device(self.bridge)
        self.switch.set_up(self.bridge)
        self.hosts = []
        for number in range(1, count + 1):
            host = namespace(self.engine, f"h{number}")
            _, port = veth(host, "eth0", self.switch, f"port{number}")
            self.bridge.enslave(port)
            address(host, "eth0", f"10.0.0.{number}/24")
            self.hosts.append(host)


class Routed:
    """left 10.0.1.2 - router 10.0.1.1 / 10.0.2.1 - right 10.0.2.2; `mtu` is that of the router's right side."""

    def __init__(self, mtu: int = 1500) -> None:
        self.engine = Engine()
        self.left = namespace(self.engine, "left")
        self.router = namespace(self.engine, "router", forwarding=True)
        self.right = namespace(self.engine, "right")
        veth(self.left, "eth0", self.router, "eth0")
        veth(self.router, "eth1", self.right, "eth0", mtu)
        for netns, dev, text in (
            (self.left, "eth0", "10.0.1.2/24"),
            (self.router, "eth0", "10.0.1.1/24"),
            (self.router, "eth1", "10.0.2.1/24"),
            (self.right, "eth0", "10.0.2.2/24"),
        ):
            address(netns, dev, text)
        default_route(self.left, "10.0.1.1", "eth0")
        default_route(self.right, "10.0.2.1", "eth0")


class Seen:
    """What a tap on a device saw: `frames` with their direction and time."""

    def __init__(self, dev: NetDevice) -> None:
        self.frames: list[tuple[int, Direction, Frame]] = []
        dev.taps.append(self._tap)

    def _tap(self, dev: NetDevice, direction: Direction, frame: Frame) -> None:
        self.frames.append((dev.engine.now, direction, frame))

    @property
    def packets(self) -> list[Any]:
        return [frame.packet for _, _, frame in self.frames]

    def count(self, wanted: Callable[[Any], bool]) -> int:
        return sum(1 for packet in self.packets if wanted(packet))


def complete(engine: Engine, coroutine: Coroutine[Any, Any, T]) -> T:
    """Run until the coroutine has ended, and return what it returns or raise what it raises."""
    task = engine.spawn(coroutine)
    task.on_done(lambda: None)
    engine.run(until=task)
    assert task.done, "it waits for something that will never come"
    return task.result()
