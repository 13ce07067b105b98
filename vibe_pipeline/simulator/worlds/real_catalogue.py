"""What both kinds of real world share: artists with real names, records made up round them."""

from __future__ import annotations

import random
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Sequence

from vibe_pipeline.simulator.matching import folded
from vibe_pipeline.simulator.worlds import vocabulary as say
from vibe_pipeline.simulator.worlds.catalogue import Artist, Discography, Listener, Recording, World
from vibe_pipeline.simulator.worlds.crowd import Crowd
from vibe_pipeline.simulator.worlds.discography import Studio
from vibe_pipeline.simulator.worlds.identifiers import Identifiers
from vibe_pipeline.simulator.worlds.titles import titles, vocabulary_for

_FEW_NEIGHBOURS = 8
_TAG_NEIGHBOURS = 40
_LISTENERS_FOR_EACH = 1500
_UNLIKED_VERSION = 0.15


class RealWorld(World):
    """A world whose artists exist and are near each other because people listen to both."""

    crowd: Crowd

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.ids = Identifiers(seed)
        self.artists: list[Artist] = []
        self.listeners: list[Listener] = []
        self._near: dict[int, list[tuple[Artist, float]]] = {}
        self._tagged: defaultdict[str, list[int]] | None = None
        self._pull: dict[int, dict[int, float]] = {}

    def _studio(self) -> Studio:
        return Studio(
            ids=self.ids, artists=self.artists, titles=self._titles, guest_for=self._guest
        )

    def _make_artist(self, name: str, heard_by: int, tags: tuple[tuple[str, int], ...]) -> Artist:
        number = len(self.artists)
        luck = self.ids.number("listeners", number) % _LISTENERS_FOR_EACH
        return Artist(
            number=number,
            name=name,
            spotify_id=self.ids.spotify("artist", number),
            mbid=self.ids.mbid("artist", number),
            listeners=heard_by * _LISTENERS_FOR_EACH + luck,
            tags=tags,
        )

    def _discography(self, artist: Artist) -> Discography:
        return self._studio().make(artist)

    def _titles(self, artist: Artist) -> Sequence[str]:
        rng = random.Random(self.ids.number("titles", artist.number))
        nouns, adjectives = vocabulary_for(artist.name)
        own = _words_of(artist)
        return titles(
            (nouns, [*adjectives, *own, *own] if adjectives else ()),
            rng,
            wanted=rng.randint(10, 18),
        )

    def _guest(self, artist: Artist, rng: random.Random) -> Artist | None:
        near = self.similar_artists(artist)[:30]
        return rng.choice(near)[0] if near else None

    def similar_artists(self, artist: Artist) -> Sequence[tuple[Artist, float]]:
        """By the crowd; where it knows too little, by tags in common, further away."""
        found = self._near.get(artist.number)
        if found is None:
            near = self.crowd.near(artist.number)
            if len(near) < _FEW_NEIGHBOURS:
                near = self._with_tags(artist, near)
            found = [(self.artists[other], match) for other, match in near]
            self._near[artist.number] = found
        return found

    def _with_tags(self, artist: Artist, near: list[tuple[int, float]]) -> list[tuple[int, float]]:
        if self._tagged is None:
            self._tagged = defaultdict(list)
            for one in self.artists:
                for tag, _ in one.tags[:3]:
                    self._tagged[folded(tag)].append(one.number)
        common: defaultdict[int, float] = defaultdict(float)
        for tag, _ in artist.tags[:3]:
            mates = self._tagged[folded(tag)]
            for other in mates:
                common[other] += 1 / len(mates)
        known = {artist.number, *(other for other, _ in near)}
        ranked = sorted(
            (other for other in common if other not in known),
            key=lambda other: (-common[other], -self.artists[other].listeners, other),
        )
        added = [
            (other, 0.4 * (1 - place / _TAG_NEIGHBOURS))
            for place, other in enumerate(ranked[:_TAG_NEIGHBOURS])
        ]
        return [*near, *added]

    @abstractmethod
    def _loves(self, listener: Listener) -> dict[int, float]:
        """Artists a listener really listens to, now or later, with a weight up to 1."""

    @abstractmethod
    def _knows(self, listener: Listener) -> dict[int, float]:
        """The part of them they know already."""

    def would_like(self, listener: Listener, recording: Recording) -> float:
        """What they really listen to they like; the rest as far as it is near to that."""
        artist = recording.artist.number
        loves = self._loves(listener)
        if artist in loves:
            base = 0.55 + 0.4 * loves[artist]
        else:
            base = 0.05 + 0.55 * self._pulled(listener).get(artist, 0.0) ** 0.5
        luck = self.ids.share("luck", listener.number, recording.mbid) - 0.5
        liked = min(1.0, max(0.0, base + 0.2 * luck))
        odd = recording.version not in {"", "remaster", "acoustic"}
        return liked * (_UNLIKED_VERSION if odd else 1.0)

    def _pulled(self, listener: Listener) -> dict[int, float]:
        """How near every artist is to all a listener knows, the nearest at 1."""
        found = self._pull.get(listener.number)
        if found is None:
            sums: defaultdict[int, float] = defaultdict(float)
            for artist, weight in self._knows(listener).items():
                for other, match in self.similar_artists(self.artists[artist]):
                    sums[other.number] += weight * match
            most = max(sums.values(), default=1.0)
            found = {artist: pull / most for artist, pull in sums.items()}
            self._pull[listener.number] = found
        return found


def _words_of(artist: Artist) -> list[str]:
    """Words people call an artist by that would do in a title."""
    junk = {folded(tag) for tag in say.JUNK_TAGS} | {folded(artist.name)}
    found = [
        tag.title()
        for tag, _ in artist.tags[:8]
        if tag.isascii() and tag.isalpha() and 3 <= len(tag) <= 12 and folded(tag) not in junk
    ]
    return found[:4]
