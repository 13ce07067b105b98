"""Run workers forked warm: our run launcher and queue, as ``dagster.yaml`` names them.

Handed on when asked for: the fork server is started from this room and must not wait for Dagster.
Not here: what a run does (``defs``), starting the long-running processes (``commands.supervisor``).
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vibe_pipeline.launcher.run_launcher import WarmQueue, WarmRunLauncher
    from vibe_pipeline.launcher.sqlite_storage import PooledSqliteStorage

__all__ = ["PooledSqliteStorage", "WarmQueue", "WarmRunLauncher"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "sqlite_storage" if name == "PooledSqliteStorage" else "run_launcher"
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
