"""Two hosts on a wire, without Docker, and programs run on them."""

from __future__ import annotations

from emu import programs
from emu.engine import Engine
from emu.host import Host
from emu.netdev.cable import LanSegment
from emu.netdev.nic import Nic
from emu.packet.address import ip, mac
from emu.process import Process
from emu.programs import shell
from tests.wires import Seen


class Machines:
    """`a` is 10.5.0.1, `b` is 10.5.0.2; what they send on eth0 is seen in `wire`, from a's side."""

    def __init__(self, seed: int = 1) -> None:
        self.engine = Engine(seed)
        lan = LanSegment(self.engine, "lan", delay_ns=50_000)
        self.hosts: dict[str, Host] = {}
        for number, name in ((1, "a"), (2, "b")):
            host = self.hosts[name] = Host(self.engine, name, programs.find)
            nic = Nic(self.engine, "eth0", mac(f"02:00:00:00:00:0{number}"))
            lan.plug(nic)
            host.netns.add_device(nic)
            host.netns.add_address(nic, ip(f"10.5.0.{number}"), 24, broadcast=ip("10.5.0.255"))
            host.netns.set_up(nic)
        self.wire = Seen(self.hosts["a"].netns.device("eth0"))

    def start(self, name: str, line: str) -> Process:
        process = shell.start(self.hosts[name].place, line)
        self.engine.run(until_ns=self.engine.now)
        return process

    def run(self, name: str, line: str) -> Process:
        process = self.start(name, line)
        self.engine.run(until=process.exited)
        assert process.exited.done, f"{line}: still waiting"
        return process

    def output(self, name: str, line: str) -> str:
        """What a line prints; it must end well."""
        process = self.run(name, line)
        assert process.exit_status == 0, process.output
        return process.output

    def refusal(self, name: str, line: str) -> tuple[int, str]:
        process = self.run(name, line)
        assert process.exit_status is not None
        return process.exit_status, process.stderr
