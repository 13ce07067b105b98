"""Run workers forked warm: our run launcher and queue, as ``dagster.yaml`` names them.

Handed on when asked for: the fork server is started from this room and must not wait for Dagster.
Not here: what a run does (``defs``), starting the long-running processes (``commands.supervisor``).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vibe_pipeline.launcher.run_launcher import WarmQueue, WarmRunLauncher

__all__ = ["WarmQueue", "WarmRunLauncher"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vibe_pipeline.launcher import run_launcher  # noqa: PLC0415 - see above

    return getattr(run_launcher, name)
