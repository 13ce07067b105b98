"""Entity resolution: many proposals, one candidate for each recording, however it was named.

What makes two namings one is ``ranking.identity``'s for one of them alone, and
``ranking.recording_match``'s for two side by side.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

from vibe_pipeline.ranking.artist_aliases import NO_OTHER_NAMES, OtherNames, known_by
from vibe_pipeline.ranking.artist_credits import is_placeholder
from vibe_pipeline.ranking.identity import artist_key, other_keys, recording_key
from vibe_pipeline.ranking.recording_match import (
    agrees,
    is_transliterated,
    same_credit,
    same_recording,
    sound_of,
)
from vibe_pipeline.records import Candidate, Pool, Proposal

_ISRC = re.compile("[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")


def merge(
    pools: Iterable[Pool],
    *,
    unplayable: Collection[str] = frozenset(),
    other_names: OtherNames = NO_OTHER_NAMES,
) -> list[Candidate]:
    """One candidate for each recording: same Spotify id, same artist and title, or same ISRC.

    A joint credit counts in any order, an ISRC only where the names do not speak against it; what
    names nobody (``Various Artists``) is left out. A Spotify id that is ``unplayable`` joins
    proposals, but becomes no candidate's own; by ``other_names`` artists are known too. Sorted by
    key; neither the order of pools nor that of proposals matters.
    """
    proposals = sorted(
        {proposal for pool in pools for proposal in pool.proposals if _usable(proposal)},
        key=_order,
    )
    keys = [recording_key(proposal.artist, proposal.title) for proposal in proposals]
    groups = _Groups(len(proposals))
    seen: dict[tuple[str, str], int] = {}
    for index, (proposal, key) in enumerate(zip(proposals, keys, strict=True)):
        for name in _names(proposal, key, other_names):
            groups.join(seen.setdefault(name, index), index)
    _join_by_credit(proposals, keys, groups)
    _join_by_sound(proposals, groups)
    _join_by_isrc(proposals, groups)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for index in range(len(proposals)):
        members[groups.first(index)].append(index)
    candidates = [
        _candidate(
            [proposals[index] for index in group],
            [keys[index] for index in group],
            unplayable,
            other_names,
        )
        for group in members.values()
    ]
    return sorted(candidates, key=lambda candidate: candidate.key)


def _usable(proposal: Proposal) -> bool:
    named = bool(proposal.artist.strip() and proposal.title.strip())
    return named and not is_placeholder(proposal.artist)


def _names(proposal: Proposal, key: str, other_names: OtherNames) -> Iterable[tuple[str, str]]:
    yield "key", key
    if known := known_by(key, other_names):
        yield "key", known
    for other in other_keys(proposal.artist, proposal.title):
        yield "key", other
    if proposal.spotify_id:
        yield "spotify", proposal.spotify_id


def _join_by_credit(proposals: Sequence[Proposal], keys: Sequence[str], groups: _Groups) -> None:
    """Songs of one name and version whose credits mean the same people, as in ``B & A``."""
    songs: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for index, (proposal, key) in enumerate(zip(proposals, keys, strict=True)):
        songs[key.partition("|")[2]].setdefault(proposal.artist, index)
    for names in songs.values():
        artists = list(names)
        for place, one in enumerate(artists):
            for other in artists[place + 1 :]:
                if same_credit(one, other):
                    groups.join(names[one], names[other])


def _join_by_sound(proposals: Sequence[Proposal], groups: _Groups) -> None:
    """Cyrillic and Greek names beside the same in Latin letters, however transliterated."""
    spelt = {p.artist for p in proposals if is_transliterated(p.artist + p.title, "")}
    wanted = set(map(sound_of, spelt))
    by_sound: defaultdict[str, dict[tuple[str, str], int]] = defaultdict(dict)
    for index, proposal in enumerate(proposals if wanted else ()):
        if (sound := sound_of(proposal.artist)) in wanted:
            by_sound[sound].setdefault((proposal.artist, proposal.title), index)
    for names in by_sound.values():
        for (one, title), index in names.items():
            for (other, other_title), other_index in names.items():
                if is_transliterated(title, other_title) and same_recording(
                    one, title, (other,), other_title
                ):
                    groups.join(index, other_index)


def _join_by_isrc(proposals: Sequence[Proposal], groups: _Groups) -> None:
    """Proposals of one ISRC, as far as their names agree."""
    codes: defaultdict[str, list[int]] = defaultdict(list)
    for index, proposal in enumerate(proposals):
        if code := valid_isrc(proposal.isrc):
            codes[code].append(index)
    for indexes in codes.values():
        for place, index in enumerate(indexes):
            for other in indexes[place + 1 :]:
                if groups.first(index) != groups.first(other) and _agree(
                    proposals[index], proposals[other]
                ):
                    groups.join(index, other)


def _agree(one: Proposal, other: Proposal) -> bool:
    return agrees(one.artist, one.title, other.artist, other.title)


def canonical_isrc(isrc: str) -> str:
    """An ISRC as twelve capitals and digits, however it was written."""
    return isrc.replace("-", "").replace(" ", "").upper()


def valid_isrc(isrc: str | None) -> str | None:
    """The canonical ISRC; ``None`` for what has not the shape of one (``N/A``, all zeros).

    ISO 3901: two letters, three letters or digits, two digits of the year, five of the recording.
    """
    if not isrc:
        return None
    code = isrc if _ISRC.fullmatch(isrc) else canonical_isrc(isrc)
    return code if _ISRC.fullmatch(code) and code[-7:] != "0000000" else None


def _candidate(
    proposals: list[Proposal],
    keys: list[str],
    unplayable: Collection[str],
    other_names: OtherNames,
) -> Candidate:
    """The most usual naming stands for all; ties go to the smallest key."""
    counts = Counter(keys)
    key = min(counts, key=lambda name: (-counts[name], name))
    known = {name for own in counts if (name := known_by(own, other_names))}
    named = [proposal for proposal, own in zip(proposals, keys, strict=True) if own == key]
    spelling = min(named, key=lambda p: (p.spotify_id is None, p.isrc is None, p.artist, p.title))
    return Candidate(
        key=key,
        artist=spelling.artist,
        artist_key=artist_key(spelling.artist),
        title=spelling.title,
        proposals=tuple(proposals),
        spotify_id=_smallest(named, "spotify_id", besides=unplayable)
        or _smallest(proposals, "spotify_id", besides=unplayable),
        isrc=_smallest(named, "isrc") or _smallest(proposals, "isrc"),
        mbid=_smallest(named, "mbid") or _smallest(proposals, "mbid"),
        duration_ms=min((p.duration_ms for p in proposals if p.duration_ms), default=None),
        aliases=tuple(sorted((counts.keys() | known) - {key})),
    )


def _smallest(
    proposals: list[Proposal], name: str, *, besides: Collection[str] = frozenset()
) -> str | None:
    values = (value for p in proposals if (value := getattr(p, name)) and value not in besides)
    return min(values, default=None)


def _order(proposal: Proposal) -> tuple[object, ...]:
    return (
        proposal.source,
        proposal.rank,
        proposal.seed,
        -proposal.match,
        proposal.artist,
        proposal.title,
        proposal.spotify_id or "",
        proposal.isrc or "",
        proposal.mbid or "",
        proposal.duration_ms or 0,
        proposal.listeners or 0,
        proposal.tags,
        proposal.votes,
    )


class _Groups:
    """Which of many things belong together (union-find); the smallest index leads a group."""

    def __init__(self, count: int) -> None:
        self._leader = list(range(count))

    def first(self, index: int) -> int:
        while self._leader[index] != index:
            self._leader[index] = self._leader[self._leader[index]]
            index = self._leader[index]
        return index

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.first(one), self.first(other)))
        self._leader[high] = low
