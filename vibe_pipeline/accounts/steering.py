"""What people ask their lists to have more or less of, for a day or until they let it go.

As stored. What a wish does to a list is ``ranking.steering``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import RowMapping, delete, insert, or_, select
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.readable_rows import required_rows
from vibe_pipeline.accounts.records import SteeringWish, WishKind
from vibe_pipeline.accounts.tables import steering
from vibe_pipeline.records import UserId

MOST_WISHES = 20
"""Nobody steers by more; the oldest gives way."""


@dataclass(frozen=True, slots=True)
class SteeringWishes:
    """Wishes, one for each key; one mood at a time."""

    database: Database
    now: Callable[[], datetime]

    def set(
        self, user_id: UserId, kind: WishKind, key: str, name: str, *, only_on: date | None = None
    ) -> SteeringWish:
        """Ask for it; what was asked of the same before gives way, and so does another mood."""
        wish = SteeringWish(
            kind=WishKind(kind), key=key, name=name, only_on=only_on, created_at=self.now()
        )
        gives_way = steering.c.key == key
        if wish.kind is WishKind.MOOD:
            gives_way = or_(gives_way, steering.c.kind == WishKind.MOOD.value)
        row = asdict(wish) | {"user_id": user_id, "kind": wish.kind.value}
        try:
            with self.database.writing() as connection:
                connection.execute(delete(steering).where(steering.c.user_id == user_id, gives_way))
                connection.execute(insert(steering).values(row))
        except IntegrityError:
            raise UnknownPerson(user_id) from None
        for old in self.list(user_id)[MOST_WISHES:]:
            self.remove(user_id, old.key)
        return wish

    def remove(self, user_id: UserId, key: str) -> bool:
        """Let it go; false when it was not asked for."""
        here = (steering.c.user_id == user_id, steering.c.key == key)
        with self.database.writing() as connection:
            return connection.execute(delete(steering).where(*here)).rowcount == 1

    def list(self, user_id: UserId) -> list[SteeringWish]:
        """All the person asks for, newest first."""
        columns = [column for column in steering.c if column.name != "user_id"]
        query = select(*columns).where(steering.c.user_id == user_id)
        query = query.order_by(steering.c.created_at.desc(), steering.c.key)
        with self.database.reading() as connection:
            return required_rows(connection, query, _wish, table=steering.name)


def _wish(row: RowMapping) -> SteeringWish:
    return SteeringWish(**dict(row) | {"kind": WishKind(row["kind"])})
