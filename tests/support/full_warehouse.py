"""A warehouse after sixty nights of a thousand people, multiplied out of one person's rows.

SQL alone, through the real tables; what a list reads and writes is measured elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vibe_pipeline.records import UserId
from vibe_pipeline.warehouse import Warehouse
from vibe_pipeline.warehouse.clustering import LOOSE_SHARE
from vibe_pipeline.warehouse.engine import Connection

_OTHERS = (
    "SELECT 'u' || md5(number::VARCHAR)[:12] AS other, number FROM range(1, {people}) r(number)"
)
LOOKUPS_A_PERSON = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How many people and nights; of nights long past only a part of the candidates is made.

    The newest ``whole_nights`` hold every candidate of every person, older ones one in
    ``thinned`` of them: queries never read those, they only have to pass them by.
    """

    people: int = 1_000
    nights: int = 60
    whole_nights: int = 1
    thinned: int = 20


def fill(warehouse: Warehouse, example: UserId, crowd: Crowd) -> None:
    """Give everybody else as many rows as the example has, and all of them their past nights.

    Rows are put in order as each night's retention does it, just before it would do so again.
    """
    with warehouse.open(compacting=True) as tables:
        _keep_template(tables.connection, example)
        _libraries(tables.connection, crowd)
    loose = int(LOOSE_SHARE * crowd.nights)
    _nights(warehouse, example, crowd, range(crowd.nights, loose, -1))
    warehouse.cluster_by_person()
    _nights(warehouse, example, crowd, range(loose, 0, -1))


_NIGHTS_AT_ONCE = 10
"""Nights in one transaction: with one for each, closing a large file takes most of the time."""


def _nights(warehouse: Warehouse, example: UserId, crowd: Crowd, numbers: Sequence[int]) -> None:
    for nights in _batched(numbers, _NIGHTS_AT_ONCE):
        with warehouse.open(compacting=True) as tables:
            _keep_template(tables.connection, example)
            for night in nights:
                _night(tables.connection, crowd, example, night)


def _batched(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """So many of them at a time, in order."""
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


_SLICES = (
    *("seed_profile", "candidate_pools", "proposals", "ranked_selection", "edition_inputs"),
    *("published_playlist", "recommendation_history", "recommendation_outcomes"),
)
_LIBRARY = ("liked_tracks", "recent_plays", "top_items", "library_state")
_THINNED = {"proposals": "position", "ranked_selection": "rank"}


_MOMENTS = {"candidate_pools": "asked_at", "recommendation_history": "recorded_at"}
_LONG_ID = 36
"""The length of a run's id; those made here are shorter."""


def _keep_template(connection: Connection, example: UserId) -> None:
    """The example's newest slice of every table, and their library, in memory."""
    for table in _SLICES:
        connection.execute(
            f"CREATE TEMP TABLE one_{table} AS FROM {table} WHERE user_id = $example"  # noqa: S608
            f" AND edition_id = (SELECT max_by(edition_id, rowid) FROM {table}"
            f" WHERE user_id = $example AND length(edition_id) = {_LONG_ID})",
            {"example": example},
        )
    for table in _LIBRARY:
        connection.execute(
            f"CREATE TEMP TABLE one_{table} AS FROM {table} WHERE user_id = ?",
            [example],
        )


def _libraries(connection: Connection, crowd: Crowd) -> None:
    connection.execute(f"CREATE TEMP TABLE others AS {_OTHERS.format(people=crowd.people)}")
    for table in _LIBRARY:
        connection.execute(
            f"INSERT INTO {table} SELECT e.* REPLACE (o.other AS user_id)"  # noqa: S608
            f" FROM others o, one_{table} e"
        )
    connection.execute(
        "INSERT INTO lookups SELECT l.* REPLACE (key || other AS key,"
        " ('0x' || md5(service || chr(10) || key || other)[:15])::BIGINT AS digest)"
        " FROM others, (FROM lookups ORDER BY hash(key) LIMIT ?) l",
        [LOOKUPS_A_PERSON],
    )


def _night(connection: Connection, crowd: Crowd, example: UserId, night: int) -> None:
    """One night's lists of everybody, in an order that is another each night."""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE editions AS SELECT other, md5(other || {night}) AS own,"  # noqa: S608
        f" (SELECT max(vibe_date) FROM one_candidate_pools) - {night} AS day"
        f" FROM ({_OTHERS.format(people=crowd.people)} UNION ALL SELECT '{example}', 0)"
        f" ORDER BY hash(number, {night})"
    )
    share = 1 if night <= crowd.whole_nights else crowd.thinned
    for table in _SLICES:
        number, moment = _THINNED.get(table), _MOMENTS.get(table)
        some = f"WHERE {number} % {share} = 0" if number else ""
        dated = f", {moment} - to_days({night}) AS {moment}" if moment else ""
        keyed = f", key || ' {night}' AS key" if table == "recommendation_history" else ""
        connection.execute(
            f"INSERT INTO {table} SELECT e.* REPLACE (o.other AS user_id, o.own AS edition_id,"  # noqa: S608
            f" o.day AS vibe_date{keyed}{dated}) FROM editions o, one_{table} e {some}"
        )
