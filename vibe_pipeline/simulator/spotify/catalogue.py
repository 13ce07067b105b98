"""Spotify's catalogue: tracks, albums and artists, one at a time, or many for older apps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify import shapes
from vibe_pipeline.simulator.spotify.gate import ApiCall, Gate, Handler, SpotifyError
from vibe_pipeline.simulator.spotify.me import check_market
from vibe_pipeline.simulator.worlds.catalogue import VARIOUS_ARTISTS, Album, Artist, Track

_GROUPS = ("album", "single", "appears_on", "compilation")


def _identifier(call: ApiCall) -> str:
    identifier = str(call.request.path_params["id"])
    if len(identifier) != 22 or not identifier.isascii() or not identifier.isalnum():
        raise SpotifyError(400, "Invalid base62 id")
    return identifier


def _track_of(call: ApiCall, identifier: str) -> Track:
    check_market(call)
    found = call.simulation.world.track(identifier)
    if found is None or found.vanished:
        raise SpotifyError(404, "Resource not found")
    return found


def _artist_of(call: ApiCall, identifier: str) -> Artist:
    found = call.simulation.world.artist(identifier)
    if found is None:
        raise SpotifyError(404, "Resource not found")
    return found


def _album_of(call: ApiCall, identifier: str) -> Album:
    found = call.simulation.world.album(identifier)
    if found is None:
        raise SpotifyError(404, "Resource not found")
    return found


def track(call: ApiCall) -> Response:
    """GET /tracks/{id}."""
    return JSONResponse(shapes.full_track(call, _track_of(call, _identifier(call))))


def artist(call: ApiCall) -> Response:
    """GET /artists/{id}."""
    return JSONResponse(shapes.full_artist(call, _artist_of(call, _identifier(call))))


def album(call: ApiCall) -> Response:
    """GET /albums/{id}."""
    return JSONResponse(shapes.full_album(call, _album_of(call, _identifier(call))))


def album_tracks(call: ApiCall) -> Response:
    """GET /albums/{id}/tracks: simplified, without ISRC."""
    found = _album_of(call, _identifier(call))
    limit = call.whole("limit", 20, 1, 50)
    offset = call.whole("offset", 0, 0, 100_000)
    tracks = call.simulation.world.album_tracks(found)
    items = [shapes.simple_track(call, one) for one in tracks[offset : offset + limit]]
    path = f"/albums/{found.spotify_id}/tracks"
    return JSONResponse(call.page(path, items, len(tracks), limit, offset))


def _group(owner: Artist, one: Album) -> str:
    if one.artist.number == VARIOUS_ARTISTS and owner.number != VARIOUS_ARTISTS:
        return "appears_on"
    return one.kind


def artist_albums(call: ApiCall) -> Response:
    """GET /artists/{id}/albums: at most ten a page for new apps, refused without a word."""
    owner = _artist_of(call, _identifier(call))
    old = call.regime != "C"
    most = 50 if old else 10
    text = call.query.get("limit", "20" if old else "5")
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise SpotifyError(400, "Invalid limit" if old else None)
    limit, offset = int(text), call.whole("offset", 0, 0, 100_000)
    wanted = call.query.get("include_groups", ",".join(_GROUPS)).split(",")
    if not set(wanted) <= set(_GROUPS):
        raise SpotifyError(400, "Invalid include_groups")
    grouped = [(_group(owner, one), one) for one in _albums_with(call, owner)]
    chosen = [(group, one) for group, one in grouped if group in wanted]
    items = [
        shapes.simple_album(call, one, group=group)
        for group, one in chosen[offset : offset + limit]
    ]
    path = f"/artists/{owner.spotify_id}/albums"
    return JSONResponse(call.page(path, items, len(chosen), limit, offset))


def _albums_with(call: ApiCall, owner: Artist) -> list[Album]:
    """Newest first: their own, then those they appear on."""
    if owner.number == VARIOUS_ARTISTS:
        return []
    made = call.simulation.world.discography(owner)
    own = sorted(made.albums, key=lambda one: (one.released, one.spotify_id), reverse=True)
    others = {
        one.album.spotify_id: one.album
        for one in made.tracks
        if one.album.artist.number == VARIOUS_ARTISTS
    }
    return [*own, *others.values()]


def top_tracks(call: ApiCall) -> Response:
    """GET /artists/{id}/top-tracks, for older apps."""
    owner = _artist_of(call, _identifier(call))
    return JSONResponse({"tracks": [shapes.full_track(call, one) for one in best(call, owner)]})


def best(call: ApiCall, owner: Artist, *, limit: int = 10) -> list[Track]:
    """An artist's best known tracks, one of each recording."""
    seen: set[str] = set()
    chosen: list[Track] = []
    tracks = call.simulation.world.discography(owner).tracks
    for one in sorted(tracks, key=lambda one: (-one.popularity, one.spotify_id)):
        offered = call.simulation.world.offers(one) and one.substitute is None
        if one.recording.mbid not in seen and offered:
            seen.add(one.recording.mbid)
            chosen.append(one)
    return chosen[:limit]


def related_artists(call: ApiCall) -> Response:
    """GET /artists/{id}/related-artists, for extended apps."""
    owner = _artist_of(call, _identifier(call))
    near = call.simulation.world.similar_artists(owner)[:20]
    return JSONResponse({"artists": [shapes.full_artist(call, other) for other, _ in near]})


def _many(
    key: str, most: int, shape: Callable[[ApiCall, str], dict[str, Any] | None]
) -> Callable[[ApiCall], Response]:
    """GET /{key}?ids=: unknown ones are null."""

    def several(call: ApiCall) -> Response:
        identifiers = [name for name in call.query.get("ids", "").split(",") if name]
        if not 0 < len(identifiers) <= most:
            raise SpotifyError(400, "Too many ids requested" if identifiers else "invalid id")
        return JSONResponse({key: [shape(call, identifier) for identifier in identifiers]})

    return several


def _track_or_null(call: ApiCall, identifier: str) -> dict[str, Any] | None:
    found = call.simulation.world.track(identifier)
    return None if found is None or found.vanished else shapes.full_track(call, found)


def _album_or_null(call: ApiCall, identifier: str) -> dict[str, Any] | None:
    found = call.simulation.world.album(identifier)
    return None if found is None else shapes.full_album(call, found)


def _artist_or_null(call: ApiCall, identifier: str) -> dict[str, Any] | None:
    found = call.simulation.world.artist(identifier)
    return None if found is None else shapes.full_artist(call, found)


def routes(simulation: Simulation) -> list[BaseRoute]:
    """The catalogue."""
    gate = Gate(simulation)
    table: list[tuple[str, Handler, str | None]] = [
        ("/tracks/{id}", track, None),
        ("/artists/{id}", artist, None),
        ("/artists/{id}/albums", artist_albums, None),
        ("/albums/{id}", album, None),
        ("/albums/{id}/tracks", album_tracks, None),
        ("/artists/{id}/top-tracks", top_tracks, "C:403"),
        ("/artists/{id}/related-artists", related_artists, "BC:404"),
        ("/tracks", _many("tracks", 50, _track_or_null), "C:403"),
        ("/albums", _many("albums", 20, _album_or_null), "C:403"),
        ("/artists", _many("artists", 50, _artist_or_null), "C:403"),
    ]
    return [
        Route(f"/spotify/v1{path}", gate.endpoint(handler, gone=gone))
        for path, handler, gone in table
    ]
