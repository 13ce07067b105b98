"""What many nights come to: figures for each policy, a verdict on each pair, text or record.

The verdict's statistics are ``taste.policy_comparison``'s, as for real use.
"""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from vibe_pipeline.evaluation.nights.simulation import ListenerNights, Night
from vibe_pipeline.taste.policy_comparison import PolicyVerdict, Tally, verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One policy's nights in figures.

    ``popularity`` is the geometric mean of how many people know the artist of a new track;
    ``overlap`` the share of new tracks that were on a list of the seven days before; ``artists``
    how many different ones a listener meets in all their nights.
    """

    policy: str
    nights: int
    offered: int
    accepted: int
    acceptance: float
    overlap: float
    violations: dict[str, int]
    empty: int
    length: float
    new: float
    popularity: float
    artists: float
    seconds: float
    slowest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NightsReport:
    """All policies' figures and the verdicts on each two of them."""

    figures: tuple[Figures, ...]
    verdicts: tuple[PolicyVerdict, ...]

    @classmethod
    def of(cls, courses: Sequence[ListenerNights]) -> NightsReport:
        """The report on these courses, policies in their order."""
        policies = list(dict.fromkeys(course.policy for course in courses))
        counted = tallies(courses)
        return cls(
            figures=tuple(
                figures(policy, [c for c in courses if c.policy == policy]) for policy in policies
            ),
            verdicts=tuple(
                verdict(counted, first, second) for first, second in combinations(policies, 2)
            ),
        )

    @property
    def sound(self) -> bool:
        """Whether no list broke a promise, repeated itself or was empty."""
        return not any(one.violations or one.overlap or one.empty for one in self.figures)

    def as_json(self) -> str:
        """One line with everything."""
        told: dict[str, Any] = {
            "policies": {
                one.policy: {k: v for k, v in asdict(one).items() if k != "policy"}
                for one in self.figures
            },
            "verdicts": [
                {**asdict(one), "answer": str(one.answer), "sentence": one.sentence}
                for one in self.verdicts
            ],
        }
        return json.dumps(told)


def tallies(courses: Iterable[ListenerNights]) -> list[Tally]:
    """A listener is the unit: both policies met the same one."""
    return [
        Tally(
            unit=course.listener,
            policy=course.policy,
            offered=course.offered,
            accepted=course.accepted,
        )
        for course in courses
    ]


def figures(policy: str, courses: Sequence[ListenerNights]) -> Figures:
    """One policy's figures over all its courses."""
    nights = [night for course in courses for night in course.nights]
    offered = sum(course.offered for course in courses)
    accepted = sum(course.accepted for course in courses)
    seconds = sorted(night.seconds for night in nights)
    return Figures(
        policy=policy,
        nights=len(nights),
        offered=offered,
        accepted=accepted,
        acceptance=accepted / max(offered, 1),
        overlap=sum(night.repeated for night in nights) / max(offered, 1),
        violations=dict(Counter(str(broken) for night in nights for broken in night.violations)),
        empty=sum(night.length == 0 for night in nights),
        length=_mean([night.length for night in nights]),
        new=_mean([night.new for night in nights]),
        popularity=_popularity(nights),
        artists=_mean(
            [len(frozenset().union(*(n.artists for n in course.nights))) for course in courses]
        ),
        seconds=statistics.median(seconds) if seconds else 0.0,
        slowest=max(seconds, default=0.0),
    )


def _popularity(nights: Iterable[Night]) -> float:
    logs = [math.log1p(known) for night in nights for known in night.listeners]
    return math.expm1(_mean(logs))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0


_COLUMNS = (
    ("policy", 14),
    ("accepted", 10),
    ("overlap", 9),
    ("violations", 12),
    ("empty", 7),
    ("length", 8),
    ("new", 7),
    ("popularity", 12),
    ("artists", 9),
    ("ms/night", 10),
    ("slowest", 9),
)


def table(report: NightsReport) -> str:
    """The figures as text, the verdicts below."""
    lines = ["".join(f"{name:>{width}s}" for name, width in _COLUMNS)]
    for one in report.figures:
        cells = (
            one.policy,
            f"{one.acceptance:.1%}",
            f"{one.overlap:.2%}",
            str(sum(one.violations.values())),
            str(one.empty),
            f"{one.length:.1f}",
            f"{one.new:.1f}",
            f"{one.popularity:,.0f}",
            f"{one.artists:.0f}",
            f"{1000 * one.seconds:.0f}",
            f"{1000 * one.slowest:.0f}",
        )
        lines.append(
            "".join(f"{cell:>{width}s}" for cell, (_, width) in zip(cells, _COLUMNS, strict=True))
        )
    for one in report.figures:
        broken = ", ".join(f"{name}: {count}" for name, count in sorted(one.violations.items()))
        lines.extend([f"{one.policy} broke {broken}"] if broken else [])
    lines.append("accepted: new tracks liked for good or played again; popularity: people who know")
    lines.append("the artist (geometric mean); artists: different ones one listener meets")
    lines.extend(one.sentence for one in report.verdicts)
    return "\n".join(lines)
