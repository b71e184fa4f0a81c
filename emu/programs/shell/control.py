"""`if`, `while`, `until` and `for` (POSIX sh §2.9.4).

A round of `while` that takes no time takes a millisecond, so that an endless loop reaches the lab's limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.engine import MILLISECOND, SECOND
from emu.programs.shell import expand
from emu.programs.shell.ends import Leave
from emu.programs.shell.syntax import For, If, List, While

if TYPE_CHECKING:
    from emu.programs.shell.run import Shell


async def _condition(shell: Shell, commands: List) -> bool:
    shell.tested += 1
    try:
        return await shell.run(commands) == 0
    finally:
        shell.tested -= 1


async def choose(shell: Shell, node: If) -> int:
    for condition, body in node.branches:
        if await _condition(shell, condition):
            return await shell.run(body)
    return await shell.run(node.otherwise) if node.otherwise is not None else 0


async def repeat(shell: Shell, node: While) -> int:
    status = 0
    while True:
        began = shell.process.engine.now
        if await _condition(shell, node.condition) == node.until:
            return status
        status, more = await _round(shell, node.body)
        if not more:
            return status
        if shell.process.engine.now == began:
            await shell.process.sleep(MILLISECOND / SECOND)


async def each(shell: Shell, node: For) -> int:
    status = 0
    for word in shell.arguments if node.words is None else await expand.fields(shell, node.words):
        shell.variables[node.name] = word
        status, more = await _round(shell, node.body)
        if not more:
            break
    return status


async def _round(shell: Shell, body: List) -> tuple[int, bool]:
    """A loop's body, once: its status, and whether the loop goes on."""
    try:
        return await shell.run(body), True
    except Leave as leave:
        if leave.levels > 1:
            raise Leave(leave.levels - 1, again=leave.again) from None
        return 0, leave.again
