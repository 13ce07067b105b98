"""Promises to erase, and everything kept about a person here: to count, to hand out, to erase.

The account goes at once. What the pipeline's stores hold follows, perhaps later; until then a
note without a name stands here, and it goes when its receipt was delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    RowMapping,
    Table,
    delete,
    func,
    select,
    update,
)

from vibe_pipeline.accounts.call_counts import count_calls
from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.erasure_notes import erase_spotify, promise_erasure
from vibe_pipeline.accounts.people import unlink
from vibe_pipeline.accounts.readable_rows import readable_rows
from vibe_pipeline.accounts.records import Erasure, ErasureKind
from vibe_pipeline.accounts.tables import (
    accounts,
    erasures,
    metadata,
    service_calls,
    tokens,
)
from vibe_pipeline.records import UserId

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Erasures:
    """What is to be erased, from the promise to the delivered receipt."""

    database: Database
    now: Callable[[], datetime]
    new_receipt: Callable[[], str]

    def forget(self, user_id: UserId) -> Erasure:
        """Erase the person here, in one transaction with the note about what is left elsewhere.

        Raises:
            AccountsNotADatabase: the file is damaged, and rows that an index hides would stay.
        """
        self.database.look_through()
        with self.database.writing() as connection:
            counts = _counted(connection, user_id)
            note = promise_erasure(
                connection,
                user_id,
                ErasureKind.PERSON,
                counts,
                receipt=self.new_receipt(),
                now=self.now(),
            )
            _unname_calls(connection, note)
            connection.execute(delete(accounts).where(accounts.c.user_id == user_id))
        return note

    def disconnect(self, user_id: UserId) -> Erasure:
        """Erase the tokens and what came from Spotify; note that the warehouse is to follow.

        Raises:
            AccountsNotADatabase: the file is damaged, and rows that an index hides would stay.
        """
        self.database.look_through()
        with self.database.writing() as connection:
            note = erase_spotify(connection, user_id, receipt=self.new_receipt(), now=self.now())
            unlink(connection, user_id)
        return note

    def get(self, receipt: str) -> Erasure | None:
        """The promise with this receipt number."""
        found = self._many(erasures.c.receipt == receipt)
        return found[0] if found else None

    def waiting(self) -> list[Erasure]:
        """What the pipeline's stores still hold, oldest first."""
        return self._many(erasures.c.swept_at.is_(None))

    def to_tell(self) -> list[Erasure]:
        """Kept promises whose receipts are not delivered yet."""
        return self._many(erasures.c.swept_at.is_not(None))

    def count(self, receipt: str, counts: Mapping[str, int]) -> None:
        """Add to the receipt what was erased meanwhile."""
        with self.database.writing() as connection:
            self._count(connection, receipt, counts)

    def swept(self, receipt: str, counts: Mapping[str, int]) -> bool:
        """Nothing is left; true for the one who found that first."""
        with self.database.writing() as connection:
            unswept = (erasures.c.receipt == receipt, erasures.c.swept_at.is_(None))
            change = update(erasures).where(*unswept).values(swept_at=self.now())
            if connection.execute(change).rowcount == 0:
                return False
            self._count(connection, receipt, counts)
            for note in self._many(erasures.c.receipt == receipt):
                _unname_calls(connection, note)
            return True

    def close(self, receipt: str) -> None:
        """The receipt was delivered: nothing of this is kept."""
        with self.database.writing() as connection:
            connection.execute(delete(erasures).where(erasures.c.receipt == receipt))

    def left_of(self, user_id: UserId) -> int:
        """How many rows the account store holds about a person."""
        with self.database.reading() as connection:
            return sum(_counted(connection, user_id).values())

    def everything_of(self, user_id: UserId) -> dict[str, Rows]:
        """All rows about a person, table by table, for their export; no keys, nothing sealed."""
        with self.database.reading() as connection:
            return {
                table.name: _rows(connection, table, user_id)
                for table in about_people()
                if table is not tokens
            }

    @staticmethod
    def _count(connection: Connection, receipt: str, counts: Mapping[str, int]) -> None:
        query = select(erasures.c.counts).where(erasures.c.receipt == receipt)
        before = connection.execute(query.with_for_update()).scalar()
        if before is None:
            return
        total = dict(before)
        for name, count in counts.items():
            if count:
                total[name] = total.get(name, 0) + count
        change = update(erasures).where(erasures.c.receipt == receipt)
        connection.execute(change.values(counts=total))

    def _many(self, *conditions: ColumnElement[bool]) -> list[Erasure]:
        query = select(erasures).where(*conditions)
        query = query.order_by(erasures.c.asked_at, erasures.c.receipt)
        with self.database.reading() as connection:
            return readable_rows(connection, query, _erasure, key=[erasures.c.receipt])


def _unname_calls(connection: Connection, note: Erasure) -> None:
    """Calls that were made for somebody stay counted, under the receipt instead of their id.

    Again once all is swept: a run that was under way may have made some since, also in a minute of
    which some are counted under the receipt already.
    """
    if note.kind is not ErasureKind.PERSON:
        return
    theirs = service_calls.c.edition_id.endswith(f":{note.user_id}", autoescape=True)
    named = connection.execute(select(service_calls).where(theirs)).mappings().all()
    connection.execute(delete(service_calls).where(theirs))
    for row in named:
        unnamed = str(row["edition_id"]).replace(note.user_id, note.receipt)
        count_calls(connection, {**row, "edition_id": unnamed})


def about_people() -> list[Table]:
    """Every table whose rows belong to a person."""
    return [
        table for table in metadata.sorted_tables if "user_id" in table.c and table is not erasures
    ]


def _counted(connection: Connection, user_id: UserId) -> dict[str, int]:
    return {
        f"accounts.{table.name}": int(
            connection.execute(
                select(func.count()).select_from(table).where(table.c.user_id == user_id)
            ).scalar_one()
        )
        for table in about_people()
    }


def _rows(connection: Connection, table: Table, user_id: UserId) -> Rows:
    columns = [column for column in table.c if not isinstance(column.type, LargeBinary)]
    query = select(*columns).where(table.c.user_id == user_id)
    query = query.order_by(*(column for column in table.primary_key.columns))
    return [dict(row) for row in connection.execute(query).mappings()]


def _erasure(row: RowMapping) -> Erasure:
    return Erasure(**dict(row) | {"kind": ErasureKind(row["kind"])})
