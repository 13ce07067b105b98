"""What goes wrong, and when: every draw of a soak comes from here, and from its seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

BROKEN = ("status", "html", "empty", "garbage", "error200", "drop", "wrong_types", "redirect")
STATUSES = (401, 403, 404, 429, 500, 502, 503)
ENDPOINTS = (
    None,
    "GET /me/tracks",
    "GET /me/player/recently-played",
    "GET /search",
    "POST /me/playlists",
    "PUT /playlists/{id}/items",
    "GET /playlists/{id}/items",
    "POST /api/token",
)
WRITES = ("POST /me/playlists", "PUT /playlists/{id}/items")
SOURCES = ("lastfm", "listenbrainz", "musicbrainz")
LONGEST_RUN_SECONDS = 4.0
HELD_SECONDS = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A worker's end: so long after its first call, or while the answer to ``endpoint`` is held
    back, whose work was done already when ``applied``.
    """

    after_seconds: float = 0.0
    endpoint: str | None = None
    applied: bool = False


@dataclass(slots=True)
class Troubles:
    """Draws them, and counts what was ordered."""

    rng: random.Random
    worse: float = 1.0
    """How much more often everything happens than in a soak of many nights."""
    surely: bool = False
    """The first run is killed whatever is drawn, so that a short soak has seen a kill."""
    faults: int = 0
    kills: int = 0
    calm: bool = False
    """Nothing goes wrong any more, so that what was begun can come to its end."""

    def faults_of_a_run(self) -> list[dict[str, Any]]:
        """Orders for the simulator, for one run."""
        orders = []
        if self._happens(0.15):
            orders.append(self._spotify())
        if self._happens(0.10):
            kind = self.rng.choice(("status", "html", "drop", "garbage"))
            service = self.rng.choice(SOURCES)
            orders.append({"service": service, "kind": kind, "status": 503, "times": 20})
        self.faults += len(orders)
        return orders

    def _spotify(self) -> dict[str, Any]:
        rng = self.rng
        if rng.random() < 0.05:
            return {"service": "spotify", "kind": "quota", "retry_after": rng.choice((900, 14_000))}
        order: dict[str, Any] = {
            "service": "spotify",
            "kind": rng.choice(BROKEN),
            "endpoint": rng.choice(ENDPOINTS),
            "times": rng.choice((1, 1, 2, 8)),
            "applied": rng.random() < 0.3,
        }
        if order["kind"] == "status":
            order |= {"status": rng.choice(STATUSES), "retry_after": 1}
        return order

    def kill(self) -> Kill | None:
        """How this run's worker ends, if it is to end before its time."""
        drawn = self._happens(0.06)
        if not drawn and (not self.surely or self.kills):
            return None
        self.kills += 1
        if self.rng.random() < 0.5:
            return Kill(after_seconds=self.rng.uniform(0, LONGEST_RUN_SECONDS))
        return Kill(endpoint=self.rng.choice(WRITES), applied=self.rng.random() < 0.5)

    def doubled(self) -> bool:
        """Whether another trigger begins the same list again, as the nightly address may."""
        return self._happens(0.05)

    def down_for(self) -> timedelta:
        """How long nothing looks whose night has come, from now on; mostly not at all."""
        if not self._happens(0.004):
            return timedelta()
        return timedelta(hours=self.rng.randint(1, 20))

    def telegram(self) -> dict[str, Any] | None:
        """Trouble on the way to the chat."""
        if not self._happens(0.02):
            return None
        self.faults += 1
        return {"service": "telegram", "kind": "status", "status": 502, "times": 3}

    def _happens(self, probability: float) -> bool:
        drawn = self.rng.random()
        return not self.calm and drawn < probability * self.worse
