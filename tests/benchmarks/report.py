"""Where measurements tell what they find: printed as it comes, written at the end.

Not here: how a table looks (``table``), what counts as slower (``comparison``).
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks import table
from tests.benchmarks.figures import Figure


@dataclass(slots=True, kw_only=True)
class Report:
    """Everything found so far. A row is printed as soon as it is known."""

    conditions: Mapping[str, str]
    figures: list[Figure] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def add(self, *figures: Figure) -> None:
        """What was measured."""
        for figure in figures:
            self.figures.append(figure)
            sys.stdout.write(table.row(figure))
        sys.stdout.flush()

    def trouble(self, measurement: str, reason: str) -> None:
        """A measurement that gave no figure, and why."""
        self.troubles.append(f"{measurement}: {reason}")
        self.progress(f"NOT MEASURED {measurement}: {reason}")

    def progress(self, words: str) -> None:
        """What is under way, for whoever watches."""
        sys.stderr.write(f"  {time.monotonic() - self._began:6.1f} s  {words}\n")
        sys.stderr.flush()

    def as_json(self, now: datetime) -> dict[str, Any]:
        """The form it is kept in."""
        return {
            "date": now.isoformat(timespec="seconds"),
            "machine": machine(),
            "conditions": dict(self.conditions),
            "figures": [figure.as_json() for figure in self.figures],
            "troubles": list(self.troubles),
        }


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    memory = psutil.virtual_memory().total / 2**30
    return {
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "dagster": version("dagster"),
        "duckdb": version("duckdb"),
    }


def written(report: Report, path: Path, now: datetime) -> None:
    """Keep the report as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report.as_json(now), indent=1) + "\n", encoding="utf-8")


def figures_in(path: Path) -> Sequence[Figure]:
    """The figures of a report that was kept. Raises ``OSError`` or ``ValueError``."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    return [Figure.from_json(figure) for figure in kept["figures"]]
