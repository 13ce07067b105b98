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

from vibe_pipeline.runs import AHEAD

OUR_ROOM = "vibe_pipeline"


class Launcher(StrEnum):
    """Who starts runs: ours, or Dagster's own launcher and queue."""

    OURS = "ours"
    STOCK = "stock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """``pace``: 1 is what the services really allow. Seconds for latency and its jitter.

    ``ahead``: whether what follows a list, done ahead of time for the next, is begun at all.
    """

    pace: float = 1.0
    latency_seconds: float = 0.12
    jitter_seconds: float = 0.02
    limits: bool = True
    launcher: Launcher = Launcher.OURS
    ahead: bool = True
    rounds: int = 20
    people: int = 100

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """As ``VIBE_BENCH_...`` says, else as they really are."""

        def number(name: str, default: float) -> float:
            return float(environment.get(f"VIBE_BENCH_{name}", default))

        return cls(
            pace=number("PACE", cls().pace),
            latency_seconds=number("LATENCY", cls().latency_seconds),
            jitter_seconds=number("JITTER", cls().jitter_seconds),
            rounds=int(number("ROUNDS", cls().rounds)),
            people=int(number("NIGHT", cls().people)),
        )

    def unhindered(self, launcher: Launcher) -> Self:
        """Nothing but the machinery: no latency, no limits, and a pace nobody is held up by."""
        at_once = replace(self, latency_seconds=0.0, jitter_seconds=0.0, limits=False)
        return replace(at_once, pace=100.0, launcher=launcher)

    def configuring(self, dagster_home: Path) -> None:
        """Have this Dagster home launch as these conditions say."""
        path = dagster_home / "dagster.yaml"
        configuration = path.read_text(encoding="utf-8")
        if not self.ahead:
            configuration = holding_ahead(configuration)
        if self.launcher is Launcher.STOCK:
            configuration = stock(configuration)
        path.write_text(configuration, encoding="utf-8")

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
    theirs = {name: value for name, value in configuration.items() if not _names_ours(value)}
    theirs["run_launcher"] = {"module": "dagster", "class": "DefaultRunLauncher"}
    theirs["run_coordinator"] = {
        "module": "dagster",
        "class": "QueuedRunCoordinator",
        "config": queue,
    }
    return yaml.safe_dump(theirs)


def _names_ours(value: object) -> bool:
    """Whether this part of a configuration is a class of ours, however deep."""
    if not isinstance(value, dict):
        return False
    module = str(value.get("module", ""))
    return module.startswith(OUR_ROOM) or any(_names_ours(inner) for inner in value.values())


def holding_ahead(dagster_yaml: str) -> str:
    """The same configuration with no place for what is done ahead of time: it stays queued."""
    configuration: dict[str, Any] = yaml.safe_load(dagster_yaml)
    for limit in configuration["run_coordinator"]["config"]["tag_concurrency_limits"]:
        if limit.get("value") == AHEAD:
            limit["limit"] = 0
    return yaml.safe_dump(configuration)
