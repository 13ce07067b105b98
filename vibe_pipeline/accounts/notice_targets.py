"""Where else people want to be told: an address each, sealed, for it may hold a secret.

As stored. Reading addresses and sending to them is ``clients.notices``'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Delete, delete, insert, select
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.cipher import Cipher
from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import SecretKeyWrong, UnknownPerson
from vibe_pipeline.accounts.tables import notice_targets
from vibe_pipeline.records import UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeTargets:
    """One address a person; what no key of ours opens counts as none."""

    database: Database
    sealer: Cipher
    now: Callable[[], datetime]

    def set(self, user_id: UserId, address: str) -> None:
        """Tell them there too; the address before gives way."""
        row = {"user_id": user_id, "sealed": self.sealer.seal(address), "created_at": self.now()}
        try:
            with self.database.writing() as connection:
                connection.execute(_of(user_id))
                connection.execute(insert(notice_targets).values(row))
        except IntegrityError:
            raise UnknownPerson(user_id) from None

    def remove(self, user_id: UserId) -> bool:
        """Tell them in the chat alone; false when that was so."""
        with self.database.writing() as connection:
            return connection.execute(_of(user_id)).rowcount == 1

    def get(self, user_id: UserId) -> str | None:
        """The address, if there is one."""
        query = select(notice_targets.c.sealed).where(notice_targets.c.user_id == user_id)
        with self.database.reading() as connection:
            sealed = connection.execute(query).scalar()
        try:
            return None if sealed is None else self.sealer.open(sealed)
        except SecretKeyWrong:
            return None


def _of(user_id: UserId) -> Delete:
    return delete(notice_targets).where(notice_targets.c.user_id == user_id)
