"""How long a person waits for a list: message in to link out, first and warm, beside a script.

At the services' real pace, with latency and limits in force; only the daily quota is out of the
way, so that more lists than a day allows can be timed. The plain script makes its lists for the
same people in the same world, after ours.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Sequence

from tests.benchmarks import bars
from tests.benchmarks.conditions import Conditions
from tests.benchmarks.figures import Beside, Figure
from tests.benchmarks.installation import Site, TimedList, measured
from tests.benchmarks.plain_script import PlainList, plain_list
from tests.benchmarks.report import Report
from vibe_pipeline.demo.demo_user import DemoUser

WARM, FIRST = "warm", "first"
WARM_PEOPLE = 4
WARM_LIKES = 500
NEWCOMERS = 3
NEWCOMER_LIKES = 2000
PLAIN_LISTS = 3
FIRST_LIST_AFTER_SECONDS = 10.0
"""So long after connecting the first list is asked for."""
WITHIN_SECONDS = 900.0


def measure(report: Report, conditions: Conditions, wanted: frozenset[str]) -> None:
    """Those of the two that are wanted, in one installation."""

    async def both(site: Site) -> None:
        report.progress("everything is running")
        if FIRST in wanted:
            await _first(report, site)
        if WARM in wanted:
            await _warm(report, site)

    warm_people = WARM_PEOPLE if WARM in wanted else 0
    measured(conditions, both, warm_people=warm_people, likes=WARM_LIKES, within=WITHIN_SECONDS)


async def _first(report: Report, site: Site) -> None:
    lists, users = [], []
    for number in range(min(NEWCOMERS, site.conditions.rounds)):
        user = await site.newcomer(f"Newcomer {number}", likes=NEWCOMER_LIKES)
        users.append(user)
        await site.connected(user)
        await asyncio.sleep(FIRST_LIST_AFTER_SECONDS)
        since = time.time()
        lists.append(await site.timed(user))
        report.progress(f"first list {number + 1}: {lists[-1].seconds:.1f} s")
        await site.settled(since)
    plain = await _plain(report, site, users)
    report.add(
        _seconds(bars.FIRST_LIST, lists, plain),
        _calls(bars.FIRST_SPOTIFY, [one.spotify_calls for one in lists], plain),
    )


async def _warm(report: Report, site: Site) -> None:
    lists: list[TimedList] = []
    for number in range(site.conditions.rounds):
        since = time.time()
        lists.append(await site.timed(site.people[number % len(site.people)]))
        report.progress(f"warm list {number + 1}: {lists[-1].seconds:.1f} s")
        await site.settled(since)
    plain = await _plain(report, site, site.people)
    report.add(
        _seconds(bars.WARM_LIST, lists, plain),
        _calls(bars.WARM_SPOTIFY, [one.spotify_calls for one in lists], plain),
        _calls(bars.WARM_OTHERS, [one.other_calls for one in lists], ()),
    )


async def _plain(report: Report, site: Site, users: Sequence[DemoUser]) -> list[PlainList]:
    """The script's lists for some of the same people."""
    lists = []
    for user in users[: min(PLAIN_LISTS, site.conditions.rounds)]:
        made = await asyncio.to_thread(plain_list, site.installation.environment, user.listener)
        report.progress(f"plain script: {made.seconds:.1f} s, {made.calls} calls")
        lists.append(made)
    return lists


def _seconds(name: str, lists: Sequence[TimedList], plain: Sequence[PlainList]) -> Figure:
    stages = dict.fromkeys(name for one in lists for name in one.stages)
    return Figure(
        name=name,
        unit="s",
        values=tuple(round(one.seconds, 3) for one in lists),
        beside={Beside.PLAIN: tuple(round(made.seconds, 3) for made in plain)},
        parts={
            name: statistics.median(one.stages[name] for one in lists if name in one.stages)
            for name in stages
        },
    )


def _calls(name: str, calls: Sequence[int], plain: Sequence[PlainList]) -> Figure:
    beside = {Beside.PLAIN: tuple(float(made.calls) for made in plain)} if plain else {}
    return Figure(name=name, unit="", values=tuple(map(float, calls)), beside=beside)
