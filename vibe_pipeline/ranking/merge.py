"""Entity resolution: many proposals, one candidate for each recording, however it was named.

What makes two namings one is ``ranking.identity``'s.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import Candidate, Pool, Proposal


def merge(pools: Iterable[Pool]) -> list[Candidate]:
    """One candidate for each recording: same ISRC, same Spotify id, or same artist and title.

    Sorted by key; neither the order of pools nor that of proposals matters.
    """
    proposals = sorted(
        {proposal for pool in pools for proposal in pool.proposals if _usable(proposal)},
        key=_order,
    )
    keys = [recording_key(proposal.artist, proposal.title) for proposal in proposals]
    groups = _Groups(len(proposals))
    seen: dict[tuple[str, str], int] = {}
    for index, (proposal, key) in enumerate(zip(proposals, keys, strict=True)):
        for name in _names(proposal, key):
            groups.join(seen.setdefault(name, index), index)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for index in range(len(proposals)):
        members[groups.first(index)].append(index)
    candidates = [
        _candidate([proposals[index] for index in group], [keys[index] for index in group])
        for group in members.values()
    ]
    return sorted(candidates, key=lambda candidate: candidate.key)


def _usable(proposal: Proposal) -> bool:
    return bool(proposal.artist.strip() and proposal.title.strip())


def _names(proposal: Proposal, key: str) -> Iterable[tuple[str, str]]:
    yield "key", key
    if proposal.isrc:
        yield "isrc", canonical_isrc(proposal.isrc)
    if proposal.spotify_id:
        yield "spotify", proposal.spotify_id


def canonical_isrc(isrc: str) -> str:
    """An ISRC as twelve capitals and digits, however it was written."""
    return isrc.replace("-", "").replace(" ", "").upper()


def _candidate(proposals: list[Proposal], keys: list[str]) -> Candidate:
    """The most usual naming stands for all; ties go to the smallest key."""
    counts = Counter(keys)
    key = min(counts, key=lambda name: (-counts[name], name))
    named = [proposal for proposal, own in zip(proposals, keys, strict=True) if own == key]
    spelling = min(named, key=lambda p: (p.spotify_id is None, p.isrc is None, p.artist, p.title))
    return Candidate(
        key=key,
        artist=spelling.artist,
        artist_key=artist_key(spelling.artist),
        title=spelling.title,
        proposals=tuple(proposals),
        spotify_id=_smallest(named, "spotify_id") or _smallest(proposals, "spotify_id"),
        isrc=_smallest(named, "isrc") or _smallest(proposals, "isrc"),
        mbid=_smallest(named, "mbid") or _smallest(proposals, "mbid"),
        duration_ms=min((p.duration_ms for p in proposals if p.duration_ms), default=None),
        aliases=tuple(sorted(set(counts) - {key})),
    )


def _smallest(proposals: list[Proposal], name: str) -> str | None:
    return min((value for p in proposals if (value := getattr(p, name))), default=None)


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
