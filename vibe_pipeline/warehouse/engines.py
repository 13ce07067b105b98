"""Which engine an address means: ``DB_PATH``'s form chooses it, and nothing else does.

A new form is a line here and a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vibe_pipeline.settings import warehouse_form
from vibe_pipeline.warehouse.connection import FileEngine
from vibe_pipeline.warehouse.engine import Engine
from vibe_pipeline.warehouse.hosted import MotherDuckEngine
from vibe_pipeline.warehouse.quack import QuackEngine

Config = Mapping[str, Any] | None

_ENGINES: Mapping[str, Callable[[Path, Config], Engine]] = {
    "file": FileEngine,
    "quack": QuackEngine,
    "md": MotherDuckEngine,
}


def engine_at(place: Path, config: Config = None) -> Engine:
    """The engine for a file, or for an address such as ``quack:HOST:PORT``."""
    return _ENGINES[warehouse_form(place)](place, config)
