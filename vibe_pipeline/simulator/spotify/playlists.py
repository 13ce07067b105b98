"""Spotify's playlists: made, described, filled, read."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify import shapes
from vibe_pipeline.simulator.spotify.fields import keep_fields, read_fields
from vibe_pipeline.simulator.spotify.gate import ApiCall, Gate, Handler, SpotifyError
from vibe_pipeline.simulator.spotify.me import check_market
from vibe_pipeline.simulator.spotify.state import Playlist, Saved, SpotifyAccounts
from vibe_pipeline.simulator.windows import RollingWindow

_MOST_URIS = 100
_MOST_ITEMS = 10_000
_MOST_COVER_BYTES = 256 * 1024
_MODIFY = ("playlist-modify-public", "playlist-modify-private")
_READ = ("playlist-read-private",)


def _playlist(call: ApiCall) -> Playlist:
    identifier = str(call.request.path_params["id"])
    found = call.simulation.part(SpotifyAccounts).playlists.get(identifier)
    if found is None:
        raise SpotifyError(404, "Resource not found")
    return found


def _own(call: ApiCall) -> Playlist:
    playlist = _playlist(call)
    if playlist.owner != call.account.listener.id:
        raise SpotifyError(403, "You cannot edit a playlist you don't own.")
    return playlist


def mine(call: ApiCall) -> Response:
    """GET /me/playlists: newest first; counts may lag behind."""
    limit = call.whole("limit", 20, 1, 50)
    offset = call.whole("offset", 0, 0, 100_000)
    kept = call.account.playlists
    items = [shapes.simple_playlist(call, one) for one in kept[offset : offset + limit]]
    return JSONResponse(call.page("/me/playlists", items, len(kept), limit, offset))


def _text(wish: dict[str, Any], name: str) -> str | None:
    found = wish.get(name)
    if found is not None and not isinstance(found, str):
        raise SpotifyError(400, f"Invalid {name}")
    return found


async def create(call: ApiCall) -> Response:
    """POST /me/playlists: ``public: false`` is accepted and ignored."""
    wish = await call.json()
    name = _text(wish, "name")
    if not name or not name.strip():
        raise SpotifyError(400, "Missing required field: name")
    playlist = call.simulation.part(SpotifyAccounts).create_playlist(
        call.account,
        name=name,
        description=_text(wish, "description"),
        collaborative=bool(wish.get("collaborative", False)),
    )
    return JSONResponse(shapes.full_playlist(call, playlist, with_items=True), 201)


async def create_for_user(call: ApiCall) -> Response:
    """POST /users/{user}/playlists, for older apps."""
    if call.request.path_params["user"] != call.account.listener.id:
        raise SpotifyError(403, "You cannot create a playlist for another user.")
    return await create(call)


def details(call: ApiCall) -> Response:
    """GET /playlists/{id}: a foreign one without its items."""
    check_market(call)
    playlist = _playlist(call)
    own = playlist.owner == call.account.listener.id or call.regime != "C"
    shape = shapes.full_playlist(call, playlist, with_items=own)
    return JSONResponse(keep_fields(shape, read_fields(call.query.get("fields", ""))))


async def change(call: ApiCall) -> Response:
    """PUT /playlists/{id}: 200 without a body."""
    playlist, wish = _own(call), await call.json()
    name, description = _text(wish, "name"), _text(wish, "description")
    if name is not None and not name.strip():
        raise SpotifyError(400, "Playlist name cannot be empty")
    playlist.name = name or playlist.name
    playlist.description = playlist.description if description is None else description
    playlist.collaborative = bool(wish.get("collaborative", playlist.collaborative))
    return Response(status_code=200)


def items(call: ApiCall) -> Response:
    """GET /playlists/{id}/items: only for owners in the newest regime."""
    check_market(call)
    playlist = _playlist(call)
    if playlist.owner != call.account.listener.id and call.regime == "C":
        raise SpotifyError(403, "Forbidden")
    legacy = call.request.url.path.endswith("/tracks")
    limit = call.whole("limit", 100 if legacy else 20, 1, 100 if legacy else 50)
    offset = call.whole("offset", 0, 0, 100_000)
    page = shapes.playlist_page(call, playlist, limit, offset)
    return JSONResponse(keep_fields(page, read_fields(call.query.get("fields", ""))))


def _uris(wish: dict[str, Any]) -> list[str]:
    uris = wish.get("uris")
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise SpotifyError(400, "Missing required field: uris")
    if len(uris) > _MOST_URIS:
        raise SpotifyError(400, "You can add a maximum of 100 tracks per request.")
    return uris


def _entries(call: ApiCall, uris: list[str]) -> list[Saved]:
    entries: list[Saved] = []
    for uri in uris:
        kind, _, identifier = uri.removeprefix("spotify:").partition(":")
        if kind != "track" or len(identifier) != 22:
            raise SpotifyError(400, f"Invalid track uri: {uri}")
        track = call.simulation.world.track(identifier)
        if track is None:
            raise SpotifyError(400, "Payload contains a non-existing ID")
        entries.append(Saved(track=track, added_at=call.simulation.clock.now()))
    return entries


def _written(call: ApiCall, playlist: Playlist, entries: list[Saved], status: int) -> Response:
    if len(entries) > _MOST_ITEMS:
        raise SpotifyError(400, "Playlist size limit reached")
    snapshot = playlist.write(entries, call.simulation.clock.now())
    return JSONResponse({"snapshot_id": snapshot}, status)


async def add(call: ApiCall) -> Response:
    """POST /playlists/{id}/items."""
    playlist, wish = _own(call), await call.json()
    if "uris" not in wish and "uris" in call.query:
        wish["uris"] = call.query["uris"].split(",")
    uris = _uris(wish)
    if not uris:
        raise SpotifyError(400, "No uris provided")
    position = wish.get("position", len(playlist.items))
    if not isinstance(position, int) or not 0 <= position <= len(playlist.items):
        raise SpotifyError(400, "Index out of bounds.")
    kept = playlist.items
    added = [*kept[:position], *_entries(call, uris), *kept[position:]]
    return _written(call, playlist, added, 201)


async def replace_or_reorder(call: ApiCall) -> Response:
    """PUT /playlists/{id}/items: a whole new content, or one stretch moved."""
    playlist, wish = _own(call), await call.json()
    legacy = call.request.url.path.endswith("/tracks")
    if "uris" not in wish and "uris" in call.query:
        wish["uris"] = [uri for uri in call.query["uris"].split(",") if uri]
    if "range_start" in wish:
        if "uris" in wish:
            raise SpotifyError(400, "Reorder and replace cannot be combined")
        return _written(call, playlist, _reordered(playlist, wish), 200)
    return _written(call, playlist, _entries(call, _uris(wish)), 201 if legacy else 200)


def _reordered(playlist: Playlist, wish: dict[str, Any]) -> list[Saved]:
    numbers = [wish.get("range_start"), wish.get("range_length", 1), wish.get("insert_before")]
    start, length, target = (_count(number) for number in numbers)
    entries = playlist.items
    if start + length > len(entries) or target > len(entries):
        raise SpotifyError(400, "Index out of bounds.")
    staying = [
        (place, entry) for place, entry in enumerate(entries) if not start <= place < start + length
    ]
    before = [entry for place, entry in staying if place < target]
    after = [entry for place, entry in staying if place >= target]
    return [*before, *entries[start : start + length], *after]


def _count(number: object) -> int:
    if not isinstance(number, int) or number < 0:
        raise SpotifyError(400, "Invalid range")
    return number


async def remove(call: ApiCall) -> Response:
    """DELETE /playlists/{id}/items: every occurrence of the URIs."""
    playlist, wish = _own(call), await call.json()
    legacy = call.request.url.path.endswith("/tracks")
    listed = wish.get("tracks" if legacy else "items")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise SpotifyError(400, f"Missing required field: {'tracks' if legacy else 'items'}")
    if len(listed) > _MOST_URIS:
        raise SpotifyError(400, "You can remove a maximum of 100 items per request.")
    gone = {str(one.get("uri")) for one in listed}
    kept = [entry for entry in playlist.items if entry.uri not in gone]
    return _written(call, playlist, kept, 200)


class CoverPace:
    """Covers of late: their endpoint has a stricter limit of its own."""

    def __init__(self, _: Simulation) -> None:
        self.lately = RollingWindow()


def check_cover_pace(call: ApiCall) -> None:
    """A 429 for one cover too many, whatever else the app may still call."""
    rules, now = call.simulation.rules, call.simulation.clock.now()
    window = call.simulation.part(CoverPace).lately
    if not rules.limits_enforced:
        return
    if window.count(now, rules.spotify_covers_window_seconds) >= rules.spotify_covers_per_window:
        wait = str(rules.spotify_covers_window_seconds)
        raise SpotifyError(429, "API rate limit exceeded", **{"Retry-After": wait})
    window.add(now)


async def cover(call: ApiCall) -> Response:
    """PUT /playlists/{id}/images: base64 text of a JPEG, at its own pace; 401 without scope."""
    check_cover_pace(call)
    held = call.request.state.scopes
    if "ugc-image-upload" not in held or not set(_MODIFY) & held:
        raise SpotifyError(401, "Unauthorized")
    if call.request.headers.get("content-type", "image/jpeg") != "image/jpeg":
        raise SpotifyError(400, "Bad Request")
    playlist, body = _own(call), await call.request.body()
    if len(body) > _MOST_COVER_BYTES:
        raise SpotifyError(413, "Payload Too Large")
    try:
        picture = base64.b64decode(body, validate=True)
    except binascii.Error:
        raise SpotifyError(400, "Bad Request") from None
    if not picture.startswith(b"\xff\xd8\xff"):
        raise SpotifyError(400, "Bad Request")
    playlist.images.append(body.decode("ascii"))
    return Response(status_code=202)


def images(call: ApiCall) -> Response:
    """GET /playlists/{id}/images."""
    return JSONResponse(shapes.playlist_images(_playlist(call)))


def routes(simulation: Simulation) -> list[BaseRoute]:
    """Everything under ``/playlists``, and the person's own list of them."""
    gate = Gate(simulation)
    found: list[BaseRoute] = [
        Route("/spotify/v1/me/playlists", gate.endpoint(mine, scopes=_READ)),
        Route(
            "/spotify/v1/me/playlists", gate.endpoint(create, any_scope=_MODIFY), methods=["POST"]
        ),
        Route(
            "/spotify/v1/users/{user}/playlists",
            gate.endpoint(create_for_user, any_scope=_MODIFY, gone="C:403"),
            methods=["POST"],
        ),
        Route("/spotify/v1/playlists/{id}", gate.endpoint(details)),
        Route(
            "/spotify/v1/playlists/{id}",
            gate.endpoint(change, any_scope=_MODIFY),
            methods=["PUT"],
        ),
        Route("/spotify/v1/playlists/{id}/images", gate.endpoint(images)),
        Route("/spotify/v1/playlists/{id}/images", gate.endpoint(cover), methods=["PUT"]),
    ]
    table: list[tuple[str, Handler, tuple[str, ...]]] = [
        ("GET", items, _READ),
        ("POST", add, _MODIFY),
        ("PUT", replace_or_reorder, _MODIFY),
        ("DELETE", remove, _MODIFY),
    ]
    for name, gone in (("items", None), ("tracks", "C:403")):
        for method, handler, scopes in table:
            endpoint = gate.endpoint(handler, any_scope=scopes, gone=gone)
            path = f"/spotify/v1/playlists/{{id}}/{name}"
            found.append(Route(path, endpoint, methods=[method]))
    return found
