"""What every answer carries for the browser's safety, and what is logged of a request.

Middleware: security headers and an access log without secrets. Who may do what is not decided here.
"""

from __future__ import annotations

import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger("vibe_oauth.access")


class StrictHeaders:
    """Adds them to every answer: no script, no framing, no referrer, nothing kept."""

    def __init__(self, app: ASGIApp, *, style_hash: str, https: bool) -> None:
        self._app = app
        self._headers = {
            "Content-Security-Policy": (
                f"default-src 'none'; style-src '{style_hash}'; form-action 'self';"
                " base-uri 'none'; frame-ancestors 'none'"
            ),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
            "X-Robots-Tag": "noindex, nofollow",
        }
        if https:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, send_with_headers)


class AccessLog:
    """One line a request: never the query, and states in a path by their place only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            log.info(
                "request",
                method=scope["method"],
                path=shown_path(scope),
                status=status,
                ms=round((time.perf_counter() - began) * 1000),
            )


def shown_path(scope: Scope) -> str:
    """The path as it may be logged; of one we do not know, nothing.

    Below a prefix an address that leads nowhere has the router there for its endpoint.
    """
    if isinstance(scope.get("endpoint"), Router | None):
        return "(unknown)"
    path: str = scope["path"]
    for name, value in scope.get("path_params", {}).items():
        path = path.replace(str(value), f"{{{name}}}")
    return path
