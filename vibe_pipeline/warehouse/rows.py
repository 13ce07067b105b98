"""Rows in and out: whole columns travel as one bound JSON parameter, typed by the table.

The bulk insert and the typed select of this room; no table's name stands here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Self, TypeVar, overload

from vibe_pipeline.records import EditionId, Track, UserId
from vibe_pipeline.warehouse.engine import Connection

Row = dict[str, Any]
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The part of a table that one edition owns and a rerun replaces.

    ``in_ledger``: the edition has had this one date all its life. What a run without a list of its
    own wrote may lie under another date, when it is run again days later.
    """

    user_id: UserId
    vibe_date: date
    edition_id: EditionId
    in_ledger: bool = False

    @property
    def columns(self) -> Row:
        """The columns that place a row in this slice."""
        return {
            "user_id": self.user_id,
            "vibe_date": self.vibe_date,
            "edition_id": self.edition_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedRows:
    """Rows ready to be bound, a JSON text for each column: many are made so before the file is
    opened, while others may still use it.
    """

    columns: Mapping[str, str]
    count: int

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """Each row has the same columns as the first."""
        names = tuple(rows[0]) if rows else ()
        columns = {name: _json([_plain(row[name]) for row in rows]) for name in names}
        return cls(columns=columns, count=len(rows))


def insert(connection: Connection, table: str, rows: Sequence[Row] | EncodedRows) -> int:
    """Append rows, each with the same columns as the first; says how many.

    A frame would need its column types guessed from the first values; here they come from the
    table, and ten thousand rows take about a fifth of a second.
    """
    encoded = rows if isinstance(rows, EncodedRows) else EncodedRows.of(rows)
    if not encoded.count:
        return 0
    types = _column_types(connection, table)
    values = ", ".join("unnest(from_json_strict(?::JSON, ?))" for _ in encoded.columns)
    bound: list[str] = []
    for column, values_of_column in encoded.columns.items():
        bound += [values_of_column, json.dumps(_shape(types[column]))]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(encoded.columns)}) SELECT {values}",
        bound,
    )
    return encoded.count


def replace_slice(
    connection: Connection,
    table: str,
    place: Slice,
    rows: Sequence[Row] | EncodedRows,
) -> int:
    """Put these rows where this edition's were; the slice's own columns are added here.

    Rows that are encoded already have them. Where the edition has only ever had one date, other
    days are passed by without being read, which matters for long tables.
    """
    on_day = " AND vibe_date = ?" if place.in_ledger else ""
    connection.execute(
        f"DELETE FROM {table} WHERE user_id = ? AND edition_id = ?{on_day}",  # noqa: S608 - our names
        [place.user_id, place.edition_id, *([place.vibe_date] if place.in_ledger else [])],
    )
    if not isinstance(rows, EncodedRows):
        rows = [place.columns | row for row in rows]
    return insert(connection, table, rows)


class Deferred(Sequence[Record]):
    """Records that are made from their rows when they are first looked at.

    The file is open for as long as the rows take to be read; thousands of them are made into
    records after it was closed, while others may use it.
    """

    def __init__(self, make: Callable[[], Sequence[Record]]) -> None:
        self._make: Callable[[], Sequence[Record]] | None = make
        self._records: Sequence[Record] = ()

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        return self._made()[index]

    def __len__(self) -> int:
        return len(self._made())

    def __iter__(self) -> Iterator[Record]:
        return iter(self._made())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # equal to a list, which has none either

    def __repr__(self) -> str:
        return repr(list(self))

    def _made(self) -> Sequence[Record]:
        if self._make is not None:
            self._records, self._make = self._make(), None
        return self._records


def select(connection: Connection, query: str, parameters: Sequence[object] = ()) -> list[Row]:
    """The answer as one mapping per row; moments come back aware, in UTC."""
    return list(select_later(connection, query, parameters, lambda row: row))


def select_later(
    connection: Connection,
    query: str,
    parameters: Sequence[object],
    record: Callable[[Row], Record],
) -> Deferred[Record]:
    """The answer, read now; what ``record`` makes of each row is made when it is looked at."""
    cursor = connection.execute(query, list(parameters))
    described, read = cursor.description, cursor.fetchall()
    names = [column[0] for column in described]
    moments = [column[0] for column in described if str(column[1]) == "TIMESTAMP"]

    def made() -> list[Record]:
        rows: list[Row] = [dict(zip(names, values, strict=True)) for values in read]
        for name in moments:
            for row in rows:
                value = row[name]
                if value is not None:
                    row[name] = value.replace(tzinfo=UTC)
        return [record(row) for row in rows]

    return Deferred(made)


def moment(value: datetime) -> datetime:
    """An aware moment as the tables keep it: UTC, without a zone."""
    return value.astimezone(UTC).replace(tzinfo=None)


def track_columns(track: Track) -> Row:
    """The columns that describe a track."""
    return {
        "spotify_id": track.spotify_id,
        "uri": track.uri,
        "title": track.title,
        "artists": list(track.artists),
        "artist_ids": list(track.artist_ids),
        "album": track.album,
        "album_id": track.album_id,
        "isrc": track.isrc,
        "duration_ms": track.duration_ms,
        "release_date": track.release_date,
        "popularity": track.popularity,
    }


def track_from(row: Mapping[str, Any]) -> Track:
    """A track out of such columns; where ``explicit`` is none of them, nobody has told."""
    return Track(
        spotify_id=row["spotify_id"],
        uri=row["uri"],
        title=row["title"],
        artists=tuple(row["artists"]),
        artist_ids=tuple(row["artist_ids"]),
        album=row["album"],
        album_id=row["album_id"],
        isrc=row["isrc"],
        duration_ms=row["duration_ms"],
        release_date=row["release_date"],
        popularity=row["popularity"],
        explicit=row.get("explicit"),
    )


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # Half a surrogate pair, which JSON from outside may hold, is no text a database accepts.
    return text.encode("utf-8", "replace").decode("utf-8")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return moment(value).isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return value


def _shape(column_type: str) -> object:
    if column_type.endswith("[]"):
        return [[column_type.removesuffix("[]")]]
    return [column_type]


def _column_types(connection: Connection, table: str) -> dict[str, str]:
    """The declared type of each column; ``duckdb_columns()`` would walk every table's columns."""
    empty = connection.execute(f"SELECT * FROM {table} LIMIT 0")  # noqa: S608 - our names
    return {str(column[0]): str(column[1]) for column in empty.description}
