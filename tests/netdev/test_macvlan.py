"""Macvlans as drivers/net/macvlan.c has them: who gets which frame, and what ties children to their parent."""

from __future__ import annotations

import pytest

from emu.engine import Engine
from emu.netdev.bridge import Bridge
from emu.netdev.device import Direction
from emu.netdev.macvlan import MODES, Macvlan
from emu.netdev.veth import Veth
from emu.netns.namespace import Netns
from emu.packet.address import mac
from emu.packet.frame import Frame
from tests.wires import Seen

PARENT, ONE, TWO, OUTSIDE = (f"02:00:00:00:00:0{digit}" for digit in "1239")
ALL = "ff:ff:ff:ff:ff:ff"


class Parent:
    """`eth0`, whose other end is `wire`, with children that are up; what each saw: how often in and out."""

    def __init__(self, *modes: str) -> None:
        self.engine = Engine()
        self.host, self.wire = Netns(self.engine, "host"), Netns(self.engine, "wire")
        self.eth0, self.line = Veth(self.engine, "eth0", mac(PARENT)), Veth(self.engine, "line", mac(OUTSIDE))
        self.eth0.connect(self.line)
        for netns, dev in ((self.host, self.eth0), (self.wire, self.line)):
            netns.add_device(dev)
            netns.set_up(dev)
        self.children = [self.add(address, mode) for address, mode in zip((ONE, TWO), modes, strict=False)]
        self.seen = {dev.name: Seen(dev) for dev in (self.eth0, self.line, *self.children)}

    def add(self, address: str, mode: str) -> Macvlan:
        child = Macvlan(self.engine, f"m{len(self.host.devices)}", mac(address), self.eth0, mode)
        self.host.add_device(child)
        self.host.set_up(child)
        return child

    def counts(self) -> list[tuple[int, int]]:
        """(in, out) of eth0, of the line, of each child."""
        self.engine.run()
        directions = [[direction for _, direction, _ in seen.frames] for seen in self.seen.values()]
        return [(each.count(Direction.RX), each.count(Direction.TX)) for each in directions]

    def send(self, child: int, dst: str) -> list[tuple[int, int]]:
        dev = self.children[child]
        dev.transmit(frame(dev.mac.hex(":"), dst))
        return self.counts()

    def arrive(self, src: str, dst: str) -> list[tuple[int, int]]:
        self.line.transmit(frame(src, dst))
        return self.counts()


def frame(src: str, dst: str) -> Frame:
    return Frame(mac(dst) + mac(src) + b"\x88\xb5" + b"x" * 46, 1)


def test_a_frame_from_outside_goes_to_the_child_it_is_for() -> None:
    assert Parent("bridge", "bridge").arrive(OUTSIDE, TWO) == [(1, 0), (0, 1), (0, 0), (1, 0)]


def test_a_frame_for_nobody_stays_with_the_parent() -> None:
    net = Parent("bridge", "bridge")
    assert net.arrive(OUTSIDE, PARENT) == [(1, 0), (0, 1), (0, 0), (0, 0)]


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "passthru"])
def test_a_broadcast_from_outside_reaches_all_children_and_the_parent(mode: str) -> None:
    assert Parent(mode, mode).arrive(OUTSIDE, ALL) == [(1, 0), (0, 1), (1, 0), (1, 0)]


def test_bridge_children_reach_each_other_by_the_parent_s_tap_and_not_the_wire() -> None:
    assert Parent("bridge", "bridge").send(0, TWO) == [(1, 0), (0, 0), (0, 1), (1, 0)]


def test_a_bridge_child_s_broadcast_reaches_its_sibling_and_the_wire_but_not_the_host() -> None:
    assert Parent("bridge", "bridge").send(0, ALL) == [(0, 1), (1, 0), (0, 1), (1, 0)]


@pytest.mark.parametrize("mode", ["vepa", "private"])
def test_other_children_s_frames_always_go_out(mode: str) -> None:
    assert Parent(mode, mode).send(0, TWO) == [(0, 1), (1, 0), (0, 1), (0, 0)]
    assert Parent(mode, mode).send(0, ALL) == [(0, 1), (1, 0), (0, 1), (0, 0)]


