"""Every request that reached a simulated service, without its secrets."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from vibe_pipeline.simulator.clock import written

_SECRET_QUERY = frozenset(
    {
        "api_key",
        "access_token",
        "client_secret",
        "code",
        "code_verifier",
        "refresh_token",
        "sk",
        "state",
        "token",
    }
)
_BOT_TOKEN = re.compile(r"/bot[^/]+")
MASK = "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One request and the status it got; ``endpoint`` is the path as documented."""

    number: int
    at: datetime
    service: str
    method: str
    path: str
    query: dict[str, str]
    status: int
    endpoint: str
    user: str | None
    body: object = None

    def as_json(self) -> dict[str, Any]:
        """The form the control endpoint tells it in."""
        return {
            "n": self.number,
            "at": written(self.at),
            "service": self.service,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "status": self.status,
            "endpoint": self.endpoint,
            "user": self.user,
        }


def masked_path(path: str) -> str:
    """The path without a bot's token."""
    return _BOT_TOKEN.sub(f"/bot{MASK}", path)


def masked_query(query_string: str) -> dict[str, str]:
    """The query's parameters, secrets starred out; of a repeated one the last."""
    pairs = parse_qsl(query_string, keep_blank_values=True)
    return {name: MASK if name in _SECRET_QUERY else value for name, value in pairs}


class RequestLog:
    """What was asked, in the order in which it was answered."""

    def __init__(self) -> None:
        self._requests: list[RecordedRequest] = []
        self._count = 0

    def add(
        self,
        *,
        at: datetime,
        service: str,
        method: str,
        path: str,
        query_string: str,
        status: int,
        endpoint: str,
        user: str | None = None,
        body: object = None,
    ) -> RecordedRequest:
        """Write one request down."""
        self._count += 1
        request = RecordedRequest(
            number=self._count,
            at=at,
            service=service,
            method=method,
            path=masked_path(path),
            query=masked_query(query_string),
            status=status,
            endpoint=endpoint,
            user=user,
            body=body,
        )
        self._requests.append(request)
        return request

    def requests(self, *, service: str | None = None, since: int = 0) -> list[RecordedRequest]:
        """Those after number ``since``, of one service or of all."""
        return [
            request
            for request in list(self._requests)
            if request.number > since and service in {None, request.service}
        ]

    def counts(self, service: str) -> Counter[str]:
        """How often each endpoint of a service was asked."""
        return Counter(request.endpoint for request in self.requests(service=service))

    def clear(self) -> None:
        """Forget them; numbers go on, so that a watcher's ``since`` stays good."""
        self._requests.clear()
