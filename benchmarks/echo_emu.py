"""UDP echoes in emu: two hosts on a bridge, pcap of the four ends of their links, by the sockets and captures that `emu run` has.

python -m benchmarks.echo_emu ECHOES FOLDER
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.wires import Bridged
from emu.engine import Engine
from emu.netns.namespace import Netns
from emu.netns.socket import UdpSocket
from emu.observe.files import write_pcaps
from emu.observe.recorder import Recorder

PORT = 9
PAYLOAD = bytes(56)


class Lab:
    """What the recorder needs of one."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.on_netns: list[Callable[[Netns], None]] = []


async def server(sock: UdpSocket) -> None:
    sock.bind(("0.0.0.0", PORT))
    while True:
        data, peer = await sock.recvfrom()
        sock.sendto(data, peer)


async def client(sock: UdpSocket, echoes: int) -> None:
    for _ in range(echoes):
        sock.sendto(PAYLOAD, ("10.0.0.2", PORT))
        await sock.recvfrom()


def main(echoes: int, folder: Path) -> float:
    """Microseconds of processor work for one echo, with writing the captures."""
    lab = Lab()
    engine = lab.engine
    recorder = Recorder(lab, folder)
    net = Bridged(engine)
    for netns in net.namespaces:
        recorder.watch(netns)
    net.bridge.taps.clear()  # ns-3 captures the four ends of the two links, and nothing at the bridge itself
    sock = UdpSocket(net.hosts[0])
    engine.spawn(server(UdpSocket(net.hosts[1])), "server")
    done = engine.spawn(client(sock, echoes), "client")
    gc.disable()  # as `emu run` does
    start = time.process_time()
    engine.run(until=done)
    write_pcaps(recorder, folder)
    elapsed = time.process_time() - start
    done.result()
    return elapsed * 1e6 / echoes


if __name__ == "__main__":
    print(main(int(sys.argv[1]), Path(sys.argv[2])))
