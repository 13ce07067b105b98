"""How Spotify writes things down in JSON, with the fields that each regime still has."""

from __future__ import annotations

from html import escape
from typing import Any

from vibe_pipeline.simulator.clock import written_seconds
from vibe_pipeline.simulator.spotify.gate import ApiCall
from vibe_pipeline.simulator.spotify.state import Account, LocalFile, Playlist, Saved
from vibe_pipeline.simulator.worlds.catalogue import VARIOUS_ARTISTS, Album, Artist, Track

_OPEN = "https://open.spotify.com"
_PICTURES = "https://i.scdn.co/image/ab67616d"
_MARKETS = ["DE", "GB", "GR", "NL", "SE", "UA"]
_ALBUM_TYPES = {"album": "album", "single": "single", "compilation": "compilation"}


def _full(call: ApiCall) -> bool:
    """Whether the fields that were cut in 2026 are still delivered."""
    return call.regime != "C"


def _pictures(identifier: str) -> list[dict[str, Any]]:
    return [
        {"height": side, "url": f"{_PICTURES}{code}{identifier}", "width": side}
        for side, code in ((640, "0000b273"), (300, "00001e02"), (64, "00004851"))
    ]


def _base(call: ApiCall, kind: str, identifier: str, name: str) -> dict[str, Any]:
    return {
        "external_urls": {"spotify": f"{_OPEN}/{kind}/{identifier}"},
        "href": call.url(f"/{kind}s/{identifier}"),
        "id": identifier,
        "name": name,
        "type": kind,
        "uri": f"spotify:{kind}:{identifier}",
    }


def simple_artist(call: ApiCall, artist: Artist) -> dict[str, Any]:
    """An artist as credited."""
    return _base(call, "artist", artist.spotify_id, artist.name)


