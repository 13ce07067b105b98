"""Reading rows so that one that cannot be decoded hides no other, and none seems to be missing.

Deserialization, row by row where it must be: of many it is left out. Where it is asked for by its
id, or is what its person wished for, it is an error in words, which fails nobody but them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import structlog
from sqlalchemy import Column, Connection, RowMapping, Select, and_

from vibe_pipeline.accounts.errors import RowUnreadable

log = structlog.get_logger()

Record = TypeVar("Record")

UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What decoding a row raises that does not hold what it should: broken JSON, no moment, no kind."""

OF_ONE_PERSON = (RowUnreadable, *UNREADABLE)
"""What may be raised over one person's rows; whoever looks at many people passes them by."""


def readable_rows(
    connection: Connection,
    query: Select[Any],
    decode: Callable[[RowMapping], Record],
    *,
    key: Sequence[Column[Any]],
    limit: int | None = None,
) -> list[Record]:
    """What the query finds, in its order; a row that cannot be decoded is logged and left out.

    ``key``: what tells the rows apart; the table has the person's ``user_id`` besides. ``limit``:
    so many that can be read, at most.
    """
    try:
        return _decoded(connection, query.limit(limit), decode)
    except UNREADABLE:
        return _one_by_one(connection, query, decode, key)[:limit]


def required_rows(
    connection: Connection,
    query: Select[Any],
    decode: Callable[[RowMapping], Record],
    *,
    table: str,
) -> list[Record]:
    """What the query finds, where nothing may be left out.

    Raises:
        RowUnreadable: a row of this table cannot be decoded.
    """
    try:
        return _decoded(connection, query, decode)
    except UNREADABLE as error:
        raise unreadable(table, error) from error


def unreadable(table: str, error: Exception) -> RowUnreadable:
    """The error for a row of this table that could not be decoded."""
    return RowUnreadable(
        f"A row of the account store's table {table} is damaged ({type(error).__name__});"
        " `vibe doctor` says whose. Put a backup in the store's place."
    )


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
