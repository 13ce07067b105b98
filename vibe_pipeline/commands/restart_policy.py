"""When a process that died is started again: exponential back-off, without a last try.

Pure; doing it is ``commands.supervisor``'s.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """Pauses in seconds, doubled with each death that follows too soon on the one before.

    A process that stayed up for ``settled_after`` seconds begins anew. From ``failing_after``
    deaths on it is called failing and left alone for longer, never for good.
    """

    first_pause: float = 0.25
    failing_after: int = 6
    failing_pause: float = 60.0
    longest_pause: float = 900.0
    settled_after: float = 120.0

    def pause(self, deaths: int) -> float:
        """How long to wait after so many deaths in a row, the first being 1."""
        if self.failing(deaths):
            rarer = self.failing_pause * 2 ** min(deaths - self.failing_after, 10)
            return float(min(self.longest_pause, rarer))
        return float(self.first_pause * 2 ** (deaths - 1))

    def failing(self, deaths: int) -> bool:
        """Whether so many deaths in a row are no accident any more."""
        return deaths >= self.failing_after

    def deaths_in_a_row(self, before: int, *, up_for: float) -> int:
        """How many it is now, after one more of a process that was up for so many seconds."""
        return 1 if up_for >= self.settled_after else before + 1
