"""Reading everybody's rows at once, so that one that cannot be decoded hides nobody else's.

Deserialization, row by row where it must be. What is asked for by its id is read plainly: it fails
nobody but the person it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import structlog
from sqlalchemy import Column, Connection, RowMapping, Select, and_

log = structlog.get_logger()

Record = TypeVar("Record")

UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What decoding a row raises that does not hold what it should: broken JSON, no moment, no kind."""


def readable_rows(
    connection: Connection,
    query: Select[Any],
    decode: Callable[[RowMapping], Record],
    *,
    key: Sequence[Column[Any]],
) -> list[Record]:
    """What the query finds, in its order; a row that cannot be decoded is logged and left out.

    ``key``: what tells the rows apart; the table has the person's ``user_id`` besides.
    """
    try:
        return _decoded(connection, query, decode)
    except UNREADABLE:
        return _one_by_one(connection, query, decode, key)


def _one_by_one(
    connection: Connection,
    query: Select[Any],
    decode: Callable[[RowMapping], Record],
    key: Sequence[Column[Any]],
) -> list[Record]:
    """The database driver decodes JSON and moments too, so each row is fetched by itself."""
    table = key[0].table
    rows: list[Record] = []
    for *values, user_id in connection.execute(query.with_only_columns(*key, table.c.user_id)):
        this = and_(*(column == value for column, value in zip(key, values, strict=True)))
        try:
            rows += _decoded(connection, query.where(this), decode)
        except UNREADABLE as error:
            _tell(str(table), user_id, type(error).__name__)
    return rows


def _decoded(
    connection: Connection, query: Select[Any], decode: Callable[[RowMapping], Record]
) -> list[Record]:
    with connection.execute(query) as result:
        return [decode(row) for row in result.mappings()]


@lru_cache(maxsize=1000)
def _tell(table: str, user_id: str, why: str) -> None:
    """Once per process: some rows are looked at several times a second."""
    log.error("a row cannot be read and is left out", table=table, user=user_id, why=why)
