"""Load: two hundred people ask for a list within one minute (``python -m tests.matrices.load``).

Their lists are prepared for, as most people's are. Everybody must be answered at once and be served
or told where they stand; in the order of asking; in bounded memory; and no wish may be lost.
What came of it is kept in ``docs/load.md``. Waits of a smaller crowd, with their bars, are
``tests/benchmarks/crowd.py``'s.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from tests.benchmarks import crowd
from tests.benchmarks.conditions import Conditions
from tests.benchmarks.installation import Site, has_link, measured
from tests.benchmarks.seeding import forget_calls, without_nights
from tests.benchmarks.watching import Usage, watched
from tests.matrices.outcomes import DOCS, Outcome, Page
from vibe_pipeline.accounts.records import EditionState
from vibe_pipeline.accounts.store import open_for
from vibe_pipeline.demo.demo_user import DemoUser

PEOPLE, LIKES = 200, 120
ASKED_WITHIN_SECONDS = 60.0
ANSWERED_WITHIN_SECONDS = 10.0
SEEDED_WITHIN_SECONDS = 900.0
"""With what comes before and after the asking, the whole ends by then or says where it hangs."""
MOST_MIB = 2500.0
MOST_OVERTAKERS = 0.02
"""Of all: four may be served at a time, and begin within a second or two of each other."""

PAGE = Page(
    path=DOCS / "load.md",
    title="Many people at once",
    introduction=(
        "Everybody asks for a list within so many seconds, on two processor cores, their next list"
        " prepared for as most people's are. Wanted is that all are answered within ten seconds and"
        " served or told where they stand, one list each, in the order of asking but for those who"
        " are served side by side, in at most 2,500 MiB. Kept by `python -m tests.matrices.load`,"
        " which ends in any case."
    ),
    counted="crowds",
    columns=("Answered", "Served", "Lists", "Out of order", "Memory", "Processor"),
    names=("8 people in 60 s", "60 people in 18 s", "200 people in 60 s"),
)
"""``--people 60 --asking 18``: the same rush, and soon over."""


@dataclass(slots=True)
class Person:
    """What one of them saw: seconds from asking to the first word and to the link."""

    user: DemoUser
    answered: float | None = None
    served: float | None = None
    last_words: str = ""


@dataclass(slots=True, kw_only=True)
class Load:
    """What came of it, and what was not as it must be."""

    people: Sequence[Person]
    recorded: int
    doubled: int
    overtakers: int
    usage: Usage
    seconds: float
    troubles: list[str] = field(default_factory=list)

    def judge(self) -> None:
        """Note everything that is not as it must be."""
        served = sum(one.served is not None for one in self.people)
        late = [one for one in self.people if (one.answered or 1e9) > ANSWERED_WITHIN_SECONDS]
        unsaid = [one for one in self.people if one.served is None and not one.last_words]
        checks = {
            f"{len(late)} were not answered at once": bool(late),
            f"{len(unsaid)} wait and know nothing": bool(unsaid),
            f"{served} were served, {self.recorded} recorded": self.recorded < served,
            f"{self.doubled} have two lists": self.doubled > 0,
            f"{self.overtakers} overtook": self.overtakers > MOST_OVERTAKERS * len(self.people),
            f"{self.usage.peak_mib:.0f} MiB": self.usage.peak_mib > MOST_MIB,
        }
        self.troubles = [what for what, wrong in checks.items() if wrong]

    def outcome(self, asking: float) -> Outcome:
        """The row of the table."""
        answers = sorted(one.answered or float("inf") for one in self.people)
        served = [one.served for one in self.people if one.served is not None]
        return Outcome(
            name=f"{len(self.people)} people in {asking:.0f} s",
            seen={
                "Answered": f"half after {answers[len(answers) // 2]:.1f} s,"
                f" all after {answers[-1]:.1f} s",
                "Served": f"{len(served)} in {self.seconds:.0f} s",
                "Lists": f"{self.recorded} recorded, {self.doubled} doubled",
                "Out of order": str(self.overtakers),
                "Memory": f"{self.usage.peak_mib:.0f} MiB",
                "Processor": f"{self.usage.cpu_seconds:.0f} s",
            },
            troubles=self.troubles,
        )

    def in_words(self) -> str:
        """The whole in a few lines."""
        answers = sorted(one.answered or float("inf") for one in self.people)
        median, last = answers[len(answers) // 2], answers[-1]
        served = [one.served for one in self.people if one.served is not None]
        waiting = len(self.people) - len(served)
        return (
            f"{len(self.people)} asked: answered after {median:.1f} s (median), {last:.1f} s (all);"
            f" {len(served)} served in {self.seconds:.0f} s, {waiting} told to wait;"
            f" {self.recorded} recorded, {self.doubled} doubled; {self.overtakers} out of order;"
            f" {self.usage.peak_mib:.0f} MiB at most, {self.usage.cpu_seconds:.0f} s of processor\n"
            f"{'; '.join(self.troubles) or 'holds'}"
        )


async def asked(site: Site, within: float, asking: float) -> list[Person]:
    """Everybody asks, spread over so many seconds, and follows their chat until time is up."""
    people = [Person(user=user) for user in site.people]
    pause = asking / len(people)
    until = time.monotonic() + within

    async def one(person: Person, number: int) -> None:
        await asyncio.sleep(number * pause)
        began = time.monotonic()
        message_id = await person.user.types("/generate")
        revision = 0
        while (left := until - time.monotonic()) > 0:
            try:
                chat = await person.user.chat(after=revision, wait=min(left, 20.0))
            except httpx.TimeoutException:
                continue
            revision = chat["revision"]
            said = [
                message
                for message in chat["messages"]
                if message["from"] == "bot" and message["message_id"] > message_id
            ]
            if said and person.answered is None:
                person.answered = time.monotonic() - began
            person.last_words = said[-1]["text"] if said else person.last_words
            if any(has_link(message) for message in said):
                person.served = time.monotonic() - began
                return

    await asyncio.gather(*(one(person, number) for number, person in enumerate(people)))
    return people


async def loaded(site: Site, within: float, asking: float) -> Load:
    """The minute and what follows it; nights would give people lists besides."""
    forget_calls(site.installation.settings)
    without_nights(site.installation.settings)
    store = open_for(site.installation.settings)
    before = {one.user_id: len(store.editions.history(one.user_id)) for one in store.people.all()}
    since, began = time.time(), time.monotonic()
    async with watched() as usage:
        people = await asked(site, within, asking)
    seconds = time.monotonic() - began
    new = {
        user_id: store.editions.history(user_id)[: len(store.editions.history(user_id)) - count]
        for user_id, count in before.items()
    }
    begun = await crowd.begun(site, since)
    in_order = [store.people.by_chat(user.telegram_id) for user in site.people]
    load = Load(
        people=people,
        recorded=sum(
            any(edition.state is EditionState.RECORDED for edition in editions)
            for editions in new.values()
        ),
        doubled=sum(len(editions) > 1 for editions in new.values()),
        overtakers=crowd.overtakers(
            [begun[one.user_id] for one in in_order if one is not None and one.user_id in begun]
        ),
        usage=usage,
        seconds=seconds,
    )
    load.judge()
    return load


def main() -> int:
    """0 when everything is as it must be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--within", type=float, default=900.0, help="seconds from the first wish")
    parser.add_argument(
        "--asking", type=float, default=ASKED_WITHIN_SECONDS, help="seconds in which all ask"
    )
    chosen = parser.parse_args()
    loads, deadline = list[Load](), chosen.within + SEEDED_WITHIN_SECONDS
    faulthandler.dump_traceback_later(deadline + 60)

    async def measure(site: Site) -> None:
        sys.stdout.write(f"{len(site.people)} people are there\n")
        sys.stdout.flush()
        loads.append(await loaded(site, chosen.within, chosen.asking))

    measured(
        Conditions(pace=100.0, limits=False),
        measure,
        warm_people=chosen.people,
        copies=max(0, chosen.people - 2),
        likes=LIKES,
        within=deadline,
    )
    faulthandler.cancel_dump_traceback_later()
    (load,) = loads
    PAGE.update([load.outcome(chosen.asking)])
    sys.stdout.write(f"{load.in_words()}\n")
    return 1 if load.troubles else 0


if __name__ == "__main__":
    sys.exit(main())
