"""Ends a bot whose event loop stands still: it would never end by itself, nor answer anybody.

Whoever started it starts it again (``commands.supervisor``, compose, systemd), and what it was told
meanwhile waits at Telegram and in the account store.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

STANDS_STILL_SECONDS = 180.0
_LOOKS = 12
"""So many in a row must find the loop where it was."""


@contextmanager
def ending_when_still(*, after_seconds: float = STANDS_STILL_SECONDS) -> Iterator[None]:
    """Inside, a loop that does nothing for so long ends the process, with code 1.

    Where each thread stood is written to standard error before. While the whole process is frozen
    (a paused container, a sleeping machine) nobody looks, so that this counts as one look.
    """
    over = threading.Event()
    looking = (asyncio.get_running_loop(), after_seconds / _LOOKS, over)
    threading.Thread(target=_look, args=looking, name="watchdog", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _look(loop: asyncio.AbstractEventLoop, every_seconds: float, over: threading.Event) -> None:
    moved, still = threading.Event(), 0
    _ask(loop, moved)
    while not over.wait(every_seconds):
        if moved.is_set():
            moved.clear()
            still = 0
            _ask(loop, moved)
            continue
        still += 1
        if still >= _LOOKS:
            faulthandler.dump_traceback()
            os._exit(1)


def _ask(loop: asyncio.AbstractEventLoop, moved: threading.Event) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(moved.set)
