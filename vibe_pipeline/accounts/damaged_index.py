"""An SQLite account store of which only indexes are damaged: its rows are written into a new file.

For a start, before anything has the store open. Damaged rows are not mended but told
(``row_check``, ``Database.look_through``): a backup alone brings them back.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from vibe_pipeline.accounts.cipher import give_to_owner_of
from vibe_pipeline.accounts.database import BUSY_SECONDS, connect, sqlite_path
from vibe_pipeline.accounts.errors import AccountsNotADatabase
from vibe_pipeline.accounts.schema import migrate
from vibe_pipeline.accounts.tables import accounts
from vibe_pipeline.installation.set_aside import replace_keeping
from vibe_pipeline.installation.sqlite_file import BESIDE
from vibe_pipeline.settings import sqlite_address

_EVERY_COMPLAINT = 1_000_000
_OF_INDEXES_LEFT_OUT = re.compile(r"\*\*\* in database main \*\*\*|Page \d+(?: is|:) never used")
_REVISION = "alembic_version"


def mend_indexes(url: str, *, now: datetime) -> Path | None:
    """Put a file with the same rows and sound indexes in its place; gives the former's new name.

    ``None`` where nothing is damaged, or not in indexes alone: then everything stays as it is.

    Raises:
        AccountsUnreadable, OSError: it could not be mended now.
    """
    path, database = sqlite_path(url), connect(url)
    if path is None or not path.is_file():
        return None
    try:
        database.look_through()
    except AccountsNotADatabase:
        with database.faults_in_words():
            return _write_anew(path, now)
    return None


def _write_anew(path: Path, now: datetime) -> Path | None:
    anew = path.with_name(f"{path.name}.anew")
    try:
        with _rows_of(path) as rows:
            if not _rows_are_whole(rows) or _accounts_are_contradicted(path):
                return None
            _copy(rows, anew)
            if not _belong_to_accounts(anew):
                return None
            shutil.copymode(path, anew)
            give_to_owner_of(path, anew)
            return replace_keeping(path, anew, now=now, beside=BESIDE)
    except sqlite3.IntegrityError:  # rows that a sound index would not have let in
        return None
    finally:
        for suffix in ("", *BESIDE):
            Path(f"{anew}{suffix}").unlink(missing_ok=True)


@contextmanager
def _rows_of(path: Path) -> Iterator[sqlite3.Connection]:
    """A copy in memory whose tables have no indexes; nobody writes to the file meanwhile."""
    with _opened(path) as lock, _opened(path) as file, _opened(":memory:") as rows:
        lock.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        lock.execute("BEGIN IMMEDIATE")
        file.backup(rows)
        declared = {name: _without_indexes(rows, name) for name in _tables(rows)}
        rows.execute("PRAGMA writable_schema = ON")
        for name, sql in declared.items():
            rows.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, name))
        rows.execute("DELETE FROM sqlite_master WHERE type <> 'table'")
        rows.execute("PRAGMA writable_schema = RESET")
        yield rows


def _opened(path: Path | str) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None))


def _tables(rows: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [name for (name,) in rows.execute(query)]


def _without_indexes(rows: sqlite3.Connection, table: str) -> str:
    """The table's declaration without what has an index of its own.

    A number that is the row's own has none; a default counts for rows older than their column.
    """
    query = "SELECT name, type, pk, dflt_value FROM pragma_table_info(?)"
    columns = [
        f'"{name}" {kind}{" PRIMARY KEY" if kind == "INTEGER" and key else ""}'
        f"{'' if default is None else f' DEFAULT {default}'}"
        for name, kind, key, default in rows.execute(query, (table,))
    ]
    return f'CREATE TABLE "{table}" ({", ".join(columns)})'


def _rows_are_whole(rows: sqlite3.Connection) -> bool:
    """Whether SQLite finds fault with nothing but the pages of indexes that are not there now."""
    answers = rows.execute(f"PRAGMA quick_check({_EVERY_COMPLAINT})").fetchall()
    lines = [line for (answer,) in answers for line in answer.splitlines()]
    return all(line == "ok" or _OF_INDEXES_LEFT_OUT.fullmatch(line) for line in lines)


def _accounts_are_contradicted(path: Path) -> bool:
    """Whether an index of whole pages finds other accounts than there are: either may be wrong.

    By a wrong chat somebody else would read what is a person's own.
    """
    with _opened(path) as file:
        return (
            _answer(file, f"quick_check({accounts.name})")
            == "ok"
            != _answer(file, f"integrity_check({accounts.name})")
        )


def _belong_to_accounts(anew: Path) -> bool:
    """Whether each row is somebody's: one whose owner is misspelt is damaged, and not its index."""
    with _opened(anew) as file:
        return file.execute("PRAGMA foreign_key_check").fetchone() is None


def _answer(connection: sqlite3.Connection, pragma: str) -> str:
    return str(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _copy(rows: sqlite3.Connection, anew: Path) -> None:
    """Write all rows into a store that is made for them, at the revision they are at.

    Raises:
        sqlite3.IntegrityError: the tables do not take them all.
    """
    (revision,) = rows.execute(f"SELECT version_num FROM {_REVISION}").fetchone()  # noqa: S608
    anew.unlink(missing_ok=True)  # of one that was killed meanwhile
    migrate(sqlite_address(anew), to=revision)
    rows.execute("ATTACH ? AS anew", (str(anew),))
    rows.execute("BEGIN")
    for name, columns in _columns(rows).items():
        listed = ", ".join(f'"{column}"' for column in columns)
        query = f'INSERT INTO anew."{name}" ({listed}) SELECT {listed} FROM main."{name}"'  # noqa: S608
        rows.execute(query)
    rows.execute("COMMIT")
    rows.execute("DETACH anew")
    connect(sqlite_address(anew)).look_through()


def _columns(rows: sqlite3.Connection) -> Mapping[str, list[str]]:
    query = "SELECT name FROM pragma_table_info(?)"
    return {
        table: [name for (name,) in rows.execute(query, (table,))]
        for table in _tables(rows)
        if table != _REVISION
    }
