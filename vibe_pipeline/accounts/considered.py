"""What the latest lists were chosen among, packed small: the bot cannot open the warehouse.

A read model for ``/why`` and ``/whynot``, made anew with every list. The full candidates with
their terms are the warehouse's ``ranked_selection``.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime

from sqlalchemy import RowMapping, delete, insert, select

from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.readable_rows import UNREADABLE, unreadable
from vibe_pipeline.accounts.records import Considered, ConsideredList
from vibe_pipeline.accounts.tables import considered
from vibe_pipeline.records import EditionId, UserId

LISTS_KEPT = 14
"""How many of a person's editions are remembered."""

ITEMS_KEPT = 6000
"""The best-ranked of an edition; nobody asks about what came after them."""

_FIELDS = tuple(field.name for field in fields(Considered))
_REMARKS = ("speaks_for", "speaks_against")


@dataclass(frozen=True, slots=True)
class ConsideredLists:
    """The candidates of each person's latest editions, and what became of them."""

    database: Database
    now: Callable[[], datetime]

    def keep(
        self,
        edition_id: EditionId,
        user_id: UserId,
        vibe_date: date,
        items: Sequence[Considered],
    ) -> None:
        """Remember an edition's candidates, in place of its earlier ones; the oldest are let go."""
        row = {
            "edition_id": edition_id,
            "user_id": user_id,
            "vibe_date": vibe_date,
            "packed": _packed(items[:ITEMS_KEPT]),
            "created_at": self.now(),
        }
        newest = (
            select(considered.c.edition_id)
            .where(considered.c.user_id == user_id)
            .order_by(considered.c.created_at.desc(), considered.c.edition_id.desc())
        )
        with self.database.writing(synced=False) as connection:
            connection.execute(delete(considered).where(considered.c.edition_id == edition_id))
            connection.execute(insert(considered).values(row))
            old = [found for (found,) in connection.execute(newest)][LISTS_KEPT:]
            connection.execute(delete(considered).where(considered.c.edition_id.in_(old)))

    def forget(self, edition_id: EditionId) -> None:
        """Its candidates say nothing of the list that stands under its name."""
        with self.database.writing(synced=False) as connection:
            connection.execute(delete(considered).where(considered.c.edition_id == edition_id))

    def newest_first(self, user_id: UserId) -> Iterator[ConsideredList]:
        """The person's lists, one unpacked at a time: by their days, an old one made anew too."""
        newest_first = (considered.c.vibe_date, considered.c.created_at, considered.c.edition_id)
        query = (
            select(considered)
            .where(considered.c.user_id == user_id)
            .order_by(*(column.desc() for column in newest_first))
        )
        with self.database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        for row in rows:
            yield _list(row)

    def of(self, edition_id: EditionId) -> ConsideredList | None:
        """What this edition was chosen among, if that is remembered still."""
        query = select(considered).where(considered.c.edition_id == edition_id)
        with self.database.reading() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return _list(row) if row is not None else None


def _list(row: RowMapping) -> ConsideredList:
    return ConsideredList(
        edition_id=EditionId(row["edition_id"]),
        vibe_date=row["vibe_date"],
        items=_unpacked(row["packed"]),
    )


def _packed(items: Sequence[Considered]) -> bytes:
    lines = [astuple(one) for one in items]
    return zlib.compress(json.dumps(lines, separators=(",", ":")).encode())


def _unpacked(packed: bytes) -> tuple[Considered, ...]:
    """Lines packed by earlier versions end before what was added since."""
    try:
        kept = json.loads(zlib.decompress(packed))
    except (zlib.error, *UNREADABLE) as error:
        raise unreadable(considered.name, error) from error
    lines = (dict(zip(_FIELDS, line, strict=False)) for line in kept)
    return tuple(
        Considered(**line | {name: tuple(line.get(name, ())) for name in _REMARKS})
        for line in lines
    )
