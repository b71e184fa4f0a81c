"""Programs that only listen: they wait for the signal that ends them."""

from __future__ import annotations

from collections.abc import Callable

from emu.engine import Cancelled, Future
from emu.process import Process

SIGKILL = 128 + 9


async def until_signal(process: Process, stop: Callable[[], None], each_second: Callable[[], object] | None = None) -> None:
    """Wait for SIGINT or SIGTERM, which the program handles: it goes on from here, and may not await anything more. `stop` is called in any
    case, by SIGKILL too.
    """
    process.at_exit(stop)
    process.daemon = True  # its seconds keep no lab from being quiet
    try:
        while each_second is not None:
            await process.sleep(1.0)
            each_second()
        await Future[None](process.engine)
    except Cancelled:
        if process.exit_status == SIGKILL:
            raise
