"""Sixty nights in the simulated world: production's own making of lists, and listeners who live on.

Library sync, taste and ``playlists.build`` are the production code, and a list may cost the calls
that it may cost there; Dagster, warehouse, HTTP and what the app may ask in a day are left out.
Nothing about how a list is made is decided here. Every policy meets the same listeners.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from vibe_pipeline.evaluation.nights.checks import Truth, Violation, violations
from vibe_pipeline.evaluation.nights.list_maker import ListMaker
from vibe_pipeline.evaluation.nights.listener import SimulatedListener
from vibe_pipeline.evaluation.nights.plan import Plan
from vibe_pipeline.evaluation.nights.world import SimulatedServices
from vibe_pipeline.playlists.selection_summary import Selection
from vibe_pipeline.ranking.policy import POLICIES
from vibe_pipeline.records import EditionId
from vibe_pipeline.simulator.worlds import catalogue

FIRST_MORNING = datetime(2026, 9, 1, 6, 0, tzinfo=UTC)
OVERLAP_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """One list, and what it held; ``listeners`` counts for each new track who knows its artist."""

    vibe_date: date
    length: int
    new: int
    artists: frozenset[int]
    listeners: tuple[int, ...]
    repeated: int
    violations: tuple[Violation, ...]
    candidates: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerNights:
    """All nights of one listener with one policy; ``accepted`` of the ``offered`` new tracks."""

    listener: str
    policy: str
    nights: tuple[Night, ...]
    offered: int
    accepted: int
    kept_by_week: tuple[tuple[int, int], ...] = ()


def play(
    plan: Plan, *, processes: int = 1, progress: Callable[[str], None] = lambda _: None
) -> list[ListenerNights]:
    """Every listener's nights with every policy, in a fixed order whatever the processes."""
    tasks = [(number, policy) for number in range(plan.listeners) for policy in plan.policies]
    courses: list[ListenerNights] = []
    for course in _played(plan, tasks, processes):
        courses.append(course)
        progress(
            f"{len(courses)}/{len(tasks)}: {course.listener}, {course.policy}:"
            f" {course.accepted} of {course.offered} new tracks accepted,"
            f" {sum(len(night.violations) for night in course.nights)} promises broken,"
            f" shortest list {min((night.length for night in course.nights), default=0)}"
        )
    return courses


def _played(
    plan: Plan, tasks: Sequence[tuple[int, str]], processes: int
) -> Iterator[ListenerNights]:
    if processes <= 1:
        stage = NightsWorld(plan)
        for number, policy in tasks:
            yield stage.course(number, policy)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _set_stage, (plan,)) as pool:
        yield from pool.map(_course, tasks)


class NightsWorld:
    """The world and its services, for one process."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.services = SimulatedServices(plan.recipe.make())

    @property
    def world(self) -> catalogue.World:
        """Where it all happens."""
        return self.services.world

    def course(self, number: int, policy: str) -> ListenerNights:
        """One listener's nights with one policy."""
        return asyncio.run(self._course(self.world.listeners[number], policy))

    async def _course(self, listener: catalogue.Listener, policy: str) -> ListenerNights:
        home = _ListenerRun(self, listener, policy)
        nights = [await home.night(number) for number in range(self.plan.nights)]
        return ListenerNights(
            listener=listener.name,
            policy=policy,
            nights=tuple(nights),
            offered=sum(night.new for night in nights),
            accepted=len(home.new_ones & home.life.accepted),
            kept_by_week=home.kept_by_week(),
        )


_stage: list[NightsWorld] = []


def _set_stage(plan: Plan) -> None:
    _stage[:] = [NightsWorld(plan)]


def _course(task: tuple[int, str]) -> ListenerNights:
    return _stage[0].course(*task)


class _ListenerRun:
    """One listener who lives with one installation of ours, and what came of it."""

    def __init__(self, stage: NightsWorld, listener: catalogue.Listener, policy: str) -> None:
        self.plan = stage.plan
        self.now = FIRST_MORNING
        self.life = SimulatedListener.begin(stage.world, listener, self.plan.seed, FIRST_MORNING)
        self.maker = ListMaker(
            stage.services, self.life, stage.plan, POLICIES[policy], now=self.now
        )
        self.recommended: dict[str, date] = {}
        self.new_ones: set[str] = set()
        self.lists: list[frozenset[str]] = []
        self.weeks: list[set[str]] = []
        self.world = stage.world

    async def night(self, number: int) -> Night:
        """Make a list, judge it, and let the listener live through the day with it."""
        self.now = FIRST_MORNING + timedelta(days=number)
        await self.maker.wake(self.now)
        started = time.perf_counter()
        selection = await self.maker.selection()
        seconds = time.perf_counter() - started
        night = self._judged(selection, seconds)
        self._remember(number, selection)
        await self.maker.prepare()
        self.life.live(self.now, selection.tracks)
        return night

    def _judged(self, selection: Selection, seconds: float) -> Night:
        truth = Truth(
            world=self.world,
            liked=self.life.liked_recordings,
            blocked=frozenset(self.life.blocked),
            recommended=self.recommended,
        )
        broken = violations(
            selection,
            truth,
            today=self.now.date(),
            size=self.plan.size,
            min_new_ratio=self.plan.min_new_ratio,
        )
        heard = [(t, truth.recording(t.spotify_id)) for t in selection.tracks]
        there = [(track, recording) for track, recording in heard if recording is not None]
        new = [recording for track, recording in there if track.is_new]
        lately = frozenset().union(*self.lists[-OVERLAP_DAYS:])
        return Night(
            vibe_date=self.now.date(),
            length=len(selection.tracks),
            new=len(new),
            artists=frozenset(recording.artist.number for _, recording in there),
            listeners=tuple(recording.artist.listeners for recording in new),
            repeated=sum(recording.mbid in lately for recording in new),
            violations=tuple(broken),
            candidates=len(selection.ranked),
            seconds=seconds,
        )

    def _remember(self, number: int, selection: Selection) -> None:
        self.maker.remember(selection, EditionId(f"night-{number}"))
        names: set[str] = set()
        fresh: set[str] = set()
        for chosen in selection.tracks:
            track = self.world.track(chosen.spotify_id)
            if track is not None:
                name = track.recording.mbid
                self.recommended[name] = self.now.date()
                names.add(name)
                if chosen.is_new:
                    fresh.add(name)
        self.new_ones |= fresh
        self.lists.append(frozenset(names))
        if number % 7 == 0:
            self.weeks.append(set())
        self.weeks[-1] |= fresh

    def kept_by_week(self) -> tuple[tuple[int, int], ...]:
        """By week: how many new tracks were offered, and how many of them accepted."""
        accepted = self.life.accepted
        return tuple((len(week), len(week & accepted)) for week in self.weeks)