def test_the_child_cannot_reach_its_parent() -> None:
    assert Parent("bridge").send(0, PARENT) == [(0, 1), (1, 0), (0, 1)]


@pytest.mark.parametrize(("mode", "heard"), [("vepa", 1), ("private", 0), ("bridge", 0)])
def test_a_broadcast_that_the_switch_reflects_reaches_siblings_of_a_vepa_child_only(mode: str, heard: int) -> None:
    net = Parent(mode, mode)
    assert net.arrive(ONE, ALL)[3] == (heard, 0)


def test_a_private_child_gets_its_own_reflected_broadcast_and_nobody_else_does() -> None:
    assert Parent("private", "private").arrive(ONE, ALL) == [(1, 0), (0, 1), (1, 0), (0, 0)]


def test_the_passthru_child_has_the_parent_s_address_and_gets_all() -> None:
    net = Parent("passthru")
    assert net.children[0].mac == mac(PARENT)
    assert net.arrive(OUTSIDE, TWO) == [(1, 0), (0, 1), (1, 0)]
    net.host.set_mac(net.children[0], mac(TWO))
    assert net.eth0.mac == net.children[0].mac == mac(TWO)
    net.host.delete_device(net.children[0])
    assert net.eth0.mac == mac(PARENT)


def test_the_kernel_s_refusals() -> None:
    net = Parent("bridge")
    with pytest.raises(OSError, match="Invalid argument"):
        Macvlan(net.engine, "x", mac(TWO), net.eth0, "passthru")
    with pytest.raises(OSError, match="Invalid argument"):
        Macvlan(net.engine, "x", mac(TWO), net.host.device("lo"))
    with pytest.raises(OSError, match="Invalid argument"):
        net.host.set_mtu(net.children[0], 1501)
    with pytest.raises(OSError, match="Address already in use"):
        net.host.set_mac(net.children[0], mac(PARENT))
    with pytest.raises(OSError, match="Address already in use"):
        net.add(ONE, "bridge")
    bridge = Bridge(net.engine, "br0")
    net.wire.add_device(bridge)
    bridge.enslave(net.line)
    with pytest.raises(OSError, match="Device or resource busy"):
        Macvlan(net.engine, "x", mac(TWO), net.line)


def test_a_macvlan_of_a_macvlan_is_one_of_its_parent() -> None:
    net = Parent("bridge")
    assert Macvlan(net.engine, "x", mac(TWO), net.children[0]).parent is net.eth0


def test_children_follow_their_parent_and_go_with_it() -> None:
    net = Parent("bridge", "vepa")
    net.host.set_mtu(net.eth0, 1400)
    assert [child.mtu for child in net.children] == [1400, 1400]
    net.host.set_down(net.eth0)
    assert not net.children[0].carrier
    net.host.move_device(net.children[1], net.wire, "moved")
    net.wire.delete_device(net.line)
    assert (list(net.host.devices), list(net.wire.devices)) == (["lo"], ["lo"])


def test_the_parent_hears_its_own_frames_again_when_its_last_child_has_gone() -> None:
    net = Parent("bridge")
    net.host.delete_device(net.children[0])
    assert net.eth0.macvlans is None
    assert net.eth0.rx_handler == net.host.receive


def test_a_parent_keeps_its_children_in_another_namespace() -> None:
    net = Parent("bridge")
    net.host.move_device(net.eth0, net.wire)
    net.wire.set_up(net.eth0)
    assert net.arrive(OUTSIDE, ONE)[2] == (1, 0)


def test_a_bridge_lets_go_of_a_veth_whose_other_end_is_deleted() -> None:
    net = Parent()
    bridge = Bridge(net.engine, "br0")
    net.wire.add_device(bridge)
    bridge.enslave(net.line)
    net.host.delete_device(net.eth0)
    assert bridge.ports == {}
