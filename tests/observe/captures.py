"""A recorded lab of two hosts on a bridge, for the tests of what is written of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from emu.engine import MILLISECOND, Engine
from emu.netns.namespace import Netns
from emu.observe.recorder import Recorder
from tests.wires import Bridged


class Watched:
    """What a recorder needs of a lab, around namespaces that are there already."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.on_netns: list[Callable[[Netns], None]] = []


def recorder_of(net: Bridged, folder: Path | None = None, **options: object) -> Recorder:
    recorder = Recorder(Watched(net.engine), folder, **options)  # type: ignore[arg-type]
    for netns in (*net.hosts, net.switch):
        recorder.watch(netns)
    return recorder


def send(net: Bridged, text: bytes = b"hello", to: int = 1) -> None:
    """One datagram from the first host; ARP before, an ICMP error after, for nobody listens."""
    from emu.netns.socket import UdpSocket

    sock = UdpSocket(net.hosts[0])
    sock.sendto(text, (f"10.0.0.{to + 1}", 7))
    net.engine.run(until_ns=net.engine.now + 50 * MILLISECOND)
    sock.close()


def recorded(folder: Path, hosts: int = 3, **options: object) -> Recorder:
    """Three hosts, of which two have spoken; everything written to `folder`."""
    net = Bridged(hosts)
    recorder = recorder_of(net, folder, **options)
    send(net)
    recorder.finish()
    return recorder
