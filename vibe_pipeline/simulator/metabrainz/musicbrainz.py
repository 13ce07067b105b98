"""MusicBrainz' web service: ISRCs, recordings, artists."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.metabrainz.house_rules import HouseRules
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.catalogue import Artist, Recording
from vibe_pipeline.simulator.worlds.identifiers import owner_of_mbid

_KNOWN_ISRCS = 0.75
_HELP = "For usage, please see: https://musicbrainz.org/development/mmd"


class MusicBrainz:
    """The lookups this product may use; everything else is not found."""

    def __init__(self, simulation: Simulation) -> None:
        self._world = simulation.world

    async def isrc(self, request: Request) -> Response:
        """GET /isrc/{isrc}: volunteers have entered about three of four."""
        code = str(request.path_params["isrc"]).upper()
        if len(code) != 12 or not code.isalnum():
            return _refusal(400, "Invalid isrc.")
        recordings = {track.recording.mbid: track.recording for track in self._known(code)}
        if not recordings:
            return _refusal(404, "Not Found")
        included = _included(request)
        rows = [self._recording(recording, included) for recording in recordings.values()]
        return _answer(request, {"isrc": code, "recordings": rows})

    def _known(self, code: str) -> list[Any]:
        if self._world.ids.share("musicbrainz isrc", code) >= _KNOWN_ISRCS:
            return []
        return list(self._world.tracks_by_isrc(code))

    async def recording(self, request: Request) -> Response:
        """GET /recording/{mbid}."""
        mbid = str(request.path_params["mbid"])
        if owner_of_mbid(mbid) is None:
            return _refusal(400, "Invalid mbid.")
        found = self._world.recording(mbid)
        if found is None:
            return _refusal(404, "Not Found")
        return _answer(request, self._recording(found, _included(request)))

    async def artist(self, request: Request) -> Response:
        """GET /artist/{mbid}."""
        mbid = str(request.path_params["mbid"])
        if owner_of_mbid(mbid) is None:
            return _refusal(400, "Invalid mbid.")
        found = self._world.artist_by_mbid(mbid)
        if found is None:
            return _refusal(404, "Not Found")
        shape = _artist(found)
        if "aliases" in _included(request):
            shape["aliases"] = self._aliases(found)
        if "url-rels" in _included(request):
            target = f"https://open.spotify.com/artist/{found.spotify_id}"
            shape["relations"] = [{"type": "free streaming", "url": {"resource": target}}]
        if "genres" in _included(request):
            shape["genres"] = [{"name": name, "count": count} for name, count in found.tags]
        return _answer(request, shape)

    def _recording(self, recording: Recording, included: frozenset[str]) -> dict[str, Any]:
        shape: dict[str, Any] = {
            "id": recording.mbid,
            "title": recording.title.partition(" (feat.")[0],
            "length": recording.duration_ms,
            "video": False,
            "disambiguation": recording.version,
        }
        homes = self._world.discography(recording.artist).of(recording)
        if included & {"artists", "artist-credits"}:
            shape["artist-credit"] = [
                {"name": artist.name, "joinphrase": "", "artist": _artist(artist)}
                for artist in (recording.artist, *recording.guests)
            ]
        if "isrcs" in included:
            shape["isrcs"] = sorted({track.isrc for track in homes if track.isrc is not None})
        if "releases" in included:
            shape["releases"] = [
                {
                    "id": self._world.ids.mbid("release", recording.artist.number, home.spotify_id),
                    "title": home.album.name,
                    "date": home.album.released,
                    "status": "Official",
                }
                for home in homes
            ]
        return shape

    def _aliases(self, artist: Artist) -> list[dict[str, Any]]:
        """For every third artist the name the other way round, and a misspelling."""
        words = artist.name.split()
        if len(words) < 2 or self._world.ids.share("aliases", artist.mbid) > 1 / 3:
            return []
        named = {"Artist name": " ".join(reversed(words)), "Search hint": words[0][:-1]}
        return [
            {"name": name, "sort-name": name, "locale": None, "primary": None, "type": kind}
            for kind, name in named.items()
        ]

    async def not_found(self, request: Request) -> Response:
        """Nothing else is here."""
        return _refusal(404, "Not Found")


def _artist(artist: Artist) -> dict[str, Any]:
    return {
        "id": artist.mbid,
        "name": artist.name,
        "sort-name": artist.name,
        "disambiguation": "",
        "type": None,
    }


def _included(request: Request) -> frozenset[str]:
    return frozenset(request.query_params.get("inc", "").replace(" ", "+").split("+"))


def _answer(request: Request, shape: dict[str, Any]) -> Response:
    """JSON only when asked for it; otherwise XML, as the web service has it."""
    wants_json = request.query_params.get("fmt") == "json"
    if wants_json or "application/json" in request.headers.get("accept", ""):
        return JSONResponse(shape)
    body = '<?xml version="1.0" encoding="UTF-8"?><metadata/>'
    return Response(body, media_type="application/xml")


def _refusal(status: int, error: str) -> Response:
    return JSONResponse({"error": error, "help": _HELP}, status)


def routes(simulation: Simulation) -> list[BaseRoute]:
    """``/musicbrainz/ws/2/…``."""
    service, rules = MusicBrainz(simulation), simulation.part(HouseRules)
    root = "/musicbrainz/ws/2"
    return [
        Route(f"{root}/isrc/{{isrc}}", rules.musicbrainz(service.isrc)),
        Route(f"{root}/recording/{{mbid}}", rules.musicbrainz(service.recording)),
        Route(f"{root}/artist/{{mbid}}", rules.musicbrainz(service.artist)),
        Route("/musicbrainz/{rest:path}", rules.musicbrainz(service.not_found)),
    ]
