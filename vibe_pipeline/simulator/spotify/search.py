"""Spotify's search: forgiving about case and accents, strict about its limits."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.matching import folded, share_found, words
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify import shapes
from vibe_pipeline.simulator.spotify.gate import ApiCall, Gate, SpotifyError
from vibe_pipeline.simulator.worlds.catalogue import Album, Artist, Track

_FILTERS = "artist|track|album|isrc|year|genre|upc|tag"
_FILTER = re.compile(rf'\b({_FILTERS}):\s*("[^"]*"?|.*?(?=\s+(?:{_FILTERS}):|$))', re.IGNORECASE)
_TYPES = ("album", "artist", "playlist", "track", "show", "episode", "audiobook")
_SMALL_WORLD = 1000
_TITLE_INDEX_ARTISTS = 120
_NAMED_ARTISTS = 25
_FURTHEST = 1000
_GOOD = 0.95


@dataclass(slots=True)
class Query:
    """What somebody searches: filters by name, and the words outside them."""

    filters: dict[str, str] = field(default_factory=dict)
    free: tuple[str, ...] = ()

    def words(self, name: str) -> tuple[str, ...]:
        """The folded words of a filter."""
        return words(self.filters.get(name, ""))


def read_query(text: str) -> Query:
    """Take the filters out of the text; an unquoted one reaches to the next filter."""
    query = Query()

    def keep(found: re.Match[str]) -> str:
        query.filters[found[1].lower()] = found[2].strip().strip('"')
        return " "

    query.free = words(_FILTER.sub(keep, text))
    return query


class SearchIndex:
    """Artists by the words of their names, and the titles of the best known ones."""

    def __init__(self, simulation: Simulation) -> None:
        self._world = simulation.world
        self._names: defaultdict[str, list[int]] | None = None
        self._titles: dict[str, list[Track]] | None = None

    def artists(self, asked: tuple[str, ...]) -> list[Artist]:
        """Artists whose names share words with those asked for, the best match first."""
        if self._names is None:
            self._names = defaultdict(list)
            for artist in self._world.artists:
                for word in set(words(artist.name)):
                    self._names[word].append(artist.number)
        near = {number for word in asked for number in self._names.get(word, ())}
        found: list[tuple[float, int, int]] = []
        for number in near:
            name = words(self._world.artists[number].name)
            closeness = share_found(name, asked) + 0.5 * share_found(asked, name)
            found.append((-closeness, -self._world.artists[number].listeners, number))
        found.sort()
        return [self._world.artists[number] for _, _, number in found[:_NAMED_ARTISTS]]

    def titled(self, asked: tuple[str, ...]) -> Iterable[Track]:
        """Tracks of the best known artists that have one of these words in their titles."""
        if self._titles is None:
            self._titles = self._read_titles()
        titles = self._titles
        for word in sorted(asked, key=lambda word: len(titles.get(word, ())))[:2]:
            yield from titles.get(word, ())[:400]

    def _read_titles(self) -> dict[str, list[Track]]:
        titles: defaultdict[str, list[Track]] = defaultdict(list)
        known = sorted(self._world.artists, key=lambda artist: -artist.listeners)
        indexed = len(known) if len(known) <= _SMALL_WORLD else _TITLE_INDEX_ARTISTS
        for artist in known[:indexed]:
            for track in self._world.discography(artist).tracks:
                for word in set(words(track.recording.title)):
                    titles[word].append(track)
        return dict(titles)


class _Searcher:
    """One search."""

    def __init__(self, call: ApiCall, text: str) -> None:
        self.world = call.simulation.world
        self.index = call.simulation.part(SearchIndex)
        self.query = read_query(text)

    def tracks(self) -> list[Track]:
        """Tracks that fit, the best fit first."""
        if "upc" in self.query.filters or "tag" in self.query.filters:
            return []
        scored = self._scored(self._by_names())
        if not any(score < -_GOOD for score, *_ in scored):
            scored = self._scored([*(track for *_, track in scored), *self._by_titles()])
        return [track for *_, track in scored]

    def _scored(self, tracks: Iterable[Track]) -> list[tuple[float, int, str, Track]]:
        scored: list[tuple[float, int, str, Track]] = []
        for track in self._playable(tracks):
            score = self._fit(track)
            if score > 0:
                scored.append((-score, -track.popularity, track.spotify_id, track))
        return sorted(scored, key=lambda entry: entry[:3])

    def _playable(self, tracks: Iterable[Track]) -> Iterable[Track]:
        query, seen = self.query, set[str]()
        for track in tracks:
            if track.spotify_id in seen or track.substitute is not None:
                continue
            if not self.world.offers(track):
                continue
            seen.add(track.spotify_id)
            if query.filters.get("isrc") and not _same_isrc(track, query.filters["isrc"]):
                continue
            yield track

    def _by_names(self) -> Iterable[Track]:
        query = self.query
        if query.filters.get("isrc"):
            yield from self.world.tracks_by_isrc(query.filters["isrc"])
            return
        named = query.words("artist") or query.free
        for artist in self.index.artists(named):
            yield from self.world.discography(artist).tracks
        if "genre" in query.filters:
            for artist in self.artists()[:_NAMED_ARTISTS]:
                yield from self.world.discography(artist).tracks

    def _by_titles(self) -> Iterable[Track]:
        if "artist" not in self.query.filters and "isrc" not in self.query.filters:
            yield from self.index.titled(self.query.words("track") or self.query.free)

    def _fit(self, track: Track) -> float:
        """How well a track answers; nothing below a half fits at all."""
        query, recording = self.query, track.recording
        title = words(recording.title)
        names = words(" ".join(artist.name for artist in shapes.credits_of(track)))
        album = words(track.album.name)
        parts = [1.0] if query.filters.keys() & {"isrc", "genre"} else []
        for name, there in (("artist", names), ("track", title), ("album", album)):
            if query.words(name):
                parts.append(share_found(query.words(name), there))
        if query.free:
            parts.append(share_found(query.free, title + names + album))
        if not _year_fits(query.filters.get("year"), track.album.released):
            return 0.0
        if "genre" in query.filters and not _tagged(recording.artist, query.filters["genre"]):
            return 0.0
        if not parts or min(parts) < 0.55:
            return 0.0
        wanted = query.words("track") or query.free
        extra = sum(word not in wanted and word not in names for word in title)
        return sum(parts) / len(parts) - 0.02 * extra + track.popularity / 2000

    def artists(self) -> list[Artist]:
        """Artists by name, or by genre."""
        genre = self.query.filters.get("genre")
        if genre is not None:
            tagged = [artist for artist in self.world.artists if _tagged(artist, genre)]
            return sorted(tagged, key=lambda artist: (-artist.listeners, artist.number))
        named = self.query.words("artist") or self.query.free
        return [
            artist
            for artist in self.index.artists(named)
            if share_found(named, words(artist.name)) >= 0.5
        ]

    def albums(self) -> list[Album]:
        """Albums of the tracks that fit, or by their own names."""
        found: dict[str, Album] = {}
        wanted = self.query.words("album") or self.query.free
        for artist in self.index.artists(self.query.words("artist") or self.query.free):
            for album in self.world.discography(artist).albums:
                there = words(album.name) + words(artist.name)
                fits = not wanted or share_found(wanted, there) >= 0.6
                if fits and _year_fits(self.query.filters.get("year"), album.released):
                    found.setdefault(album.spotify_id, album)
        for track in self.tracks()[:20] if self.query.free else ():
            found.setdefault(track.album.spotify_id, track.album)
        return list(found.values())


def _same_isrc(track: Track, isrc: str) -> bool:
    return track.isrc == isrc.upper().replace("-", "")


def _year_fits(wanted: str | None, released: str) -> bool:
    if wanted is None:
        return True
    first, _, last = wanted.partition("-")
    try:
        return int(first) <= int(released[:4]) <= int(last or first)
    except ValueError:
        return False


def _tagged(artist: Artist, genre: str) -> bool:
    return folded(genre) in {folded(tag) for tag, _ in artist.tags}


def search(call: ApiCall) -> Response:
    """GET /search."""
    text = call.query.get("q", "").strip()
    if not text:
        raise SpotifyError(400, "No search query")
    if not call.query.get("type"):
        raise SpotifyError(400, "Missing parameter type")
    kinds = call.query["type"].split(",")
    for kind in kinds:
        if kind not in _TYPES:
            raise SpotifyError(400, f"Bad search type field {kind}")
    old = call.regime != "C"
    limit = call.whole("limit", 20 if old else 5, 0, 50 if old else 10)
    offset = call.whole("offset", 0, 0, _FURTHEST)
    if limit + offset > _FURTHEST:
        raise SpotifyError(400, "Invalid offset")
    searcher = _Searcher(call, text)
    return JSONResponse(
        {f"{kind}s": _results(call, searcher, kind, limit, offset) for kind in kinds}
    )


def _results(
    call: ApiCall, searcher: _Searcher, kind: str, limit: int, offset: int
) -> dict[str, Any]:
    part = slice(offset, offset + limit)
    items: list[Any] = []
    total = 0
    if kind == "track":
        tracks = searcher.tracks()
        items, total = [shapes.full_track(call, track) for track in tracks[part]], len(tracks)
    elif kind == "artist":
        artists = searcher.artists()
        items, total = [shapes.full_artist(call, artist) for artist in artists[part]], len(artists)
    elif kind == "album":
        albums = searcher.albums()
        items, total = [shapes.simple_album(call, album) for album in albums[part]], len(albums)
    elif kind == "playlist":
        items, total = _playlists(call, part, limit)
    return call.page("/search", items, total, limit, offset)


def _playlists(call: ApiCall, part: slice, limit: int) -> tuple[list[Any], int]:
    """About three of ten playlist results are null: editorial ones that apps may not see."""
    world = call.simulation.world
    shown: list[Any] = []
    for place in range(part.start, min(part.start + limit, 20)):
        artist = world.artists[(place * 31) % len(world.artists)]
        foreign = shapes.foreign_playlist(call, world.ids.spotify("playlist", place), artist.name)
        shown.append(None if place % 10 in {1, 4, 7} else foreign)
    return shown, 20


def routes(simulation: Simulation) -> list[BaseRoute]:
    """``/search``."""
    return [Route("/spotify/v1/search", Gate(simulation).endpoint(search))]
