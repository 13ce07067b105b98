"""A web server that ends as soon as it is told to, for simulators that live as long as one story.

What is served is the caller's; uvicorn's own server looks ten times a second whether to end, and
then waits as long again for whoever may still be connected.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import uvicorn

_LOOKS_EVERY = 1.0
_TICKS = 10
"""uvicorn counts tenths of a second, and renews the date that it tells with every tenth."""


class PromptServer(uvicorn.Server):
    """uvicorn's server, woken when it is to end; who is being answered is still waited for."""

    def __init__(self, config: uvicorn.Config) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving = asyncio.Event()
        super().__init__(config)

    @property
    def should_exit(self) -> bool:
        """Whether to end; may be set from any thread and by a signal."""
        return self._should_exit

    @should_exit.setter
    def should_exit(self, wanted: bool) -> None:
        self._should_exit = wanted
        if wanted and self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._leaving.set)

    async def main_loop(self) -> None:
        """Wait for the end, telling the right date meanwhile."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(_TICKS):
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOKS_EVERY):
                    await self._leaving.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close at once when nobody is being answered; else as uvicorn does it."""
        if self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self.lifespan.shutdown()
