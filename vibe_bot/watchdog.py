"""Ends a bot whose event loop stands still: it would never end by itself, nor answer anybody.

Whoever started it starts it again (``commands.supervisor``, compose, systemd), and what it was told
meanwhile waits at Telegram and in the account store.
"""

from __future__ import annotations

import asyncio
import faulthandler
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

STANDS_STILL_SECONDS = 180.0
_WINDINGS = 12


@asynccontextmanager
async def ending_when_still(*, after_seconds: float = STANDS_STILL_SECONDS) -> AsyncIterator[None]:
    """Inside, a loop that does nothing for so long ends the process, with code 1.

    Where each thread stood is written to standard error before. The time that a machine sleeps does
    not count.
    """
    winding = asyncio.create_task(_wind(after_seconds))
    try:
        yield
    finally:
        winding.cancel()
        faulthandler.cancel_dump_traceback_later()


async def _wind(after_seconds: float) -> None:
    while True:
        faulthandler.dump_traceback_later(after_seconds, exit=True)
        await asyncio.sleep(after_seconds / _WINDINGS)
