"""The built-in world: invented artists with a hidden taste model, the same for the same seed."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from datetime import datetime
from operator import mul

from vibe_pipeline.simulator.matching import folded
from vibe_pipeline.simulator.worlds import vocabulary as say
from vibe_pipeline.simulator.worlds.catalogue import (
    Artist,
    Discography,
    Listener,
    ListenerLibrary,
    Recording,
    World,
)
from vibe_pipeline.simulator.worlds.discography import Studio
from vibe_pipeline.simulator.worlds.habits import library
from vibe_pipeline.simulator.worlds.identifiers import Identifiers
from vibe_pipeline.simulator.worlds.titles import titles, vocabulary_for

_DIMENSIONS = 8
_NEIGHBOURS = 100
_LOVED, _KNOWN = 150, 55
"""So many artists a listener would love, and so many of them they know."""
_LIKES_OF_EACH = 8
"""Whoever has very many likes has about so many by each artist."""
Taste = tuple[float, ...]


def _unit(values: Sequence[float]) -> Taste:
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return tuple(value / length for value in values)


def _near(centre: Taste, spread: float, rng: random.Random) -> Taste:
    return _unit([value + rng.gauss(0, spread) for value in centre])


def _cosine(one: Taste, other: Taste) -> float:
    product: float = sum(map(mul, one, other))
    return product


class BuiltInWorld(World):
    """Several hundred artists in sixteen genres, and listeners who each love two or three."""

    def __init__(self, seed: int = 1, *, artists: int = 560, listeners: int = 40) -> None:
        super().__init__()
        self.name = f"built-in world {seed}"
        self.ids = Identifiers(seed)
        rng = random.Random(self.ids.number("world"))
        self._centres = {
            genre: _unit([rng.gauss(0, 1) for _ in range(_DIMENSIONS)]) for genre in say.GENRES
        }
        self._genres: list[str] = []
        self._tastes: list[Taste] = []
        self.artists = self._make_artists(artists, rng)
        self.listeners = [self._listener(number) for number in range(listeners)]
        self._listener_tastes = [self._listener_taste(number) for number in range(listeners)]
        self._studio = Studio(
            ids=self.ids, artists=self.artists, titles=self._titles, guest_for=self._guest
        )
        self._similar: dict[int, list[tuple[Artist, float]]] = {}

    def _make_artists(self, wanted: int, rng: random.Random) -> list[Artist]:
        names: set[str] = set()
        artists: list[Artist] = []
        genres = list(say.GENRES)
        while len(artists) < wanted:
            number = len(artists)
            genre = genres[number % len(genres)]
            name = _name(genre, rng)
            if _bare(name) in names:
                continue
            names.add(_bare(name))
            self._genres.append(genre)
            self._tastes.append(_near(self._centres[genre], 0.22, rng))
            artists.append(
                Artist(
                    number=number,
                    name=name,
                    spotify_id=self.ids.spotify("artist", number),
                    mbid=self.ids.mbid("artist", number),
                    listeners=int(400 * rng.paretovariate(0.7)) % 3_000_000 + 200,
                    tags=_tags(genre, rng),
                )
            )
        return artists

    def _listener(self, number: int) -> Listener:
        name = say.LISTENER_NAMES[number % len(say.LISTENER_NAMES)]
        letters = self.ids.spotify("listener", number)[1:].lower()
        return Listener(
            number=number,
            id=f"31{letters[:18]}",
            name=name if number < len(say.LISTENER_NAMES) else f"{name} {number}",
            country=("NL", "UA", "GB", "SE")[number % 4],
        )

    def _listener_taste(self, number: int) -> tuple[Taste, ...]:
        rng = random.Random(self.ids.number("taste", number))
        genres = rng.sample(sorted(self._centres), k=rng.randint(2, 3))
        return tuple(_near(self._centres[genre], 0.12, rng) for genre in genres)

    def _titles(self, artist: Artist) -> list[str]:
        rng = random.Random(self.ids.number("titles", artist.number))
        return titles(vocabulary_for(artist.name), rng, wanted=rng.randint(10, 18))

    def _guest(self, artist: Artist, rng: random.Random) -> Artist | None:
        return rng.choice(self.similar_artists(artist)[:30])[0]

    def _discography(self, artist: Artist) -> Discography:
        return self._studio.make(artist)

    def similar_artists(self, artist: Artist) -> Sequence[tuple[Artist, float]]:
        """Nearest in taste; what the services tell is made from this."""
        found = self._similar.get(artist.number)
        if found is None:
            mine = self._tastes[artist.number]
            near = [
                (other, max(0.0, _cosine(mine, self._tastes[other.number])))
                for other in self.artists
                if other.number != artist.number
            ]
            near.sort(key=lambda pair: (-pair[1], pair[0].number))
            best = near[0][1] or 1.0
            found = [(other, match / best) for other, match in near[:_NEIGHBOURS] if match > 0]
            self._similar[artist.number] = found
        return found

    def affinity(self, listener: Listener, artist: Artist) -> float:
        """How close an artist is to the nearest of a listener's tastes, -1 to 1."""
        mine = self._tastes[artist.number]
        return max(_cosine(taste, mine) for taste in self._listener_tastes[listener.number])

    def library(
        self, listener: Listener, now: datetime, *, likes: int | None = None
    ) -> ListenerLibrary:
        """About forty artists they know, out of those they would love; more for many likes."""
        artists = max(_KNOWN, (likes or 0) // _LIKES_OF_EACH)
        rng = random.Random(self.ids.number("library", listener.number))
        loved = sorted(
            self.artists,
            key=lambda artist: -self.affinity(listener, artist) - rng.gauss(0, 0.08),
        )[: max(_LOVED, artists)]
        known = rng.sample(loved, k=min(artists, len(loved)))
        weights = [(artist, rng.paretovariate(1.1)) for artist in known]
        return library(
            weights,
            self.discography,
            rng=rng,
            now=now,
            likes=rng.randint(300, 420) if likes is None else likes,
            all_songs=likes is not None,
        )

    def would_like(self, listener: Listener, recording: Recording) -> float:
        """The hidden answer: taste first, then a little luck, and a dislike of odd versions."""
        closeness = self.affinity(listener, recording.artist)
        luck = self.ids.share("luck", listener.number, recording.mbid) - 0.5
        base = 1 / (1 + math.exp(-9 * (closeness - 0.72) - luck))
        return base * (0.15 if recording.version not in {"", "remaster", "acoustic"} else 1.0)


def _bare(name: str) -> str:
    """No two artists here differ by an article only."""
    return folded(name).removeprefix("the ")


def _name(genre: str, rng: random.Random) -> str:
    if genre == "ukrainian" and rng.random() < 0.8:
        return _extended(rng.choice(say.CYRILLIC_NAMES), say.CYRILLIC_WORDS, rng)
    if genre == "rembetiko" and rng.random() < 0.8:
        return _extended(rng.choice(say.GREEK_NAMES), say.GREEK_WORDS, rng)
    kind = rng.random()
    if kind < 0.35:
        return f"{rng.choice(say.PEOPLE_FIRST)} {rng.choice(say.PEOPLE_LAST)}"
    if kind < 0.55:
        return f"The {rng.choice(say.FIRST)} {rng.choice(say.SECOND)}"
    if kind < 0.62:
        return f"{rng.choice(say.NOUNS)} & {rng.choice(say.SECOND)}"
    return f"{rng.choice(say.FIRST)} {rng.choice(say.SECOND)}"


def _extended(name: str, words: Sequence[str], rng: random.Random) -> str:
    return name if rng.random() < 0.4 else f"{name} {rng.choice(words)}"


def _tags(genre: str, rng: random.Random) -> tuple[tuple[str, int], ...]:
    if rng.random() < 0.06:
        return ()
    own = [
        (tag, max(1, 100 - 22 * place - rng.randrange(8)))
        for place, tag in enumerate(say.GENRES[genre])
    ]
    if rng.random() < 0.5:
        own.append((rng.choice(say.JUNK_TAGS), rng.randint(1, 30)))
    return tuple(sorted(own, key=lambda tag: -tag[1]))
