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

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.budget_shares import (
    CallUsage,
    Ceiling,
    CountedCalls,
    Share,
    calls_open,
    opens_at,
    owner_of_calls,
)
from vibe_pipeline.accounts.call_counts import count_calls
from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.paces import StoredSlotBook
from vibe_pipeline.accounts.records import ServiceBlock
from vibe_pipeline.accounts.tables import accounts, editions, service_calls, services, tokens
from vibe_pipeline.clients.budget import ServicePause
from vibe_pipeline.clients.errors import AllowanceSpent, RateLimited
from vibe_pipeline.clients.rate_limiter import SlotBook
from vibe_pipeline.records import EditionId, UserId

WINDOW = timedelta(hours=24)
FIRST_PAUSE = timedelta(minutes=15)
"""So long one endpoint is left alone when it asks for longer the first time."""
SAID_AGAIN_WITHIN = timedelta(hours=1)
"""So soon after a pause the same answer is the second, and believed."""
BUCKETS_OF_A_WHOLE = 3
"""So many groups of endpoints paused at a time mean that the app is."""
LONGEST_BELIEVED = timedelta(days=2)
"""A block or a call dated further ahead was written before this machine's clock was set back."""
_LONGEST_NAME = 40
_OWN_LIMIT = "/images"
"""How the bucket ends whose limit says nothing of the others: covers'."""

DAILY_CALLS = 900
"""Of Spotify's, unless the settings say otherwise. A development app was stopped after 1,144
requests in 24 h on 2026-09-08, and others after two thousand; the size is not published and a stop
costs half a day, so we stay below."""

