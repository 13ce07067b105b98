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
from dataclasses import replace

from tests.benchmarks import bars
from tests.benchmarks.conditions import Conditions
from tests.benchmarks.figures import Beside, Figure
from tests.benchmarks.installation import Site, TimedList, measured
from tests.benchmarks.plain_script import PlainList, plain_list
from tests.benchmarks.report import Report
from tests.benchmarks.seeding import without_nights
from vibe_pipeline.demo.demo_user import DemoUser

WARM, FIRST = "warm", "first"
WARM_ORIGINALS = 4
"""So many people are made warm one by one; the others are copies of them."""
SETTLING_SECONDS = 5.0
BETWEEN_SECONDS = 1.5
"""So long after a list is told its run has ended, too."""
WARM_LIKES = 500
NEWCOMERS = 3
NEWCOMER_LIKES = 2000
PLAIN_LISTS = 3
FIRST_LIST_AFTER_SECONDS = 10.0
"""So long after connecting the first list is asked for."""
WITHIN_SECONDS = 900.0


def measure_first(report: Report, conditions: Conditions, wanted: frozenset[str]) -> None:
    """The first lists of newcomers, one after another."""
    measured(conditions, lambda site: _first(report, site), within=WITHIN_SECONDS)


def measure_warm(report: Report, conditions: Conditions, wanted: frozenset[str]) -> None:
    """One list each of as many people, one after another.

    What follows each list is held back, so that nothing but the list is measured; people at once
    and the night are measured with it.
    """
    count = conditions.rounds
    measured(
        replace(conditions, ahead=False),
        lambda site: _warm(report, site),
        warm_people=count,
        copies=max(0, count - WARM_ORIGINALS),
        likes=WARM_LIKES,
        within=WITHIN_SECONDS,
    )


async def _first(report: Report, site: Site) -> None:
    report.progress("everything is running")
    lists, users, calls = list[TimedList](), list[DemoUser](), list[int]()
    for number in range(min(NEWCOMERS, site.conditions.rounds)):
        user = await site.newcomer(f"Newcomer {number}", likes=NEWCOMER_LIKES)
        users.append(user)
        await site.forget_requests()
        await site.connected(user)
        await asyncio.sleep(FIRST_LIST_AFTER_SECONDS)
        since = time.time()
        before = (await site.requests())["spotify"]
        lists.append(await site.timed(user))
        calls.append(before + lists[-1].spotify_calls)
        report.progress(f"first list {number + 1}: {lists[-1].seconds:.1f} s")
        await site.settled(since)
    plain = await _plain(report, site, users)
    report.add(
        seconds_figure(bars.FIRST_LIST, lists, plain),
        _calls(bars.FIRST_SPOTIFY, calls, plain),
    )


async def _warm(report: Report, site: Site) -> None:
    lists: list[TimedList] = []
    without_nights(site.installation.settings)
    report.progress(f"everything is running, {len(site.people)} people are warm")
    await asyncio.sleep(SETTLING_SECONDS)
    for number, user in enumerate(site.people):
        lists.append(await site.timed(user))
        report.progress(f"warm list {number + 1}: {lists[-1].seconds:.1f} s")
        await asyncio.sleep(BETWEEN_SECONDS)
    check = await site.checked(site.people[0])
    plain = await _plain(report, site, site.people)
    report.add(
        seconds_figure(bars.WARM_LIST, lists, plain),
        _calls(bars.WARM_SPOTIFY, [one.spotify_calls for one in lists], plain),
        _calls(bars.WARM_OTHERS, [one.other_calls for one in lists], ()),
        _calls(bars.IDLE_CHECK, [check], ()),
    )


async def _plain(report: Report, site: Site, users: Sequence[DemoUser]) -> list[PlainList]:
    """The script's lists for some of the same people."""
    lists = []
    for user in users[: min(PLAIN_LISTS, site.conditions.rounds)]:
        made = await asyncio.to_thread(plain_list, site.installation.environment, user.listener)
        report.progress(f"plain script: {made.seconds:.1f} s, {made.calls} calls")
        lists.append(made)
    return lists


def seconds_figure(name: str, lists: Sequence[TimedList], plain: Sequence[PlainList]) -> Figure:
    """How long lists took and, in the median, their stages; beside the script's, if it made any."""
    stages = dict.fromkeys(name for one in lists for name in one.stages)
    return Figure(
        name=name,
        unit="s",
        values=tuple(round(one.seconds, 3) for one in lists),
        beside={Beside.PLAIN: tuple(round(made.seconds, 3) for made in plain)} if plain else {},
        parts={
            name: statistics.median(one.stages[name] for one in lists if name in one.stages)
            for name in stages
        },
    )


def _calls(name: str, calls: Sequence[int], plain: Sequence[PlainList]) -> Figure:
    beside = {Beside.PLAIN: tuple(float(made.calls) for made in plain)} if plain else {}
    return Figure(name=name, unit="", values=tuple(map(float, calls)), beside=beside)
