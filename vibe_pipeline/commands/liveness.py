"""Whether a part that runs still does anything: liveness probes, asked now and then.

A process that hangs (stopped, in a loop, in a wait without end) never ends by itself. Being ready
for the first time is ``commands.supervisor``'s, and so is ending and starting again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx
import psutil

EVERY_SECONDS = 15.0
TOLD_AFTER = 2
"""So many looks in a row without an answer, and it is told."""
ENDED_AFTER = 12
"""So many, and the part is ended: three minutes, for a slow machine is no hung one."""
HELD_UP_SECONDS = 60.0
"""Where the watch itself slept so long, the machine did, and what was silent before counts not."""
_ANSWERS_WITHIN_SECONDS = 20.0

Alive = Callable[[], Awaitable[bool]]


def http_alive(url: str) -> Alive:
    """Alive as long as anything at all is answered there."""

    async def alive() -> bool:
        async with httpx.AsyncClient(timeout=_ANSWERS_WITHIN_SECONDS, trust_env=False) as http:
            try:
                await http.get(url)
            except httpx.HTTPError:
                return False
            return True

    return alive


def is_stopped(pid: int | None) -> bool:
    """Whether a signal stopped this process (SIGSTOP), so that it does nothing until another."""
    try:
        return pid is not None and psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.Error:
        return False
