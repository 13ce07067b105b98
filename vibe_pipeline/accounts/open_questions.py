"""What the bot asked in each chat, so that the answer is understood after a restart too.

As stored. Which words are an answer, and for how long, is ``vibe_bot.questions``'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.readable_rows import readable_rows
from vibe_pipeline.accounts.records import OpenQuestion
from vibe_pipeline.accounts.tables import accounts, open_questions
from vibe_pipeline.records import UserId

KEPT = timedelta(days=2)
"""Telegram keeps an answer for a day at most while nobody fetches it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestions:
    """Of each person the messages that asked something; the newest may still be unanswered."""

    database: Database
    now: Callable[[], datetime]

    def asked(self, user_id: UserId, message_id: int, command: str) -> None:
        """This message asks for what ``command`` lacks; the ones before ask no more.

        Raises: ``UnknownPerson``.
        """
        row = {
            "user_id": user_id,
            "message_id": message_id,
            "command": command,
            "asked_at": self.now(),
            "answered": False,
        }
        theirs = open_questions.c.user_id == user_id
        here = (theirs, open_questions.c.message_id == message_id)
        try:
            with self.database.writing(synced=False) as connection:
                connection.execute(update(open_questions).where(theirs).values(answered=True))
                connection.execute(delete(open_questions).where(*here))
                connection.execute(insert(open_questions).values(row))
        except IntegrityError:
            raise UnknownPerson(user_id) from None

    def answered(self, user_id: UserId, message_id: int) -> None:
        """Words that follow are no answer to this message any more, unless they reply to it."""
        here = (open_questions.c.user_id == user_id, open_questions.c.message_id == message_id)
        with self.database.writing(synced=False) as connection:
            connection.execute(update(open_questions).where(*here).values(answered=True))

    def answered_before(self, user_id: UserId, message_id: int) -> None:
        """The same of all that was asked before this message.

        Mostly there is nothing, which a look tells; it waits for no other process.
        """
        table = open_questions.c
        stale = (table.user_id == user_id, table.message_id < message_id, ~table.answered)
        with self.database.reading() as connection:
            if connection.execute(select(table.message_id).where(*stale)).first() is None:
                return
        with self.database.writing(synced=False) as connection:
            connection.execute(update(open_questions).where(*stale).values(answered=True))

    def all(self) -> list[OpenQuestion]:
        """Everybody's, oldest first."""
        query = (
            select(open_questions, accounts.c.chat_id)
            .join(accounts, accounts.c.user_id == open_questions.c.user_id)
            .where(open_questions.c.asked_at > self.now() - KEPT)
            .order_by(open_questions.c.asked_at, open_questions.c.message_id)
        )
        key = [open_questions.c.message_id]
        with self.database.reading() as connection:
            return readable_rows(connection, query, _question, key=key)

    def drop_old(self) -> int:
        """Let go of what was asked long ago; says how many."""
        old = open_questions.c.asked_at <= self.now() - KEPT
        with self.database.writing() as connection:
            return connection.execute(delete(open_questions).where(old)).rowcount


def _question(row: RowMapping) -> OpenQuestion:
    return OpenQuestion(
        chat_id=row["chat_id"],
        message_id=row["message_id"],
        command=row["command"],
        asked_at=row["asked_at"],
        answered=row["answered"],
    )
