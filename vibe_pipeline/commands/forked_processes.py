"""Dagster's programs as the supervisor sees them: forked from one process that imported Dagster.

Together they hold much less memory than an interpreter each, and start in a fraction of the time.
Not here: what a forked program does (``launcher.dagster_programs``), and run workers.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vibe_pipeline.launcher.fork_server import Ended, ForkServer, ForkServerGone, Work

DAGSTER_PROGRAMS = "vibe_pipeline.launcher.dagster_programs"
KILLED = -signal.SIGKILL
"""The exit code of a program whose fork server is gone."""


@dataclass(slots=True)
class ForkedProcess:
    """A program that was forked; the part of ``asyncio.subprocess.Process`` that we use."""

    pid: int | None = None
    returncode: int | None = None
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> int:
        """Its exit code, once it has ended; negative is the signal that ended it."""
        await self._over.wait()
        return KILLED if self.returncode is None else self.returncode

    def terminate(self) -> None:
        """Ask it to end; ``ProcessLookupError`` when it is gone already."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it outright; ``ProcessLookupError`` when it is gone already."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)

    def ended(self, code: int) -> None:
        """Note its end."""
        self.returncode = code
        self._over.set()


class ProgramForker:
    """Forks Dagster's programs. Made, used and closed in one event loop."""

    def __init__(self, environment: Mapping[str, str], folder: Path, log: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._retired = False
        self._processes: dict[str, ForkedProcess] = {}
        self._server = ForkServer(
            (f"{DAGSTER_PROGRAMS}:warm_up",),
            ended=self._from_listener,
            gone=self._gone_from_listener,
            environment=environment,
            folder=folder,
            log=log,
        )

    async def fork(
        self, name: str, command: Sequence[str], log: Path, within: float
    ) -> ForkedProcess:
        """Start a program under this name; raises ``ForkServerGone`` when that cannot be."""
        if not await asyncio.to_thread(self._server.wait_until_ready, within):
            raise ForkServerGone("it did not become ready")
        process = self._processes[name] = ForkedProcess()
        order = {"command": list(command), "log": str(log), "title": name}
        work = Work(name=name, entry=f"{DAGSTER_PROGRAMS}:perform", argument=json.dumps(order))
        process.pid = await asyncio.to_thread(self._server.fork, work)
        return process

    @property
    def usable(self) -> bool:
        """Whether it may be asked to fork."""
        return self._server.alive and not self._retired

    async def retire(self) -> None:
        """Fork no more; what was forked goes on undisturbed."""
        self._retired = True
        await asyncio.to_thread(self._server.retire)

    async def close(self) -> None:
        """End the fork server; what was forked and still runs ends with it."""
        await asyncio.to_thread(self._server.close)

    def _from_listener(self, ended: Ended) -> None:
        self._loop.call_soon_threadsafe(self._note, ended)

    def _note(self, ended: Ended) -> None:
        process = self._processes[ended.name]
        if process.pid in {None, ended.pid}:
            process.ended(ended.code)

    def _gone_from_listener(self) -> None:
        self._loop.call_soon_threadsafe(self._all_ended)

    def _all_ended(self) -> None:
        for process in self._processes.values():
            if process.returncode is None:
                process.ended(KILLED)
