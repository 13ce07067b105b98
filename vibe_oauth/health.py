"""Whether this service can do its work: the answer to ``GET /health``.

What is wrong with a whole installation tells ``vibe doctor`` (``vibe_pipeline.commands.checks``).
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vibe_oauth.services import OAuthServices
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.lost_accounts import lists_of_nobody, nobody_left
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.installation.access_token import OAUTH_HEADER
from vibe_pipeline.installation.home import cannot_be_written
from vibe_pipeline.installation.process_status import (
    TROUBLE_LASTS,
    ProcessState,
    ProcessStatus,
    StatusFile,
    Troubles,
)
from vibe_pipeline.installation.warehouse_file import is_something_else

DAGSTER_SECONDS = 5.0
"""Those who watch over us do not wait longer."""
LISTS_SECONDS = 20.0
"""So long counting lists may take, which happens only where nobody is known."""
FAILED_LOOK_SECONDS = 30.0
"""So long lists are not counted again that could not be."""
WHOLE_LOOK_SECONDS = 30.0
"""So seldom every page of the account store is read, at most."""
WHOLE_LOOK_SHARE = 0.001
"""Of the time: a large store, which takes long to read, is read more seldom still."""


@dataclass(slots=True)
class WholeLooks:
    """An integrity check of the account store, now and then: damage in its middle shows only there.

    A damaged store is looked at each time, for it is put right while somebody watches.
    """

    pause_seconds: float = WHOLE_LOOK_SECONDS
    share: float = WHOLE_LOOK_SHARE
    _next: float = float("-inf")

    def look(self, store: AccountStore) -> None:
        """Read the whole store if it is time to; raises ``AccountsUnreadable`` when it is no use.

        Takes milliseconds per ten megabytes, so it does not belong into an event loop.
        """
        began = time.monotonic()
        if began < self._next:
            return
        store.database.look_through()
        ended = time.monotonic()
        self._next = ended + max(self.pause_seconds, (ended - began) / self.share)


@dataclass(slots=True)
class ListsLooks:
    """How many lists the warehouse knows, counted anew when its file is another than before.

    In a process of its own: this one loads no DuckDB. What cannot be read is left alone for a
    while, whatever becomes of the file: anybody may ask how we are, and each look costs a process.
    """

    pause_seconds: float = FAILED_LOOK_SECONDS
    _not_before: float = float("-inf")
    _looked_at: tuple[int, int] | None = None
    _lists: int | None = None
    _one_at_a_time: Lock = field(default_factory=Lock)

    def look(self, warehouse: Path) -> int | None:
        """``None`` while that cannot be read. May take a second, so not for an event loop."""
        with self._one_at_a_time:
            if time.monotonic() < self._not_before:
                return None
            try:
                seen = warehouse.stat()
                if self._looked_at != (seen.st_mtime_ns, seen.st_size):
                    self._lists = _counted(warehouse)
                    self._looked_at = (seen.st_mtime_ns, seen.st_size)
            except (OSError, ValueError, subprocess.SubprocessError):
                self._looked_at = None
                self._not_before = time.monotonic() + self.pause_seconds
                return None
            return self._lists


def _counted(warehouse: Path) -> int:
    command = [sys.executable, "-m", "vibe_pipeline.warehouse.list_count", str(warehouse)]
    done = subprocess.run(  # noqa: S603 - our own module
        command, capture_output=True, text=True, timeout=LISTS_SECONDS, check=True
    )
    return int(done.stdout)


@dataclass(frozen=True, slots=True)
class Health:
    """Answers those who watch over us."""

    services: OAuthServices
    whole_looks: WholeLooks = field(default_factory=WholeLooks)
    lists_looks: ListsLooks = field(default_factory=ListsLooks)

    async def live(self, request: Request) -> Response:
        """The process answers; says nothing about anybody else."""
        return JSONResponse({"status": "ok"}, headers={OAUTH_HEADER: "on"})

    async def ready(self, request: Request) -> Response:
        """The stores can be read and written, Dagster takes orders, every process runs."""
        parts = {
            "account_store": await self._account_store(),
            "home": self._home(),
            "warehouse": self._warehouse(),
            "dagster": await self._dagster(),
            **self._processes(),
        }
        well = all(part["ok"] for part in parts.values())
        status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse({"status": "ok" if well else "failing", **parts}, status)

    async def _account_store(self) -> dict[str, Any]:
        try:
            self.services.store.check(self.services.key())
            await asyncio.to_thread(self.whole_looks.look, self.services.store)
            lists = await asyncio.to_thread(self._lists_of_nobody)
        except AccountsUnreadable as error:
            return {"ok": False, "reason": error.for_strangers}
        if not lists:
            return {"ok": True}
        return {"ok": False, "reason": nobody_left(self.services.warehouse.name, lists)}

    def _lists_of_nobody(self) -> int:
        services = self.services
        return lists_of_nobody(services.store, services.warehouse, self.lists_looks.look)

    def _home(self) -> dict[str, Any]:
        if not cannot_be_written(self.services.home):
            return {"ok": True}
        return {
            "ok": False,
            "reason": "There is no room for a list in VIBE_HOME, or it is read-only; make room.",
        }

    def _warehouse(self) -> dict[str, Any]:
        """By its first bytes alone; damage inside shows to the runs, which mend it."""
        if not is_something_else(self.services.warehouse):
            return {"ok": True}
        return {
            "ok": False,
            "reason": f"{self.services.warehouse.name} is not a DuckDB database, or may not be"
            " read: change DB_PATH, or restore a backup.",
        }

    async def _dagster(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(DAGSTER_SECONDS):
                reachable = await self.services.dagster.reachable()
        except TimeoutError:
            reachable = False
        except ServiceError as error:
            return {"ok": False, "reason": str(error)}
        return {"ok": True} if reachable else {"ok": False, "reason": "Dagster does not answer."}

    def _processes(self) -> dict[str, dict[str, Any]]:
        """How the supervisor's processes stand, where there is one, and what they complain of."""
        home, now = self.services.home, self.services.now()
        parts = {name: _shown(status) for name, status in StatusFile(home).read().items()}
        for name, trouble in Troubles(home).current(now=now, within=TROUBLE_LASTS).items():
            parts[name] = {**parts.get(name, {}), "ok": False, "reason": trouble}
        return {_key(name): part for name, part in parts.items()}


def _shown(status: ProcessStatus) -> dict[str, Any]:
    shown = {
        "ok": status.state is ProcessState.RUNNING,
        "state": str(status.state),
        "since": status.since.isoformat(timespec="seconds"),
        "restarts": status.restarts,
    }
    return shown if status.reason is None else {**shown, "reason": status.reason}


def _key(name: str) -> str:
    return name.lower().replace(" ", "_")
