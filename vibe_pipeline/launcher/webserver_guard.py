"""The guard in front of Dagster's webserver, which has no login: an ASGI wrapper of our own.

Against pages open in the operator's browser (cross-site requests), names that were rebound to the
loopback (DNS rebinding), and programs that merely find the port. It looks at Host and Origin, and
takes questions and changes alike by POST with JSON only, from our own programs (a token) or the web
interface itself (same origin). It is no login: whoever may open the web interface may act there.
"""

from __future__ import annotations

import hmac
import json
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vibe_pipeline.installation.access_token import GUARD_HEADER

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
MOST_BYTES = 5_000_000
"""Of a request; the longest honest ones launch backfills and have some kilobytes."""
LONGEST_QUERY = 200_000
_GRAPHQL = "/graphql"
_READING = frozenset({"GET", "HEAD"})
_POLICY_VIOLATION = 1008


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is not handed on."""

    status: HTTPStatus
    sentence: str


_FOREIGN_HOST = Refusal(
    HTTPStatus.FORBIDDEN, "This name is not one of ours; set DAGSTER_HOSTS to allow it."
)
_FOREIGN_ORIGIN = Refusal(HTTPStatus.FORBIDDEN, "Requests from other pages are refused.")
_METHOD = Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "Ask by POST with a JSON body.")
_NO_JSON = Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send Content-Type: application/json.")
_STRANGE_ADDRESS = Refusal(
    HTTPStatus.BAD_REQUEST, "An address of ours has no control characters in it."
)
_MALFORMED = Refusal(HTTPStatus.BAD_REQUEST, "This is no JSON object with a GraphQL query.")
_TOO_LONG = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "This query is too long.")
_UNKNOWN = Refusal(
    HTTPStatus.UNAUTHORIZED,
    "Only the web interface may ask here, and who shows the token in VIBE_HOME/webserver.token as"
    " Authorization: Bearer.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebserverGuard:
    """Hands on what may pass; ``hosts`` are names allowed besides the loopback's."""

    app: ASGIApp
    token: Callable[[], str | None]
    hosts: frozenset[str] = frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, websocket or life of the server."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            if self._refused_upgrade(scope) is None:
                await self.app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await self._request(scope, receive, _marked(send))

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = await receive()  # the whole body: it has been gathered before us
        refusal = self._refused(scope, first.get("body", b""))
        if refusal is None:
            await self.app(scope, _again(first, receive), send)
            return
        answer = JSONResponse({"error": refusal.sentence}, refusal.status)
        await answer(scope, receive, send)

    def _refused(self, scope: Scope, body: bytes) -> Refusal | None:
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"].rstrip("/")
        if (refusal := self._refused_sender(scope, method)) is not None:
            return refusal
        if method in _READING:
            # Read as Dagster reads it: a name may be written in percent signs.
            asks = "query" in QueryParams(scope.get("query_string", b""))
            return _METHOD if asks and path.endswith(_GRAPHQL) else None
        if method != "POST":
            return _METHOD
        if not _is_json(headers):
            return _NO_JSON
        if not (self._shows_token(headers) or self._same_origin(headers)):
            return _UNKNOWN
        return _misshapen(body) if path.endswith(_GRAPHQL) else None

    def _refused_sender(self, scope: Scope, method: str) -> Refusal | None:
        """By where it comes from and goes to, whatever it asks."""
        headers = Headers(scope=scope)
        if _has_controls(scope["path"]):
            return _STRANGE_ADDRESS
        if not self._our_host(headers):
            return _FOREIGN_HOST
        if headers.getlist("origin") and not self._same_origin(headers):
            return _FOREIGN_ORIGIN
        opened = method in _READING and _is_opened(headers)
        foreign = headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
        return _FOREIGN_ORIGIN if foreign and not opened else None

    def _refused_upgrade(self, scope: Scope) -> Refusal | None:
        """A websocket is no request of ours without an origin that is ours, or the token."""
        headers = Headers(scope=scope)
        refusal = self._refused_sender(scope, "CONNECT")
        if refusal is not None:
            return refusal
        known = self._shows_token(headers) or self._same_origin(headers)
        return None if known else _UNKNOWN

    def _our_host(self, headers: Headers) -> bool:
        hosts = headers.getlist("host")
        parts = _split(f"//{hosts[0]}") if len(hosts) == 1 else None
        # A name and a port only: of more than that others may read another name than we do.
        if parts is None or parts.netloc != hosts[0] or "@" in hosts[0]:
            return False
        return parts.hostname in LOOPBACK | self.hosts

    def _same_origin(self, headers: Headers) -> bool:
        origins = headers.getlist("origin")
        parts = _split(origins[0]) if len(origins) == 1 else None
        if parts is None or parts.scheme not in {"http", "https"}:
            return False
        return parts.netloc == headers.get("host") or _hostname(origins[0]) in self.hosts

    def _shows_token(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        token = self.token()
        if token is None or scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given.strip().encode(), token.encode())


def _is_opened(headers: Headers) -> bool:
    """Whether somebody follows a link or types an address; what opens in a frame is a page's."""
    whole_page = headers.get("sec-fetch-dest", "document") == "document"
    return whole_page and headers.get("sec-fetch-mode") == "navigate"


def _has_controls(path: str) -> bool:
    """Whether this path means one thing to us and another to who routes it.

    A route's pattern ends before a line's end too (``$`` in ``re``), so ``/graphql`` and a newline
    would be Dagster's GraphQL, and to us no GraphQL at all.
    """
    return any(unicodedata.category(sign) == "Cc" for sign in path)


def _misshapen(body: bytes) -> Refusal | None:
    """Why this body is no question to GraphQL, if so."""
    try:
        asked: Any = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return _MALFORMED
    query = asked.get("query") if isinstance(asked, dict) else None
    if not isinstance(query, str) or not isinstance(asked.get("variables"), dict | None):
        return _MALFORMED
    return _TOO_LONG if len(query) > LONGEST_QUERY else None


def _no_number(name: str) -> None:
    """``NaN`` and the like are no JSON; Dagster would read them, and break."""
    raise ValueError(name)


def _is_json(headers: Headers) -> bool:
    kinds = headers.getlist("content-type")
    return len(kinds) == 1 and kinds[0].partition(";")[0].strip().lower() == "application/json"


def _hostname(address: str) -> str | None:
    parts = _split(address)
    return None if parts is None else parts.hostname


def _split(address: str) -> SplitResult | None:
    """``None`` for what is no address, as one whose port is no number."""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises for what is no port
    except ValueError:
        return None
    return parts


def _marked(send: Send) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers[GUARD_HEADER] = "on"
            headers["X-Frame-Options"] = "DENY"
            headers.append("Content-Security-Policy", "frame-ancestors 'none'")
        await send(message)

    return marked


def _again(first: Message, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return first

    return replayed


def host_names(written: str | None) -> frozenset[str]:
    """The names in a setting, commas between."""
    names: Iterable[str] = (written or "").split(",")
    return frozenset(name.strip().lower() for name in names if name.strip())
