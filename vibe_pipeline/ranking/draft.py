"""A list in the making: what is on it so far, and what its caps still let in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from vibe_pipeline.ranking.identity import artist_key, song_key
from vibe_pipeline.ranking.known import track_key
from vibe_pipeline.ranking.merge import canonical_isrc
from vibe_pipeline.records import Dropped, Ranked, Source


class Draft:
    """Takes the best that fit; ``refused`` remembers why others did not.

    The artist cap holds always. The source cap holds while candidates of other sources are left:
    first everybody is asked under it, then those it kept out.
    """

    def __init__(self, *, size: int, artist_cap: int, source_cap: float) -> None:
        self.size = size
        self.chosen: list[Ranked] = []
        self.keys: set[str] = set()
        self.refused: dict[str, Dropped] = {}
        self._artist_cap = artist_cap
        self._source_cap = max(1, int(size * source_cap))
        self._artists: Counter[str] = Counter()
        self._sources: Counter[Source] = Counter()
        self._taken: set[str] = set()

    def fill(self, entries: Sequence[Ranked], wished_new: int) -> None:
        """New ones up to the wish, then familiar ones, then whatever is left."""
        new = [entry for entry in entries if entry.is_new]
        familiar = [entry for entry in entries if not entry.is_new]
        self.take(new, wished_new, under_source_cap=True)
        self.take(new, wished_new)
        self.take(familiar, self.size, under_source_cap=True)
        self.take(new, self.size, under_source_cap=True)
        self.take(familiar, self.size)
        self.take(new, self.size)
        for entry in familiar:
            if entry.candidate.key not in self.keys:
                self.refused.setdefault(entry.candidate.key, Dropped.FAMILIAR_ENOUGH)

    def take(
        self, entries: Iterable[Ranked], until: int, *, under_source_cap: bool = False
    ) -> None:
        """The best of these until the list is so long; each at most once."""
        for entry in entries:
            key = entry.candidate.key
            if len(self.chosen) >= until:
                return
            if key in self.keys:
                continue
            refusal = self._refusal(entry, under_source_cap=under_source_cap)
            if refusal is None:
                self._add(entry)
            else:
                self.refused[key] = refusal

    def _refusal(self, entry: Ranked, *, under_source_cap: bool) -> Dropped | None:
        if not self._taken.isdisjoint(_names(entry)):
            return Dropped.LOWER_RANKED
        if any(self._artists[artist] >= self._artist_cap for artist in artists_of(entry)):
            return Dropped.ARTIST_CAP
        if under_source_cap and self._sources[entry.source] >= self._source_cap:
            return Dropped.SOURCE_CAP
        return None

    def _add(self, entry: Ranked) -> None:
        self.chosen.append(entry)
        self.keys.add(entry.candidate.key)
        self.refused.pop(entry.candidate.key, None)
        self._taken.update(_names(entry))
        self._artists.update(artists_of(entry))
        self._sources[entry.source] += 1


def artists_of(entry: Ranked) -> frozenset[str]:
    """The artists a track counts for: whom it was proposed as, and who leads it on Spotify."""
    named = {entry.candidate.artist_key}
    if entry.track is not None:
        named.add(artist_key(entry.track.artist))
    return frozenset(named)


def _names(entry: Ranked) -> set[str]:
    """All by which two tracks could turn out to be one song."""
    candidate, track = entry.candidate, entry.track
    names = {song_key(key) for key in (candidate.key, *candidate.aliases)}
    isrcs = [candidate.isrc, track.isrc if track else None]
    names.update(f"isrc {canonical_isrc(isrc)}" for isrc in isrcs if isrc)
    ids = [candidate.spotify_id, track.spotify_id if track else None]
    names.update(f"spotify {spotify_id}" for spotify_id in ids if spotify_id)
    if track is not None:
        names.add(song_key(track_key(track)))
    return names
