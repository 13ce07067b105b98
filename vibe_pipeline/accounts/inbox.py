"""What people sent us, written down before Telegram is told that we have it (transactional inbox).

An update stands here, sealed, until it was handled; only its key stays a while, so that one which
comes twice is handled once. What an update means is the bot's to know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.cipher import Cipher, SecretKeyWrong
from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.records import InboxEntry
from vibe_pipeline.accounts.tables import inbox

KEPT = timedelta(days=2)
"""Telegram hands an update over again for a day at most."""

ATTEMPTS = 3
"""What ends the program each time it is handled is left alone after so many."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """Updates, open until they were handled."""

    database: Database
    cipher: Cipher
    now: Callable[[], datetime]

    def add(self, key: str, payload: str) -> bool:
        """Write an update down; false for one that was before, handled or not."""
        row: dict[str, Any] = {"key": key, "received_at": self.now(), "attempts": 0}
        try:
            with self.database.writing() as connection:
                row["payload"] = self.cipher.seal(payload)
                connection.execute(insert(inbox).values(row))
        except IntegrityError:
            return False
        return True

    def take_up(self) -> list[InboxEntry]:
        """What a former process left unhandled, oldest first, each a few times at most."""
        left = inbox.c.payload.is_not(None)
        columns = [column for column in inbox.c if column.name != "received_at"]
        query = select(*columns).where(left).order_by(inbox.c.received_at, inbox.c.key)
        with self.database.writing() as connection:
            rows = connection.execute(query).all()
            if rows:
                connection.execute(update(inbox).where(left).values(attempts=inbox.c.attempts + 1))
                given_up = inbox.c.attempts > ATTEMPTS
                connection.execute(update(inbox).where(given_up).values(payload=None))
        entries = (self._entry(row) for row in rows if row.attempts < ATTEMPTS)
        return [entry for entry in entries if entry is not None]

    def _entry(self, row: Row[Any]) -> InboxEntry | None:
        """``None`` for what was sealed with a key that is lost."""
        try:
            payload = self.cipher.open(row.payload)
        except SecretKeyWrong:
            return None
        return InboxEntry(key=row.key, payload=payload, attempts=row.attempts)

    def done(self, key: str) -> None:
        """It was handled: what it said is not kept, also where it is written down only now.

        On a server that may be while we look: then it is there at the second look.
        """
        row = {"key": key, "received_at": self.now(), "attempts": 0}
        handled = update(inbox).where(inbox.c.key == key).values(payload=None)
        try:
            with self.database.writing() as connection:
                if connection.execute(handled).rowcount == 0:
                    connection.execute(insert(inbox).values(row))
        except IntegrityError:
            with self.database.writing() as connection:
                connection.execute(handled)

    def knows(self, key: str) -> bool:
        """Whether it was written down before; a look, which waits for no other process."""
        query = select(inbox.c.key).where(inbox.c.key == key)
        with self.database.reading() as connection:
            return connection.execute(query).first() is not None

    def drop_old(self) -> int:
        """Let go of the keys of what was handled; says how many."""
        old = (inbox.c.payload.is_(None), inbox.c.received_at <= self.now() - KEPT)
        with self.database.writing() as connection:
            return connection.execute(delete(inbox).where(*old)).rowcount
