"""Dagster with the storage that installations have, without what it takes to make one each time."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import dagster as dg

_STORAGE = {"module": "vibe_pipeline.launcher", "class": "PooledSqliteStorage"}
_KEEPS_NO_OUTPUT = {
    "module": "dagster._core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}


def dagster_instance(folder: Path) -> dg.DagsterInstance:
    """Dagster in a new folder, without a run; whoever enters it disposes of it."""
    shutil.copytree(_blank(), folder)
    return _instance_in(folder)


@cache
def _blank() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="vibe-dagster-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with _instance_in(folder):
        return folder


def _instance_in(folder: Path) -> dg.DagsterInstance:
    overrides = {
        "storage": {"custom": {**_STORAGE, "config": {"base_dir": str(folder)}}},
        "compute_logs": _KEEPS_NO_OUTPUT,
        "telemetry": {"enabled": False},
    }
    return dg.DagsterInstance.local_temp(str(folder), overrides=overrides)
