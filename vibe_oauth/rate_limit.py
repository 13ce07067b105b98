"""How often something may be asked in a minute: a rate limit (GCRA) in this process's memory.

For what is answered at once or not at all. How often we ask other services is
``vibe_pipeline.clients.rate_limiter``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(slots=True, kw_only=True)
class RateLimit:
    """So many requests at once, and as many again within each ``period``, whoever sends them.

    Nobody waits longer than a ``period``, though this machine's clock be set back meanwhile.
    """

    burst: int
    period: timedelta
    _theoretical_arrival: datetime | None = None

    def retry_after(self, now: datetime) -> timedelta | None:
        """Count a request; ``None`` when it may pass, else how long one has to wait."""
        interval = self.period / self.burst
        noted = self._theoretical_arrival
        arrival = noted if noted is not None and now <= noted <= now + self.period else now
        wait = arrival - now - self.period + interval
        if wait > timedelta():
            return wait
        self._theoretical_arrival = arrival + interval
        return None
