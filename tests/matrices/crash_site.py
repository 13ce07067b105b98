"""A running installation in which things are killed, and what can be seen of it from outside."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx
import psutil
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import OperationalError

from tests.matrices.outcomes import Outcome
from tests.support.midday import midday_zone
from vibe_pipeline import runs
from vibe_pipeline.accounts.errors import AccountsUnreachable
from vibe_pipeline.accounts.records import Account, Edition, EditionState
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.commands.restart_policy import RestartPolicy
from vibe_pipeline.commands.supervisor import Supervisor, running
from vibe_pipeline.demo.demo_user import DemoUser, connect_link
from vibe_pipeline.demo.installation import DemoInstallation
from vibe_pipeline.launcher.run_launcher import WORKER_TAG
from vibe_pipeline.locales import say
from vibe_pipeline.records import Mode, UserId
from vibe_pipeline.settings import settings_from
from vibe_pipeline.warehouse import Warehouse

HELD_SECONDS = 25.0
"""So long an answer is held back, that whoever waits for it is killed meanwhile."""
DONE_WITHIN_SECONDS = 120.0
LOOK_AGAIN_SECONDS = 0.05
LOOK_FAST_SECONDS = 0.002

_WAITED_FOR = (*runs.LIST_JOBS, runs.SYNC_LIBRARY, runs.EXPORT_PERSON)

Message = Mapping[str, Any]


class CrashPoint(Protocol):
    """One cell of the matrix."""

    @property
    def name(self) -> str:
        """As the table shows it."""
        ...

    async def play(self, site: Site) -> Outcome:
        """Have it happen, and say what came of it without anybody doing anything."""
        ...


_ZONE_QUESTION = "🕰"
"""How it begins in every language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A call that hangs while somebody dies; ``applied``: it had taken effect."""

    service: str
    endpoint: str
    applied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running installation and its simulated world."""

    installation: DemoInstallation
    http: httpx.AsyncClient
    supervisor: Supervisor
    store: AccountStore
    numbers: Iterator[int] = field(default_factory=itertools.count)
    elsewhere: Mapping[str, Callable[[], int]] = field(default_factory=dict)
    """Processes that nobody of the installation starts, by name: which one is to die."""

    async def arrived(self) -> DemoUser:
        """Somebody who has never met the bot."""
        name = f"P{next(self.numbers)}"
        return await DemoUser.arrive(self.http, self.installation.simulator, name=name)

    async def newcomer(self, mode: Mode = Mode.LIVING, *, nightly: bool = False) -> DemoUser:
        """Somebody who has just connected, and for whom nothing is under way.

        Their night has come as soon as it is triggered: their hour of today has passed.
        """
        person = await self.arrived()
        asked = await person.types("/connect")
        offered = await person.sees(
            "a link", lambda one: connect_link(one) is not None, since=asked, within=30
        )
        await person.consents(str(connect_link(offered)))
        await person.sees("a confirmation", bool, since=offered["message_id"], within=30)
        account = self.account(person)
        await self.quiet(account)
        at = account.nightly_at if nightly else None
        zone = midday_zone(datetime.now(UTC))
        self.store.people.change(account.user_id, mode=mode, nightly_at=at, timezone=zone)
        return person

    async def has_a_list(self, person: DemoUser) -> None:
        """The person asks for a list and gets it."""
        asked = await person.types("/generate")
        await person.sees("a list", _leads_to_a_list, since=asked, within=DONE_WITHIN_SECONDS)
        await self.no_list_under_way(self.account(person))

    async def quiet(self, account: Account) -> None:
        """Wait until what was begun for somebody is over."""
        await self.until(lambda: self.runs(account) and not self.runs(account, under_way=True))

    async def no_list_under_way(self, account: Account) -> None:
        """Wait until no list of the person's is made; what is done ahead of time may go on."""
        await self.until(lambda: not self.at_work(account))

    async def trigger_night(self) -> None:
        """What a clock of the operator's does."""
        token = self.installation.environment["INTERNAL_JOB_TOKEN"]
        answer = await self.http.post(
            f"{self.installation.settings.public_url}/internal/jobs/nightly",
            headers={"Authorization": f"Bearer {token}"},
        )
        answer.raise_for_status()

    async def hold(self, person: DemoUser, held: Held) -> None:
        """Let this call of the person's hang."""
        known_by = {"telegram": person.telegram_id, "spotify": person.listener}
        await self.order(
            "faults",
            service=held.service,
            kind="timeout",
            endpoint=held.endpoint,
            delay=HELD_SECONDS,
            applied=held.applied,
            for_user=known_by.get(held.service),
        )

    async def hangs(self, held: Held) -> None:
        """Wait until a call waits for its answer; it is written down only when it is answered."""
        await asyncio.sleep(2.0 if held.service == "telegram" else 0.7)

    async def release(self) -> None:
        """Nothing hangs any more."""
        answer = await self.http.delete(f"{self.installation.simulator}/control/faults")
        answer.raise_for_status()

    async def until(
        self, claim: Callable[[], object], *, every: float = LOOK_AGAIN_SECONDS
    ) -> None:
        """Wait for it."""
        async with asyncio.timeout(DONE_WITHIN_SECONDS):
            while not claim():  # noqa: ASYNC110 - the world outside tells nobody
                await asyncio.sleep(every)

    async def stands_at(self, account: Account, state: EditionState) -> Edition:
        """The person's list once it stands there, or further."""
        steps = list(EditionState)

        def there() -> bool:
            edition = self.edition(account)
            return edition is not None and steps.index(edition.state) >= steps.index(state)

        await self.until(there, every=LOOK_FAST_SECONDS)
        edition = self.edition(account)
        assert edition is not None
        return edition

    def edition(self, account: Account) -> Edition | None:
        """The person's newest edition."""
        begun = self.store.editions.history(account.user_id, limit=1)
        return begun[0] if begun else None

    def kill_worker(self, account: Account, *jobs: str) -> None:
        """The process of the run under way for this person dies."""
        self._kill(self._worker_of(account, jobs))

    def kill_part(self, name: str) -> None:
        """This part of the installation dies."""
        pid = self.elsewhere[name]() if name in self.elsewhere else self.supervisor.pid_of(name)
        assert pid is not None
        self._kill(pid)

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
            psutil.Process(pid).wait(0.5)

    async def well(self) -> None:
        """Wait until every part runs again."""
        async with asyncio.timeout(DONE_WITHIN_SECONDS):
            while not await self._is_well():  # noqa: ASYNC110 - the world outside tells nobody
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _is_well(self) -> bool:
        try:
            answer = await self.http.get(f"{self.installation.settings.public_url}/health")
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    def _worker_of(self, account: Account, jobs: tuple[str, ...]) -> int:
        query = (
            "SELECT value FROM run_tags WHERE key = ? AND run_id IN (SELECT run_id FROM runs"
            " WHERE status = 'STARTED' AND partition = ?) ORDER BY id DESC"
        )
        for (tag,) in self._dagster("runs", query, WORKER_TAG, account.user_id):
            worker: Mapping[str, Any] = json.loads(tag)
            if self._job_of(worker["run_id"]) in jobs:
                return int(worker["pid"])
        raise LookupError(f"no worker of {account.user_id}")

    def started(self, account: Account, *jobs: str) -> bool:
        """Whether a run of these is at work for this person."""
        try:
            return self._worker_of(account, jobs) > 0
        except LookupError:
            return False

    def _job_of(self, run_id: str) -> str:
        query = "SELECT pipeline_name FROM runs WHERE run_id = ?"
        ((job,),) = self._dagster("runs", query, run_id)
        return str(job)

    def runs(self, account: Account, *, under_way: bool = False, job: str | None = None) -> int:
        """How many runs there were of this person's, or are."""
        ended = " AND status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')" if under_way else ""
        named = "" if job is None else " AND pipeline_name = ?"
        query = f"SELECT count(*) FROM runs WHERE partition = ?{ended}{named}"  # noqa: S608
        values = (account.user_id,) if job is None else (account.user_id, job)
        ((count,),) = self._dagster("runs", query, *values)
        return int(count)

    def at_work(self, account: Account) -> bool:
        """Whether something is under way for this person that they asked for, or the night."""
        return any(self.runs(account, under_way=True, job=job) for job in _WAITED_FOR)

    def happened(self, account: Account, job: str, event: str, **which: str) -> bool:
        """Whether the newest run of this job told of this event of a step or an asset."""
        query = "SELECT run_id FROM runs WHERE partition = ? AND pipeline_name = ? ORDER BY id DESC"
        found = self._dagster("runs", query, account.user_id, job)
        if not found:
            return False
        which = {"run_id": str(found[0][0]), "dagster_event_type": event, **which}
        conditions = " AND ".join(f"{column} = ?" for column in which)
        query = f"SELECT 1 FROM event_logs WHERE {conditions}"  # noqa: S608
        try:
            return bool(self._dagster(f"runs/{found[0][0]}", query, *which.values()))
        except sqlite3.OperationalError:
            return False

    def _dagster(self, file: str, query: str, *values: str) -> list[tuple[Any, ...]]:
        if server := self.installation.settings.dagster_postgres_url:
            engine = create_engine(server.get_secret_value(), poolclass=NullPool)
            with engine.connect() as connection:
                rows = connection.exec_driver_sql(query.replace("?", "%s"), values)
                return [tuple(row) for row in rows]
        path = self.installation.home / "dagster" / "history" / f"{file}.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as database:
            return database.execute(query, values).fetchall()

    def untold(self, account: Account) -> bool:
        """Whether a message to this person is still to be delivered, as far as is noted."""
        query = text("SELECT 1 FROM outbox WHERE user_id = :who AND closed_at IS NULL LIMIT 1")
        with self.store.database.reading() as connection:
            return connection.execute(query, {"who": account.user_id}).first() is not None

    async def last_message(self, person: DemoUser) -> int:
        """The number of the last message in the chat."""
        return int((await person.chat())["messages"][-1]["message_id"])

    async def said_since(self, person: DemoUser, before: int) -> list[Message]:
        """What stands in the chat by the bot since then, but for the question that follows on
        connecting, which may come a moment later.
        """
        messages = (await person.chat())["messages"]
        return [
            one
            for one in messages
            if one["from"] == "bot"
            and one["message_id"] > before
            and not one["deleted"]
            and not one["text"].startswith(_ZONE_QUESTION)
        ]

    async def told_lists(self, person: DemoUser, before: int) -> int:
        """How often a list was told of since then."""
        return sum(map(_leads_to_a_list, await self.said_since(person, before)))

    async def playlists(self, person: DemoUser) -> list[int]:
        """How many tracks each playlist of the person's holds."""
        address = f"{self.installation.simulator}/control/people/{person.telegram_id}/playlists"
        playlists = (await self.http.get(address)).json()["playlists"]
        return [len(playlist["items"]) for playlist in playlists]

    async def remembered(self, user_id: UserId) -> int:
        """How many tracks the warehouse remembers as recommended."""
        return await asyncio.to_thread(self._remembered, user_id)

    def _remembered(self, user_id: UserId) -> int:
        settings = self.installation.settings
        token = settings.warehouse_token
        config = None if token is None else {"token": token.get_secret_value()}
        with Warehouse(settings.warehouse_path, config=config).open() as tables:
            return len(tables.playlists.recommended(user_id))

    def account(self, person: DemoUser) -> Account:
        """The person's account with us."""
        account = self.store.people.by_chat(person.telegram_id)
        if account is None:
            raise LookupError(f"{person.name} has never written")
        return account

    async def order(self, what: str, **wanted: object) -> None:
        """Have the simulated world be otherwise."""
        address = f"{self.installation.simulator}/control/{what}"
        (await self.http.post(address, json=wanted)).raise_for_status()


