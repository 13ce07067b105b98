"""Last.fm's one endpoint: XML turned into JSON, with all the seams showing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.lastfm import charts
from vibe_pipeline.simulator.lastfm.records import Asked, LastFmError
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.windows import Bucket

_METHODS: dict[str, Callable[[Asked], dict[str, Any]]] = {
    "artist.getinfo": charts.artist_info,
    "artist.getsimilar": charts.similar_artists,
    "artist.gettoptags": charts.artist_tags,
    "artist.gettoptracks": charts.artist_top_tracks,
    "tag.gettoptracks": charts.tag_top_tracks,
    "track.getsimilar": charts.similar_tracks,
    "track.gettoptags": charts.track_tags,
    "user.getrecenttracks": charts.recent_tracks,
}
_TOO_FAST = "Rate Limit Exceeded - Your IP has made too many requests in a short period"


class LastFm:
    """The endpoint, and how fast it is asked."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._bucket = Bucket()

    async def serve(self, request: Request) -> Response:
        """Any method; the status says little, the body decides."""
        form = {key: str(value) for key, value in (await request.form()).items()}
        asked = Asked(self._simulation, {**form, **dict(request.query_params)})
        json = asked.text("format") == "json"
        try:
            self._check(asked)
            body = self._method(asked)(asked)
        except LastFmError as error:
            return _refused(error, json=json)
        return JSONResponse(body) if json else _xml(_as_xml(body), 200)

    def _check(self, asked: Asked) -> None:
        rules = self._simulation.rules
        if asked.text("api_key") != self._simulation.credentials.lastfm_api_key:
            raise LastFmError(
                10, "Invalid API key - You must be granted a valid key by last.fm", status=403
            )
        if rules.limits_enforced and not self._bucket.take(
            self._simulation.clock.now(),
            per_second=rules.lastfm_per_second,
            burst=rules.lastfm_burst,
        ):
            raise LastFmError(29, _TOO_FAST, status=429)

    def _method(self, asked: Asked) -> Callable[[Asked], dict[str, Any]]:
        found = _METHODS.get(asked.text("method").lower())
        if found is None:
            raise LastFmError(3, "Invalid Method - No method with that name in this package", 400)
        return found


def _refused(error: LastFmError, *, json: bool) -> Response:
    if json:
        body: dict[str, Any] = {"error": error.code, "message": error.message}
        return JSONResponse({**body, "links": []} if error.code == 6 else body, error.status)
    inside = f'<error code="{error.code}">{escape(error.message)}</error>'
    return _xml(f'<lfm status="failed">{inside}</lfm>', error.status)


def _xml(body: str, status: int) -> Response:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return Response(head + body, status, media_type="text/xml")


def _as_xml(body: dict[str, Any]) -> str:
    return (
        f'<lfm status="ok">{"".join(_element(name, value) for name, value in body.items())}</lfm>'
    )


def _element(name: str, value: object) -> str:
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if not isinstance(value, dict):
        return f"<{name}>{escape(str(value))}</{name}>"
    marks = "".join(f" {key}={quoteattr(str(val))}" for key, val in value.get("@attr", {}).items())
    inside = "".join(
        _element(key, item) for key, item in value.items() if key not in {"@attr", "#text"}
    )
    return f"<{name}{marks}>{inside}{escape(str(value.get('#text', '')))}</{name}>"


def routes(simulation: Simulation) -> list[BaseRoute]:
    """Last.fm under ``/lastfm/2.0/``, with or without the last slash."""
    service = LastFm(simulation)
    methods = ["GET", "POST"]
    return [
        Route("/lastfm/2.0", service.serve, methods=methods),
        Route("/lastfm/2.0/", service.serve, methods=methods),
    ]
