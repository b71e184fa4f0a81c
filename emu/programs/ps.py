"""ps(1): the programs that run in this place. GNU's `ps`, `ps aux`, `ps -ef` and busybox's `ps`; processor and memory figures are 0.

Not modelled: the processes of containers as their host sees them, kernel threads, other columns.
"""

from __future__ import annotations

from emu.engine import SECOND
from emu.process import Process, UsageError
from emu.programs.kill import seen_by
from emu.programs.libc.clock import EPOCH, civil
from emu.programs.libc.userland import has_busybox

FORMS = {"": "short", "aux": "user", "-aux": "user", "-ef": "full", "-e": "short", "-A": "short", "ax": "short"}


async def main(process: Process, argv: list[str]) -> int:
    word = "".join(argv[1:])
    if word not in FORMS:
        raise UsageError(f"ps: '{' '.join(argv[1:])}' is not modelled", 1)
    began = EPOCH + process.engine.now // SECOND
    hour, minute = civil(began)[3:5]
    running = [(each.pid, " ".join(each.argv), each.argv[0].rpartition("/")[2]) for each in seen_by(process.place)]
    if has_busybox(process.place):
        process.print("PID   USER     TIME  COMMAND")
        for pid, line, _ in running:
            process.print(f"{pid:5} root      0:00 {line}")
    elif FORMS[word] == "short":
        process.print("    PID TTY          TIME CMD")
        for pid, _, name in running:
            process.print(f"{pid:7} pts/0    00:00:00 {name}")
    elif FORMS[word] == "full":
        process.print("UID          PID    PPID  C STIME TTY          TIME CMD")
        for pid, line, _ in running:
            process.print(f"root     {pid:7} {0 if pid == 1 else 1:7}  0 {hour:02}:{minute:02} pts/0    00:00:00 {line}")
    else:
        process.print("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND")
        for pid, line, _ in running:
            process.print(f"root     {pid:7}  0.0  0.0      0     0 pts/0    S    {hour:02}:{minute:02}   0:00 {line}")
    return 0
