"""How all followed runs stand: one look at the pipeline and one at the ledger for everybody.

Polling, shared. However many people wait, Dagster is asked the same two questions; and nobody is
asked anything while nobody waits. What a person is told of it is ``vibe_bot.progress``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from vibe_bot.jobs import Job, job_named
from vibe_bot.services import BotServices
from vibe_pipeline import runs
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.records import Account, EditionState, TrackedRun
from vibe_pipeline.clients.dagster import RunView
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.records import EditionId, UserId

log = structlog.get_logger()

PIPELINE_SECONDS = 0.5
"""How often Dagster is asked while somebody waits; each answer costs it some milliseconds."""
LEDGER_SECONDS = 0.15
"""How often the ledger is read, a matter of one millisecond: it says first that a list stands."""
RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSnapshot:
    """One followed run as it was seen last.

    ``account`` is ``None`` for somebody who has left, ``run`` while the pipeline is out of reach.
    ``ahead`` counts the runs that the queue takes first, and is ``None`` for a run not queued.
    """

    account: Account | None
    run: RunView | None
    ahead: int | None = None
    state: EditionState | None = None
    """How far its edition has come, where it has one."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.run is not None and self.run.ended

    def step_succeeded(self, key: str) -> bool:
        """Whether this step is through, with all that it reports and checks."""
        steps = () if self.run is None else self.run.steps
        return any(step.key == key and step.status == "SUCCESS" for step in steps)


@dataclass(slots=True)
class RunPoller:
    """Looks for as long as anything is followed."""

    services: BotServices
    _watches: dict[str, TrackedRun] = field(default_factory=dict)
    _accounts: dict[UserId, Account] = field(default_factory=dict)
    _views: dict[str, RunView | None] = field(default_factory=dict)
    _ahead: dict[str, int] = field(default_factory=dict)
    _states: dict[EditionId, EditionState] = field(default_factory=dict)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _loops: list[asyncio.Task[None]] = field(default_factory=list)

    def follow(self, watch: TrackedRun) -> None:
        """Look at this run too, from now on."""
        self._watches[watch.run_id] = watch
        self._loops = [loop for loop in self._loops if not loop.done()]
        if not self._loops:
            self._loops = [
                asyncio.create_task(self._repeat(look, seconds), name=name)
                for name, look, seconds in (
                    ("look at the pipeline", self._look_at_pipeline, PIPELINE_SECONDS),
                    ("look at the ledger", self._look_at_ledger, LEDGER_SECONDS),
                )
            ]

    def leave(self, run_id: str) -> None:
        """Look at it no more; with the last one, looking ends."""
        self._watches.pop(run_id, None)
        self._views.pop(run_id, None)
        if not self._watches:
            self.stop()

    def stop(self) -> None:
        """End all looking at once."""
        for loop in self._loops:
            loop.cancel()
        self._loops = []

    @property
    def queued(self) -> int:
        """How many runs somebody waits for were in the queue at the last look."""
        return len(self._ahead) if self._watches else 0

    def snapshot(self, watch: TrackedRun) -> RunSnapshot | None:
        """How this run stands; ``None`` before the first look at it."""
        if watch.run_id not in self._views:
            return None
        view = self._views[watch.run_id]
        edition_id = edition_of(watch, view)
        return RunSnapshot(
            account=self._accounts.get(watch.user_id),
            run=view,
            ahead=self._ahead.get(watch.run_id),
            state=None if edition_id is None else self._states.get(edition_id),
        )

    async def news(self) -> None:
        """Wait for the next look that saw something, or at the pipeline."""
        await self._news.wait()

    async def _repeat(self, look: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            pause = seconds
            try:
                await look()
            except AccountsUnreadable as error:
                log.warning("cannot read the account store", why=str(error))
                pause = RETRY_SECONDS
            except Exception:
                log.exception("a look at the followed runs failed")
                pause = RETRY_SECONDS
            await self.services.sleep(pause)

    async def _look_at_pipeline(self) -> None:
        watched = set(self._watches)
        people = {watch.user_id for watch in self._watches.values()}
        accounts = await asyncio.to_thread(self.services.store.people.some, people)
        try:
            views, ahead = await self._seen(watched)
        except ServiceError as error:
            log.warning("cannot see the runs", why=error.sentence)
            views, ahead = dict.fromkeys(watched), {}
        self._accounts, self._ahead = accounts, ahead
        self._views |= {run_id: views[run_id] for run_id in watched & set(self._watches)}
        self._tell()

    async def _seen(self, watched: set[str]) -> tuple[Mapping[str, RunView | None], dict[str, int]]:
        """Every watched run, and how many the queue takes before each that waits there."""
        dagster, queue = self.services.dagster, list[RunView]()
        if any(not _under_way(self._views.get(run_id)) for run_id in watched):
            queue = await dagster.queue(runs.waiting_tags())
        waiting = {run.run_id: run for run in queue if run.run_id in watched}
        begun = await dagster.followed(watched - set(waiting))
        lost = {run_id: self._vanished(run_id) for run_id in watched - set(waiting) - set(begun)}
        ahead = {run.run_id: place for place, run in enumerate(queue)}
        return {**lost, **begun, **waiting}, ahead

    def _vanished(self, run_id: str) -> RunView:
        """A run that nobody knows any more failed when that was first seen; its list may go on."""
        before = self._views.get(run_id)
        if before is not None and before.vanished:
            return before
        return RunView(
            run_id=run_id, job="", status="FAILURE", tags={}, ended_at=self.services.now()
        )

    async def _look_at_ledger(self) -> None:
        wanted = set(self._editions())
        states = await asyncio.to_thread(self.services.store.editions.states, wanted)
        if states != self._states:
            self._states = states
            self._tell()

    def _editions(self) -> Iterable[EditionId]:
        for watch in self._watches.values():
            edition_id = edition_of(watch, self._views.get(watch.run_id))
            if edition_id is not None:
                yield edition_id

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()


def edition_of(watch: TrackedRun, run: RunView | None) -> EditionId | None:
    """The edition a followed run works on, as far as it can be known without seeing the run."""
    if run is not None and run.tags:
        return runs.edition_of(run.tags, run.run_id, run.root_run_id)
    own = job_named(watch.job) in {Job.daily, Job.preview}
    return runs.root_edition(watch.run_id, None) if own else None


def _under_way(run: RunView | None) -> bool:
    """Whether it has left the queue for good."""
    return run is not None and bool(run.steps or run.ended)
