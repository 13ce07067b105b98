"""Messages that must reach people, each once, however often a process dies on the way.

A transactional outbox: whoever has something to say puts it here. Words and sending are the bot's
(``vibe_bot.announcements``, ``vibe_bot.outbox``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.messages import Message, NightFailed, OutboxMessage
from vibe_pipeline.accounts.readable_rows import readable_rows
from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.accounts.tables import accounts, outbox
from vibe_pipeline.records import UserId

KEPT = timedelta(days=30)
"""How long a sent message's ``dedupe_key`` keeps its double out."""


LONGEST_PAUSE = timedelta(hours=1)
"""What was put here in the future, and waits for longer still, waits for a clock that was wrong."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """The transactional outbox: any program puts, the bot delivers."""

    database: Database
    now: Callable[[], datetime]

    def put(self, user_id: UserId, message: Message, not_before: datetime | None = None) -> bool:
        """Have a message sent; false when one with its ``dedupe_key`` was put before.

        Raises: ``UnknownPerson``.
        """
        with self.database.writing() as connection:
            return queue(connection, user_id, message, now=self.now(), not_before=not_before)

    def has(self, message: Message) -> bool:
        """Whether one with its ``dedupe_key`` was put before."""
        query = select(outbox.c.id).where(outbox.c.dedupe_key == message.dedupe_key)
        with self.database.reading() as connection:
            return connection.execute(query).first() is not None

    def withdraw(self, message_id: int) -> None:
        """It is true no more and not sent; should it be true once again, it may be put again."""
        with self.database.writing() as connection:
            connection.execute(delete(outbox).where(outbox.c.id == message_id))

    def take_due(self, limit: int = 20, lease_seconds: float = 60) -> list[OutboxMessage]:
        """Claim what is due, oldest first; unless closed, it falls due again after the lease.

        Messages for people who blocked the bot wait until they are back; what cannot be read is
        closed, for nobody could ever say it.
        """
        now = self.now()
        due = (
            select(outbox.c.id)
            .join(accounts, accounts.c.user_id == outbox.c.user_id)
            .where(outbox.c.closed_at.is_(None), _due_at(now), accounts.c.active)
            .order_by(outbox.c.not_before, outbox.c.id)
            .limit(limit)
            .with_for_update(of=outbox, skip_locked=True)
        )
        if not self._anything_due(now):
            return []
        with self.database.writing() as connection:
            ids = connection.execute(due).scalars().all()
            messages = _messages(connection, ids)
            claimed = update(outbox).where(outbox.c.id.in_(ids))
            lease = now + timedelta(seconds=lease_seconds)
            connection.execute(claimed.values(not_before=lease, attempts=outbox.c.attempts + 1))
            unreadable = set(ids) - {message.id for message in messages}
            closed = update(outbox).where(outbox.c.id.in_(unreadable)).values(closed_at=now)
            connection.execute(closed)
        return messages

    def arrived(self, message_id: int, *, sent_as: int) -> None:
        """It is in the chat, so it is sent no more; it stays open, for something is left to do."""
        with self.database.writing() as connection:
            named = update(outbox).where(outbox.c.id == message_id)
            connection.execute(named.values(sent_as=sent_as))

    def done(self, message_id: int, *, sent_as: int | None = None) -> None:
        """The message was delivered; ``sent_as`` is what the chat calls it."""
        values = {"closed_at": self.now(), "sent_as": sent_as}
        with self.database.writing() as connection:
            connection.execute(update(outbox).where(outbox.c.id == message_id).values(values))

    def failures_told(self, edition: Edition) -> list[int]:
        """The messages in the chat that told why this list was not there, oldest first."""
        told = _of_the_night(edition.user_id, edition.occasion, edition)
        query = select(outbox.c.sent_as).where(told, outbox.c.sent_as.is_not(None))
        with self.database.reading() as connection:
            return list(connection.execute(query.order_by(outbox.c.id)).scalars())

    def said_already(self, user_id: UserId, failure: NightFailed) -> int | None:
        """The newest message in the chat about this night, where it says the same but for when."""
        column = outbox.c.dedupe_key
        query = select(outbox.c.key, column, outbox.c.sent_as).where(
            outbox.c.user_id == user_id,
            outbox.c.sent_as.is_not(None),
            column != failure.dedupe_key,
            column.startswith(failure.of_its_night, autoescape=True),
        )
        with self.database.reading() as connection:
            newest = connection.execute(query.order_by(outbox.c.id.desc()).limit(1)).first()
        if newest is None or newest.key != failure.key or newest.dedupe_key.endswith(":last"):
            return None
        return int(newest.sent_as)

    def next_tries(self, user_id: UserId, occasion: str, edition: Edition | None) -> list[datetime]:
        """Each next try that was told of this night, whose list was perhaps begun, oldest first."""
        query = select(outbox).where(_of_the_night(user_id, occasion, edition))
        with self.database.reading() as connection:
            tries = readable_rows(
                connection, query.order_by(outbox.c.id), _next_try, key=[outbox.c.id]
            )
        return [at for at in tries if at is not None]

    def failed_anew(self, edition: Edition, *, since: OutboxMessage) -> bool:
        """Whether something later than this message was put of why this list was not there."""
        told = _of_the_night(edition.user_id, edition.occasion, edition)
        query = select(outbox.c.id).where(told, outbox.c.id > since.id).limit(1)
        with self.database.reading() as connection:
            return connection.execute(query).first() is not None

    def failed(self, message_id: int, retry_at: datetime | None) -> None:
        """It was not delivered: try at ``retry_at``, or never again when that is ``None``."""
        values = {"closed_at": self.now()} if retry_at is None else {"not_before": retry_at}
        with self.database.writing() as connection:
            connection.execute(update(outbox).where(outbox.c.id == message_id).values(values))

    def drop_old(self) -> int:
        """Let go of what was delivered or given up long ago; says how many."""
        old = outbox.c.closed_at <= self.now() - KEPT
        with self.database.writing() as connection:
            return connection.execute(delete(outbox).where(old)).rowcount

    def _anything_due(self, now: datetime) -> bool:
        """Look before locking: the bot asks every second, and mostly there is nothing."""
        due = (outbox.c.closed_at.is_(None), _due_at(now))
        with self.database.reading() as connection:
            return connection.execute(select(outbox.c.id).where(*due).limit(1)).first() is not None


def queue(
    connection: Connection,
    user_id: UserId,
    message: Message,
    *,
    now: datetime,
    not_before: datetime | None = None,
) -> bool:
    """Put a message in the outbox inside this transaction; what it told of is then never lost.

    False when one with its ``dedupe_key`` was put before. Raises: ``UnknownPerson``.
    """
    row = {
        "user_id": user_id,
        "key": message.key,
        "params": dict(message.params()),
        "dedupe_key": message.dedupe_key,
        "not_before": now if not_before is None else not_before,
        "created_at": now,
        "attempts": 0,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(outbox).values(row))
    except IntegrityError:
        query = select(outbox.c.id).where(outbox.c.dedupe_key == message.dedupe_key)
        if connection.execute(query).first() is None:
            raise UnknownPerson(user_id) from None
        return False
    return True


def withhold(connection: Connection, message: Message, *, now: datetime) -> None:
    """The person is told otherwise: what waits under its ``dedupe_key`` is not sent."""
    waiting = (outbox.c.dedupe_key == message.dedupe_key, outbox.c.closed_at.is_(None))
    connection.execute(update(outbox).where(*waiting).values(closed_at=now))


def _due_at(now: datetime) -> ColumnElement[bool]:
    """Whether its time has come, also after this machine's clock was set back by hours."""
    set_back = and_(outbox.c.created_at > now, outbox.c.not_before > now + LONGEST_PAUSE)
    return or_(outbox.c.not_before <= now, set_back)


