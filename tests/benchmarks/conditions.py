"""Under what a measurement is made: pace, latency, limits, repetitions, and whose launcher.

Read from the environment once, by ``__main__``; a measurement is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import yaml

OUR_ROOM = "vibe_pipeline"


class Launcher(StrEnum):
    """Who starts runs: ours, or Dagster's own launcher and queue."""

    OURS = "ours"
    STOCK = "stock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """``pace``: 1 is what the services really allow. Seconds for latency and its jitter."""

    pace: float = 1.0
    latency_seconds: float = 0.12
    jitter_seconds: float = 0.02
    limits: bool = True
    launcher: Launcher = Launcher.OURS
    rounds: int = 20
    profile: bool = False

    @classmethod
    def of(cls, environment: Mapping[str, str], *, profile: bool = False) -> Self:
        """As ``VIBE_BENCH_...`` says, else as they really are."""

        def number(name: str, default: float) -> float:
            return float(environment.get(f"VIBE_BENCH_{name}", default))

        return cls(
            pace=number("PACE", cls().pace),
            latency_seconds=number("LATENCY", cls().latency_seconds),
            jitter_seconds=number("JITTER", cls().jitter_seconds),
            rounds=int(number("ROUNDS", cls().rounds)),
            profile=profile,
        )

    def unhindered(self, launcher: Launcher) -> Self:
        """Nothing but the machinery: no latency, no limits, and a pace nobody is held up by."""
        at_once = replace(self, latency_seconds=0.0, jitter_seconds=0.0, limits=False)
        return replace(at_once, pace=100.0, launcher=launcher)

    def in_words(self) -> dict[str, str]:
        """For whoever reads the figures."""
        latency, jitter = 1000 * self.latency_seconds, 1000 * self.jitter_seconds
        return {
            "pace": f"{self.pace:g}",
            "latency": f"{latency:.0f} +- {jitter:.0f} ms",
            "limits": "in force" if self.limits else "off",
        }


def stock(dagster_yaml: str) -> str:
    """The same configuration with Dagster's own class wherever it names one of ours.

    The launcher is the one that starts an interpreter for each run. The queue keeps its settings,
    so that it polls as often as ours.
    """
    configuration: dict[str, Any] = yaml.safe_load(dagster_yaml)
    queue = configuration["run_coordinator"].get("config", {})
    theirs = {
        name: value
        for name, value in configuration.items()
        if not (isinstance(value, dict) and str(value.get("module", "")).startswith(OUR_ROOM))
    }
    theirs["run_launcher"] = {"module": "dagster", "class": "DefaultRunLauncher"}
    theirs["run_coordinator"] = {
        "module": "dagster",
        "class": "QueuedRunCoordinator",
        "config": queue,
    }
    return yaml.safe_dump(theirs)


def use_stock(dagster_home: Path) -> None:
    """Have this Dagster home launch as Dagster does by itself."""
    path = dagster_home / "dagster.yaml"
    path.write_text(stock(path.read_text(encoding="utf-8")), encoding="utf-8")
