"""Spotify: the person's profile, liked songs, recent plays and top items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.clock import written
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify import shapes
from vibe_pipeline.simulator.spotify.gate import ApiCall, Gate, SpotifyError, require
from vibe_pipeline.simulator.spotify.state import Played
from vibe_pipeline.simulator.worlds.catalogue import Artist, Track

_REACHABLE_PLAYS = 50
_TOP_ITEMS = 50
_RANGES = {"short_term": 28, "medium_term": 182, "long_term": 365}


def profile(call: ApiCall) -> Response:
    """GET /me."""
    return JSONResponse(shapes.me(call, call.account))


def check_market(call: ApiCall) -> None:
    """``from_token`` reveals the country, so it needs its scope."""
    if call.query.get("market") == "from_token":
        require(call, "user-read-private")


def saved_tracks(call: ApiCall) -> Response:
    """GET /me/tracks: newest first; more may be counted than there are."""
    check_market(call)
    limit = call.whole("limit", 20, 1, 50)
    offset = call.whole("offset", 0, 0, 100_000)
    saved = call.account.saved
    items = [shapes.saved_track(call, entry) for entry in saved[offset : offset + limit]]
    counted = len(saved) + call.simulation.rules.likes_overcounted
    return JSONResponse(call.page("/me/tracks", items, counted, limit, offset))


def saved_albums(call: ApiCall) -> Response:
    """GET /me/albums."""
    limit = call.whole("limit", 20, 1, 50)
    offset = call.whole("offset", 0, 0, 100_000)
    world, kept = call.simulation.world, call.account.saved_albums
    albums = [world.album(identifier) for identifier in kept[offset : offset + limit]]
    now = written(call.simulation.clock.now())
    items = [
        {"added_at": now, "album": shapes.full_album(call, album)}
        for album in albums
        if album is not None
    ]
    return JSONResponse(call.page("/me/albums", items, len(kept), limit, offset))


def milliseconds(moment: datetime) -> int:
    """A moment in Spotify's cursors."""
    return round(moment.timestamp() * 1000)


def recently_played(call: ApiCall) -> Response:
    """GET /me/player/recently-played: never more than the last fifty, whatever the cursor."""
    limit = call.whole("limit", 20, 1, 50)
    after = call.whole("after", -1, 0, 1 << 62) if "after" in call.query else None
    before = call.whole("before", -1, 0, 1 << 62) if "before" in call.query else None
    if after is not None and before is not None:
        raise SpotifyError(400, "Only one of after or before may be specified")
    now = call.simulation.clock.now()
    past = call.account.heard(now)[:_REACHABLE_PLAYS]
    fitting = [
        play
        for play in past
        if (after is None or milliseconds(play.played_at) > after)
        and (before is None or milliseconds(play.played_at) < before)
    ][:limit]
    return JSONResponse(_plays_page(call, fitting, limit))


def _plays_page(call: ApiCall, plays: list[Played], limit: int) -> dict[str, Any]:
    path = "/me/player/recently-played"
    items = [
        {
            "context": _context(call, play),
            "played_at": written(play.played_at),
            "track": shapes.full_track(call, play.track),
        }
        for play in plays
    ]
    page: dict[str, Any] = {"href": call.url(path), "items": items, "limit": limit, "next": None}
    page["cursors"] = None
    if plays:
        oldest = str(milliseconds(plays[-1].played_at))
        page["cursors"] = {"after": str(milliseconds(plays[0].played_at)), "before": oldest}
        page["next"] = call.url(f"{path}?before={oldest}&limit={limit}")
    return page


def _context(call: ApiCall, play: Played) -> dict[str, Any] | None:
    if play.playlist_id is not None:
        return _context_of(call, "playlist", play.playlist_id)
    if int(play.track.spotify_id[-2:], 36) % 3 == 0:
        return None
    return _context_of(call, "album", play.track.album.spotify_id)


def _context_of(call: ApiCall, kind: str, identifier: str) -> dict[str, Any]:
    return {
        "external_urls": {"spotify": f"https://open.spotify.com/{kind}/{identifier}"},
        "href": call.url(f"/{kind}s/{identifier}"),
        "type": kind,
        "uri": f"spotify:{kind}:{identifier}",
    }