def _of_the_night(user_id: UserId, occasion: str, edition: Edition | None) -> ColumnElement[bool]:
    """All that tells why this night brought no list."""
    beginnings = [NightFailed.told_before(user_id, occasion)]
    if edition is not None:
        beginnings.append(NightFailed.told_of(edition))
    return or_(*(outbox.c.dedupe_key.startswith(one, autoescape=True) for one in beginnings))


def _next_try(row: RowMapping) -> datetime | None:
    until = row["params"].get("until")
    return None if until is None else datetime.fromisoformat(until)


def _messages(connection: Connection, ids: Sequence[int]) -> list[OutboxMessage]:
    query = (
        select(outbox, accounts.c.chat_id, accounts.c.language)
        .join(accounts, accounts.c.user_id == outbox.c.user_id)
        .where(outbox.c.id.in_(ids))
        .order_by(outbox.c.not_before, outbox.c.id)
    )
    return readable_rows(connection, query, _message, key=[outbox.c.id])


def _message(row: RowMapping) -> OutboxMessage:
    return OutboxMessage(
        id=row["id"],
        user_id=UserId(row["user_id"]),
        chat_id=row["chat_id"],
        language=row["language"],
        key=row["key"],
        params=row["params"],
        dedupe_key=row["dedupe_key"],
        attempts=row["attempts"] + 1,
        created_at=row["created_at"],
        sent_as=row["sent_as"],
    )
