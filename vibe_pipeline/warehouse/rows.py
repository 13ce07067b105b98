"""Rows in and out: whole columns travel as one bound JSON parameter, typed by the table.

The bulk insert and the typed select of this room; no table's name stands here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from vibe_pipeline.records import EditionId, Track, UserId

Row = dict[str, Any]


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


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> int:
    """Append rows, each with the same columns as the first; says how many.

    A frame would need its column types guessed from the first values; here they come from the
    table, and ten thousand rows take about a fifth of a second.
    """
    if not rows:
        return 0
    types = _column_types(connection, table)
    columns = tuple(rows[0])
    values = ", ".join("unnest(from_json_strict(?::JSON, ?))" for _ in columns)
    bound: list[str] = []
    for column in columns:
        bound += [_json([_plain(row[column]) for row in rows]), json.dumps(_shape(types[column]))]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values}",
        bound,
    )
    return len(rows)


def replace_slice(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    place: Slice,
    rows: Sequence[Row],
) -> int:
    """Put these rows where this edition's were; the slice's own columns are added here.

    Where the edition has only ever had one date, other days are passed by without being read,
    which matters for long tables.
    """
    on_day = " AND vibe_date = ?" if place.in_ledger else ""
    connection.execute(
        f"DELETE FROM {table} WHERE user_id = ? AND edition_id = ?{on_day}",  # noqa: S608 - our names
        [place.user_id, place.edition_id, *([place.vibe_date] if place.in_ledger else [])],
    )
    return insert(connection, table, [place.columns | row for row in rows])


def select(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] = ()
) -> list[Row]:
    """The answer as one mapping per row; moments come back aware, in UTC."""
    cursor = connection.execute(query, list(parameters))
    names = [column[0] for column in cursor.description]
    moments = [column[0] for column in cursor.description if str(column[1]) == "TIMESTAMP"]
    rows: list[Row] = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    for name in moments:
        for row in rows:
            value = row[name]
            if value is not None:
                row[name] = value.replace(tzinfo=UTC)
    return rows


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
    """A track out of such columns."""
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


def _column_types(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """The declared type of each column; ``duckdb_columns()`` would walk every table's columns."""
    empty = connection.execute(f"SELECT * FROM {table} LIMIT 0")  # noqa: S608 - our names
    return {str(column[0]): str(column[1]) for column in empty.description}
