"""The people of a soak and the installation they use: production's own planning, runs and messages.

The schedule and the sweep are evaluated tick by tick; the runs they ask for are executed here, or
in a worker that is killed; what they have to say is delivered to a simulated Telegram. The clock
is the real one, moved on by whole ticks.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import sqlite3
import time as real_time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import select

from tests.soak.troubles import HELD_SECONDS, Kill, Troubles
from tests.soak.worker import STORAGE, execute, opened_instance, work
from tests.support.vibe_world import ROOMY, VibeWorld, playlists_of, uris_of, vibe_world
from vibe_bot.app import build as build_bot
from vibe_bot.outbox import OutboxRelay
from vibe_bot.services import open_services
from vibe_pipeline import nightly as nights
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account, EditionState
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.accounts.tables import outbox
from vibe_pipeline.clients.factory import open_http
from vibe_pipeline.defs import automation
from vibe_pipeline.defs.continuing import unfinished_lists
from vibe_pipeline.defs.ended_runs import EndedRun, Surroundings
from vibe_pipeline.defs.following import explain
from vibe_pipeline.defs.resources import AccountsResource, ClockResource
from vibe_pipeline.defs.unfinished_runs import UNFINISHED
from vibe_pipeline.records import Mode, UserId
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.simulator.faults import Fault
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.telegram.bot_api import SimulatedTelegram
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

TICK, CLOSE_TICK = timedelta(hours=1), timedelta(minutes=15)
ARTISTS = 120
ZONES = (
    *("UTC", "Europe/Kyiv", "Europe/Amsterdam", "America/New_York", "Asia/Kathmandu"),
    *("Australia/Lord_Howe", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/St_Johns"),
)
TRACKS = 10
LIKES = 80
_LATE_SECONDS = 120.0
"""So long a worker may take to its first call on a full machine; killed before, there is no run."""


@dataclass(slots=True)
class SoakClock:
    """The real time, moved on."""

    shift_seconds: int = 0

    def now(self) -> datetime:
        """This moment, as everybody in the soak has it."""
        return datetime.now(UTC) + timedelta(seconds=self.shift_seconds)

    def move(self, amount: timedelta) -> None:
        """Let time pass at once."""
        self.shift_seconds += int(amount.total_seconds())

    def resource(self) -> ClockResource:
        """For schedules and sensors."""
        return ClockResource(shift_seconds=self.shift_seconds)


@dataclass(slots=True, kw_only=True)
class Town:
    """Everybody and everything; ``messages`` are all the outbox ever held, by their key."""

    world: VibeWorld
    folder: Path
    clock: SoakClock
    store: AccountStore
    troubles: Troubles
    rng: random.Random
    people: list[Account] = field(default_factory=list)
    runs: Counter[str] = field(default_factory=Counter)
    messages: dict[str, bool] = field(default_factory=dict)
    played: Counter[UserId] = field(default_factory=Counter)
    liked: defaultdict[UserId, set[str]] = field(default_factory=lambda: defaultdict(set))
    _run_keys: set[str] = field(default_factory=set)
    _seen_run: int = 0

    def settle(self, count: int) -> None:
        """So many people come, each with their own zone, hour and way of keeping lists."""
        telegram = self.world.simulator.simulation.part(SimulatedTelegram)
        for number in range(count):
            person = self.world.connected(f"P{number}")
            telegram.type_text(person.chat_id, "/start")
            self.people.append(
                self.store.people.change(
                    person.user_id,
                    timezone=self.rng.choice(ZONES),
                    nightly_at=time(self.rng.randrange(24)),
                    mode=self.rng.choice(list(Mode)),
                    playlist_size=TRACKS,
                )
            )

    def tick(self) -> None:
        """What daemon and bot do at this moment."""
        for request in self._due():
            self._run(request, request.job_name or runs.DAILY_VIBE)
            if self.troubles.doubled():
                self._run(request, request.job_name or runs.DAILY_VIBE)
        for request in self._unfinished():
            self._run(request, request.job_name or runs.DAILY_VIBE)

    def pass_on(self) -> None:
        """To the next moment at which something may be due."""
        amount = CLOSE_TICK if self._something_is_unfinished() else TICK
        amount = max(amount, self.troubles.down_for())
        self.clock.move(amount)
        self.world.simulator.simulation.clock.advance(amount.total_seconds())

    def live(self) -> None:
        """A day in the life: people play some of their lists, and like a track now and then."""
        for person in self.people:
            if self.rng.random() < 0.5:
                continue
            filled = [one for one in playlists_of(self.world, person) if one["items"]]
            if not filled:
                continue
            chosen = self.rng.choice(filled)
            heard = self.rng.sample(uris_of(chosen), k=min(3, len(chosen["items"])))
            self.world.play(person, heard, playlist=chosen["id"])
            self.played[person.user_id] += len(heard)
            if self.rng.random() < 0.3:
                self.world.like(person, heard[0])
                self.liked[person.user_id].add(heard[0])

    def finish(self) -> None:
        """Everybody's likes and plays are read once more."""
        for person in self.people:
            self._execute(runs.SYNC_LIBRARY, person.user_id, {})

    def _due(self) -> list[dg.RunRequest]:
        context = dg.build_schedule_context(
            instance=self.world.instance, scheduled_execution_time=self.clock.now()
        )
        return self._new(
            automation.nightly(context, accounts=AccountsResource(), clock=self.clock.resource())
        )

    def _unfinished(self) -> list[dg.RunRequest]:
        if not self._something_is_unfinished():
            return []
        context = dg.build_sensor_context(
            instance=self.world.instance, definitions=self.world.definitions
        )
        return self._new(
            unfinished_lists(context, accounts=AccountsResource(), clock=self.clock.resource())
        )

    def _new(self, asked: Any) -> list[dg.RunRequest]:
        """Those whose run key was not asked for before, as Dagster keeps it."""
        if isinstance(asked, dg.SkipReason):
            return []
        requests = [one for one in asked if one.run_key not in self._run_keys]
        self._run_keys.update(str(one.run_key) for one in requests)
        return requests

    def _run(self, request: dg.RunRequest, job: str) -> None:
        person = str(request.partition_key)
        faults = self.world.simulator.simulation.faults
        for order in self.troubles.faults_of_a_run():
            self.world.trouble(**order)
        kill = self.troubles.kill()
        self.runs[job] += 1
        if kill is None:
            done = self._execute(job, person, request.tags)
        else:
            done = self._killed(kill, job, person, request.tags)
        faults.clear(None)
        self._end_of_run()
        if done and self.rng.random() < 0.3:
            ahead = LaunchRequest.preparing(UserId(person), f"soak:{sum(self.runs.values())}")
            self.runs[ahead.job] += 1
            self._execute(ahead.job, person, ahead.tags)
            self._end_of_run()

    def _execute(self, job: str, person: str, tags: Any) -> bool:
        return execute(
            self.world.definitions, self.world.instance, job, person, tags, self.clock.shift_seconds
        )

    def _killed(self, kill: Kill, job: str, person: str, tags: Any) -> bool:
        """Executed by a process that does not live to the end of it, mostly."""
        simulation, held = self.world.simulator.simulation, _held(kill)
        simulation.log.clear()
        if held is not None:
            simulation.faults.add(held)
        forks = multiprocessing.get_context("forkserver")
        forks.set_forkserver_preload(["tests.soak.worker", "vibe_pipeline.definitions"])
        given = (self.folder, job, person, dict(tags), self.clock.shift_seconds)
        worker = forks.Process(target=work, args=given)
        worker.start()
        self._wait_for(held, worker.is_alive)
        if held is None:
            real_time.sleep(kill.after_seconds)
        worker.kill()
        worker.join(_LATE_SECONDS)
        succeeded = worker.exitcode == 0
        worker.close()
        return succeeded

    def _wait_for(self, held: Fault | None, alive: Callable[[], bool]) -> None:
        """Until the call hangs that is held back, or the first one was answered."""
        log = self.world.simulator.simulation.log
        deadline = real_time.monotonic() + _LATE_SECONDS
        while alive() and real_time.monotonic() < deadline:
            come = bool(log.requests(service="spotify")) if held is None else held.times == 0
            if come:
                return
            real_time.sleep(0.005)

    def _end_of_run(self) -> None:
        """What run monitoring does with a dead worker's run; and Dagster's times are the soak's."""
        now = self.clock.now()
        for run in self.world.instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED))):
            self.world.instance.report_run_failed(run, "The run worker has died.")
            ended = EndedRun(run=run, began_at=now, at=now, message="The run worker has died.")
            explain(ended, Surroundings(instance=self.world.instance, store=self.store, now=now))
        written = self.clock.now().strftime("%Y-%m-%d %H:%M:%S")
        path = self.folder / "history" / "runs.db"
        with sqlite3.connect(path, timeout=20) as database:
            database.execute(
                "UPDATE runs SET create_timestamp = ? WHERE id > ?", (written, self._seen_run)
            )
            ((last,),) = database.execute("SELECT coalesce(max(id), 0) FROM runs").fetchall()
        self._seen_run = int(last)

    def _something_is_unfinished(self) -> bool:
        since = self.clock.now() - timedelta(hours=30)
        return any(
            one.state is not EditionState.RECORDED
            for one in self.store.editions.unfinished(since=since)
        )

    def note_messages(self) -> None:
        """Remember what the outbox holds: sent rows leave it after a month."""
        query = select(outbox.c.dedupe_key, outbox.c.closed_at)
        with self.store.database.reading() as connection:
            for key, closed_at in connection.execute(query):
                self.messages[key] = closed_at is not None


