"""How many calls a service still takes, counted for all processes together.

A rolling quota in the database, with a ceiling and a block (``blocked_until``). Not here: how fast
calls may follow each other (``clients.rate_limiter``), what one list may cost
(``accounts.call_allowance``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.records import ServiceBlock
from vibe_pipeline.accounts.tables import service_calls, services
from vibe_pipeline.clients.errors import RateLimited
from vibe_pipeline.records import EditionId

WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """Calls per rolling day; what is reserved, only asked-for work may use."""

    calls: int
    reserved: int


CEILINGS: Mapping[str, Ceiling] = {
    # A development app was stopped after 1,144 requests in 24 h on 2026-09-08, and others after
    # two thousand; the size is not published and a stop costs half a day, so we stay below.
    "spotify": Ceiling(calls=900, reserved=150),
}
"""Last.fm, MetaBrainz and Telegram limit the pace, not the day: they can only be blocked."""


@dataclass(frozen=True, slots=True)
class StoredBudget:
    """The budget in the account store; asked before each call, and each call is counted.

    Calls made for an edition are counted under its name too: ``of`` gives the budget to make
    them with, ``spent`` what the edition has cost so far, in all its steps and reruns.
    """

    database: Database
    now: Callable[[], datetime]
    ceilings: Mapping[str, Ceiling]
    edition_id: str = ""

    def of(self, edition_id: EditionId) -> Self:
        """The same budget, asked on behalf of an edition."""
        return replace(self, edition_id=edition_id)

    def spent(self, service: str, edition_id: EditionId) -> int:
        """The calls an edition has cost within the last day."""
        with self.database.reading() as connection:
            return _sum(connection, service, self.now(), edition_id=edition_id)

    def ask(self, service: str, *, asked_for: bool) -> None:
        """Count one call; raises ``RateLimited`` while blocked or when the day's share is used."""
        now = self.now()
        with self.database.writing() as connection:
            block = _locked(connection, service)
            if block is not None and block > now:
                raise RateLimited(service, "resting until its limit ends", until=block, quota=True)
            self._refuse_over_ceiling(connection, service, now, asked_for=asked_for)
            _count(connection, service, now, self.edition_id)

    def block(self, service: str, until: datetime, reason: str) -> None:
        """Nobody asks this service anything before ``until``; a longer block stands."""
        with self.database.writing() as connection:
            standing = _locked(connection, service)
            if standing is not None and standing >= until:
                return
            change = update(services).where(services.c.service == service)
            connection.execute(change.values(blocked_until=until, reason=reason))

    def blocked_until(self, service: str) -> datetime | None:
        """When the block ends; ``None`` when there is none now."""
        block = next((item for item in self.blocks() if item.service == service), None)
        return None if block is None else block.until

    def blocks(self) -> list[ServiceBlock]:
        """Every block that stands now."""
        query = select(services).where(services.c.blocked_until > self.now())
        with self.database.reading() as connection:
            rows = connection.execute(query.order_by(services.c.service)).mappings().all()
        return [
            ServiceBlock(
                service=row["service"], until=row["blocked_until"], reason=row["reason"] or ""
            )
            for row in rows
        ]

    def used(self, service: str) -> int:
        """The calls of the last 24 hours."""
        with self.database.reading() as connection:
            return _sum(connection, service, self.now())

    def left(self, service: str, *, asked_for: bool = True) -> int | None:
        """The calls still free now; ``None`` for a service without a ceiling."""
        ceiling = self.ceilings.get(service)
        if ceiling is None:
            return None
        return max(0, _share(ceiling, asked_for=asked_for) - self.used(service))

    def _refuse_over_ceiling(
        self, connection: Connection, service: str, now: datetime, *, asked_for: bool
    ) -> None:
        ceiling = self.ceilings.get(service)
        if ceiling is None:
            return
        share = _share(ceiling, asked_for=asked_for)
        used = _sum(connection, service, now)
        if used >= share:
            until = _free_again(connection, service, now, used - share + 1)
            raise RateLimited(service, "today's calls are used up", until=until, quota=True)


def _share(ceiling: Ceiling, *, asked_for: bool) -> int:
    return ceiling.calls if asked_for else ceiling.calls - ceiling.reserved


def _locked(connection: Connection, service: str) -> datetime | None:
    """Take the service's row for this transaction, making it on first sight; gives its block."""
    query = select(services.c.blocked_until).where(services.c.service == service)
    row = connection.execute(query.with_for_update()).first()
    if row is None:
        try:
            with connection.begin_nested():
                connection.execute(insert(services).values(service=service))
        except IntegrityError:
            row = connection.execute(query.with_for_update()).first()
    block: datetime | None = None if row is None else row[0]
    return block


def _sum(
    connection: Connection, service: str, now: datetime, *, edition_id: str | None = None
) -> int:
    query = select(func.coalesce(func.sum(service_calls.c.calls), 0)).where(
        service_calls.c.service == service, service_calls.c.minute > _oldest(now)
    )
    if edition_id is not None:
        query = query.where(service_calls.c.edition_id == edition_id)
    return int(connection.execute(query).scalar_one())


def _free_again(connection: Connection, service: str, now: datetime, needed: int) -> datetime:
    """When enough of the window's oldest calls will have left it."""
    query = (
        select(service_calls.c.minute, service_calls.c.calls)
        .where(service_calls.c.service == service, service_calls.c.minute > _oldest(now))
        .order_by(service_calls.c.minute)
    )
    for minute, calls in connection.execute(query):
        needed -= calls
        if needed <= 0:
            return _left_window(minute)
    return now + WINDOW


def _count(connection: Connection, service: str, now: datetime, edition_id: str) -> None:
    minute = now.replace(second=0, microsecond=0)
    here = (
        service_calls.c.service == service,
        service_calls.c.minute == minute,
        service_calls.c.edition_id == edition_id,
    )
    change = update(service_calls).where(*here).values(calls=service_calls.c.calls + 1)
    if connection.execute(change).rowcount == 0:
        gone = (service_calls.c.service == service, service_calls.c.minute <= _oldest(now))
        connection.execute(delete(service_calls).where(*gone))
        row = {"service": service, "minute": minute, "edition_id": edition_id, "calls": 1}
        connection.execute(insert(service_calls).values(row))


def _oldest(now: datetime) -> datetime:
    """Minutes up to this one have wholly left the window."""
    return now - WINDOW - timedelta(minutes=1)


def _left_window(minute: datetime) -> datetime:
    return minute + WINDOW + timedelta(minutes=1)
