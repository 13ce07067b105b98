"""Rolling windows: how many calls fell into the last so many seconds."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta


class RollingWindow:
    """Arrivals of late; older ones fall out as time goes on."""

    def __init__(self) -> None:
        self._arrivals: deque[datetime] = deque()

    def count(self, now: datetime, seconds: float) -> int:
        """Arrivals within the last so many seconds."""
        start = now - timedelta(seconds=seconds)
        while self._arrivals and self._arrivals[0] <= start:
            self._arrivals.popleft()
        return len(self._arrivals)

    def add(self, now: datetime) -> None:
        """Somebody came."""
        self._arrivals.append(now)


class Bucket:
    """A steady rate with a small burst: empty means too fast."""

    def __init__(self) -> None:
        self._level: float | None = None
        self._at: datetime | None = None

    def take(self, now: datetime, *, per_second: float, burst: int) -> bool:
        """Whether one more call is within the rate."""
        level = float(burst) if self._level is None else self._level
        if self._at is not None:
            level += max(0.0, (now - self._at).total_seconds()) * per_second
        self._at, self._level = now, min(float(burst), level)
        if self._level < 1:
            return False
        self._level -= 1
        return True
