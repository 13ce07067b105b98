"""One archive of everything kept about a person: JSON and CSV per table, a README inside."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.locales import day, say
from vibe_pipeline.personal_data.archives import FOLDER, unfinished
from vibe_pipeline.records import UserId
from vibe_pipeline.warehouse import Warehouse

Rows = Sequence[Mapping[str, Any]]

KEPT = timedelta(hours=24)
"""An archive nobody came for is thrown away after this."""

_README = ("title", "made", "what", "accounts", "warehouse", "not_in", "erase")
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def everything(store: AccountStore, warehouse: Warehouse, user_id: UserId) -> dict[str, Rows]:
    """All rows about a person in both stores, by ``store/table``; nothing sealed."""
    with warehouse.open() as tables:
        warehouse_rows = tables.everything_of(user_id)
    account_rows = store.erasures.everything_of(user_id)
    return {
        **{f"accounts/{name}": rows for name, rows in account_rows.items()},
        **{f"warehouse/{name}": rows for name, rows in warehouse_rows.items()},
    }


def write_archive(path: Path, tables: Mapping[str, Rows], *, language: str, now: datetime) -> None:
    """Write the archive, readable by its owner only; it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = unfinished(path)
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with (
            os.fdopen(descriptor, "wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        ):
            archive.writestr("README.txt", _readme(language, now))
            for name, rows in tables.items():
                archive.writestr(f"{name}.json", _json(rows))
                archive.writestr(f"{name}.csv", _csv(rows))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def throw_away_old(home: Path, *, now: datetime) -> int:
    """Delete archives that were never fetched, or never finished; says how many."""
    gone = 0
    for path in (home / FOLDER).glob("*"):
        if path.stat().st_mtime < (now - KEPT).timestamp():
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _readme(language: str, now: datetime) -> str:
    written_date = day(language, now.date())
    return "\n\n".join(say(language, f"export.{part}", day=written_date) for part in _README) + "\n"


def _json(rows: Rows) -> str:
    return json.dumps([dict(row) for row in rows], ensure_ascii=False, indent=1, default=_plain)


def _csv(rows: Rows) -> str:
    import pandas as pd  # noqa: PLC0415 - slow to import, and Dagster imports this module

    cells = [{name: _cell(value) for name, value in row.items()} for row in rows]
    table = pd.DataFrame(cells, dtype=object)
    return "\ufeff" + (table.to_csv(index=False, lineterminator="\r\n") if rows else "")


def _cell(value: object) -> object:
    """A value as a spreadsheet may read it: names that look like formulas stay names."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_SIGNS) else value
    if isinstance(value, float):
        return repr(value)  # also what is no number: in a table that would be an empty cell
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return _plain(value) if isinstance(value, datetime | date | time) else value


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime | date | time) else str(value)
