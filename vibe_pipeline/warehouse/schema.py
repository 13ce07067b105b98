"""The declared tables: numbered migrations, applied in order, each in one transaction.

The steps are SQL files in the folder ``migrations`` and are never edited once released.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import duckdb

from vibe_pipeline.records import Source
from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.errors import WarehouseNewerThanUs

_LEDGER = (
    "CREATE TABLE IF NOT EXISTS schema_version ("
    " version INTEGER PRIMARY KEY, name VARCHAR NOT NULL,"
    " applied_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'))"
)


class Migration(NamedTuple):
    """One numbered step of the tables' history."""

    version: int
    name: str
    sql: str


@cache
def migrations() -> tuple[Migration, ...]:
    """Every step, oldest first, as shipped beside this module."""
    found = []
    for file in files("vibe_pipeline.warehouse").joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    return tuple(sorted(found))


def bring_up_to_date(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Apply what this file has not seen; refuse a file that has seen more than we know."""
    reached = file_version(connection)
    latest = migrations()[-1].version
    if reached > latest:
        raise WarehouseNewerThanUs(
            path,
            f"The warehouse {path} has tables of a newer version of this program (step {reached},"
            f" ours is {latest}): upgrade, or restore a backup made before.",
        )
    for migration in migrations():
        if migration.version > reached:
            _apply(connection, migration)
    _view_every_source(connection)


def file_version(connection: Connection) -> int:
    """The last step this file has seen; 0 for an empty one."""
    try:
        row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    except duckdb.CatalogException:
        return 0
    return int(row[0]) if row and row[0] is not None else 0


def _view_every_source(connection: duckdb.DuckDBPyConnection) -> None:
    """A view of the proposals for each source that came after the tables, by its asset's name."""
    rows = connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE schema_name = 'candidates'"
    ).fetchall()
    for source in set(Source) - {str(row[0]) for row in rows}:
        connection.execute(
            f"CREATE VIEW candidates.{source} AS"  # noqa: S608 - our names
            f" SELECT * EXCLUDE (source) FROM main.proposals WHERE source = '{source}'"
        )


def _apply(connection: duckdb.DuckDBPyConnection, migration: Migration) -> None:
    connection.begin()
    try:
        connection.execute(_LEDGER)
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO schema_version (version, name) VALUES (?, ?)",
            [migration.version, migration.name],
        )
    except BaseException:
        connection.rollback()
        raise
    connection.commit()
