"""dropwatch(1) 1.5: where the kernel drops packets, on the whole machine; drops are told of once a second, at the latest.

    echo start | timeout -s INT 10 dropwatch -l kas

A line has emu's reason and the interface or namespace where the kernel's has a function:
`2 drops at NETFILTER (host/eth0) [software]`.
Not modelled: alerts packet by packet (`set alertmode packet`), hardware drops, filters, the console after Ctrl-C, `stop` before `start`.
"""

from __future__ import annotations

from collections import Counter

from emu.engine import SECOND, Cancelled, Future
from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.netns.namespace import Netns
from emu.packet.datagram import Datagram
from emu.packet.frame import Frame
from emu.pipe import Terminal
from emu.process import Process, UsageError
from emu.programs.libc.getopt import getopt
from emu.programs.libc.subscriptions import Subscriptions

NO_FAMILY = "Unable to find NET_DM family, dropwatch can't work\nCleaning up on socket creation error"
METHODS = "Available lookup methods:\nkas - use /proc/kallsyms"
HELP = (
    "Command Syntax:\nexit\t\t\t\t - Quit dropwatch\nhelp\t\t\t\t - Display this message\nset:\n"
    "\talertlimit <number>\t - capture only this many alert packets\nstart\t\t\t\t - start capture\nstop\t\t\t\t - stop capture"
)


async def main(process: Process, argv: list[str]) -> int:
    options = getopt(argv, "l:", {"lmethod": "l"}, status=1)
    method = options.text("l")
    if method.startswith("list"):
        process.print(METHODS)
        return 0
    if method and not method.startswith("kas"):
        process.print(f"Unknown lookup method {method}")
        return 1
    if process.host is None or process.netns is not process.host.netns or process.place.container is not None:
        process.print(NO_FAMILY)  # the family is the machine's first namespace's only
        return 1
    process.print("Initializing kallsyms db" if method else "Initializing null lookup method")
    await Console(process).run()
    process.print("Shutting down ...")
    return 0


class Console:
    """The prompt, and what is counted between `start` and Ctrl-C."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.limit = self.alerts = 0
        self.waiting: Counter[tuple[DropReason, str]] = Counter()
        self.finished: Future[None] = Future(process.engine)
        self.subscriptions = Subscriptions(process)

    async def run(self) -> None:
        process = self.process
        while True:
            process.write("dropwatch> ")
            line = await process.stdin.read_line()
            if not line:
                process.print("Terminating dropwatch...")
                return
            if not isinstance(process.stdin, Terminal):
                process.write(line.rstrip("\n") + "\n")  # readline shows what it reads
            words = line.split()
            if words[:1] == ["exit"]:
                return
            if words == ["start"]:
                if not await self._monitor():
                    return
            elif words == ["help"]:
                process.print(HELP)
            elif words[:2] == ["set", "alertlimit"]:
                self.limit = int(words[2]) if words[2:] and words[2].isdigit() else 0
                process.print(f"setting alert capture limit to {self.limit}")
            elif words[:1] in (["set"], ["stop"]):
                raise UsageError(f"dropwatch: '{' '.join(words)}' is not modelled here", 1)

    async def _monitor(self) -> bool:
        """Until the limit is reached. False: until Ctrl-C."""
        process = self.process
        process.print("Enabling monitoring...\nKernel monitoring activated.\nIssue Ctrl-C to stop monitoring")
        self.finished = Future(process.engine)
        self._listen()
        try:
            await self.finished
        except Cancelled:
            if not process.interrupted:
                raise
            process.print("Waiting for deactivation ack...\nGot a stop message\ndropwatch> Terminating dropwatch...")
            return False
        finally:
            self.subscriptions.close()
            self.waiting.clear()
        process.print("Alert limit reached, deactivating!\nDeactivation requested, turning off monitoring\nGot a stop message")
        return True

    # --- what is dropped

    def _listen(self) -> None:
        host = self.process.host
        contained = host.docker.namespaces.values() if host.docker is not None else ()
        for netns in dict.fromkeys([host.netns, *host.namespaces.values(), *contained]):
            self._watch(netns)
        self.subscriptions.add(host.on_namespace, self._watch)

    def _watch(self, netns: Netns) -> None:
        def on_device(dev: NetDevice, there: bool) -> None:
            if there:
                self.subscriptions.add(dev.on_drop, self._frame)

        def on_datagram(_: Datagram, reason: DropReason, dev: NetDevice | None) -> None:
            self._count(reason, dev.label if dev is not None else netns.name)

        for dev in netns.devices.values():
            on_device(dev, True)
        self.subscriptions.add(netns.on_device, on_device)
        self.subscriptions.add(netns.on_drop, on_datagram)

    def _frame(self, dev: NetDevice, frame: Frame, reason: DropReason) -> None:
        self._count(reason, dev.label)

    def _count(self, reason: DropReason, at: str) -> None:
        if not self.waiting:
            self.process.engine.call_later(SECOND, self._tell)
        self.waiting[reason, at] += 1

    def _tell(self) -> None:
        """The kernel's timer, a second after the first of them."""
        for (reason, at), count in list(self.waiting.items()):
            self.process.print(f"{count} drops at {reason.name} ({at}) [software]")
            self.alerts += 1
            if self.limit and self.alerts == self.limit:
                self.finished.set_result(None)
                break
        self.waiting.clear()
