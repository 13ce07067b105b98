"""Telegram's flood limits: about one message a second in a chat, thirty a second for a bot."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from vibe_pipeline.simulator.telegram.wire import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodLimits:
    """How many messages pass. Telegram publishes no exact figures; these are its round ones."""

    chat_rate: float = 1.0
    chat_burst: int = 8
    bot_rate: float = 30.0
    bot_burst: int = 30
    shortest_wait: int = 3


@dataclass(slots=True, kw_only=True)
class _Bucket:
    rate: float
    burst: int
    level: float
    filled_at: float

    def take(self, now: float) -> bool:
        self.level = min(self.burst, self.level + (now - self.filled_at) * self.rate)
        self.filled_at = now
        if self.level < 1:
            return False
        self.level -= 1
        return True


class FloodGate:
    """Counts what a bot sends and edits, and says 429 with the seconds to wait."""

    def __init__(self, monotonic: Callable[[], float], limits: FloodLimits | None = None) -> None:
        self.limits = limits or FloodLimits()
        self.switched_on = True
        self._monotonic = monotonic
        self._buckets: dict[int | None, _Bucket] = {}
        self._closed_until: dict[int | None, float] = {}

    def pass_one(self, chat_id: int) -> None:
        """One message or edit for this chat; raises ``Refused`` when it is one too many."""
        if not self.switched_on:
            return
        now = self._monotonic()
        for key in (None, chat_id):
            wait = self._closed_until.get(key, now) - now
            if wait > 0:
                raise _too_many(math.ceil(wait))
        for key in (None, chat_id):
            if not self._bucket(key, now).take(now):
                self._closed_until[key] = now + self.limits.shortest_wait
                raise _too_many(self.limits.shortest_wait)

    def forget(self) -> None:
        """Everybody starts with a full allowance again."""
        self._buckets.clear()
        self._closed_until.clear()

    def _bucket(self, key: int | None, now: float) -> _Bucket:
        if key not in self._buckets:
            limits = self.limits
            rate, burst = (
                (limits.bot_rate, limits.bot_burst)
                if key is None
                else (limits.chat_rate, limits.chat_burst)
            )
            self._buckets[key] = _Bucket(rate=rate, burst=burst, level=burst, filled_at=now)
        return self._buckets[key]


def _too_many(seconds: int) -> Refused:
    return Refused(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
