"""Whether a part that runs still does anything: liveness probes, asked now and then.

A process that hangs (stopped, in a loop, in a wait without end) never ends by itself. Being ready
for the first time is ``commands.supervisor``'s, and so is ending and starting again.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import httpx
import psutil

from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.commands.grpc_health import health_check_answered

EVERY_SECONDS = 15.0
TOLD_AFTER = 2
"""So many looks in a row without an answer, and it is told."""
ENDED_AFTER = 12
"""So many, and the part is ended: three minutes, for a slow machine is no hung one."""
HELD_UP_SECONDS = 60.0
"""Where the watch itself slept so long, the machine did, and what was silent before counts not."""
_ANSWERS_WITHIN_SECONDS = EVERY_SECONDS
"""No longer than looks are apart, or what hangs would be waited for longer than is told."""
_SHORT_OF_SOMETHING = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
"""What the asking machine lacks, and says nothing of who is asked."""

Alive = Callable[[], Awaitable[bool]]
"""Raises what kept it from looking (``NO_LOOK``), which is no silence."""
NO_LOOK = (OSError, httpx.HTTPError, ServiceError)
HEARTBEAT_LASTS = timedelta(minutes=2)
"""Dagster's daemon notes every half minute that a loop of its goes round."""


def loopback_http(timeout_seconds: float) -> httpx.AsyncClient:
    """A client for plain addresses on the loopback; it reads no certificates, nor needs them."""
    no_certificates = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.AsyncClient(timeout=timeout_seconds, trust_env=False, verify=no_certificates)


def http_alive(url: str) -> Alive:
    """Alive as long as anything at all is answered there."""

    async def alive() -> bool:
        async with loopback_http(_ANSWERS_WITHIN_SECONDS) as http:
            try:
                await http.get(url)
            except httpx.HTTPError as error:
                if _short_of_something(error):
                    raise
                return False
            return True

    return alive


def grpc_alive(port: int) -> Alive:
    """Alive as long as the gRPC server on this port of the loopback answers a health check."""

    async def alive() -> bool:
        try:
            async with asyncio.timeout(_ANSWERS_WITHIN_SECONDS):
                return await health_check_answered(port)
        except (OSError, asyncio.IncompleteReadError) as error:  # a timeout is the first, too
            if _short_of_something(error):
                raise
            return False

    return alive


def heartbeats_alive(
    oldest: Callable[[], Awaitable[datetime | None]], *, now: Callable[[], datetime]
) -> Alive:
    """Alive while every loop of Dagster's daemon goes round; ``oldest`` of their heartbeats."""

    async def alive() -> bool:
        beat = await oldest()
        return beat is not None and now() - beat < HEARTBEAT_LASTS

    return alive


def is_stopped(pid: int | None) -> bool:
    """Whether a signal stopped this process (SIGSTOP), so that it does nothing until another.

    Raises ``OSError`` where nobody could look now.
    """
    try:
        return pid is not None and psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.Error:
        return False


def _short_of_something(error: BaseException | None) -> bool:
    """Whether the connection failed on our side."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _SHORT_OF_SOMETHING:
            return True
        error = error.__cause__ or error.__context__
    return False