def _most(counted: Iterable[str]) -> list[str]:
    return [
        name for name, _ in sorted(Counter(counted).items(), key=lambda pair: (-pair[1], pair[0]))
    ][:_TOP_ITEMS]


def _heard(call: ApiCall) -> list[Track]:
    """What was played in the asked range; longer ranges count saved tracks as well."""
    wanted = call.query.get("time_range", "medium_term")
    if wanted not in _RANGES:
        raise SpotifyError(400, "Invalid time range")
    now = call.simulation.clock.now()
    start = now - timedelta(days=_RANGES[wanted])
    heard = [play.track for play in call.account.heard(now) if play.played_at >= start]
    if wanted != "short_term":
        saved = (entry for entry in call.account.saved if entry.added_at >= start)
        heard += [entry.track for entry in saved if entry.track and not entry.track.vanished]
    return heard


def top_tracks(call: ApiCall) -> Response:
    """GET /me/top/tracks."""
    heard = {track.spotify_id: track for track in _heard(call)}
    order = _most(track.spotify_id for track in _heard(call))
    return _top(call, "tracks", [heard[name] for name in order], shapes.full_track)


def top_artists(call: ApiCall) -> Response:
    """GET /me/top/artists."""
    artists = {track.recording.artist.spotify_id: track.recording.artist for track in _heard(call)}
    order = _most(track.recording.artist.spotify_id for track in _heard(call))
    return _top(call, "artists", [artists[name] for name in order], shapes.full_artist)


def _top(
    call: ApiCall,
    kind: str,
    found: list[Track] | list[Artist],
    shape: Callable[[ApiCall, Any], dict[str, Any]],
) -> Response:
    limit = call.whole("limit", 20, 1, 50)
    offset = call.whole("offset", 0, 0, 100_000)
    items = [shape(call, thing) for thing in found[offset : offset + limit]]
    return JSONResponse(call.page(f"/me/top/{kind}", items, len(found), limit, offset))


def following(call: ApiCall) -> Response:
    """GET /me/following?type=artist."""
    if call.query.get("type") != "artist":
        raise SpotifyError(400, "Invalid type")
    limit = call.whole("limit", 20, 1, 50)
    world, followed = call.simulation.world, call.account.followed_artists
    after = call.query.get("after")
    start = followed.index(after) + 1 if after in followed else 0
    shown = followed[start : start + limit]
    artists = [world.artist(identifier) for identifier in shown]
    more = start + limit < len(followed)
    page = {
        "cursors": {"after": shown[-1] if more else None},
        "href": call.url("/me/following?type=artist"),
        "items": [shapes.full_artist(call, artist) for artist in artists if artist is not None],
        "limit": limit,
        "next": call.url(f"/me/following?type=artist&after={shown[-1]}&limit={limit}")
        if more
        else None,
        "total": len(followed),
    }
    return JSONResponse({"artists": page})


def nothing_playing(call: ApiCall) -> Response:
    """GET /me/player…: 204, no device is on."""
    return Response(status_code=204)


def queue(call: ApiCall) -> Response:
    """GET /me/player/queue."""
    return JSONResponse({"currently_playing": None, "queue": []})


def routes(simulation: Simulation) -> list[BaseRoute]:
    """Everything under ``/me`` that is only read."""
    gate = Gate(simulation)
    library, plays = ("user-library-read",), ("user-read-recently-played",)
    playing = ("user-read-playback-state",)
    table = [
        ("/me", profile, ()),
        ("/me/tracks", saved_tracks, library),
        ("/me/albums", saved_albums, library),
        ("/me/player/recently-played", recently_played, plays),
        ("/me/player/currently-playing", nothing_playing, ("user-read-currently-playing",)),
        ("/me/player/queue", queue, playing),
        ("/me/player", nothing_playing, playing),
        ("/me/top/tracks", top_tracks, ("user-top-read",)),
        ("/me/top/artists", top_artists, ("user-top-read",)),
        ("/me/following", following, ("user-follow-read",)),
    ]
    return [
        Route(f"/spotify/v1{path}", gate.endpoint(handler, scopes=scopes))
        for path, handler, scopes in table
    ]