CEILINGS: Mapping[str, Ceiling] = {"spotify": Ceiling.of(DAILY_CALLS)}
"""Last.fm, MetaBrainz and Telegram limit the pace, not the day: they can only be blocked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JointLimit:
    """What several accounts may cost together, whoever of them spends it.

    ``lists_of``: whose lists count too, also those begun after this was made.
    """

    calls: int
    accounts: tuple[EditionId, ...]
    lists_of: UserId | None = None


@dataclass(frozen=True, slots=True)
class StoredBudget:
    """The budget in the account store; asked before each call, and each call is counted.

    Calls made for an edition are counted under its name too: ``of`` gives the budget to make
    them with, ``spent`` what the edition has cost so far, in all its steps and reruns. They come
    out of one ``share`` of the day, for one person; without a share, what is asked for comes out of
    the wishes', and the rest out of the nights'.
    """

    database: Database
    now: Callable[[], datetime]
    ceilings: Mapping[str, Ceiling]
    edition_id: str = ""
    share: Share | None = None
    user_id: UserId | None = None
    limit: JointLimit | None = None

    def of(
        self,
        edition_id: EditionId,
        *,
        share: Share | None = None,
        user_id: UserId | None = None,
        limit: JointLimit | None = None,
    ) -> Self:
        """The same budget, asked on behalf of an edition: out of this share, for this person."""
        return replace(self, edition_id=edition_id, share=share, user_id=user_id, limit=limit)

    def spent(self, service: str, edition_id: EditionId) -> int:
        """The calls an edition has cost within the last day."""
        with self.database.reading() as connection:
            return _sum(connection, service, self.now(), edition_id=edition_id)

    def ask(self, service: str, *, asked_for: bool, bucket: str | None = None) -> None:
        """Count one call.

        Raises:
            RateLimited: while blocked, or when the day's share is used up.
            AllowanceSpent: the limit of what this is for is reached.
        """
        now = self.now()
        with self.database.writing(synced=False) as connection:
            block = _believed(_locked(connection, service), now)
            if block is not None and block > now:
                raise RateLimited(
                    service,
                    "resting until its limit ends",
                    until=block,
                    quota=_is_the_days(block, now),
                )
            if bucket is not None:
                _refuse_paused(connection, service, bucket, now)
            share = self.share or _share(asked_for=asked_for)
            self._refuse_beyond_share(connection, service, now, share)
            self._refuse_beyond_limit(connection, service, now)
            _count(connection, service, now, self.edition_id, share)

    def block(
        self,
        service: str,
        until: datetime,
        reason: str,
        *,
        bucket: str | None = None,
        certain: bool = True,
    ) -> ServicePause:
        """Nobody asks this before ``until``; a longer block stands.

        Of a service that keeps its limits per bucket the whole is left alone only when several
        are paused at a time. What is not ``certain`` holds for a short pause, and in full when it
        is said again soon after that; answers that were under way together are one.
        """
        now = self.now()
        with self.database.writing() as connection:
            _locked(connection, service)
            name = service if bucket is None else _bucket_name(service, bucket)
            before = _believed(_blocked_until(connection, name), now)
            since = None if before is None else now - before
            again = since is not None and timedelta() <= since < SAID_AGAIN_WITHIN
            held = until if certain or again else min(until, now + FIRST_PAUSE)
            held = _block(connection, name, held, reason, now)
            whole = bucket is None
            if not whole:
                paused = _paused_buckets(connection, service, now)
                whole = len(paused) >= BUCKETS_OF_A_WHOLE
                held = _block(connection, service, min(paused), reason, now) if whole else held
            return ServicePause(until=held, whole=whole, doubted=not _is_the_days(held, now))

    def blocked_until(self, service: str, *, bucket: str | None = None) -> datetime | None:
        """When the block ends, of the service or of one bucket; ``None`` when there is none now."""
        name = service if bucket is None else _bucket_name(service, bucket)
        block = next((item for item in self.blocks() if item.service == name), None)
        return None if block is None else block.until

    def rested_until(self, service: str) -> datetime | None:
        """When the latest block of the whole service ends, or ended."""
        with self.database.reading() as connection:
            return _blocked_until(connection, service)

    def turns(self, service: str) -> SlotBook | None:
        """The service's pace among machines that share a server; ``None``: the store is a file."""
        if self.database.engine.dialect.name == "sqlite":
            return None
        return StoredSlotBook(database=self.database, service=service)

    def blocks(self) -> list[ServiceBlock]:
        """Every block that stands now."""
        query = select(services).where(_stands(self.now()))
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
        """The calls still free now for this share, and within the limit if there is one.

        ``None`` for a service without a ceiling.
        """
        ceiling, now = self.ceilings.get(service), self.now()
        if ceiling is None:
            return None
        share = self.share or _share(asked_for=asked_for)
        with self.database.reading() as connection:
            free = self._open(connection, service, now, ceiling, share)
            if self.limit is None:
                return free
            spent = _spent_jointly(connection, service, now, self.limit)
        return max(0, min(free, self.limit.calls - spent))

    def unused(self, service: str) -> int | None:
        """What is left of the day for everybody together, whatever it is kept for."""
        ceiling = self.ceilings.get(service)
        return None if ceiling is None else max(0, ceiling.calls - self.used(service))

    def opens_at(self, service: str, *, calls: int = 1, asked_for: bool = True) -> datetime | None:
        """When so many calls are free, if they are not now."""
        ceiling, share = self.ceilings.get(service), self.share or _share(asked_for=asked_for)
        if ceiling is None:
            return None
        with self.database.reading() as connection:
            if self._open(connection, service, self.now(), ceiling, share) >= calls:
                return None
            return self._free_again(connection, service, self.now(), ceiling, share, calls=calls)

    def most(self, service: str) -> int | None:
        """What a day in which nothing was asked gives this share; ``None`` without a ceiling."""
        ceiling = self.ceilings.get(service)
        if ceiling is None:
            return None
        with self.database.reading() as connection:
            nightly = _nightly(connection)
        share = self.share or _share(asked_for=True)
        return calls_open(ceiling, CallUsage.of(()), share, self.user_id, nightly)

    def _refuse_beyond_share(
        self, connection: Connection, service: str, now: datetime, share: Share
    ) -> None:
        ceiling = self.ceilings.get(service)
        if ceiling is None or self._open(connection, service, now, ceiling, share) > 0:
            return
        until = self._free_again(connection, service, now, ceiling, share)
        reason = f"today's calls are used up ({share} share)"
        raise RateLimited(service, reason, until=until, quota=True)

    def _refuse_beyond_limit(self, connection: Connection, service: str, now: datetime) -> None:
        if self.limit is None or service not in self.ceilings:
            return
        if _spent_jointly(connection, service, now, self.limit) >= self.limit.calls:
            until = _joint_calls_again(connection, service, now, self.limit)
            raise AllowanceSpent(service, "what a first list may cost is spent", until=until)

    def _open(
        self, connection: Connection, service: str, now: datetime, ceiling: Ceiling, share: Share
    ) -> int:
        usage = CallUsage.of(_counted(connection, service, now))
        return calls_open(ceiling, usage, share, self.user_id, _nightly(connection))

    def _free_again(
        self,
        connection: Connection,
        service: str,
        now: datetime,
        ceiling: Ceiling,
        share: Share,
        *,
        calls: int = 1,
    ) -> datetime:
        """When the share has so many calls again, as others leave the window."""
        window = _window(connection, service, now)
        nightly = _nightly(connection)
        opening = opens_at(ceiling, window, share, self.user_id, nightly, calls=calls)
        return opening or now + WINDOW


