"""A list in the making: what is on it so far, and what its caps (quotas) still let in.

Which candidates are tried, and in what order, is ``ranking.selection``'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from enum import IntEnum, auto

from vibe_pipeline.ranking.identity import artist_key, song_key
from vibe_pipeline.ranking.listener_knowledge import track_key
from vibe_pipeline.ranking.merge import valid_isrc
from vibe_pipeline.ranking.recording_match import credited
from vibe_pipeline.records import DropReason, Ranked, Source


class Strictness(IntEnum):
    """How much a track must keep to come on a list; each step keeps all below it too."""

    LEADS = auto()
    """No artist leads more tracks than the cap."""
    GUESTS = auto()
    """No artist is heard on more tracks than the cap, guests included."""
    SOURCES = auto()
    """No source fills more than its share."""


class Draft:
    """Takes the best that fit; ``refused`` remembers why others did not.

    The cap on leading artists holds always, and is one for those in ``once``. Guests, by the same
    caps, and sources are held back as long as that costs no track: everybody is asked under the
    strictest rules first.
    """

    def __init__(
        self, *, size: int, artist_cap: int, source_cap: float, once: Collection[str] = ()
    ) -> None:
        self.size = size
        self.chosen: list[Ranked] = []
        self.keys: set[str] = set()
        self.refused: dict[str, DropReason] = {}
        self._artist_cap = artist_cap
        self._source_cap = max(1, int(size * source_cap))
        self._once = once
        self._led: Counter[str] = Counter()
        self._heard: Counter[str] = Counter()
        self._sources: Counter[Source] = Counter()
        self._taken: set[str] = set()

    def fill(self, new: Iterable[Ranked], familiar: Iterable[Ranked], wished_new: int) -> None:
        """New ones up to the wish, then familiar ones, then whatever is left; each best first."""
        for strictness in reversed(Strictness):
            self.take(new, wished_new, strictness)
        for strictness in reversed(Strictness):
            self.take(familiar, self.size, strictness)
            self.take(new, self.size, strictness)

    def take(
        self, entries: Iterable[Ranked], until: int, strictness: Strictness = Strictness.LEADS
    ) -> None:
        """The best of these until the list is so long; each at most once."""
        for entry in entries:
            key = entry.candidate.key
            if len(self.chosen) >= until:
                return
            if key in self.keys:
                continue
            refusal = self._refusal(entry, strictness)
            if refusal is None:
                self._add(entry)
            else:
                self.refused[key] = refusal

    def _refusal(self, entry: Ranked, strictness: Strictness) -> DropReason | None:
        if not self._taken.isdisjoint(_names(entry)):
            return DropReason.LOWER_RANKED
        if any(self._led[one] >= self._cap(one) for one in leads_of(entry)):
            return DropReason.ARTIST_CAP
        if strictness >= Strictness.GUESTS and any(
            self._heard[one] >= self._cap(one) for one in heard_on(entry)
        ):
            return DropReason.ARTIST_CAP
        if strictness >= Strictness.SOURCES and self._sources[entry.source] >= self._source_cap:
            return DropReason.SOURCE_CAP
        return None

    def worth(self, wished_new: int) -> tuple[int, int]:
        """How much of the wish for new is met, then how many tracks there are; to be compared."""
        return min(sum(entry.is_new for entry in self.chosen), wished_new), len(self.chosen)

    def _cap(self, artist: str) -> int:
        return min(1, self._artist_cap) if artist in self._once else self._artist_cap

    def _add(self, entry: Ranked) -> None:
        self.chosen.append(entry)
        self.keys.add(entry.candidate.key)
        self.refused.pop(entry.candidate.key, None)
        self._taken.update(_names(entry))
        self._led.update(leads_of(entry))
        self._heard.update(heard_on(entry))
        self._sources[entry.source] += 1


def leads_of(entry: Ranked) -> frozenset[str]:
    """The keys of the artists a track counts for: as proposed, and who leads it on Spotify."""
    named = {entry.candidate.artist_key}
    if entry.track is not None:
        named.add(artist_key(entry.track.artist))
    return frozenset(named)


def heard_on(entry: Ranked) -> frozenset[str]:
    """The keys of everybody on it: whoever proposed it, or Spotify, may have named guests."""
    heard = {entry.candidate.artist_key}
    for proposal in entry.candidate.proposals:
        heard |= credited(proposal.artist, proposal.title)
    if entry.track is not None:
        for name in entry.track.artists:
            heard |= {artist_key(name), *credited(name, entry.track.title)}
    return frozenset(heard)


def _names(entry: Ranked) -> set[str]:
    """All by which two tracks could turn out to be one song."""
    candidate, track = entry.candidate, entry.track
    names = {song_key(key) for key in (candidate.key, *candidate.aliases)}
    isrcs = [candidate.isrc, track.isrc if track else None]
    names.update(f"isrc {code}" for isrc in isrcs if (code := valid_isrc(isrc)))
    ids = [candidate.spotify_id, track.spotify_id if track else None]
    names.update(f"spotify {spotify_id}" for spotify_id in ids if spotify_id)
    if track is not None:
        names.add(song_key(track_key(track)))
    return names