def _held(kill: Kill) -> Fault | None:
    """The call that hangs until its worker is killed, if it is killed at one."""
    if kill.endpoint is None:
        return None
    return Fault(
        service="spotify",
        kind="timeout",
        endpoint=kill.endpoint,
        delay=HELD_SECONDS,
        applied=kill.applied,
        times=1,
    )


@dataclass(slots=True)
class Postman:
    """The bot's outbox, delivering into the simulated chats."""

    relay: OutboxRelay
    town: Town

    async def deliver(self) -> None:
        """Everything that is due, with Telegram's moods."""
        if (order := self.town.troubles.telegram()) is not None:
            self.town.world.trouble(**order)
        while await self.relay.deliver_due():
            self.town.clock.move(timedelta(seconds=2))
            self.town.world.simulator.simulation.clock.advance(2)
        self.town.world.simulator.simulation.faults.clear("telegram")
        self.town.note_messages()


@asynccontextmanager
async def postman(town: Town) -> AsyncIterator[Postman]:
    """A bot that only delivers."""

    async def no_sleep(seconds: float) -> None:
        """Time passes by ticks only."""

    settings = town.world.settings
    token = settings.telegram_bot_token
    if token is None:
        raise LookupError("the simulated world names no bot")
    async with open_http() as http:
        services = open_services(settings, http, town.store, now=town.clock.now, sleep=no_sleep)
        app = build_bot(services, token.get_secret_value())
        await app.initialize()
        try:
            yield Postman(OutboxRelay(services, app.bot), town)
        finally:
            await app.shutdown()


