"""Which message in which chat follows which run, so that a restarted bot takes it up again.

Stored as ``watches``. What such a message says is ``vibe_bot.progress``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.readable_rows import readable_rows
from vibe_pipeline.accounts.records import TrackedRun
from vibe_pipeline.accounts.tables import watches
from vibe_pipeline.records import UserId

KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class TrackedRuns:
    """Progress messages, open until their run's result was told."""

    database: Database
    now: Callable[[], datetime]

    def add(
        self, run_id: str, user_id: UserId, chat_id: int, message_id: int, job: str
    ) -> TrackedRun:
        """Follow this run in that message; a run is followed once."""
        now = self.now()
        watch = TrackedRun(
            run_id=run_id,
            user_id=user_id,
            chat_id=chat_id,
            message_id=message_id,
            job=job,
            done=False,
            created_at=now,
        )
        try:
            with self.database.writing() as connection:
                connection.execute(insert(watches).values(asdict(watch)))
        except IntegrityError:
            known = self.get(run_id)
            if known is None:
                raise UnknownPerson(user_id) from None
            return known
        return watch

    def get(self, run_id: str) -> TrackedRun | None:
        """The watch of this run."""
        found = self._many(watches.c.run_id == run_id)
        return found[0] if found else None

    def open(self, user_id: UserId | None = None) -> list[TrackedRun]:
        """What is still followed, oldest first: of one person, or of everybody."""
        mine = [] if user_id is None else [watches.c.user_id == user_id]
        return self._many(watches.c.done.is_(False), *mine)

    def finish(self, run_id: str) -> bool:
        """Close the watch; true for the one caller who closed it, and so tells the result."""
        here = (watches.c.run_id == run_id, watches.c.done.is_(False))
        with self.database.writing() as connection:
            return connection.execute(update(watches).where(*here).values(done=True)).rowcount == 1

    def drop_old(self) -> int:
        """Let go of what was told long ago; says how many."""
        old = (watches.c.done, watches.c.created_at <= self.now() - KEPT)
        with self.database.writing() as connection:
            return connection.execute(delete(watches).where(*old)).rowcount

    def _many(self, *conditions: ColumnElement[bool]) -> list[TrackedRun]:
        query = select(watches).where(*conditions).order_by(watches.c.created_at, watches.c.run_id)
        with self.database.reading() as connection:
            return readable_rows(connection, query, _watch, key=[watches.c.run_id])


def _watch(row: RowMapping) -> TrackedRun:
    return TrackedRun(**row)
