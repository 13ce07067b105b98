"""What starting, queueing and recording runs costs: ours beside Dagster's own launcher and queue.

A warm list from message to link where the services answer at once and allow any pace, so that
hardly anything else takes time. The same code, people and world; once with ``dagster.yaml`` as it
is, once with Dagster's own class wherever it names one of ours.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.benchmarks import bars
from tests.benchmarks.conditions import Conditions, Launcher
from tests.benchmarks.figures import Beside, Figure
from tests.benchmarks.installation import Site, TimedList, measured
from tests.benchmarks.lists import BETWEEN_SECONDS, SETTLING_SECONDS, seconds_figure
from tests.benchmarks.report import Report

NAME = "orchestration"
PEOPLE = 2
MOST_LISTS = 7
WITHIN_SECONDS = 300.0


def measure(report: Report, conditions: Conditions, wanted: frozenset[str]) -> None:
    """A few warm lists with each launcher."""
    lists = {launcher: _lists(report, conditions, launcher) for launcher in Launcher}
    ours = seconds_figure(bars.ORCHESTRATION, lists[Launcher.OURS], [])
    stock = tuple(round(one.seconds, 3) for one in lists[Launcher.STOCK])
    report.add(
        Figure(
            name=ours.name,
            unit=ours.unit,
            values=ours.values,
            beside={Beside.STOCK: stock},
            parts=ours.parts,
        )
    )


def _lists(report: Report, conditions: Conditions, launcher: Launcher) -> list[TimedList]:
    lists: list[TimedList] = []

    async def ask(site: Site) -> None:
        await asyncio.sleep(SETTLING_SECONDS)
        for number in range(min(MOST_LISTS, conditions.rounds)):
            lists.append(await site.timed(site.people[number % PEOPLE]))
            report.progress(f"{launcher} launcher, list {number + 1}: {lists[-1].seconds:.1f} s")
            await asyncio.sleep(BETWEEN_SECONDS)

    unhindered = replace(conditions.unhindered(launcher), ahead=False)
    measured(unhindered, ask, warm_people=PEOPLE, within=WITHIN_SECONDS)
    return lists
