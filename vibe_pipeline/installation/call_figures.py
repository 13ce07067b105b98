"""How calls to other services went, counted by every process of this machine: a file in the home.

Counters that only grow, and a histogram of seconds, for ``/metrics``. What may still be called
today is the budget's (``accounts.budget``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds up to which a call counts into each bucket; what took longer is in none of them."""
_FILE = "calls.json"
_WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SentCall:
    """One call that was sent: to whom, how it ended, how long it took."""

    service: str
    outcome: str
    """``ok``, ``refused`` (4xx), ``slow_down`` (429), ``trouble`` (5xx), ``unreachable``."""
    seconds: float


@dataclass(slots=True)
class ServiceFigures:
    """One service's calls since the file was begun."""

    outcomes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))

    @property
    def calls(self) -> int:
        """All of them, however they ended."""
        return sum(self.outcomes.values())

    def add(self, call: SentCall) -> None:
        """Count one more."""
        self.outcomes[call.outcome] = self.outcomes.get(call.outcome, 0) + 1
        self.seconds += call.seconds
        for number, most in enumerate(BUCKETS):
            self.buckets[number] += call.seconds <= most


def outcome_of(status: int | None) -> str:
    """How a call ended, from its HTTP status; ``None`` when nothing came back."""
    if status is None:
        return "unreachable"
    if status == 429:
        return "slow_down"
    if status >= 500:
        return "trouble"
    return "ok" if status < 400 else "refused"


@dataclass(frozen=True, slots=True)
class CallFigures:
    """The file; a count that cannot be kept is let go, since no list may wait for it."""

    home: Path

    def add(self, calls: Iterable[SentCall]) -> None:
        """Count these calls, for all processes."""
        path, sent = self._path(), list(calls)
        if not sent:
            return
        with suppress(OSError, Timeout):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with FileLock(f"{path}.lock", timeout=_WAIT_SECONDS, mode=0o600):
                figures = self.read()
                for call in sent:
                    figures.setdefault(call.service, ServiceFigures()).add(call)
                self._write(figures)

    def read(self) -> dict[str, ServiceFigures]:
        """What was counted so far, by service; nothing where it cannot be read."""
        try:
            content = json.loads(self._path().read_text(encoding="utf-8"))
            return {name: _figures(told) for name, told in content.items()}
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            return {}

    def _write(self, figures: dict[str, ServiceFigures]) -> None:
        content = {
            name: {"outcomes": one.outcomes, "seconds": one.seconds, "buckets": one.buckets}
            for name, one in figures.items()
        }
        draft = self._path().with_suffix(".draft")
        draft.write_text(json.dumps(content), encoding="utf-8")
        draft.replace(self._path())

    def _path(self) -> Path:
        return self.home / "status" / _FILE


def _figures(told: dict[str, Any]) -> ServiceFigures:
    buckets = [int(count) for count in told["buckets"]]
    if len(buckets) != len(BUCKETS):
        raise ValueError("counted into other buckets")
    outcomes = {str(name): int(count) for name, count in told["outcomes"].items()}
    return ServiceFigures(outcomes=outcomes, seconds=float(told["seconds"]), buckets=buckets)
