"""Between the wire and the services: writes every request down, delays it, spoils it on order."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vibe_pipeline.simulator.faults import Fault
from vibe_pipeline.simulator.simulation import Simulation

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
_DEFAULT_TIMEOUT_SECONDS = 30.0
_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"


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
            if route.path_regex.match(path) and method in (route.methods or {method}):
                template = re.sub(r":[a-z]+}", "}", route.path)
                return f"{method} {_PREFIX.sub('', template) or '/'}"
        return f"{method} {_PREFIX.sub('', path) or '/'}"


WhoAsks = Callable[[str, dict[str, str], bytes], str | None]


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
        endpoint = self._endpoints.name(service, scope["method"], scope["path"], query)
        user = self._who(service, headers, body)
        status = await self._answer(scope, body, send, service, endpoint, user)
        self._simulation.log.add(
            at=self._simulation.clock.now(),
            service=service,
            method=scope["method"],
            path=scope["path"],
            query_string=query,
            status=status,
            endpoint=endpoint,
            user=user,
            body=_kept_body(service, headers, body),
        )

    async def _answer(
        self, scope: Scope, body: bytes, send: Send, service: str, endpoint: str, user: str | None
    ) -> int:
        faults = self._simulation.faults
        delay = faults.delay(service)
        if delay:
            await asyncio.sleep(delay)
        fault = faults.take(service, endpoint, user)
        receive = _replayed(body)
        if fault is None:
            watched = _Watched(send)
            await self._app(scope, receive, watched)
            return watched.status
        if fault.applied:
            await self._app(scope, receive, _swallow)
        if fault.delay:
            await asyncio.sleep(fault.delay)
        return await _spoil(fault, service, scope, receive, send)


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


async def _spoil(fault: Fault, service: str, scope: Scope, receive: Receive, send: Send) -> int:
    if fault.kind == "drop":
        headers = [(b"content-length", b"4096"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"', "more_body": True})
        return 0
    if fault.kind == "timeout":
        await asyncio.sleep(_DEFAULT_TIMEOUT_SECONDS if fault.delay is None else 0)
        await Response(status_code=504)(scope, receive, send)
        return 0
    response = _spoiled(fault, service)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = f"{fault.retry_after:g}"
    await response(scope, receive, send)
    return response.status_code


def _spoiled(fault: Fault, service: str) -> Response:
    status = fault.status
    if fault.body is not None:
        return Response(fault.body, status or 500, media_type="text/plain")
    if fault.kind == "html":
        return HTMLResponse(_BAD_GATEWAY, status or 502)
    if fault.kind == "empty":
        return Response(b"", status or 200)
    if fault.kind == "garbage":
        return Response(b'{"items": [', status or 200, media_type="application/json")
    if fault.kind == "quota":
        fault.retry_after = 48_925 if fault.retry_after is None else fault.retry_after
        error: dict[str, Any] = {"status": 429, "message": "Too many requests"}
        return JSONResponse({"error": {**error, "reason": "QUOTA_EXCEEDED"}}, status or 429)
    if fault.kind == "rate":
        return _rate(fault, service)
    if fault.kind == "error200":
        error = {"error": 8, "message": "Operation failed - Most likely the backend service failed"}
        return JSONResponse(error, status or 200)
    return _refusal(service, status or 500)


def _rate(fault: Fault, service: str) -> Response:
    if service == "lastfm":
        message = "Rate Limit Exceeded - Your IP has made too many requests in a short period"
        return JSONResponse({"error": 29, "message": message}, fault.status or 429)
    fault.retry_after = 3 if fault.retry_after is None else fault.retry_after
    if service == "telegram":
        wait = int(fault.retry_after)
        return JSONResponse(
            {
                "ok": False,
                "error_code": 429,
                "description": f"Too Many Requests: retry after {wait}",
                "parameters": {"retry_after": wait},
            },
            fault.status or 429,
        )
    error = {"status": 429, "message": "API rate limit exceeded"}
    return JSONResponse({"error": error}, fault.status or 429)


def _refusal(service: str, status: int) -> Response:
    if service == "telegram":
        return JSONResponse(
            {"ok": False, "error_code": status, "description": "Internal Server Error"}, status
        )
    if service == "lastfm":
        return JSONResponse({"error": 11, "message": "Service Offline"}, status)
    message = {401: "The access token expired", 403: "Forbidden"}.get(status, "Server error.")
    return JSONResponse({"error": {"status": status, "message": message}}, status)


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


def _replayed(body: bytes) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    return receive


def _kept_body(service: str, headers: dict[str, str], body: bytes) -> Any:
    """A request's JSON, for tests that look at what was written; never an account's form."""
    if service == "spotify_accounts" or "json" not in headers.get("content-type", ""):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None
