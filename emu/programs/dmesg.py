"""dmesg(1): the kernel's messages, here those of netfilter (LOG, TRACE) in the place's network namespace, oldest first.

The times are of virtual time since the lab began. Not modelled: levels and facilities (-l, -f), following (-w), other times (-T), clearing.
"""

from __future__ import annotations

from emu.engine import SECOND
from emu.process import Process
from emu.programs.libc.getopt import getopt


async def main(process: Process, argv: list[str]) -> int:
    getopt(argv, "")
    for time_ns, text in process.netns.netfilter.kernel_log:
        process.print(f"[{time_ns / SECOND:12.6f}] {text}")
    return 0