@contextmanager
def posted(town: Town) -> Iterator[Callable[[], None]]:
    """A bot that only delivers, each time it is called; runs have event loops of their own."""
    with asyncio.Runner() as runner:
        opened = postman(town)
        post = runner.run(opened.__aenter__())
        try:
            yield lambda: runner.run(post.deliver())
        finally:
            runner.run(opened.__aexit__(None, None, None))


@contextmanager
def town(
    folder: Path, *, people: int, seed: int, worse: float = 1.0, surely: bool = False
) -> Iterator[Town]:
    """A town of its own, which everything that is drawn follows from ``seed``."""
    rng, clock = random.Random(seed), SoakClock()
    simulation = Simulation(
        BuiltInWorld(1, artists=ARTISTS, listeners=people),
        rules=replace(ROOMY, likes_per_person=LIKES),
    )
    dagster_folder = folder / "dagster"
    dagster_folder.mkdir(parents=True)
    (dagster_folder / "dagster.yaml").write_text(STORAGE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERVICE_PACE", "100")
        patch.setenv("DAGSTER_HOME", str(dagster_folder))
        patch.setenv("SPOTIFY_DAILY_CALLS", "5000")
        with (
            vibe_world(folder, simulation=simulation) as world,
            opened_instance(dagster_folder) as instance,
        ):
            world.definitions.get_repository_def()  # once, while nothing else is loaded
            here = Town(
                world=replace(world, instance=instance),
                folder=dagster_folder,
                clock=clock,
                store=open_for(world.settings, now=clock.now),
                troubles=Troubles(rng=random.Random(seed + 1), worse=worse, surely=surely),
                rng=rng,
            )
            here.settle(people)
            yield here


def nights_of(person: Account, since: datetime, until: datetime) -> list[datetime]:
    """The moments at which this person's lists were to be begun."""
    found: list[datetime] = []
    moment = since
    while (night := nights.next_night(person, moment)) is not None and night <= until:
        found.append(night)
        moment = night
    return found
