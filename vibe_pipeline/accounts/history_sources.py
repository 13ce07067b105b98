"""Whose public plays we read for a person, and how far we came.

As stored. What to read next is ``taste.scrobble_reading``'s; the plays lie in the warehouse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.readable_rows import readable_rows
from vibe_pipeline.accounts.records import (
    CountedBefore,
    HistoryService,
    HistorySource,
    HistoryTrouble,
    UnreadStretch,
)
from vibe_pipeline.accounts.tables import history_sources
from vibe_pipeline.records import UserId


@dataclass(frozen=True, slots=True)
class HistorySources:
    """One name for each service; a former one stays, leaving, until its plays count no more."""

    database: Database
    now: Callable[[], datetime]

    def set(
        self, user_id: UserId, service: HistoryService, name: str, *, total: int | None = None
    ) -> HistorySource:
        """Read this name's plays from now on, all of them; the same name goes on as it stands."""
        known = next((one for one in self.list(user_id) if one.service is service), None)
        if known is not None and known.name == name:
            return known
        now = self.now()
        source = HistorySource(
            service=service,
            name=name,
            added_at=now,
            unread=(UnreadStretch(None, now),),
            total=total,
        )
        self.remove(user_id, service)
        try:
            with self.database.writing() as connection:
                connection.execute(delete(history_sources).where(_is(user_id, service, name)))
                connection.execute(insert(history_sources).values(_row(user_id, source)))
        except IntegrityError:
            raise UnknownPerson(user_id) from None
        return source

    def remove(self, user_id: UserId, service: HistoryService) -> bool:
        """Read no more from there; false when nothing was. What was read leaves by and by."""
        theirs = (history_sources.c.user_id == user_id, history_sources.c.service == service.value)
        with self.database.writing() as connection:
            change = update(history_sources).where(*theirs, history_sources.c.leaving.is_(False))
            return connection.execute(change.values(leaving=True)).rowcount > 0

    def gone(self, user_id: UserId, source: HistorySource) -> None:
        """What was read from it counts no more: nothing of it is kept here."""
        leaving = and_(
            _is(user_id, source.service, source.name), history_sources.c.leaving.is_(True)
        )
        with self.database.writing() as connection:
            connection.execute(delete(history_sources).where(leaving))

    def note(
        self,
        user_id: UserId,
        source: HistorySource,
        *,
        unread: Sequence[UnreadStretch],
        added: int,
        answered: bool,
        trouble: HistoryTrouble | None,
        counted: CountedBefore | None = None,
    ) -> None:
        """How far reading came just now, what was in its way, and what the service counted.

        ``answered``: something was read, also when trouble came after it.
        """
        now = self.now()
        values = {
            "unread": _stretches(unread),
            "plays": history_sources.c.plays + added,
            "tried_at": now,
            "trouble": None if trouble is None else trouble.value,
            **({"read_at": now} if answered else {}),
            **({"total": counted.total, "counted_before": counted.moment} if counted else {}),
        }
        with self.database.writing() as connection:
            here = _is(user_id, source.service, source.name)
            connection.execute(update(history_sources).where(here).values(values))

    def everybody(self) -> dict[UserId, list[HistorySource]]:
        """What is read for whom, and what is leaving."""
        return self._many()

    def of(self, user_id: UserId) -> list[HistorySource]:
        """What is read for this person, and what is leaving."""
        return self._many(history_sources.c.user_id == user_id).get(user_id, [])

    def _many(self, *conditions: ColumnElement[bool]) -> dict[UserId, list[HistorySource]]:
        query = select(history_sources).where(*conditions)
        query = query.order_by(
            history_sources.c.user_id, history_sources.c.service, history_sources.c.added_at
        )
        by_person: dict[UserId, list[HistorySource]] = {}
        with self.database.reading() as connection:
            rows = readable_rows(connection, query, _named, key=list(history_sources.primary_key))
        for user_id, source in rows:
            by_person.setdefault(user_id, []).append(source)
        return by_person

    def list(self, user_id: UserId) -> list[HistorySource]:
        """What is read for this person now, by service."""
        return self._many(
            and_(history_sources.c.user_id == user_id, history_sources.c.leaving.is_(False))
        ).get(user_id, [])


def _is(user_id: UserId, service: HistoryService, name: str) -> ColumnElement[bool]:
    return and_(
        history_sources.c.user_id == user_id,
        history_sources.c.service == service.value,
        history_sources.c.name == name,
    )


def _row(user_id: UserId, source: HistorySource) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "service": source.service.value,
        "name": source.name,
        "added_at": source.added_at,
        "unread": _stretches(source.unread),
        "plays": source.plays,
        "total": source.total,
        "leaving": source.leaving,
    }


def _stretches(unread: Sequence[UnreadStretch]) -> list[list[int | None]]:
    return [
        [None if since is None else int(since.timestamp()), int(until.timestamp())]
        for since, until in unread
    ]


def _moment(seconds: float) -> datetime:
    """``fromtimestamp`` calls what is out of range by three names, one of them the system's."""
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)


def _named(row: RowMapping) -> tuple[UserId, HistorySource]:
    return UserId(row["user_id"]), _source(row)


def _source(row: RowMapping) -> HistorySource:
    values = {name: row[name] for name in HistorySource.__slots__}
    values["service"] = HistoryService(row["service"])
    values["trouble"] = None if row["trouble"] is None else HistoryTrouble(row["trouble"])
    values["unread"] = tuple(
        UnreadStretch(None if since is None else _moment(since), _moment(until))
        for since, until in row["unread"]
    )
    return HistorySource(**values)
