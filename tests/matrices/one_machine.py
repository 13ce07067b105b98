"""One of the machines that share a night: a process of its own, which makes list after list.

``python -m tests.matrices.one_machine WISHES``, as JSON. It does for each wish what run worker and
sensors do together: a run of it, and after one that was cut off or failed another that goes on
where the ledger stands. Each wish that is over is told, so that who started it can count.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Self

import dagster as dg

from vibe_pipeline.accounts.continuation import goes_on
from vibe_pipeline.accounts.messages import NightReady
from vibe_pipeline.accounts.records import Edition, EditionState
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.definitions import build
from vibe_pipeline.records import UserId
from vibe_pipeline.runs import LaunchRequest, occasion_of, root_edition
from vibe_pipeline.settings import read_settings

_MOST_RUNS = 5
_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A list that is due: the night's of this day, or one asked for in the chat."""

    person: UserId
    day: str
    asked: bool

    def launch(self) -> LaunchRequest:
        """What is launched for it, by whichever machine, however often."""
        if self.asked:
            return LaunchRequest.asked_list(self.person).marked(f"wish-{self.person}")
        return LaunchRequest.nightly(self.person, date.fromisoformat(self.day))

    def edition(self, store: AccountStore) -> Edition | None:
        """Its list, as far as the ledger has one."""
        occasion = occasion_of(self.launch().tags, root_edition("", None))
        return store.editions.of_occasion(self.person, occasion)

    @classmethod
    def told(cls, words: str) -> list[Self]:
        """What a machine was started with."""
        return [cls(**one) for one in json.loads(words)]


def in_words(wishes: Sequence[Wish]) -> str:
    """What a machine is started with."""
    return json.dumps([asdict(wish) for wish in wishes])


@dataclass(frozen=True, slots=True)
class Worker:
    """Who makes the lists here."""

    store: AccountStore
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    def fulfil(self, wish: Wish) -> None:
        """Run after run until the list is recorded, or it was tried often enough."""
        for attempt in range(1, _MOST_RUNS + 1):
            launch = self._next(wish, attempt)
            if launch is None:
                return
            if attempt > 1:
                time.sleep(_PAUSE_SECONDS)
            self.definitions.resolve_job_def(launch.job).execute_in_process(
                partition_key=wish.person,
                tags=dict(launch.tags),
                instance=self.instance,
                raise_on_error=False,
            )

    def _next(self, wish: Wish, attempt: int) -> LaunchRequest | None:
        """The next run: the wish's own, or what the sensor launches for a list left half-way."""
        edition = wish.edition(self.store)
        if edition is None or (not goes_on(edition) and edition.state is not EditionState.RECORDED):
            return wish.launch()
        if edition.state is EditionState.RECORDED:
            if not wish.asked and attempt == 1:
                self.store.outbox.put(wish.person, NightReady.of(edition.edition_id))
            return None
        return LaunchRequest.continuation(
            wish.person,
            edition.edition_id,
            occasion=edition.occasion,
            vibe_date=edition.vibe_date,
            chosen=bool(edition.tracks),
            attempt=attempt + 1,
        )


def main() -> None:
    """Make the lists that the command line names, one after the other."""
    logging.disable(logging.CRITICAL)
    settings = read_settings()
    with dg.DagsterInstance.get() as instance:
        worker = Worker(open_for(settings), instance, build(settings))
        for wish in Wish.told(sys.argv[1]):
            worker.fulfil(wish)
            sys.stdout.write(f"{wish.person}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
