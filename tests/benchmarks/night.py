"""The night of a hundred people whose pools are ready, all at the same hour.

How long until everybody's list stands, what failed, and what it took of processor and memory, with
all that runs beside it: the long-running processes, and what is done ahead for the next lists. And
how long those wait who have no night of their own and ask in the middle of everybody's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.benchmarks import bars
from tests.benchmarks.conditions import Conditions
from tests.benchmarks.figures import Figure
from tests.benchmarks.installation import LIST_WITHIN_SECONDS, Site, has_link, measured
from tests.benchmarks.report import Report
from tests.benchmarks.watching import Usage, watched
from tests.support.midday import midday_zone
from vibe_pipeline.accounts.records import Account, Edition, EditionState
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.demo.demo_user import DemoUser
from vibe_pipeline.runs import NIGHTLY_PREFIX

NIGHT = "night"
ORIGINALS = 5
"""So many people are made warm one by one; the others are copies of them."""
VISITORS = 4
"""So many more, warm too, ask for a list while the night is under way, one after another."""
BETWEEN_VISITORS_SECONDS = 15.0
NIGHT_WITHIN_SECONDS = 600.0
WITHIN_SECONDS = 1200.0
_LOOKS_EVERY_SECONDS = 0.5


def measure(report: Report, conditions: Conditions, wanted: frozenset[str]) -> None:
    """One night of as many people as the conditions say."""
    measured(
        conditions,
        lambda site: _night(report, site),
        warm_people=conditions.people + VISITORS,
        copies=max(0, conditions.people + VISITORS - ORIGINALS),
        within=WITHIN_SECONDS,
    )


async def _night(report: Report, site: Site) -> None:
    """Everybody's night comes at once, as the nightly trigger has it."""
    report.progress(f"everything is running, {len(site.people)} people are warm")
    store = open_for(site.installation.settings)
    visitors = site.people[-VISITORS:]
    sleepers = _with_a_night(store, visitors)
    async with watched() as usage:
        began = time.monotonic()
        await _trigger(site)
        lists, waits = await asyncio.gather(
            _all_over(report, sleepers, store), _visited(report, visitors)
        )
        seconds = time.monotonic() - began
    report.add(*_figures(lists, seconds, usage))
    report.add(Figure(name=bars.NIGHT_VISITOR, unit="s", values=tuple(waits)))


def _with_a_night(store: AccountStore, visitors: Sequence[DemoUser]) -> list[Account]:
    """Everybody but the visitors, who have no night; the hour of the others has passed."""
    chats = {user.telegram_id for user in visitors}
    everybody = store.people.all()
    for person in everybody:
        if person.chat_id in chats:
            store.people.change(person.user_id, nightly_at=None)
        else:
            store.people.change(person.user_id, timezone=midday_zone(datetime.now(UTC)))
    return [person for person in everybody if person.chat_id not in chats]


async def _visited(report: Report, visitors: Sequence[DemoUser]) -> list[float]:
    """Seconds from asking to the link, of each in turn."""
    waits = []
    for user in visitors:
        await asyncio.sleep(BETWEEN_VISITORS_SECONDS)
        began = time.monotonic()
        asked = await user.types("/generate")
        await user.sees("the link", has_link, since=asked, within=LIST_WITHIN_SECONDS)
        waits.append(round(time.monotonic() - began, 3))
        report.progress(f"asked for during the night: {waits[-1]:.1f} s")
    return waits


def _figures(lists: Sequence[Edition | None], seconds: float, usage: Usage) -> list[Figure]:
    failures = sum(one is None or one.state is not EditionState.RECORDED for one in lists)
    each = usage.cpu_seconds / len(lists)

    def figure(name: str, unit: str, value: float) -> Figure:
        """A night of another size is called by its size, and has no bar."""
        return Figure(name=name.replace("100", str(len(lists))), unit=unit, values=(value,))

    return [
        figure(bars.NIGHT, "s", round(seconds, 1)),
        figure(bars.NIGHT_FAILURES, "", failures),
        figure(bars.NIGHT_CPU, "s", round(each, 2)),
        figure(bars.NIGHT_MEMORY, "MiB", round(usage.peak_mib)),
    ]


async def _trigger(site: Site) -> None:
    """Say that the night has come, as cron would."""
    environment = site.installation.environment
    answer = await site.http.post(
        f"{environment['PUBLIC_URL']}/internal/jobs/nightly",
        headers={"Authorization": f"Bearer {environment['INTERNAL_JOB_TOKEN']}"},
        timeout=300,
    )
    answer.raise_for_status()


async def _all_over(
    report: Report, people: Sequence[Account], store: AccountStore
) -> list[Edition | None]:
    """Everybody's list of this night, once each stands or has failed; or when the time is up."""
    deadline, told = time.monotonic() + NIGHT_WITHIN_SECONDS, 0
    while True:
        lists = [await asyncio.to_thread(_of_tonight, store, person) for person in people]
        over = [one for one in lists if one is not None and _over(one)]
        if len(over) >= told + 10:
            told = len(over)
            report.progress(f"{told} of the night's lists stand")
        if len(over) == len(lists) or time.monotonic() > deadline:
            return lists
        await asyncio.sleep(_LOOKS_EVERY_SECONDS)


def _of_tonight(store: AccountStore, person: Account) -> Edition | None:
    latest = store.editions.history(person.user_id, limit=3)
    return next((one for one in latest if one.occasion.startswith(NIGHTLY_PREFIX)), None)


def _over(edition: Edition) -> bool:
    return edition.state is EditionState.RECORDED or edition.cause is not None
