"""One run of the measurements beside an earlier one: what became slower by more than noise.

Pure. Reading and writing the files is ``report``'s.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.benchmarks.figures import Figure

SLOWER_FROM = 1.1
"""Less than a tenth more is never called slower."""
_ALIKE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure then and now, by medians; ``slower`` and ``faster`` are more than noise."""

    name: str
    unit: str
    then: float
    now: float
    slower: bool
    faster: bool

    @property
    def ratio(self) -> float | None:
        """Now as a multiple of then; ``None`` when there was nothing then."""
        return self.now / self.then if self.then > _ALIKE else None


def compared(kept: Iterable[Figure], now: Iterable[Figure]) -> list[Change]:
    """Every figure that both runs have, in the order of this one."""
    before = {figure.name: figure for figure in kept}
    return [
        _change(before[figure.name], figure)
        for figure in now
        if figure.name in before and figure.values and before[figure.name].values
    ]


def _change(then: Figure, now: Figure) -> Change:
    old, new = statistics.median(then.values), statistics.median(now.values)
    noise = spread(then.values) + spread(now.values)
    return Change(
        name=now.name,
        unit=now.unit,
        then=old,
        now=new,
        slower=new > SLOWER_FROM * old + _ALIKE and new - old > noise,
        faster=old > SLOWER_FROM * new + _ALIKE and old - new > noise,
    )


def spread(values: Sequence[float]) -> float:
    """How far a median of these may be off: the median distance from it, over the root of n."""
    middle = statistics.median(values)
    distance = statistics.median(abs(value - middle) for value in values)
    return float(2 * distance / len(values) ** 0.5)
