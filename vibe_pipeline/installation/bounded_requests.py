"""Bounds on what may come in over HTTP: how long a request may take to arrive, and how big it is.

Timeouts and a size limit for slow, half-open and endless requests (slowloris), for any ASGI app of
ours. What a request may do is the app's own matter.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADER_SECONDS = 15.0
BODY_SECONDS = 15.0
MOST_HEAD_BYTES = 64_000
_CLOSE = {"Connection": "close"}
_HEAD_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)


class _Refused(Exception):
    """The request will not be taken; the status says why."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class _Gone(Exception):
    """Whoever asked hung up before the request was whole."""


class BoundedRequests:
    """Hands a request on once it has arrived as a whole, within its time and size.

    408 for one that takes longer, 413 for one that is bigger; whoever hangs up half-way is
    forgotten without a word.
    """

    def __init__(
        self, app: ASGIApp, *, most_bytes: int, within_seconds: float = BODY_SECONDS
    ) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._within_seconds = within_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._within_seconds):
                body = await self._body(scope, receive)
        except TimeoutError:
            await _refuse(HTTPStatus.REQUEST_TIMEOUT, scope, receive, send)
        except _Refused as refused:
            await _refuse(refused.status, scope, receive, send)
        except _Gone:
            return
        else:
            await self._app(scope, _once(body, receive), send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._most_bytes:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            body += message.get("body", b"")
            if len(body) > self._most_bytes:
                raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            more = message.get("more_body", False)
        return body


def _once(body: bytes, receive: Receive) -> Receive:
    """What the app reads: the whole body first, and then whatever comes."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _refuse(status: HTTPStatus, scope: Scope, receive: Receive, send: Send) -> None:
    answer = JSONResponse({"error": status.phrase}, status, _CLOSE)
    await answer(scope, receive, send)


class ImpatientProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Uvicorn's HTTP protocol, but a request's head must arrive within a time and size.

    Else we hang up. Of uvicorn's two parsers only h11 has a bound on the size of its own; the
    other one tells where a head begins and ends.
    """

    _waits: asyncio.TimerHandle | None = None
    _in_head = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait_for_request()

    def data_received(self, data: bytes) -> None:
        """Wait on, unless a request has arrived; too long a beginning of one is not waited for."""
        begun = self._in_head
        super().data_received(data)
        # Where in what has just arrived a head began, nobody says: it counts from the next on.
        self._head_bytes = self._head_bytes + len(data) if begun and self._in_head else 0
        if self._head_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_HEAD_TOO_LARGE)
            self.transport.close()
        under_way = self.cycle is not None and not self.cycle.response_complete
        if under_way and self._waits is not None:
            self._waits.cancel()
            self._waits = None
        elif not under_way and self._waits is None:
            self._wait_for_request()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It has ended, and a body may follow."""
        self._in_head = False
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        if self._waits is not None:
            self._waits.cancel()
        super().connection_lost(exc)

    def _wait_for_request(self) -> None:
        self._waits = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._waits = None
        under_way = self.cycle is not None and not self.cycle.response_complete
        if not under_way and self.transport.get_protocol() is self:
            self.transport.close()
