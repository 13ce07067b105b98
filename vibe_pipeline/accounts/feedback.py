"""What people told us about music: never again, more or less like this, not my taste at all.

Explicit feedback as stored. What follows from it for taste and ranking is ``taste.feedback``'s and
``taste.exclusions``'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.readable_rows import required_rows
from vibe_pipeline.accounts.records import Block, BlockKind, Exclusion, ExclusionKind, Thumb
from vibe_pipeline.accounts.tables import blocks, exclusions, thumbs
from vibe_pipeline.records import UserId


@dataclass(frozen=True, slots=True)
class Blocks:
    """Artists and tracks never to be offered again, until unblocked."""

    database: Database
    now: Callable[[], datetime]

    def add(self, user_id: UserId, kind: BlockKind, key: str, name: str) -> Block:
        """Block it; blocking twice is blocking once."""
        block = Block(kind=BlockKind(kind), key=key, name=name, created_at=self.now())
        row = asdict(block) | {"user_id": user_id, "kind": block.kind.value}
        _replace(self.database, blocks, user_id, row, blocks.c.kind == kind, blocks.c.key == key)
        return block

    def remove(self, user_id: UserId, kind: BlockKind, key: str) -> bool:
        """Unblock it; false when it was not blocked."""
        here = (blocks.c.user_id == user_id, blocks.c.kind == kind, blocks.c.key == key)
        with self.database.writing() as connection:
            return connection.execute(delete(blocks).where(*here)).rowcount == 1

    def list(self, user_id: UserId) -> list[Block]:
        """All the person has blocked, newest first."""
        query = select(blocks.c.kind, blocks.c.key, blocks.c.name, blocks.c.created_at)
        query = query.where(blocks.c.user_id == user_id)
        query = query.order_by(blocks.c.created_at.desc(), blocks.c.kind, blocks.c.key)
        with self.database.reading() as connection:
            return required_rows(connection, query, _block, table=blocks.name)


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Artists, hours and dates whose listening says nothing about the person's taste."""

    database: Database
    now: Callable[[], datetime]

    def add(self, user_id: UserId, kind: ExclusionKind, key: str, name: str) -> Exclusion:
        """Leave it out; twice is once."""
        kept = Exclusion(kind=ExclusionKind(kind), key=key, name=name, created_at=self.now())
        row = asdict(kept) | {"user_id": user_id, "kind": kept.kind.value}
        here = (exclusions.c.kind == kind, exclusions.c.key == key)
        _replace(self.database, exclusions, user_id, row, *here)
        return kept

    def remove(self, user_id: UserId, kind: ExclusionKind, key: str) -> bool:
        """Count it again; false when it was not left out."""
        here = (
            exclusions.c.user_id == user_id,
            exclusions.c.kind == kind,
            exclusions.c.key == key,
        )
        with self.database.writing() as connection:
            return connection.execute(delete(exclusions).where(*here)).rowcount == 1

    def list(self, user_id: UserId) -> list[Exclusion]:
        """All the person left out, newest first."""
        columns = [column for column in exclusions.c if column.name != "user_id"]
        query = select(*columns).where(exclusions.c.user_id == user_id)
        query = query.order_by(exclusions.c.created_at.desc(), exclusions.c.kind, exclusions.c.key)
        with self.database.reading() as connection:
            return required_rows(connection, query, _exclusion, table=exclusions.name)


@dataclass(frozen=True, slots=True)
class Thumbs:
    """Thumbs up and down, the last one for each recording."""

    database: Database
    now: Callable[[], datetime]

    def set(
        self, user_id: UserId, key: str, value: int, *, artist_key: str, artist: str, title: str
    ) -> Thumb | None:
        """+1 or -1 for a recording; 0 takes the thumb back."""
        here = thumbs.c.key == key
        if value == 0:
            with self.database.writing() as connection:
                connection.execute(delete(thumbs).where(thumbs.c.user_id == user_id, here))
            return None
        thumb = Thumb(
            key=key,
            value=value,
            artist_key=artist_key,
            artist=artist,
            title=title,
            created_at=self.now(),
        )
        _replace(self.database, thumbs, user_id, asdict(thumb) | {"user_id": user_id}, here)
        return thumb

    def list(self, user_id: UserId) -> list[Thumb]:
        """All the person's thumbs, newest first."""
        columns = [column for column in thumbs.c if column.name != "user_id"]
        query = select(*columns).where(thumbs.c.user_id == user_id)
        query = query.order_by(thumbs.c.created_at.desc(), thumbs.c.key)
        with self.database.reading() as connection:
            return required_rows(connection, query, _thumb, table=thumbs.name)


def _block(row: RowMapping) -> Block:
    return Block(**dict(row) | {"kind": BlockKind(row["kind"])})


def _exclusion(row: RowMapping) -> Exclusion:
    return Exclusion(**dict(row) | {"kind": ExclusionKind(row["kind"])})


def _thumb(row: RowMapping) -> Thumb:
    return Thumb(**row)


def _replace(
    database: Database,
    table: Table,
    user_id: UserId,
    row: dict[str, Any],
    *here: ColumnElement[bool],
) -> None:
    try:
        with database.writing() as connection:
            connection.execute(delete(table).where(table.c.user_id == user_id, *here))
            connection.execute(insert(table).values(row))
    except IntegrityError as error:
        if "foreign key" in str(error.orig).lower():
            raise UnknownPerson(user_id) from None
        raise
