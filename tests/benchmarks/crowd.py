"""Twenty warm people who ask at the same moment: answered, informed while they wait, in order.

Seen on their phones: the first answer, the longest time in which nothing changed, the link. In
whose order they were served says Dagster, which knows when each run began.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.benchmarks import bars
from tests.benchmarks.conditions import Conditions
from tests.benchmarks.figures import Figure
from tests.benchmarks.installation import LIST_WITHIN_SECONDS, Site, has_link, measured
from tests.benchmarks.report import Report
from tests.benchmarks.seeding import forget_calls, without_nights
from vibe_pipeline.accounts.store import open_for
from vibe_pipeline.demo.demo_user import DemoUser, NothingHappened
from vibe_pipeline.installation.access_token import bearer, read_token
from vibe_pipeline.runs import DAILY_VIBE, owner_of

CROWD = "crowd"
PEOPLE = 20
ORIGINALS = 5
"""So many people are made warm one by one; the others are copies of them."""
LIKES = 500
WITHIN_SECONDS = 900.0
SERVED_TOGETHER_SECONDS = 1.0
"""Who begins within this time of each other is served at the same time."""
_LONGEST_POLL_SECONDS = 20.0

_RUNS = """
query { runsOrError(limit: 600) { ... on Runs { results {
  jobName startTime tags { key value } } } } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One person's wait, in seconds from asking; ``changes`` are when their chat said something."""

    changes: tuple[float, ...]

    @property
    def answered(self) -> float:
        """The first answer."""
        return self.changes[0]

    @property
    def linked(self) -> float:
        """The link."""
        return self.changes[-1]

    @property
    def silence(self) -> float:
        """The longest time in which the chat said nothing new."""
        moments = (0.0, *self.changes)
        return max(after - before for before, after in pairwise(moments))


def measure(report: Report, conditions: Conditions, wanted: frozenset[str]) -> None:
    """A crowd of twenty, or of as many as there are rounds if that is fewer."""
    if CROWD not in wanted:
        return
    people = min(PEOPLE, conditions.rounds)

    async def crowd(site: Site) -> None:
        without_nights(site.installation.settings)
        report.progress(f"{people} people are warm")
        since = time.time()
        waits = await asked_at_once(site)
        report.add(*figures(waits, await _overtakers(site, since)))

    measured(
        conditions,
        crowd,
        warm_people=people,
        copies=max(0, people - ORIGINALS),
        likes=LIKES,
        within=WITHIN_SECONDS,
    )


async def asked_at_once(site: Site) -> list[Wait]:
    """Everybody's wait, in the order in which they asked."""
    forget_calls(site.installation.settings)
    asked = [(user, time.monotonic(), await user.types("/generate")) for user in site.people]
    return list(await asyncio.gather(*(_waited(*one) for one in asked)))


async def _waited(user: DemoUser, began: float, asked: int) -> Wait:
    """Follow one chat until it shows the link."""
    changes, said, revision = list[float](), "", 0
    while (left := LIST_WITHIN_SECONDS - (time.monotonic() - began)) > 0:
        chat = await user.chat(after=revision, wait=min(left, _LONGEST_POLL_SECONDS))
        revision = chat["revision"]
        messages = [
            one for one in chat["messages"] if one["from"] == "bot" and one["message_id"] > asked
        ]
        words = "\n".join(one["text"] for one in messages)
        if words != said:
            said = words
            changes.append(time.monotonic() - began)
        if any(has_link(one) for one in messages):
            return Wait(changes=tuple(changes))
    raise NothingHappened(f"{user.name} waited {LIST_WITHIN_SECONDS:.0f} s and saw: {said}")


async def _overtakers(site: Site, since: float) -> int:
    """How many were served before somebody who had asked earlier."""
    accounts = open_for(site.installation.settings).people
    starts = await begun(site, since)
    known = (accounts.by_chat(user.telegram_id) for user in site.people)
    return overtakers([starts[account.user_id] for account in known if account is not None])


async def begun(site: Site, since: float) -> Mapping[str, float]:
    """When each person's run began."""
    address = f"{site.installation.dagster_page}/graphql"
    headers = bearer(read_token(site.installation.home))
    answer = (await site.http.post(address, json={"query": _RUNS}, headers=headers)).json()
    return {
        str(owner_of({tag["key"]: tag["value"] for tag in run["tags"]})): run["startTime"]
        for run in answer["data"]["runsOrError"]["results"]
        if run["jobName"] == DAILY_VIBE and (run["startTime"] or 0.0) >= since
    }


def overtakers(begun: Sequence[float]) -> int:
    """How many of them, given in the order of asking, began clearly before an earlier one."""
    return sum(
        any(begun[later] + SERVED_TOGETHER_SECONDS < earlier for earlier in begun[:later])
        for later in range(len(begun))
    )


def figures(waits: Sequence[Wait], out_of_order: int) -> list[Figure]:
    """What the table shows of a crowd; one of another size is called by its size."""

    def figure(name: str, unit: str, values: Sequence[float]) -> Figure:
        sized = name.replace(str(PEOPLE), str(len(waits)), 1)
        return Figure(name=sized, unit=unit, values=tuple(round(value, 3) for value in values))

    return [
        figure(bars.CROWD_ANSWER, "s", [one.answered for one in waits]),
        figure(bars.CROWD_SILENCE, "s", [one.silence for one in waits]),
        figure(bars.CROWD_LIST, "s", [one.linked for one in waits]),
        figure(bars.CROWD_ORDER, "", [float(out_of_order)]),
    ]
