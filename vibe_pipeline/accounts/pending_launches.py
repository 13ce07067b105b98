"""Runs people asked for, written down before anybody is answered: launched from here, once each.

A queue that survives its workers. A wish stands here until its run is followed (``tracked_runs``)
or its person was told why there is none. Launching, and what is said meanwhile, is the bot's
(``vibe_bot.launches``); what a run is launched with, ``vibe_pipeline.runs``'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.readable_rows import readable_rows
from vibe_pipeline.accounts.records import PendingLaunch
from vibe_pipeline.accounts.tables import pending_launches as table
from vibe_pipeline.records import UserId
from vibe_pipeline.runs import LaunchRequest

KEPT = timedelta(days=30)
LONGEST_PAUSE = timedelta(minutes=10)
"""A wish that waits for longer was written down before this machine's clock was set back."""
LONGEST_REST = timedelta(days=2)
"""Spotify rests for a day at most; the same goes for what was postponed for longer."""


@dataclass(frozen=True, slots=True)
class PendingLaunches:
    """Wishes, open until their run is followed."""

    database: Database
    now: Callable[[], datetime]

    def add(
        self,
        request_id: str,
        user_id: UserId,
        launch: LaunchRequest,
        *,
        pause: timedelta = timedelta(),
    ) -> PendingLaunch:
        """Write it down; a request that was before is given as it stands.

        ``pause`` is how long nobody else takes it up: whoever writes it down may launch first.

        Raises: ``UnknownPerson``.
        """
        return self._kept(self.wish(request_id, user_id, launch, pause=pause))

    def postpone(
        self,
        request_id: str,
        user_id: UserId,
        launch: LaunchRequest,
        until: datetime,
        *,
        before: PendingLaunch | None = None,
    ) -> None:
        """Write it down to be begun then; who waits for the same already waits until then.

        ``before`` is the wish that was begun and met the same rest; without one it was asked for
        just now.

        Raises: ``UnknownPerson``.
        """
        now = self.now()
        told: dict[str, object] = {"postponed_until": until, "not_before": now}
        if before is None:
            told |= {"asked_at": now, "tries": 0}
        alike = (one for one in self.open(user_id) if one.job == launch.job and one.rests)
        if (resting := next(alike, None)) is not None:
            self._change(resting.request_id, **told)
            return
        wish = replace(self.wish(request_id, user_id, launch), postponed_until=until)
        if before is not None:
            wish = replace(wish, asked_at=before.asked_at, tries=before.tries + 1)
        self._kept(wish)

    def wish(
        self,
        request_id: str,
        user_id: UserId,
        launch: LaunchRequest,
        *,
        pause: timedelta = timedelta(),
    ) -> PendingLaunch:
        """What is to be written down of it, as of now."""
        now = self.now()
        return PendingLaunch(
            request_id=request_id,
            user_id=user_id,
            message_id=None,
            job=launch.job,
            tags=dict(launch.tags),
            asked_at=now,
            not_before=now + pause,
            attempts=0,
            done=False,
        )

    def get(self, request_id: str) -> PendingLaunch | None:
        """The wish of this request, done or not."""
        wishes = self._many(table.c.request_id == request_id)
        return wishes[0] if wishes else None

    def open(self, user_id: UserId | None = None) -> list[PendingLaunch]:
        """What is not followed yet, oldest first: of one person, or of everybody."""
        mine = [] if user_id is None else [table.c.user_id == user_id]
        return self._many(table.c.done.is_(False), *mine)

    def due(self) -> list[PendingLaunch]:
        """What anybody may launch now, oldest first."""
        now, until = self.now(), table.c.postponed_until
        due = or_(table.c.not_before <= now, table.c.not_before > now + LONGEST_PAUSE)
        rested = or_(until.is_(None), until <= now, until > now + LONGEST_REST)
        return self._many(table.c.done.is_(False), due, rested)

    def put_off(self, request_id: str, until: datetime) -> None:
        """Let it rest until then, as its person is told."""
        self._change(request_id, postponed_until=until, not_before=self.now())

    def not_yet(self, request_id: str, pause: timedelta) -> None:
        """It is not its turn; looked at again after a pause of ``LONGEST_PAUSE`` at most."""
        self._change(request_id, not_before=self.now() + min(pause, LONGEST_PAUSE))

    def begin(self, request_id: str) -> None:
        """Its turn has come: from now on its person waits for it."""
        self._change(request_id, begun_at=self.now())

    def answered(self, request_id: str, message_id: int) -> None:
        """This message tells how it stands."""
        self._change(request_id, message_id=message_id)

    def later(self, request_id: str, pause: timedelta) -> None:
        """A launch came to nothing; the next one after a pause."""
        self._change(request_id, not_before=self.now() + pause, attempts=table.c.attempts + 1)

    def close(self, request_id: str) -> None:
        """Its run is followed, or there is none to follow."""
        self._change(request_id, done=True)

    def reopen(self, user_id: UserId, message_id: int, *, wanted_since: datetime) -> bool:
        """Launch once more what this message tells of, as its run was lost; says whether it is.

        Not what was to begin before ``wanted_since``: that is too old to be launched.
        """
        wishes = self._many(table.c.user_id == user_id, table.c.message_id == message_id)
        if not wishes or wishes[-1].wanted_at < wanted_since:
            return False
        self._change(wishes[-1].request_id, done=False, not_before=self.now())
        return True

    def drop_old(self) -> int:
        """Let go of what was done long ago; says how many."""
        old = (table.c.done, table.c.asked_at <= self.now() - KEPT)
        with self.database.writing() as connection:
            return connection.execute(delete(table).where(*old)).rowcount

    def _kept(self, wish: PendingLaunch) -> PendingLaunch:
        try:
            with self.database.writing() as connection:
                write_down(connection, wish)
        except IntegrityError:
            known = self.get(wish.request_id)
            if known is None:
                raise UnknownPerson(wish.user_id) from None
            return known
        return wish

    def _change(self, request_id: str, **values: object) -> None:
        with self.database.writing() as connection:
            connection.execute(update(table).where(table.c.request_id == request_id).values(values))

    def _many(self, *conditions: ColumnElement[bool]) -> list[PendingLaunch]:
        query = select(table).where(*conditions).order_by(table.c.asked_at, table.c.request_id)
        with self.database.reading() as connection:
            return readable_rows(connection, query, _wish, key=[table.c.request_id])


def write_down(connection: Connection, wish: PendingLaunch) -> None:
    """Keep a wish inside this transaction."""
    connection.execute(insert(table).values(asdict(wish)))


def forget_postponed(connection: Connection, user_id: UserId) -> None:
    """Nothing that waits for Spotify's rest to end is begun for another Spotify account."""
    rests = (table.c.postponed_until.is_not(None), table.c.begun_at.is_(None))
    theirs = (table.c.user_id == user_id, table.c.done.is_(False))
    connection.execute(update(table).where(*theirs, *rests).values(done=True))


def _wish(row: RowMapping) -> PendingLaunch:
    tags = {str(name): str(value) for name, value in row["tags"].items()}
    return PendingLaunch(**dict(row) | {"tags": tags})
