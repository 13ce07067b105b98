"""How runs start and are recorded: our launcher, queue and storage, as ``dagster.yaml`` names them.

Handed on when asked for: the fork server is started from this room and must not wait for Dagster.
Not here: what a run does (``defs``), starting the long-running processes (``commands.supervisor``).
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vibe_pipeline.launcher.run_launcher import WarmRunLauncher
    from vibe_pipeline.launcher.run_queue import WarmQueue
    from vibe_pipeline.launcher.sqlite_storage import PooledSqliteStorage

__all__ = ["PooledSqliteStorage", "WarmQueue", "WarmRunLauncher"]

_MODULES = {
    "PooledSqliteStorage": "sqlite_storage",
    "WarmQueue": "run_queue",
    "WarmRunLauncher": "run_launcher",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
