"""Between the wire and the services: writes every request down, delays it, spoils it on order."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from urllib.parse import parse_qs

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spoiling import spoil

SERVICES = {
    "spotify": "spotify",
    "accounts": "spotify_accounts",
    "lastfm": "lastfm",
    "labs": "labs",
    "listenbrainz": "listenbrainz",
    "musicbrainz": "musicbrainz",
    "telegram": "telegram",
}
_PREFIX = re.compile(r"^/[a-z]+(/v1|/2\.0|/1|/ws/2|/bot[^/]+)?(?=/|$)")


class Endpoints:
    """Names a request by the template of its route: ``GET /me/tracks``."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = [route for route in routes if isinstance(route, Route)]

    def name(self, service: str, method: str, path: str, query: str) -> str:
        """What the documentation calls it; Last.fm and Telegram have methods instead of paths."""
        if service == "lastfm":
            return f"{method} {parse_qs(query).get('method', [''])[0]}"
        if service == "telegram":
            return f"{method} {path.rstrip('/').rpartition('/')[2]}"
        for route in self._routes:
            if "{rest" in route.path:
                continue
            if route.path_regex.match(path) and method in (route.methods or {method}):
                template = re.sub(r":[a-z]+}", "}", route.path)
                return f"{method} {_PREFIX.sub('', template) or '/'}"
        return f"{method} {_PREFIX.sub('', path) or '/'}"


WhoAsks = Callable[[str, dict[str, str], bytes], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a request is, before anybody answers it."""

    service: str
    endpoint: str
    user: str | None


class Recorder:
    """The middleware; pages for people and the control endpoint pass untouched and unrecorded."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        simulation: Simulation,
        routes: Sequence[BaseRoute],
        who: WhoAsks,
    ) -> None:
        self._app = app
        self._simulation = simulation
        self._endpoints = Endpoints(routes)
        self._who = who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        service = SERVICES.get(scope.get("path", "").split("/")[1]) if _is_http(scope) else None
        if service is None:
            await self._app(scope, receive, send)
            return
        body = await _whole_body(receive)
        query = scope["query_string"].decode("latin-1")
        headers = {key.decode("latin-1"): val.decode("latin-1") for key, val in scope["headers"]}
        asked = _Asked(
            service=service,
            endpoint=self._endpoints.name(service, scope["method"], scope["path"], query),
            user=self._who(service, headers, body),
        )
        kept = _kept_body(service, headers, body)
        noted = _Noted(send, partial(self._note, asked, scope, query, kept))
        noted.note(await self._answer(asked, scope, _replayed(body, receive), noted))

    def _note(self, asked: _Asked, scope: Scope, query: str, body: object, status: int) -> None:
        self._simulation.log.add(
            at=self._simulation.clock.now(),
            service=asked.service,
            method=scope["method"],
            path=scope["path"],
            query_string=query,
            status=status,
            endpoint=asked.endpoint,
            user=asked.user,
            body=body,
        )

    async def _answer(self, asked: _Asked, scope: Scope, receive: Receive, send: Send) -> int:
        faults = self._simulation.faults
        delay = faults.delay(asked.service)
        if delay:
            await asyncio.sleep(delay)
        fault = faults.take(asked.service, asked.endpoint, asked.user)
        if fault is None:
            watched = _Watched(send)
            await self._app(scope, receive, watched)
            return watched.status
        if fault.applied:
            await self._app(scope, receive, _swallow)
        if fault.delay and fault.kind != "drip":
            await asyncio.sleep(fault.delay)
        return await spoil(fault, asked.service, scope, receive, send)


class _Noted:
    """Passes messages on; the request stands in the log before its caller can read the answer."""

    def __init__(self, send: Send, note: Callable[[int], None]) -> None:
        self._send = send
        self._note: Callable[[int], None] | None = note

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.note(message["status"])
        await self._send(message)

    def note(self, status: int) -> None:
        """Once: with the answer, or when it turned out that there is none."""
        note, self._note = self._note, None
        if note is not None:
            note(status)


class _Watched:
    """Passes messages on and remembers the status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


async def _swallow(message: Message) -> None:
    """The answer that got lost."""


def _is_http(scope: Scope) -> bool:
    return bool(scope["type"] == "http")


async def _whole_body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once more, and then what the wire brings: a caller who hangs up is noticed."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


def _kept_body(service: str, headers: dict[str, str], body: bytes) -> object:
    """A request's JSON, for tests that look at what was written; never an account's form."""
    if service == "spotify_accounts" or "json" not in headers.get("content-type", ""):
        return None
    try:
        found: object = json.loads(body)
    except ValueError:
        return None
    return found