def _bucket_name(service: str, bucket: str) -> str:
    return f"{service} {bucket}"[:_LONGEST_NAME]


def _blocked_until(connection: Connection, name: str) -> datetime | None:
    query = select(services.c.blocked_until).where(services.c.service == name)
    found: datetime | None = connection.execute(query).scalar()
    return found


def _refuse_paused(connection: Connection, service: str, bucket: str, now: datetime) -> None:
    until = _believed(_blocked_until(connection, _bucket_name(service, bucket)), now)
    if until is not None and until > now:
        raise RateLimited(
            service,
            f"{bucket} is resting",
            until=until,
            quota=_is_the_days(until, now),
            bucket=bucket,
        )


def _is_the_days(block: datetime, now: datetime) -> bool:
    """Whether a pause is long enough to be a day's quota, rather than the first, doubted one."""
    return block - now > FIRST_PAUSE


def _block(
    connection: Connection, name: str, until: datetime, reason: str, now: datetime
) -> datetime:
    """Block until then at least; gives until when."""
    standing = _believed(_locked(connection, name), now)
    if standing is not None and standing >= until:
        return standing
    change = update(services).where(services.c.service == name)
    connection.execute(change.values(blocked_until=until, reason=reason))
    return until


def _paused_buckets(connection: Connection, service: str, now: datetime) -> list[datetime]:
    """When each bucket's pause ends that stands now and may tell of the whole service."""
    query = select(services.c.blocked_until).where(
        services.c.service.startswith(f"{service} ", autoescape=True),
        services.c.service.not_like(f"%{_OWN_LIMIT}"),
        _stands(now),
    )
    return list(connection.execute(query).scalars())


def _share(*, asked_for: bool) -> Share:
    return Share.ASKED if asked_for else Share.NIGHT


def _nightly(connection: Connection) -> frozenset[UserId]:
    """Those whose nightly lists are on, and whom we may make some for."""
    query = (
        select(accounts.c.user_id)
        .join(tokens, tokens.c.user_id == accounts.c.user_id)
        .where(accounts.c.active, accounts.c.nightly_at.is_not(None))
    )
    return frozenset(UserId(user_id) for user_id in connection.execute(query).scalars())


_PERSON = func.coalesce(editions.c.user_id, service_calls.c.edition_id)
_CALLS_AND_PEOPLE = service_calls.outerjoin(
    editions, editions.c.edition_id == service_calls.c.edition_id
)


