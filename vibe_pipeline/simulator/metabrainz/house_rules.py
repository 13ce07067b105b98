"""House rules of all MetaBrainz hosts: say who you are, and come slowly."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.windows import Bucket, RollingWindow

_CONTACT = re.compile(r"\S+/\S+.*(@|https?://)")
Handler = Callable[[Request], Awaitable[Response]]


class MalformedQuery(ValueError):
    """A request that a MetaBrainz service cannot read; its 400 says why."""


class HouseRules:
    """How often each host was asked of late, and whether callers may come in."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._musicbrainz = Bucket()
        self._windows = {"labs": RollingWindow(), "listenbrainz": RollingWindow()}

    def _stranger(self, request: Request) -> Response | None:
        if _CONTACT.search(request.headers.get("user-agent", "")):
            return None
        return PlainTextResponse(
            "Your User-Agent must name your application and a way to contact you.", 403
        )

    def labs(self, handler: Handler, *, host: str = "labs") -> Handler:
        """A ListenBrainz endpoint: thirty calls in a window, told in headers."""

        async def serve(request: Request) -> Response:
            refusal = self._stranger(request)
            if refusal is not None:
                return refusal
            rules, now = self._simulation.rules, self._simulation.clock.now()
            seconds, most = rules.labs_window_seconds, rules.labs_per_window
            left = most - self._windows[host].count(now, seconds)
            headers = {
                "X-RateLimit-Limit": str(most),
                "X-RateLimit-Remaining": str(max(0, left - 1)),
                "X-RateLimit-Reset-In": str(int(seconds)),
                "X-RateLimit-Reset": str(int(now.timestamp() + seconds)),
            }
            if rules.limits_enforced and left <= 0:
                error = {"code": 429, "error": "You have exceeded your rate limit."}
                return JSONResponse(error, 429, headers=headers)
            self._windows[host].add(now)
            try:
                response = await handler(request)
            except MalformedQuery as wrong:
                response = JSONResponse({"code": 400, "error": str(wrong)}, 400)
            response.headers.update(headers)
            return response

        return serve

    def musicbrainz(self, handler: Handler) -> Handler:
        """A MusicBrainz endpoint: one call a second on average, and 503 above it."""

        async def serve(request: Request) -> Response:
            refusal = self._stranger(request)
            if refusal is not None:
                return refusal
            rules = self._simulation.rules
            if rules.limits_enforced and not self._musicbrainz.take(
                self._simulation.clock.now(),
                per_second=rules.musicbrainz_per_second,
                burst=rules.musicbrainz_burst,
            ):
                error = (
                    "Your requests are exceeding the allowable rate limit. "
                    "Please see http://wiki.musicbrainz.org/XMLWebService for more information."
                )
                return JSONResponse({"error": error}, 503, headers={"Retry-After": "1"})
            return await handler(request)

        return serve
