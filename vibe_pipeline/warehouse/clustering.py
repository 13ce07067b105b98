"""Keeping each person's rows together in the tables that a list reads through all their days.

Rows lie in the order they were written, so those of one person are spread over everybody's nights;
clustered by person, all other groups of rows are passed by. Part of the work nobody waits for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.rows import insert

CLUSTERED_TABLES = (
    *("recommendation_history", "recommendation_outcomes", "published_playlist"),
    *("recent_plays", "liked_tracks", "listening_history"),
)
"""Without an index: rows that are moved would have to be taken out of it and put in again."""
ROWS_MOVED_AT_ONCE = 100_000
"""A quarter of a second, while nobody else can open the file."""
SMALL_TABLE = 50_000
"""As many rows are read through in a millisecond or two, in whatever order."""
LOOSE_SHARE = 1 / 20
"""So much may have come since the last time before all is put in order again: of sixty nights the
last three, each of which costs a list as much to read as all the ordered ones together.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleRange:
    """People whose ids lie next to each other, the first and the last of them."""

    first: str
    last: str


class Clustering:
    """The order of the rows of some tables, inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def is_loose(self, table: str) -> bool:
        """Whether enough rows came or went since the table was last put in order."""
        row = self._connection.execute(
            f"SELECT (SELECT count(*) FROM {table}), (SELECT max(row_count)"  # noqa: S608 - ours
            " FROM tables_by_person WHERE table_name = ?)",
            [table],
        ).fetchone()
        rows, ordered = (int(row[0]), int(row[1] or 0)) if row else (0, 0)
        return rows >= SMALL_TABLE and abs(rows - ordered) >= LOOSE_SHARE * rows

    def ranges(self, table: str) -> list[PeopleRange]:
        """Everybody in the table, in parts that can be moved at once."""
        people = self._connection.execute(
            f"SELECT user_id, count(*) FROM {table} GROUP BY user_id ORDER BY user_id"  # noqa: S608
        ).fetchall()
        return [PeopleRange(first=part[0], last=part[-1]) for part in _parts(people)]

    def bring_together(self, table: str, people: PeopleRange) -> int:
        """Move these people's rows to the table's end, person by person; says how many.

        A person's own rows keep their order.
        """
        theirs = f"{table} WHERE user_id BETWEEN ? AND ?"
        bounds = [people.first, people.last]
        self._connection.execute(
            f"CREATE TEMP TABLE moved AS SELECT * FROM {theirs} ORDER BY user_id, rowid",  # noqa: S608
            bounds,
        )
        self._connection.execute(f"DELETE FROM {theirs}", bounds)  # noqa: S608 - our names
        row = self._connection.execute(f"INSERT INTO {table} FROM temp.moved").fetchone()
        self._connection.execute("DROP TABLE temp.moved")
        return int(row[0]) if row else 0

    def note_order(self, table: str) -> None:
        """Remember that all rows there are now lie person by person."""
        row = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
        self._connection.execute("DELETE FROM tables_by_person WHERE table_name = ?", [table])
        insert(
            self._connection,
            "tables_by_person",
            [{"table_name": table, "row_count": row[0] if row else 0}],
        )


def _parts(people: Iterable[tuple[str, int]]) -> Iterator[Sequence[str]]:
    """Neighbours whose rows together are about as many as may be moved at once."""
    part: list[str] = []
    rows = 0
    for user_id, own in people:
        if part and rows + own > ROWS_MOVED_AT_ONCE:
            yield part
            part, rows = [], 0
        part.append(user_id)
        rows += own
    if part:
        yield part