def _leads_to_a_list(message: Message) -> bool:
    return "/playlist/" in json.dumps([message["buttons"], message["entities"]])


def unfinished(message: Message) -> bool:
    """Whether it promises something that is still to come."""
    keys = ("bot.progress.starting", "bot.progress.going_on", "bot.progress.waits")
    return any(say("en", key) in message["text"] for key in keys)


def failure(message: Message) -> bool:
    """Whether it says that something came to nothing."""
    keys = (
        "bot.failed.list",
        "bot.failed.restore",
        "bot.failed.sync",
        "bot.failed.export",
        "bot.failed.history",
    )
    return any(say("en", key) in message["text"] for key in keys)


async def seconds_until(settled: Callable[[], Any]) -> float:
    """How long it takes until all is as it should be, or as long as we wait for it.

    A store whose server has died shows nothing until it is there again.
    """
    began = time.monotonic()
    while time.monotonic() - began < DONE_WITHIN_SECONDS:
        with suppress(AccountsUnreachable, OperationalError):
            if await settled():
                break
        await asyncio.sleep(0.5)
    return time.monotonic() - began


@asynccontextmanager
async def site(
    installation: DemoInstallation, elsewhere: Mapping[str, Callable[[], int]] | None = None
) -> AsyncIterator[Site]:
    """The installation, running, and with room for as many people, calls and deaths as it takes."""
    environment = {**installation.environment, "SPOTIFY_DAILY_CALLS": "1000000"}
    settings = settings_from(environment)
    roomy = replace(installation, environment=environment, settings=settings)
    async with (
        running(roomy.managed_processes(), policy=RestartPolicy(settled_after=0.5)) as supervisor,
        httpx.AsyncClient(timeout=60, trust_env=False) as http,
    ):
        here = Site(
            installation=roomy,
            http=http,
            supervisor=supervisor,
            store=open_for(settings),
            elsewhere=elsewhere or {},
        )
        await here.order("rules", allowlist_limit=1000, limits_enforced=False)
        yield here
