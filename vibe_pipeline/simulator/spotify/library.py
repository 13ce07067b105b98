"""Spotify's library family, and the older calls that it replaced."""

from __future__ import annotations

import re

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify.gate import ApiCall, Gate, SpotifyError, require
from vibe_pipeline.simulator.spotify.state import Saved, SpotifyAccounts

_MOST_URIS = 40
_MOST_IDS = 50
_URI = re.compile(r"spotify:(track|album|episode|show|audiobook|user|playlist|artist):([^:,]+)")
_MODIFY = {
    "artist": "user-follow-modify",
    "user": "user-follow-modify",
    "playlist": "playlist-modify-public",
}
_READ = {
    "artist": "user-follow-read",
    "user": "user-follow-read",
    "playlist": "playlist-read-private",
}


def _uris(call: ApiCall, scopes: dict[str, str], usual: str) -> list[tuple[str, str]]:
    """The kinds and ids asked for; every kind needs its own scope."""
    texts = [text for text in call.query.get("uris", "").split(",") if text]
    if not texts:
        raise SpotifyError(400, "Missing required field: uris")
    if len(texts) > _MOST_URIS:
        raise SpotifyError(400, f"Too many uris requested, the maximum is {_MOST_URIS}")
    found: list[tuple[str, str]] = []
    for text in texts:
        match = _URI.fullmatch(text)
        if match is None:
            raise SpotifyError(400, f"Invalid uri: {text}")
        found.append((match[1], match[2]))
        require(call, scopes.get(match[1], usual))
    return found


def save(call: ApiCall) -> Response:
    """PUT /me/library."""
    for kind, name in _uris(call, _MODIFY, "user-library-modify"):
        keep(call, kind, name)
    return Response(status_code=200)


def remove(call: ApiCall) -> Response:
    """DELETE /me/library: of a playlist it only means to unfollow it."""
    for kind, name in _uris(call, _MODIFY, "user-library-modify"):
        drop(call, kind, name)
    return Response(status_code=200)


def contains(call: ApiCall) -> Response:
    """GET /me/library/contains: by id alone, so a relinked track is not found."""
    asked = _uris(call, _READ, "user-library-read")
    return JSONResponse([holds(call, kind, name) for kind, name in asked])


def holds(call: ApiCall, kind: str, name: str) -> bool:
    """Whether the person has it."""
    account = call.account
    if kind == "track":
        return any(entry.uri == f"spotify:track:{name}" for entry in account.saved)
    if kind == "playlist":
        return any(playlist.id == name for playlist in account.playlists)
    return name in _names(call, kind)


def _names(call: ApiCall, kind: str) -> list[str]:
    if kind == "album":
        return call.account.saved_albums
    if kind == "artist":
        return call.account.followed_artists
    return call.account.other_things


def keep(call: ApiCall, kind: str, name: str) -> None:
    """Save or follow one thing; what is there already stays as it is."""
    if holds(call, kind, name):
        return
    if kind == "track":
        track = call.simulation.world.track(name)
        if track is None:
            raise SpotifyError(404, "Resource not found")
        saved = Saved(track=track, added_at=call.simulation.clock.now())
        call.account.saved.insert(0, saved)
    elif kind == "playlist":
        playlist = call.simulation.part(SpotifyAccounts).playlists.get(name)
        if playlist is None:
            raise SpotifyError(404, "Resource not found")
        call.account.playlists.insert(0, playlist)
    else:
        _names(call, kind).insert(0, name)


def drop(call: ApiCall, kind: str, name: str) -> None:
    """Remove or unfollow one thing, if it is there."""
    account = call.account
    if kind == "track":
        uri = f"spotify:track:{name}"
        account.saved[:] = [entry for entry in account.saved if entry.uri != uri]
    elif kind == "playlist":
        account.playlists[:] = [one for one in account.playlists if one.id != name]
    elif name in _names(call, kind):
        _names(call, kind).remove(name)


async def _ids(call: ApiCall) -> list[str]:
    text = call.query.get("ids")
    if text is None:
        body = await call.request.body()
        found = (await call.json()).get("ids", []) if body.strip().startswith(b"{") else []
        names = [str(name) for name in found]
    else:
        names = [name for name in text.split(",") if name]
    if not 0 < len(names) <= _MOST_IDS:
        raise SpotifyError(400, "invalid id" if not names else "Too many ids requested")
    return names


async def save_tracks(call: ApiCall) -> Response:
    """PUT /me/tracks, for older apps."""
    for name in await _ids(call):
        keep(call, "track", name)
    return Response(status_code=200)


async def remove_tracks(call: ApiCall) -> Response:
    """DELETE /me/tracks, for older apps."""
    for name in await _ids(call):
        drop(call, "track", name)
    return Response(status_code=200)


async def contains_tracks(call: ApiCall) -> Response:
    """GET /me/tracks/contains, for older apps."""
    return JSONResponse([holds(call, "track", name) for name in await _ids(call)])


def follow_playlist(call: ApiCall) -> Response:
    """PUT /playlists/{id}/followers, for older apps."""
    keep(call, "playlist", str(call.request.path_params["id"]))
    return Response(status_code=200)


def unfollow_playlist(call: ApiCall) -> Response:
    """DELETE /playlists/{id}/followers, for older apps."""
    drop(call, "playlist", str(call.request.path_params["id"]))
    return Response(status_code=200)


def routes(simulation: Simulation) -> list[BaseRoute]:
    """Saving, removing, asking."""
    gate = Gate(simulation)
    write, read = ("user-library-modify",), ("user-library-read",)
    playlists = ("playlist-modify-public", "playlist-modify-private")
    old_tracks, old_followers = "/spotify/v1/me/tracks", "/spotify/v1/playlists/{id}/followers"
    return [
        Route("/spotify/v1/me/library", gate.endpoint(save), methods=["PUT"]),
        Route("/spotify/v1/me/library", gate.endpoint(remove), methods=["DELETE"]),
        Route("/spotify/v1/me/library/contains", gate.endpoint(contains)),
        Route(old_tracks, gate.endpoint(save_tracks, scopes=write, gone="C:403"), methods=["PUT"]),
        Route(
            old_tracks, gate.endpoint(remove_tracks, scopes=write, gone="C:403"), methods=["DELETE"]
        ),
        Route(f"{old_tracks}/contains", gate.endpoint(contains_tracks, scopes=read, gone="C:403")),
        Route(
            old_followers,
            gate.endpoint(follow_playlist, any_scope=playlists, gone="C:403"),
            methods=["PUT"],
        ),
        Route(
            old_followers,
            gate.endpoint(unfollow_playlist, any_scope=playlists, gone="C:403"),
            methods=["DELETE"],
        ),
    ]
