"""The calls of a program that goes on and on (bot, consent page), for everybody's figures.

Counted in memory and written together a few seconds later, so that nobody waits for a file. A
run writes its own calls at the end of each step (``defs.resources``); what is told of all of them
is ``/metrics``'.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from vibe_pipeline.clients.transport import CallRecord
from vibe_pipeline.installation.call_figures import CallFigures, SentCall, outcome_of

TELEGRAM = "telegram"
"""The Bot API's name in the figures; a package of its own calls it, and no transport."""
WRITTEN_AFTER_SECONDS = 5.0


@dataclass(slots=True)
class CallCounter:
    """An observer of calls; ``close`` writes what is not written yet."""

    home: Path
    _sent: list[SentCall] = field(default_factory=list)
    _writing: asyncio.Task[None] | None = None

    def observe(self, call: CallRecord) -> None:
        """One call came to its end; inside an event loop."""
        self._sent.append(counted(call))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_soon())

    async def _write_soon(self) -> None:
        while self._sent:
            await asyncio.sleep(WRITTEN_AFTER_SECONDS)
            await self._write()

    async def _write(self) -> None:
        sent, self._sent = self._sent, []
        await asyncio.to_thread(CallFigures(self.home).add, sent)

    async def close(self) -> None:
        """Write the rest."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._write()


def counted(call: CallRecord) -> SentCall:
    """What the figures keep of a call: neither its endpoint nor whose it was."""
    return SentCall(service=call.service, outcome=outcome_of(call.status), seconds=call.seconds)
