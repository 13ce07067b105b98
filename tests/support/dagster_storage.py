"""Dagster's records as a story needs them, set up in a fraction of the time.

In memory, with connections that stay open: its own opens SQLite anew for every question, some seven
hundred times a run. In files that are copies of empty ones: each one made anew reads the steps of
Dagster's whole history.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pytest
from sqlalchemy import Connection
from sqlalchemy.pool import QueuePool

from vibe_pipeline.launcher.sqlite_storage import PooledSqliteStorage


@contextmanager
def dagster_in_memory() -> Iterator[dg.DagsterInstance]:
    """An instance of Dagster that is gone afterwards; otherwise as ``ephemeral`` makes it."""
    with pytest.MonkeyPatch.context() as patch:
        for module in _modules_in_memory():
            patch.setattr(module, "NullPool", QueuePool)
            patch.setattr(module, "stamp_alembic_rev", lambda *_: None)
        instance = dg.DagsterInstance.ephemeral()
    with instance:
        storage: Any = instance.event_log_storage
        patch.setattr(storage, "_connect", partial(_connected, storage))
        patch.setattr(storage, "has_table", cache(storage.has_table))
        yield instance


@cache
def _modules_in_memory() -> tuple[ModuleType, ...]:
    """Where Dagster keeps what makes records in memory; no name of these is public."""
    with dg.DagsterInstance.ephemeral() as one:
        storages = (one.event_log_storage, one.run_storage)
        return tuple(sys.modules[type(storage).__module__] for storage in storages)


@contextmanager
def dagster_in_files(folder: Path) -> Iterator[dg.DagsterInstance]:
    """One that keeps its records in a folder as ours do; schedules may open it for themselves."""
    if not (folder / "history").exists():
        shutil.copytree(_blank().name, folder, dirs_exist_ok=True)
    with _stored_in(str(folder)) as instance:
        yield instance


@cache
def _blank() -> tempfile.TemporaryDirectory[str]:
    """Gone with this process."""
    folder = tempfile.TemporaryDirectory()
    with _stored_in(folder.name):
        return folder


def _stored_in(folder: str) -> dg.DagsterInstance:
    storage = {
        "module": PooledSqliteStorage.__module__,
        "class": PooledSqliteStorage.__name__,
        "config": {"base_dir": folder},
    }
    return dg.DagsterInstance.local_temp(folder, overrides={"storage": {"custom": storage}})


@contextmanager
def _connected(storage: Any) -> Iterator[Connection]:
    with storage._db_lock, storage._engine.begin() as connection:
        yield connection
