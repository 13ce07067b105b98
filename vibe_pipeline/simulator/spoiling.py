"""What a spoiled answer looks like on the wire, by kind of fault and by service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from vibe_pipeline.simulator.faults import Fault

_DEFAULT_TIMEOUT_SECONDS = 30.0
_DEFAULT_WAIT_SECONDS = 3
_DRIP_SECONDS = 0.1
_QUOTA_WAIT_SECONDS = 48_925
_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_LASTFM_TOO_FAST = "Rate Limit Exceeded - Your IP has made too many requests in a short period"
_LASTFM_BROKEN = "Operation failed - Most likely the backend service failed. Please try again."


async def spoil(fault: Fault, service: str, scope: Scope, receive: Receive, send: Send) -> int:
    """Give the answer that was ordered; its status, or 0 when there is none."""
    if fault.kind == "drop":
        headers = [(b"content-length", b"4096"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"', "more_body": True})
        return 0
    if fault.kind == "drip":
        await _drip(fault, send)
        return 0
    if fault.kind == "timeout":
        await asyncio.sleep(_DEFAULT_TIMEOUT_SECONDS if fault.delay is None else 0)
        await Response(status_code=504)(scope, receive, send)
        return 0
    response = _spoiled(fault, service)
    if fault.retry_after is not None:
        response.headers["Retry-After"] = f"{fault.retry_after:.15g}"
    await response(scope, receive, send)
    return response.status_code


async def _drip(fault: Fault, send: Send) -> None:
    """An answer that comes letter by letter, and to no end within anybody's patience."""
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": fault.status or 200, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"items": [', "more_body": True})
    for _ in range(round((fault.delay or _DEFAULT_TIMEOUT_SECONDS) / _DRIP_SECONDS)):
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await asyncio.sleep(_DRIP_SECONDS)
    await send({"type": "http.response.body", "body": b"]}"})


def _spoiled(fault: Fault, service: str) -> Response:
    if fault.body is not None:
        return Response(fault.body, fault.status or 500, media_type="text/plain")
    return _KINDS[fault.kind](fault, service)


def _html(fault: Fault, service: str) -> Response:
    return HTMLResponse(_BAD_GATEWAY, fault.status or 502)


def _empty(fault: Fault, service: str) -> Response:
    return Response(b"", fault.status or 200)


def _garbage(fault: Fault, service: str) -> Response:
    return Response(b'{"items": [', fault.status or 200, media_type="application/json")


def _error_inside(fault: Fault, service: str) -> Response:
    """A success by its status and a refusal by its body."""
    if service == "lastfm":
        return JSONResponse({"error": 8, "message": _LASTFM_BROKEN}, fault.status or 200)
    if service == "telegram":
        return _telegram(fault.status or 200, 500, "Internal Server Error")
    error = {"status": 500, "message": "Server error."}
    return JSONResponse({"error": error}, fault.status or 200)


def _wrong_types(fault: Fault, service: str) -> Response:
    """Every field of a page is there, and none holds what it should."""
    entries = [7, "track", [], {"track": "song"}, {"added_at": 3, "track": {"id": 5}}]
    inside = {"items": entries, "artist": 7, "track": 7, "total": 5}
    lists = ("similarartists", "similartracks", "toptracks", "tracks", "recordings", "artist")
    return JSONResponse({**dict.fromkeys(lists, 7), **inside, "id": 7, "snapshot_id": 7})


def _nested(fault: Fault, service: str) -> Response:
    """JSON that no reader goes to the bottom of."""
    depth = 200_000
    body = b'{"items": ' + b"[" * depth + b"]" * depth + b"}"
    return Response(body, fault.status or 200, media_type="application/json")


def _huge(fault: Fault, service: str) -> Response:
    """Ten megabytes that begin well."""
    body = b'{"items": [], "total": 0, "padding": "' + b"x" * 10_000_000 + b'"}'
    return Response(body, fault.status or 200, media_type="application/json")


def _redirect(fault: Fault, service: str) -> Response:
    """To where everybody is sent again."""
    return Response(status_code=fault.status or 302, headers={"Location": "/spotify/v1/me"})


def _quota(fault: Fault, service: str) -> Response:
    if fault.retry_after is None:
        fault.retry_after = _QUOTA_WAIT_SECONDS
    error = {"status": 429, "message": "Too many requests", "reason": "QUOTA_EXCEEDED"}
    return JSONResponse({"error": error}, fault.status or 429)


def _rate(fault: Fault, service: str) -> Response:
    if service == "lastfm":
        return JSONResponse({"error": 29, "message": _LASTFM_TOO_FAST}, fault.status or 429)
    if fault.retry_after is None:
        fault.retry_after = _DEFAULT_WAIT_SECONDS
    if service == "telegram":
        wait = int(fault.retry_after)
        said = f"Too Many Requests: retry after {wait}"
        return _telegram(fault.status or 429, 429, said, retry_after=wait)
    if service == "musicbrainz":
        error = "Your requests are exceeding the allowable rate limit."
        return JSONResponse({"error": error}, fault.status or 503)
    refusal = {"status": 429, "message": "API rate limit exceeded"}
    return JSONResponse({"error": refusal}, fault.status or 429)


def _status(fault: Fault, service: str) -> Response:
    status = fault.status or 500
    if service == "telegram":
        return _telegram(status, status, "Internal Server Error")
    if service == "lastfm":
        return JSONResponse(
            {"error": 11, "message": "Service Offline - This service is temporarily offline."},
            status,
        )
    message = {401: "The access token expired", 403: "Forbidden"}.get(status, "Server error.")
    return JSONResponse({"error": {"status": status, "message": message}}, status)


def _telegram(status: int, code: int, said: str, **parameters: int) -> Response:
    answer: dict[str, object] = {"ok": False, "error_code": code, "description": said}
    if parameters:
        answer["parameters"] = parameters
    return JSONResponse(answer, status)


_KINDS: dict[str, Callable[[Fault, str], Response]] = {
    "empty": _empty,
    "error200": _error_inside,
    "garbage": _garbage,
    "html": _html,
    "huge": _huge,
    "nested": _nested,
    "quota": _quota,
    "rate": _rate,
    "redirect": _redirect,
    "status": _status,
    "wrong_types": _wrong_types,
}