def full_artist(call: ApiCall, artist: Artist) -> dict[str, Any]:
    """An artist's own object: in regime C nothing is left to rank by."""
    shape = {**simple_artist(call, artist), "images": _pictures(artist.spotify_id)}
    if _full(call):
        shape["followers"] = {"href": None, "total": artist.listeners // 3}
        shape["genres"] = [tag for tag, count in artist.tags if count >= 50]
        shape["popularity"] = min(100, int(artist.listeners**0.32))
    return shape


def simple_album(call: ApiCall, album: Album, *, group: str | None = None) -> dict[str, Any]:
    """An album as listed."""
    shape = {
        **_base(call, "album", album.spotify_id, album.name),
        "album_type": _ALBUM_TYPES[album.kind],
        "artists": [simple_artist(call, album.artist)],
        "images": _pictures(album.spotify_id),
        "release_date": album.released,
        "release_date_precision": "year" if len(album.released) == 4 else "day",
        "total_tracks": total_tracks(call, album),
    }
    if _full(call):
        shape["available_markets"] = _MARKETS
        if group is not None:
            shape["album_group"] = group
    return shape


def total_tracks(call: ApiCall, album: Album) -> int:
    """How many tracks an album has; a compilation is not opened just to count."""
    if album.artist.number == VARIOUS_ARTISTS:
        return 12
    return len(call.simulation.world.album_tracks(album))


def full_album(call: ApiCall, album: Album) -> dict[str, Any]:
    """An album's own object with the first page of its tracks."""
    tracks = call.simulation.world.album_tracks(album)
    path = f"/albums/{album.spotify_id}/tracks"
    shape = {
        **simple_album(call, album),
        "copyrights": [{"text": f"(C) {album.released[:4]} {album.artist.name}", "type": "C"}],
        "external_ids": {"upc": f"{int(album.spotify_id[-6:], 36) % 10**12:012d}"},
        "genres": [],
        "total_tracks": len(tracks),
        "tracks": call.page(
            path, [simple_track(call, track) for track in tracks[:50]], len(tracks), 50, 0
        ),
    }
    if _full(call):
        shape["label"] = f"{album.artist.name} Recordings"
        shape["popularity"] = max((track.popularity for track in tracks), default=0)
    return shape


def simple_track(call: ApiCall, track: Track) -> dict[str, Any]:
    """A track as an album lists it: no album and no ISRC."""
    recording = track.recording
    shape = {
        **_base(call, "track", track.spotify_id, recording.title),
        "artists": [simple_artist(call, artist) for artist in credits_of(track)],
        "disc_number": 1,
        "duration_ms": recording.duration_ms,
        "explicit": recording.explicit,
        "is_local": False,
        "track_number": track.position,
    }
    if _full(call):
        shape["preview_url"] = None
        shape["available_markets"] = _MARKETS
    return shape


def credits_of(track: Track) -> list[Artist]:
    """Those named on a track."""
    return [track.recording.artist, *track.recording.guests]


def full_track(call: ApiCall, track: Track, *, relink: bool = True) -> dict[str, Any]:
    """A track's own object; where a substitute is played, under the substitute's id."""
    asked = track
    if relink and track.substitute is not None:
        track = call.simulation.world.track(track.substitute) or track
    playable = call.simulation.world.offers(track)
    shape = {
        **simple_track(call, track),
        "album": simple_album(call, track.album),
        "external_ids": {} if track.isrc is None else {"isrc": track.isrc},
        "is_playable": playable,
    }
    if not playable:
        shape["restrictions"] = {"reason": "market"}
    if _full(call):
        shape["popularity"] = track.popularity
        if track is not asked:
            shape["linked_from"] = {
                key: value
                for key, value in _base(call, "track", asked.spotify_id, "").items()
                if key != "name"
            }
    return shape


def vanished_track(call: ApiCall, track: Track) -> dict[str, Any]:
    """What some lists still show of a track that is gone: ids and empty names."""
    nobody = {**simple_artist(call, track.recording.artist), "name": ""}
    return {
        **simple_track(call, track),
        "name": "",
        "artists": [nobody],
        "album": {**simple_album(call, track.album), "name": "", "artists": [nobody], "images": []},
        "duration_ms": 0,
        "external_ids": {},
        "is_playable": False,
        "restrictions": {"reason": "market"},
    }


def local_track(local: LocalFile) -> dict[str, Any]:
    """A file from somebody's own disk: names only."""
    return {
        "album": {
            "album_type": None,
            "artists": [],
            "external_urls": {},
            "href": None,
            "id": None,
            "images": [],
            "name": "",
            "release_date": None,
            "release_date_precision": None,
            "type": "album",
            "uri": None,
        },
        "artists": [
            {
                "external_urls": {},
                "href": None,
                "id": None,
                "name": local.artist,
                "type": "artist",
                "uri": None,
            }
        ],
        "disc_number": 0,
        "duration_ms": local.seconds * 1000,
        "explicit": False,
        "external_ids": {},
        "external_urls": {},
        "href": None,
        "id": None,
        "is_local": True,
        "name": local.title,
        "track_number": 0,
        "type": "track",
        "uri": local.uri,
    }


def saved_object(call: ApiCall, saved: Saved, *, relink: bool) -> dict[str, Any] | None:
    """What a list shows for one entry: a track, a local file, the rest of one, or null."""
    if saved.local is not None:
        return local_track(saved.local)
    if saved.track is None:
        return None
    if saved.track.vanished or saved.track.spotify_id in call.simulation.world.deleted:
        hidden = int(saved.track.spotify_id[-4:], 36) % 2
        return None if hidden else vanished_track(call, saved.track)
    return full_track(call, saved.track, relink=relink)


def saved_track(call: ApiCall, saved: Saved) -> dict[str, Any]:
    """An entry of the liked songs."""
    relink = "market" in call.query
    return {
        "added_at": written_seconds(saved.added_at),
        "track": saved_object(call, saved, relink=relink),
    }


def me(call: ApiCall, account: Account) -> dict[str, Any]:
    """The person's own profile."""
    identifier = account.listener.id
    shape: dict[str, Any] = {
        "account_id": account.account_id,
        "display_name": account.name,
        "external_urls": {"spotify": f"{_OPEN}/user/{identifier}"},
        "href": call.url(f"/users/{identifier}"),
        "id": identifier,
        "images": [],
        "type": "user",
        "uri": f"spotify:user:{identifier}",
    }
    if _full(call):
        shape["followers"] = {"href": None, "total": 3}
        if "user-read-private" in call.request.state.scopes:
            shape["country"] = account.listener.country
            shape["product"] = "premium"
            shape["explicit_content"] = {"filter_enabled": False, "filter_locked": False}
    return shape


def _names(call: ApiCall) -> tuple[str, ...]:
    """What a playlist's content is called: the new name, the old one, or both at once."""
    return {"A": ("tracks",), "B": ("items", "tracks"), "C": ("items",)}[call.regime]


def _playlist(call: ApiCall, identifier: str, name: str, owner: str) -> dict[str, Any]:
    return {
        "collaborative": False,
        "description": "",
        "external_urls": {"spotify": f"{_OPEN}/playlist/{identifier}"},
        "href": call.url(f"/playlists/{identifier}"),
        "id": identifier,
        "images": [],
        "name": name,
        "owner": {
            "display_name": owner,
            "external_urls": {"spotify": f"{_OPEN}/user/{owner}"},
            "href": call.url(f"/users/{owner}"),
            "id": owner,
            "type": "user",
            "uri": f"spotify:user:{owner}",
        },
        "primary_color": None,
        "public": True,
        "snapshot_id": f"AAAAA{identifier}",
        "type": "playlist",
        "uri": f"spotify:playlist:{identifier}",
    }


def foreign_playlist(call: ApiCall, identifier: str, artist: str) -> dict[str, Any]:
    """Somebody else's playlist in a search result."""
    return _playlist(call, identifier, f"Best of {artist}", "somebody")


def simple_playlist(call: ApiCall, playlist: Playlist) -> dict[str, Any]:
    """A playlist as listed. ``public`` is true, whatever was asked for."""
    shape = {
        **_playlist(call, playlist.id, playlist.name, playlist.owner),
        "collaborative": playlist.collaborative,
        "description": escape(playlist.description or ""),
        "images": playlist_images(playlist),
        "snapshot_id": playlist.snapshot_id,
    }
    shown = playlist.counted(call.simulation.clock.now())
    for name in _names(call):
        shape[name] = {"href": f"{shape['href']}/{name}", "total": shown}
    return shape


def playlist_images(playlist: Playlist) -> list[dict[str, Any]]:
    """Its cover, if somebody gave it one."""
    return [
        {"height": None, "url": f"https://image-cdn.example/{playlist.id}/{number}", "width": None}
        for number, _ in enumerate(playlist.images[-1:])
    ]


def playlist_entry(call: ApiCall, playlist: Playlist, saved: Saved) -> dict[str, Any]:
    """One entry of a playlist."""
    found = saved_object(call, saved, relink="market" in call.query)
    shape: dict[str, Any] = {
        "added_at": written_seconds(saved.added_at),
        "added_by": {
            "external_urls": {"spotify": f"{_OPEN}/user/{playlist.owner}"},
            "href": call.url(f"/users/{playlist.owner}"),
            "id": playlist.owner,
            "type": "user",
            "uri": f"spotify:user:{playlist.owner}",
        },
        "is_local": saved.local is not None,
        "primary_color": None,
        "video_thumbnail": {"url": None},
    }
    for name in _names(call):
        shape["item" if name == "items" else "track"] = found
    return shape


def playlist_page(call: ApiCall, playlist: Playlist, limit: int, offset: int) -> dict[str, Any]:
    """A page of a playlist's entries."""
    entries = playlist.items[offset : offset + limit]
    items = [playlist_entry(call, playlist, saved) for saved in entries]
    path = f"/playlists/{playlist.id}/{_names(call)[0]}"
    return call.page(path, items, len(playlist.items), limit, offset)


def full_playlist(call: ApiCall, playlist: Playlist, *, with_items: bool) -> dict[str, Any]:
    """A playlist's own object; of somebody else's only the cover is shown."""
    shape = simple_playlist(call, playlist)
    for name in _names(call):
        shape.pop(name)
        if with_items:
            shape[name] = playlist_page(call, playlist, 100, 0)
    if call.regime != "C":
        shape["followers"] = {"href": None, "total": 0}
    return shape
