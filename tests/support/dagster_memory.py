"""Dagster's records in memory, whose connections stay open: a seventh less work for each run.

Its own opens SQLite anew for every question, some seven hundred times a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log import in_memory as events
from dagster._core.storage.runs import in_memory as runs
from sqlalchemy import Connection
from sqlalchemy.pool import QueuePool


@contextmanager
def dagster_in_memory() -> Iterator[dg.DagsterInstance]:
    """An instance of Dagster that is gone afterwards; otherwise as ``ephemeral`` makes it."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (events, runs):
            patch.setattr(module, "NullPool", QueuePool)
        instance = dg.DagsterInstance.ephemeral()
    with instance:
        storage: Any = instance.event_log_storage
        patch.setattr(storage, "_connect", partial(_connected, storage))
        patch.setattr(storage, "has_table", cache(storage.has_table))
        yield instance


@contextmanager
def _connected(storage: Any) -> Iterator[Connection]:
    with storage._db_lock, storage._engine.begin() as connection:
        yield connection
