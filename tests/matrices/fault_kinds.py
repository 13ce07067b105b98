"""The ways in which an answer can be bad, as orders to the simulator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

SPOTIFY = frozenset({"spotify", "spotify_accounts"})
SLOW_SECONDS = 2.5
"""Far beyond the patience of a run under test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """One kind of bad answer; ``services``: who gives it, everybody when empty.

    ``writes``: it makes sense of what changes something. ``passing``: the next answer is good.
    """

    name: str
    order: Mapping[str, object]
    services: frozenset[str] = field(default_factory=frozenset)
    writes: bool = False
    passing: bool = False

    def fits(self, service: str, method: str) -> bool:
        """Whether it can happen to this call."""
        reads = method == "GET" or service not in SPOTIFY
        return service in (self.services or {service}) and not (self.writes and reads)


def _error(status: int, message: str) -> Mapping[str, object]:
    body = json.dumps({"error": {"status": status, "message": message}})
    return {"kind": "status", "status": status, "body": body}


_NOT_LISTED = "the user may not be registered. Check settings on developer.spotify.com/dashboard"
_NO_PREMIUM = "Active premium subscription required for the owner of the app."
KINDS = (
    FaultKind(name="timeout", order={"kind": "timeout", "delay": SLOW_SECONDS}),
    FaultKind(name="slow drip", order={"kind": "drip", "delay": SLOW_SECONDS}),
    FaultKind(name="reset", order={"kind": "drop"}),
    FaultKind(name="500", order={"kind": "status", "status": 500}),
    FaultKind(name="502 HTML", order={"kind": "html"}),
    FaultKind(name="429 short", order={"kind": "rate", "retry_after": 1, "times": 1}, passing=True),
    FaultKind(name="429 for hours", order={"kind": "rate", "retry_after": 7200}),
    FaultKind(name="quota 429", order={"kind": "quota"}, services=SPOTIFY),
    FaultKind(name="401 once", order={"kind": "status", "status": 401, "times": 1}, passing=True),
    FaultKind(name="401 for good", order={"kind": "status", "status": 401}),
    FaultKind(name="403 not allowlisted", order=_error(403, _NOT_LISTED), services=SPOTIFY),
    FaultKind(name="403 owner without Premium", order=_error(403, _NO_PREMIUM), services=SPOTIFY),
    FaultKind(
        name="403 scope missing", order=_error(403, "Insufficient client scope"), services=SPOTIFY
    ),
    FaultKind(name="403 closed", order={"kind": "status", "status": 403}),
    FaultKind(name="404 once", order={"kind": "status", "status": 404, "times": 1}, passing=True),
    FaultKind(name="404 for good", order={"kind": "status", "status": 404}),
    FaultKind(name="empty body", order={"kind": "empty"}),
    FaultKind(name="empty object", order={"kind": "status", "status": 200, "body": "{}"}),
    FaultKind(name="truncated JSON", order={"kind": "garbage"}),
    FaultKind(name="wrong types", order={"kind": "wrong_types"}),
    FaultKind(name="200 with an error", order={"kind": "error200"}),
    FaultKind(name="redirect loop", order={"kind": "redirect"}),
    FaultKind(name="10 MB", order={"kind": "huge"}),
    FaultKind(name="deep nesting", order={"kind": "nested"}),
    FaultKind(name="done, no answer", order={"kind": "drop", "applied": True}, writes=True),
    FaultKind(name="done, 500", order={"kind": "status", "applied": True}, writes=True),
    FaultKind(name="done, empty body", order={"kind": "empty", "applied": True}, writes=True),
    FaultKind(name="done, truncated", order={"kind": "garbage", "applied": True}, writes=True),
)
