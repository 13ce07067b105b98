"""The run worker killed at each stage of the publication ledger, asked for and at night.

Without anybody doing anything: one playlist per edition, none empty, the history exact, and the
person told once.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import psutil

from vibe_pipeline.accounts.records import Account, Edition, EditionKind, EditionState
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.commands.supervisor import Supervisor, running
from vibe_pipeline.demo.demo_user import DemoUser, connect_link
from vibe_pipeline.demo.installation import DemoInstallation
from vibe_pipeline.launcher.run_launcher import WORKER_TAG
from vibe_pipeline.records import Mode, UserId
from vibe_pipeline.settings import settings_from
from vibe_pipeline.warehouse import Warehouse

HELD_SECONDS = 25.0
"""So long an answer is held back, that the worker is killed while it waits for it."""
DONE_WITHIN_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = 0.05
_LOOK_FAST_SECONDS = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the worker dies: while this call of its hangs, the ledger standing here.

    ``applied``: the call had taken effect. Without ``endpoint`` nothing hangs, and the worker dies
    as soon as the ledger is seen to stand there.
    """

    name: str
    state: EditionState
    endpoint: str | None
    applied: bool = False


STAGES = (
    Stage(name="reading likes", state=EditionState.STARTED, endpoint="GET /me/tracks"),
    Stage(name="making the playlist", state=EditionState.CHOSEN, endpoint="POST /me/playlists"),
    Stage(
        name="made, not heard of",
        state=EditionState.CHOSEN,
        endpoint="POST /me/playlists",
        applied=True,
    ),
    Stage(
        name="writing items",
        state=EditionState.PLAYLIST_MADE,
        endpoint="PUT /playlists/{id}/items",
    ),
    Stage(
        name="written, not heard of",
        state=EditionState.PLAYLIST_MADE,
        endpoint="PUT /playlists/{id}/items",
        applied=True,
    ),
    Stage(name="recording", state=EditionState.ITEMS_WRITTEN, endpoint=None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoint:
    """One cell: a stage, how the person keeps lists, and who asked."""

    stage: Stage
    mode: Mode
    nightly: bool

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{'night' if self.nightly else 'asked'}, {self.mode}, {self.stage.name}"


POINTS = tuple(
    CrashPoint(stage=stage, mode=mode, nightly=nightly)
    for nightly, mode, stage in itertools.product((False, True), Mode, STAGES)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of it: ``playlists`` are track counts, ``told`` how often the list was told."""

    point: CrashPoint
    seconds: float
    state: EditionState | None
    editions: int
    playlists: Sequence[int]
    remembered: int
    chosen: int
    told: int

    @property
    def troubles(self) -> list[str]:
        """What should have been otherwise; empty when all is well."""
        wanted = {
            "recorded": self.state is EditionState.RECORDED,
            "one edition": self.editions == 1,
            "one full playlist": list(self.playlists) == [self.chosen] and self.chosen > 0,
            "history exact": self.remembered == self.chosen,
            "told once": self.told == 1,
        }
        return [what for what, holds in wanted.items() if not holds]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running installation and its simulated world."""

    installation: DemoInstallation
    http: httpx.AsyncClient
    supervisor: Supervisor
    store: AccountStore
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def crash(self, point: CrashPoint) -> Outcome:
        """A newcomer's first list, its worker killed at this point, and what comes of it."""
        person = await self._newcomer(point)
        account = self._account(person)
        before = (await person.chat())["messages"][-1]["message_id"]
        if point.stage.endpoint is not None:
            await self._hold(person, point.stage)
        await self._ask(person, account, point)
        edition = await self._until(account, point.stage.state)
        if point.stage.endpoint is not None:
            await asyncio.sleep(0.5)  # the call that hangs is under way by now
        await self._kill_worker(edition)
        await self._release()
        killed_at = time.monotonic()
        await self._settled(account, person, before)
        self.store.people.change(account.user_id, nightly_at=None)
        return await self._outcome(point, account, person, before, time.monotonic() - killed_at)

    async def _newcomer(self, point: CrashPoint) -> DemoUser:
        name = f"P{next(self.numbers)}"
        person = await DemoUser.arrive(self.http, self.installation.simulator, name=name)
        asked = await person.types("/connect")
        offered = await person.sees(
            "a link", lambda one: connect_link(one) is not None, since=asked, within=30
        )
        await person.consents(str(connect_link(offered)))
        await person.sees("a confirmation", bool, since=offered["message_id"], within=30)
        account = self._account(person)
        await self._quiet(account)
        at = account.nightly_at if point.nightly else None
        self.store.people.change(account.user_id, mode=point.mode, nightly_at=at)
        return person

    async def _quiet(self, account: Account) -> None:
        """Wait until what connecting began is over."""
        async with asyncio.timeout(DONE_WITHIN_SECONDS):
            while not self._runs(account) or self._runs(account, under_way=True):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _ask(self, person: DemoUser, account: Account, point: CrashPoint) -> None:
        if not point.nightly:
            await person.types("/generate")
            return
        token = self.installation.environment["INTERNAL_JOB_TOKEN"]
        answer = await self.http.post(
            f"{self.installation.settings.public_url}/internal/jobs/nightly",
            headers={"Authorization": f"Bearer {token}"},
        )
        answer.raise_for_status()

    async def _hold(self, person: DemoUser, stage: Stage) -> None:
        await self.order(
            "faults",
            service="spotify",
            kind="timeout",
            endpoint=stage.endpoint,
            delay=HELD_SECONDS,
            applied=stage.applied,
            for_user=person.listener,
        )

    async def _release(self) -> None:
        answer = await self.http.delete(f"{self.installation.simulator}/control/faults")
        answer.raise_for_status()

    async def _until(self, account: Account, state: EditionState) -> Edition:
        """The person's list once it stands there, or further."""
        steps = list(EditionState)
        async with asyncio.timeout(DONE_WITHIN_SECONDS):
            while True:
                edition = self._edition(account)
                if edition is not None and steps.index(edition.state) >= steps.index(state):
                    return edition
                await asyncio.sleep(_LOOK_FAST_SECONDS)

    def _edition(self, account: Account) -> Edition | None:
        begun = self.store.editions.history(account.user_id, limit=1)
        return begun[0] if begun else None

    async def _kill_worker(self, edition: Edition) -> None:
        worker = self._worker_of(edition)
        os.kill(worker, signal.SIGKILL)
        with suppress(psutil.NoSuchProcess):
            psutil.Process(worker).wait(10)

    def _worker_of(self, edition: Edition) -> int:
        """The process of the run that works on this edition."""
        query = (
            "SELECT value FROM run_tags WHERE key = ? AND run_id IN (SELECT run_id FROM runs"
            " WHERE status = 'STARTED' AND partition = ?) ORDER BY id DESC"
        )
        for (tag,) in self._dagster(query, WORKER_TAG, edition.user_id):
            worker: Mapping[str, Any] = json.loads(tag)
            if self._job_of(worker["run_id"]) == "daily_vibe":
                return int(worker["pid"])
        raise LookupError(f"no worker of {edition.edition_id}")

    def _job_of(self, run_id: str) -> str:
        ((job,),) = self._dagster("SELECT pipeline_name FROM runs WHERE run_id = ?", run_id)
        return str(job)

    def _runs(self, account: Account, *, under_way: bool = False) -> int:
        ended = " AND status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')" if under_way else ""
        query = f"SELECT count(*) FROM runs WHERE partition = ?{ended}"  # noqa: S608 - our words
        ((count,),) = self._dagster(query, account.user_id)
        return int(count)

    def _dagster(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        path = self.installation.home / "dagster" / "history" / "runs.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as database:
            return database.execute(query, values).fetchall()

    async def _settled(self, account: Account, person: DemoUser, before: int) -> None:
        """Wait until the list is recorded and told, and no run of it is under way."""
        deadline = time.monotonic() + DONE_WITHIN_SECONDS
        while time.monotonic() < deadline:
            edition = self._edition(account)
            recorded = edition is not None and edition.state is EditionState.RECORDED
            over = recorded and not self._runs(account, under_way=True)
            if over and await self._told(person, before):
                return
            await asyncio.sleep(0.5)

    async def _told(self, person: DemoUser, before: int) -> int:
        messages = (await person.chat())["messages"]
        return sum(
            one["from"] == "bot"
            and one["message_id"] > before
            and "/playlist/" in json.dumps([one["buttons"], one["entities"]])
            for one in messages
        )

    async def _outcome(
        self, point: CrashPoint, account: Account, person: DemoUser, before: int, seconds: float
    ) -> Outcome:
        address = f"{self.installation.simulator}/control/people/{person.telegram_id}/playlists"
        playlists = (await self.http.get(address)).json()["playlists"]
        begun = self.store.editions.history(account.user_id)
        lists = [edition for edition in begun if edition.kind is EditionKind.DAILY]
        edition = lists[0] if lists else None
        return Outcome(
            point=point,
            seconds=seconds,
            state=None if edition is None else edition.state,
            editions=len(lists),
            playlists=[len(playlist["items"]) for playlist in playlists],
            remembered=await asyncio.to_thread(self._remembered, account.user_id),
            chosen=0 if edition is None else len(edition.tracks),
            told=await self._told(person, before),
        )

    def _remembered(self, user_id: UserId) -> int:
        with Warehouse(self.installation.settings.warehouse_path).open() as tables:
            return len(tables.playlists.recommended(user_id))

    def _account(self, person: DemoUser) -> Account:
        account = self.store.people.by_chat(person.telegram_id)
        if account is None:
            raise LookupError(f"{person.name} has never written")
        return account

    async def order(self, what: str, **wanted: object) -> None:
        """Have the simulated world be otherwise."""
        address = f"{self.installation.simulator}/control/{what}"
        (await self.http.post(address, json=wanted)).raise_for_status()


@asynccontextmanager
async def site(installation: DemoInstallation) -> AsyncIterator[Site]:
    """The installation, running, and with room for as many people and calls as it takes."""
    environment = {**installation.environment, "SPOTIFY_DAILY_CALLS": "1000000"}
    settings = settings_from(environment)
    roomy = replace(installation, environment=environment, settings=settings)
    async with (
        running(roomy.managed_processes()) as supervisor,
        httpx.AsyncClient(timeout=60, trust_env=False) as http,
    ):
        here = Site(installation=roomy, http=http, supervisor=supervisor, store=open_for(settings))
        await here.order("rules", allowlist_limit=1000, limits_enforced=False)
        yield here
