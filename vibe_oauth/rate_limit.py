"""How often an address may be asked in a minute: a rate limit (GCRA) in this process's memory.

For what is answered at once or not at all. How often we ask other services is
``vibe_pipeline.clients.rate_limiter``'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

_MOST_CALLERS = 1000


@dataclass(slots=True, kw_only=True)
class RateLimit:
    """So many requests at once per caller, and as many again within each ``period``."""

    burst: int
    period: timedelta
    _theoretical_arrivals: dict[str, datetime] = field(default_factory=dict)

    def retry_after(self, caller: str, now: datetime) -> timedelta | None:
        """Count a request; ``None`` when it may pass, else how long the caller has to wait."""
        interval = self.period / self.burst
        arrival = max(self._theoretical_arrivals.get(caller, now), now)
        wait = arrival - now - self.period + interval
        if wait > timedelta():
            return wait
        self._forget_the_quiet(now)
        self._theoretical_arrivals[caller] = arrival + interval
        return None

    def _forget_the_quiet(self, now: datetime) -> None:
        """Keep memory bounded: who has asked nothing lately is like somebody new."""
        if len(self._theoretical_arrivals) < _MOST_CALLERS:
            return
        recent = {name: at for name, at in self._theoretical_arrivals.items() if at > now}
        self._theoretical_arrivals = recent if len(recent) < _MOST_CALLERS else {}
