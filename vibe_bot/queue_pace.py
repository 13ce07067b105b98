"""How soon somebody's turn comes, judged by the last few results.

An estimate for those who wait behind others; the order itself is Dagster's queue's.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

LOOKED_BACK = 12
"""So many of the last results are looked at: enough for a rate, few enough to follow a change."""
FEWEST = 4
STALE_SECONDS = 120.0
"""After so long without a result the last ones say nothing about the next."""
WORTH_SAYING = 45.0
"""A wait shorter than this is over before anybody has read how long it is."""


class QueuePace:
    """Seconds between two results, on average over the last few."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ends: deque[float] = deque(maxlen=LOOKED_BACK)

    def served(self) -> None:
        """Somebody got what they waited for, now."""
        self._ends.append(self._clock())

    def minutes(self, ahead: int) -> int | None:
        """Whole minutes, rounded up, until so many are served; ``None`` when nobody can tell."""
        if len(self._ends) < FEWEST or self._clock() - self._ends[-1] > STALE_SECONDS:
            return None
        apart = (self._ends[-1] - self._ends[0]) / (len(self._ends) - 1)
        seconds = apart * ahead
        return -(-int(seconds) // 60) if seconds >= WORTH_SAYING else None
