"""What spoke for a candidate and what against it: its terms beside those of the others.

A term by itself says little: everybody's similarity is below 0. What lifts a candidate above the
typical one of its edition, or holds it below, is what people are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from vibe_pipeline.records import Ranked

NOTABLE = 0.1
"""A difference in score that is worth a word; exp(0.1) is a tenth more."""
MOST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Names of terms, the weightiest first."""

    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()


def explanations(ranked: Sequence[Ranked]) -> dict[str, Explanation]:
    """By candidate key, up to three terms either way that set it apart from the median of all."""
    terms = sorted({term for entry in ranked for term in entry.terms})
    usual = {term: median(entry.terms.get(term, 0.0) for entry in ranked) for term in terms}
    return {entry.candidate.key: _of(entry, usual) for entry in ranked}


def _of(entry: Ranked, usual: dict[str, float]) -> Explanation:
    apart = {term: entry.terms.get(term, 0.0) - value for term, value in usual.items()}
    weightiest = sorted(apart, key=lambda term: (-abs(apart[term]), term))
    return Explanation(
        speaks_for=tuple(term for term in weightiest if apart[term] >= NOTABLE)[:MOST],
        speaks_against=tuple(term for term in weightiest if apart[term] <= -NOTABLE)[:MOST],
    )