def _counted(connection: Connection, service: str, now: datetime) -> list[CountedCalls]:
    """The window's calls by share and person."""
    query = (
        select(service_calls.c.share, editions.c.user_id, _PERSON, func.sum(service_calls.c.calls))
        .select_from(_CALLS_AND_PEOPLE)
        .where(service_calls.c.service == service, _in_window(now))
        .group_by(service_calls.c.share, editions.c.user_id, _PERSON)
    )
    return [_calls(*row) for row in connection.execute(query)]


def _window(
    connection: Connection, service: str, now: datetime
) -> list[tuple[datetime, CountedCalls]]:
    """The window's calls, each with the moment it leaves; the oldest first."""
    columns = (service_calls.c.share, editions.c.user_id, _PERSON, service_calls.c.calls)
    query = (
        select(service_calls.c.minute, *columns)
        .select_from(_CALLS_AND_PEOPLE)
        .where(service_calls.c.service == service, _in_window(now))
        .order_by(service_calls.c.minute)
    )
    return [(_left_window(minute), _calls(*row)) for minute, *row in connection.execute(query)]


def _calls(share: str, owner: str | None, account: str, calls: int) -> CountedCalls:
    person = owner_of_calls(account) if owner is None else UserId(owner)
    return CountedCalls(share=share, user_id=person, calls=int(calls))


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
        service_calls.c.service == service, _in_window(now)
    )
    if edition_id is not None:
        query = query.where(service_calls.c.edition_id == edition_id)
    return int(connection.execute(query).scalar_one())


def _spent_jointly(connection: Connection, service: str, now: datetime, limit: JointLimit) -> int:
    """The window's calls under any of the limit's accounts, and for the lists it names."""
    total = func.coalesce(func.sum(service_calls.c.calls), 0)
    query = select(total).where(*_joint(service, now, limit))
    return int(connection.execute(query).scalar_one())


def _joint_calls_again(
    connection: Connection, service: str, now: datetime, limit: JointLimit
) -> datetime:
    """When one call more is within a limit that is reached, as others leave the window."""
    columns = (service_calls.c.minute, service_calls.c.calls)
    query = select(*columns).where(*_joint(service, now, limit)).order_by(service_calls.c.minute)
    spent = _spent_jointly(connection, service, now, limit)
    for minute, calls in connection.execute(query):
        spent -= calls
        if spent < limit.calls:
            return _left_window(minute)
    return now + WINDOW


def _joint(service: str, now: datetime, limit: JointLimit) -> tuple[ColumnElement[bool], ...]:
    account = service_calls.c.edition_id
    lists = select(editions.c.edition_id).where(editions.c.user_id == limit.lists_of)
    counted = or_(account.in_(limit.accounts), account.in_(lists))
    return service_calls.c.service == service, _in_window(now), counted


def _count(
    connection: Connection, service: str, now: datetime, edition_id: str, share: Share
) -> None:
    minute = now.replace(second=0, microsecond=0)
    row = {"service": service, "minute": minute, "edition_id": edition_id, "calls": 1}
    if count_calls(connection, {**row, "share": str(share)}):
        gone = (service_calls.c.service == service, service_calls.c.minute <= _oldest(now))
        connection.execute(delete(service_calls).where(*gone))


def _believed(until: datetime | None, now: datetime) -> datetime | None:
    """The end of a block, past or to come, unless no service asks for so long."""
    return None if until is None or until > now + LONGEST_BELIEVED else until


def _stands(now: datetime) -> ColumnElement[bool]:
    """Whether a service's block is in force."""
    return and_(services.c.blocked_until > now, services.c.blocked_until <= now + LONGEST_BELIEVED)


def _in_window(now: datetime) -> ColumnElement[bool]:
    """Whether calls still count."""
    return and_(
        service_calls.c.minute > _oldest(now), service_calls.c.minute <= now + LONGEST_BELIEVED
    )


def _oldest(now: datetime) -> datetime:
    """Minutes up to this one have wholly left the window."""
    return now - WINDOW - timedelta(minutes=1)


def _left_window(minute: datetime) -> datetime:
    return minute + WINDOW + timedelta(minutes=1)
