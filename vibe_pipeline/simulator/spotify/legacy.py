"""Spotify endpoints that only older or extended apps still have."""

from __future__ import annotations

import random
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.matching import folded
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify import shapes
from vibe_pipeline.simulator.spotify.catalogue import best
from vibe_pipeline.simulator.spotify.gate import ApiCall, Gate, Handler, SpotifyError
from vibe_pipeline.simulator.worlds.catalogue import Artist, Track

_MOST_SEEDS = 5
_MARKETS = ["DE", "GB", "GR", "NL", "SE", "UA"]


def recommendations(call: ApiCall) -> Response:
    """GET /recommendations: one to five seeds of any kind together."""
    seeds = [
        (kind, name)
        for kind in ("artist", "track", "genre")
        for name in call.query.get(f"seed_{kind}s", "").split(",")
        if name
    ]
    if not 1 <= len(seeds) <= _MOST_SEEDS:
        raise SpotifyError(400, "invalid request")
    limit = call.whole("limit", 20, 1, 100)
    roots = [(seed, _roots(call, *seed)) for seed in seeds]
    pool: dict[str, Track] = {}
    rng = random.Random(call.simulation.world.ids.number("recommendations", *sorted(seeds)))
    for _, artists in roots:
        for owner in artists:
            for other, _ in [(owner, 1.0), *call.simulation.world.similar_artists(owner)[:20]]:
                for track in rng.sample(songs := best(call, other), k=min(3, len(songs))):
                    pool.setdefault(track.recording.mbid, track)
    excluded = {name for kind, name in seeds if kind == "track"}
    tracks = [track for track in pool.values() if track.spotify_id not in excluded]
    rng.shuffle(tracks)
    return JSONResponse(
        {
            "seeds": [_seed(kind, name, len(tracks)) for (kind, name), _ in roots],
            "tracks": [shapes.full_track(call, track) for track in tracks[:limit]],
        }
    )


def _roots(call: ApiCall, kind: str, name: str) -> list[Artist]:
    world = call.simulation.world
    if kind == "artist" and (artist := world.artist(name)) is not None:
        return [artist]
    if kind == "track" and (track := world.track(name)) is not None:
        return [track.recording.artist]
    if kind == "genre":
        wanted = folded(name)
        return [one for one in world.artists if wanted in {folded(tag) for tag, _ in one.tags}][:8]
    raise SpotifyError(400, "invalid request")


def _seed(kind: str, name: str, size: int) -> dict[str, Any]:
    return {
        "afterFilteringSize": size,
        "afterRelinkingSize": size,
        "href": None,
        "id": name,
        "initialPoolSize": size,
        "type": kind.upper(),
    }


def genre_seeds(call: ApiCall) -> Response:
    """GET /recommendations/available-genre-seeds."""
    tags = {tag for artist in call.simulation.world.artists[:600] for tag, _ in artist.tags[:1]}
    return JSONResponse({"genres": sorted(tags)})


def _features(call: ApiCall, identifier: str) -> dict[str, Any] | None:
    track = call.simulation.world.track(identifier)
    if track is None:
        return None
    ids = call.simulation.world.ids
    names = ("acousticness", "danceability", "energy", "speechiness", "valence")
    return {
        **{name: round(ids.share(name, track.recording.mbid), 3) for name in names},
        "duration_ms": track.recording.duration_ms,
        "id": track.spotify_id,
        "tempo": 70 + round(ids.share("tempo", track.recording.mbid) * 90, 1),
        "type": "audio_features",
        "uri": track.uri,
    }


def audio_features(call: ApiCall) -> Response:
    """GET /audio-features?ids=."""
    names = call.query.get("ids", "").split(",")
    return JSONResponse({"audio_features": [_features(call, name) for name in names]})


def audio_features_of_one(call: ApiCall) -> Response:
    """GET /audio-features/{id}."""
    found = _features(call, str(call.request.path_params["id"]))
    if found is None:
        raise SpotifyError(404, "analysis not found")
    return JSONResponse(found)


def markets(call: ApiCall) -> Response:
    """GET /markets."""
    return JSONResponse({"markets": _MARKETS})


def new_releases(call: ApiCall) -> Response:
    """GET /browse/new-releases."""
    limit = call.whole("limit", 20, 1, 50)
    world = call.simulation.world
    albums = [album for one in world.artists[:40] for album in world.discography(one).albums]
    albums.sort(key=lambda album: (album.released, album.spotify_id), reverse=True)
    items = [shapes.simple_album(call, album) for album in albums[:limit]]
    return JSONResponse({"albums": call.page("/browse/new-releases", items, 100, limit, 0)})


def empty_list(call: ApiCall) -> Response:
    """Browse pages that nobody here fills."""
    path = call.request.url.path.removeprefix("/spotify/v1")
    key = "categories" if path.endswith("categories") else "playlists"
    return JSONResponse({key: call.page(path, [], 0, 20, 0)})


def profile_of(call: ApiCall) -> Response:
    """GET /users/{user}."""
    user = str(call.request.path_params["user"])
    for listener in call.simulation.world.listeners:
        if listener.id == user:
            return JSONResponse(
                {
                    "display_name": listener.name,
                    "external_urls": {"spotify": f"https://open.spotify.com/user/{user}"},
                    "href": call.url(f"/users/{user}"),
                    "id": user,
                    "type": "user",
                    "uri": f"spotify:user:{user}",
                }
            )
    raise SpotifyError(404, "No such user")


def routes(simulation: Simulation) -> list[BaseRoute]:
    """What 2024 and 2026 took away."""
    gate = Gate(simulation)
    table: list[tuple[str, Handler, str]] = [
        ("/recommendations", recommendations, "BC:404"),
        ("/recommendations/available-genre-seeds", genre_seeds, "BC:404:empty"),
        ("/audio-features", audio_features, "BC:403"),
        ("/audio-features/{id}", audio_features_of_one, "BC:403"),
        ("/audio-analysis/{id}", audio_features_of_one, "BC:403"),
        ("/browse/new-releases", new_releases, "C:403"),
        ("/browse/categories", empty_list, "C:403"),
        ("/browse/featured-playlists", empty_list, "BC:404"),
        ("/browse/categories/{id}/playlists", empty_list, "BC:404"),
        ("/markets", markets, "C:403"),
        ("/users/{user}", profile_of, "C:403"),
    ]
    return [
        Route(f"/spotify/v1{path}", gate.endpoint(handler, gone=gone))
        for path, handler, gone in table
    ]
