"""Last.fm's methods, one function each: parameters in, the JSON body out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from vibe_pipeline.simulator.lastfm.records import (
    NOT_FOUND,
    Asked,
    LastFmError,
    artist_of,
    mbid_of,
    one_or_many,
    pictures,
    plain_title,
    url,
)
from vibe_pipeline.simulator.matching import folded
from vibe_pipeline.simulator.scrobbles import Scrobble, Scrobbles
from vibe_pipeline.simulator.worlds.catalogue import Artist, Recording

_OBSCURE = 400
_TAGS_ENOUGH = 8
_NEAR_IN_TAGS = 60
_FAINT_TAGS, _FAINT = 15, 8
_STILL_PLAYING_SECONDS = 240
_DEEPEST_PAGE = 30
_FAILED, _LOGIN_REQUIRED = 8, 17


def similar_artists(asked: Asked) -> dict[str, Any]:
    """artist.getSimilar: ``match`` is a string here."""
    artist = asked.artist()
    near = asked.world.similar_artists(artist)[: asked.whole("limit", 30)]
    rows = [
        {
            "name": other.name,
            **mbid_of(asked, other.mbid, 0.8),
            "match": f"{match:.6f}".rstrip("0").rstrip("."),
            "url": url(other.name),
            "image": pictures(),
            "streamable": "0",
        }
        for other, match in near
    ]
    found = {"artist": one_or_many(rows), "@attr": {"artist": artist.name}}
    return {"similarartists": found}


def similar_tracks(asked: Asked) -> dict[str, Any]:
    """track.getSimilar: ``match`` and ``playcount`` are numbers; the obscure have no neighbours."""
    recording = asked.recording()
    name = asked.text("artist")
    if recording is None or recording.listeners < _OBSCURE:
        return {"similartracks": {"track": [], "@attr": {"artist": name}}}
    near = asked.world.similar_recordings(recording)[: asked.whole("limit", 100)]
    rows = [_similar_track(asked, other, match) for other, match in near]
    attributes = {"artist": recording.artist.name}
    return {"similartracks": {"track": one_or_many(rows), "@attr": attributes}}


def _similar_track(asked: Asked, recording: Recording, match: float) -> dict[str, Any]:
    title = plain_title(recording)
    row: dict[str, Any] = {
        "name": title,
        "playcount": recording.playcount,
        **mbid_of(asked, recording.mbid, 0.45),
        "match": round(match, 6),
        "url": url(recording.artist.name, "_", title),
        "streamable": {"#text": "0", "fulltrack": "0"},
        "artist": artist_of(asked, recording.artist),
        "image": pictures(),
    }
    if asked.world.ids.share("lastfm duration", recording.mbid) < 0.8:
        row["duration"] = recording.duration_ms // 1000
    return row


def _page(asked: Asked, total: int) -> tuple[slice, dict[str, str]]:
    limit, page = asked.whole("limit", 50), asked.whole("page", 1, 100_000)
    attributes = {
        "page": str(page),
        "perPage": str(limit),
        "totalPages": str(-(-total // limit)),
        "total": str(total),
    }
    return slice((page - 1) * limit, page * limit), attributes


def _best_known(asked: Asked, artist: Artist) -> list[Recording]:
    recordings = asked.world.discography(artist).recordings
    return sorted(recordings, key=lambda one: (-one.listeners, one.mbid))


def artist_top_tracks(asked: Asked) -> dict[str, Any]:
    """artist.getTopTracks: every count is a string."""
    artist = asked.artist()
    recordings = _best_known(asked, artist)
    part, attributes = _page(asked, len(recordings))
    rows = [
        {
            "name": plain_title(recording),
            "playcount": str(recording.playcount),
            "listeners": str(recording.listeners),
            **mbid_of(asked, recording.mbid, 0.45),
            "url": url(artist.name, "_", plain_title(recording)),
            "streamable": "0",
            "artist": artist_of(asked, artist),
            "image": pictures(),
            "@attr": {"rank": str(rank)},
        }
        for rank, recording in enumerate(recordings[part], start=part.start + 1)
    ]
    return {
        "toptracks": {"track": one_or_many(rows), "@attr": {"artist": artist.name, **attributes}}
    }


def tag_top_tracks(asked: Asked) -> dict[str, Any]:
    """tag.getTopTracks: the root is ``tracks``, and the duration a string."""
    tag = asked.text("tag")
    if not tag:
        raise LastFmError(NOT_FOUND, "Missing tag parameter", 400)
    wanted = folded(tag)
    artists = [
        artist
        for artist in asked.world.artists
        if wanted in {folded(name) for name, _ in artist.tags}
    ]
    artists.sort(key=lambda artist: (-artist.listeners, artist.number))
    recordings = [one for artist in artists[:100] for one in _best_known(asked, artist)[:5]]
    recordings.sort(key=lambda one: (-one.listeners, one.mbid))
    part, attributes = _page(asked, len(recordings))
    rows = [
        {
            "name": plain_title(recording),
            "duration": str(recording.duration_ms // 1000),
            **mbid_of(asked, recording.mbid, 0.45),
            "url": url(recording.artist.name, "_", plain_title(recording)),
            "streamable": {"#text": "0", "fulltrack": "0"},
            "artist": artist_of(asked, recording.artist),
            "image": pictures(),
            "@attr": {"rank": str(rank)},
        }
        for rank, recording in enumerate(recordings[part], start=part.start + 1)
    ]
    return {"tracks": {"track": one_or_many(rows), "@attr": {"tag": tag, **attributes}}}


def _tags(artist: Artist, attributes: dict[str, str], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"toptags": {"tag": one_or_many(rows), "@attr": {"artist": artist.name, **attributes}}}


def _tag_rows(artist: Artist) -> list[dict[str, Any]]:
    """Weights from 0 to 100, the strongest at 100."""
    most = max((count for _, count in artist.tags), default=1)
    return [_tag_row(name, max(1, round(100 * count / most))) for name, count in artist.tags]


def _tag_row(name: str, count: int) -> dict[str, Any]:
    return {"count": count, "name": name, "url": f"https://www.last.fm/tag/{name}"}


def artist_tags(asked: Asked) -> dict[str, Any]:
    """artist.getTopTags: free text, junk included, and a long faint end.

    At that end stands what the artists near it are called, where the world itself knows no more.
    """
    artist = asked.artist()
    rows = [*_tag_rows(artist), *_faint_rows(asked, artist)]
    return _tags(artist, {}, sorted(rows, key=lambda row: -row["count"]))


def _faint_rows(asked: Asked, artist: Artist) -> list[dict[str, Any]]:
    if not 0 < len(artist.tags) < _TAGS_ENOUGH:
        return []
    own = {name for name, _ in artist.tags}
    near = asked.world.similar_artists(artist)[:_NEAR_IN_TAGS]
    theirs = Counter(name for other, _ in near for name, _ in other.tags if name not in own)
    return [_tag_row(name, min(said, _FAINT)) for name, said in theirs.most_common(_FAINT_TAGS)]


def track_tags(asked: Asked) -> dict[str, Any]:
    """track.getTopTags: most tracks have none."""
    recording = asked.recording()
    if recording is None:
        raise LastFmError(NOT_FOUND, "Track not found")
    known = asked.world.ids.share("lastfm tags", recording.mbid) < 0.35
    rows = _tag_rows(recording.artist)[:3] if known else []
    return _tags(recording.artist, {"track": recording.title}, rows)


def artist_info(asked: Asked) -> dict[str, Any]:
    """artist.getInfo: the counts are strings, and not finding is a 404 here."""
    try:
        artist = asked.artist()
    except LastFmError as error:
        raise LastFmError(error.code, error.message, 404) from None
    return {
        "artist": {
            **artist_of(asked, artist),
            "image": pictures(),
            "streamable": "0",
            "stats": {
                "listeners": str(artist.listeners),
                "playcount": str(artist.listeners * 14),
            },
            "tags": {
                "tag": one_or_many(
                    [
                        {"name": name, "url": f"https://www.last.fm/tag/{name}"}
                        for name, _ in artist.tags[:5]
                    ]
                )
            },
        }
    }


def recent_tracks(asked: Asked) -> dict[str, Any]:
    """user.getRecentTracks: what plays now comes on top of the limit and has no date."""
    user = asked.text("user")
    if not user:
        raise LastFmError(NOT_FOUND, "Invalid parameters - Missing user parameter", 400)
    everybody = asked.simulation.part(Scrobbles)
    scrobbles = everybody.of(user)
    if scrobbles is None:
        raise LastFmError(NOT_FOUND, "User not found", 404)
    if user in everybody.hidden:
        raise LastFmError(_LOGIN_REQUIRED, "Login: User required to be logged in", 403)
    if asked.whole("page", 1, 100_000) > _DEEPEST_PAGE:
        raise LastFmError(_FAILED, "Operation failed - Most likely the backend service failed", 500)
    first, last = asked.whole("from", 0, 1 << 40), asked.whole("to", 1 << 40, 1 << 40)
    told = [one for one in scrobbles if first <= one.began_at.timestamp() <= last]
    part, attributes = _page(asked, len(told))
    rows = [_scrobble(asked, one) for one in told[part]]
    if (playing := _still_plays(asked, scrobbles)) is not None:
        rows.insert(0, _playing(asked, playing))
    return {"recenttracks": {"track": one_or_many(rows), "@attr": {"user": user, **attributes}}}


def _still_plays(asked: Asked, scrobbles: Sequence[Scrobble]) -> Scrobble | None:
    """What began just now, whatever stretch was asked for."""
    if not scrobbles:
        return None
    newest = scrobbles[0]
    ago = (asked.simulation.clock.now() - newest.began_at).total_seconds()
    seconds = newest.track.recording.duration_ms / 1000
    return newest if ago - seconds < _STILL_PLAYING_SECONDS else None


def _scrobble(asked: Asked, scrobble: Scrobble) -> dict[str, Any]:
    recording = scrobble.track.recording
    artist: dict[str, Any] = {"#text": recording.artist.name, "mbid": recording.artist.mbid}
    extended = {}
    if asked.text("extended") == "1":
        artist = {**artist_of(asked, recording.artist), "image": pictures()}
        extended = {"loved": "0"}
    return {
        "artist": artist,
        **extended,
        "name": plain_title(recording),
        **mbid_of(asked, recording.mbid, 0.45),
        "album": {"#text": scrobble.track.album.name, "mbid": ""},
        "url": url(recording.artist.name, "_", plain_title(recording)),
        "streamable": "0",
        "image": pictures(),
        "date": {
            "uts": str(int(scrobble.began_at.timestamp())),
            "#text": _written(scrobble.began_at),
        },
    }


def _playing(asked: Asked, scrobble: Scrobble) -> dict[str, Any]:
    row = {key: value for key, value in _scrobble(asked, scrobble).items() if key != "date"}
    return {**row, "@attr": {"nowplaying": "true"}}


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%d %b %Y, %H:%M")
