"""What a measurement gives: series of numbers beside each other, and how they stand to their bars.

Pure. What the bars are is in ``bars``, how it is printed in ``table``, what was slower than an
earlier time in ``comparison``.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self


class Beside(StrEnum):
    """What a figure of ours is held against, measured in the same run."""

    PLAIN = "plain"
    STOCK = "stock"
    EMPTY = "empty"


class Verdict(StrEnum):
    """How a figure stands; ordered by ``worst``."""

    AIM = "aim met"
    BAR = "bar met"
    MISSED = "not met"
    UNKNOWN = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table: a series of ours, and what it was measured beside.

    ``values``: in ``unit``, one per repetition, less is better. ``beside``: the same by others.
    ``parts``: medians of what a value consists of, such as the seconds of each stage.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    beside: Mapping[Beside, tuple[float, ...]] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The form it is written in."""
        return {
            "name": self.name,
            "unit": self.unit,
            "values": list(self.values),
            "beside": {str(other): list(values) for other, values in self.beside.items()},
            "parts": dict(self.parts),
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Self:
        """A figure as it was written by ``as_json``."""
        return cls(
            name=written["name"],
            unit=written["unit"],
            values=tuple(written["values"]),
            beside={Beside(name): tuple(values) for name, values in written["beside"].items()},
            parts=dict(written["parts"]),
        )


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that so large a share of them does not exceed (nearest rank)."""
    rank = -int(-share * len(values) // 1)
    return sorted(values)[max(0, min(len(values), rank) - 1)]


def _p95(values: Sequence[float]) -> float:
    return percentile(values, 0.95)


STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "median": statistics.median,
    "p95": _p95,
    "most": max,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What a figure must not exceed, and what it aims at: absolute, or a multiple of another's.

    ``beside``: whose median the limits are multiples of; ``None`` for limits in the figure's unit.
    """

    most: float
    aim: float
    statistic: str = "median"
    beside: Beside | None = None

    def reached(self, figure: Figure) -> float | None:
        """What is held against the limits; ``None`` when there is nothing to hold it against."""
        if not figure.values:
            return None
        value = STATISTICS[self.statistic](figure.values)
        if self.beside is None:
            return value
        other = figure.beside.get(self.beside)
        return value / statistics.median(other) if other and statistics.median(other) else None

    def verdict(self, figure: Figure) -> Verdict:
        """How the figure stands to this bar."""
        reached = self.reached(figure)
        if reached is None:
            return Verdict.UNKNOWN
        if reached <= self.aim:
            return Verdict.AIM
        return Verdict.BAR if reached <= self.most else Verdict.MISSED


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """The one to report for a figure with several bars; one that could not be held counts last."""
    order = (Verdict.MISSED, Verdict.BAR, Verdict.AIM)
    return next((verdict for verdict in order if verdict in verdicts), Verdict.UNKNOWN)
