"""Artists near the seed artists, whoever knows of them, and the tracks known of an artist.

Shared by the sources that go by way of an artist (user-to-artist-to-track); no source by itself.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.ranking.artist_credits import is_placeholder
from vibe_pipeline.ranking.evidence import SeedVotes, Vote, support
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.ranking.policy import DEFAULT, Policy
from vibe_pipeline.records import Proposal, SeedArtist, SeedVote, Source
from vibe_pipeline.sources.answers import (
    LASTFM_SIMILAR_ARTISTS,
    LASTFM_TOP_TRACKS,
    SimilarArtist,
    TopTrack,
)
from vibe_pipeline.sources.cached_calls import CachedAnswers, WantedAnswer, look_up
from vibe_pipeline.sources.context import SourceContext

_LISTS_AT_HAND = 256
"""So many lists of neighbours are kept in the form in which they are counted."""
_TWO_STEPS_AWAY = 150
"""So many artists a seed speaks for through its neighbours."""
_FADING = 0.97
"""How much less an artist's next best-known track is proposed than the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistNeighbour:
    """An artist near some seeds, and what each of them says of it; ``strength`` is what all say."""

    name: str
    key: str
    strength: float
    votes: tuple[SeedVote, ...]

    @property
    def nearest_seed(self) -> SeedVote:
        """The vote with the highest match; an artist that was only asked back has another."""
        return min(self.votes, key=lambda vote: (vote.asked_back, -vote.match, vote.seed))


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourLists:
    """Who is near whom, as far as it is known: the lists of seeds, and of those asked back.

    ``asked`` counts the calls it took; ``trouble`` is why something was not asked.
    """

    of_seeds: Mapping[str, Sequence[SimilarArtist]]
    asked_back: Mapping[str, Sequence[SimilarArtist]]
    asked: int
    trouble: ServiceError | None


async def neighbour_lists(context: SourceContext, lastfm: LastFm) -> NeighbourLists:
    """By artist's key: the artists near them, nearest first.

    The person's artists are asked about first, strongest first; what is left of the calls goes to
    asking back the best of those they name.
    """
    limits, profile = context.limits, context.profile
    seeds = profile.artists[: limits.seed_artists]
    similar = await look_up(
        context.services.lookups,
        LASTFM_SIMILAR_ARTISTS,
        [_similar(lastfm, seed.name, seed.key, limits.neighbours) for seed in seeds],
        limits=limits,
        calls=limits.lastfm_artist_calls,
    )
    of_seeds = {key: near for key, near in similar.answers.items() if near}
    most = limits.asked_back if context.policy.back_weight else 0
    best = nearest(profile.artists, of_seeds, most=most, policy=context.policy) if most else []
    spared = limits.lastfm_artist_calls - similar.asked
    back = await look_up(
        context.services.lookups,
        LASTFM_SIMILAR_ARTISTS,
        [_similar(lastfm, artist.name, artist.key, limits.neighbours) for artist in best],
        limits=limits,
        calls=0 if similar.trouble else limits.lastfm_back_calls + spared,
    )
    return NeighbourLists(
        of_seeds=of_seeds,
        asked_back={key: near for key, near in back.answers.items() if near},
        asked=similar.asked + back.asked,
        trouble=similar.trouble or back.trouble,
    )


def nearest(
    seeds: Sequence[SeedArtist],
    of_seeds: Mapping[str, Sequence[SimilarArtist]],
    *,
    asked_back: Mapping[str, Sequence[SimilarArtist]] = MappingProxyType({}),
    listeners: Mapping[str, int] = MappingProxyType({}),
    most: int,
    policy: Policy = DEFAULT,
) -> list[ArtistNeighbour]:
    """The artists the seeds together are nearest to, by the ranker's own support; no seed itself.

    ``listeners`` of seeds by their key, where known.
    """
    own = {seed.key: seed for seed in seeds}
    heard = {seed.key: seed for seed in seeds[: policy.seeds]}
    near = _Named()
    cast = [
        (seed, near.votes_of(seed, of_seeds[key], own, listeners.get(key)))
        for key, seed in heard.items()
        if key in of_seeds
    ]
    if len(own) <= policy.few_seeds:
        cast += [
            (seed, near.votes_two_steps_away(seed, direct, asked_back, own))
            for seed, direct in cast
        ]
    if policy.back_weight:
        cast += near.votes_back(asked_back, heard, listeners)
    supported = support([ballot for _, ballot in cast], policy)
    strongest = sorted(supported, key=lambda one: (-supported[one], near.keys[one]))[:most]
    votes: dict[int, list[SeedVote]] = {one: [] for one in strongest}
    for seed, ballot in cast:
        spread = ballot.spread or 0.0
        for candidate, match, place, _ in ballot.votes:
            if candidate in votes:
                vote = SeedVote(seed.name, match, place, spread, ballot.asked_back)
                votes[candidate].append(vote)
    return [
        ArtistNeighbour(
            name=near.names[one],
            key=near.keys[one],
            strength=supported[one],
            votes=tuple(votes[one]),
        )
        for one in strongest
    ]


class _Named:
    """The artists that seeds have named so far, numbered in the order of their first naming."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}

    def votes_of(
        self,
        seed: SeedArtist,
        near: Sequence[SimilarArtist],
        own: Container[str],
        listeners: int | None,
    ) -> SeedVotes:
        """What a seed says of everybody it names but the person's own artists."""
        numbers = self._numbers
        votes = []
        for key, name, match, place in _beside_best(tuple(near)):
            if key not in own:
                number = numbers.get(key)
                if number is None:
                    number = self._number(key, name)
                votes.append(Vote(number, match, place))
        spread = math.fsum([vote.match for vote in votes])
        return SeedVotes(seed.weight, listeners, votes, spread=spread)

    def votes_two_steps_away(
        self,
        seed: SeedArtist,
        direct: SeedVotes,
        asked_back: Mapping[str, Sequence[SimilarArtist]],
        own: Container[str],
    ) -> SeedVotes:
        """What a seed says through those it names, as far as they were asked whom they name.

        A match is the sum over all ways of the products of matches, beside the best of them.
        """
        sums: dict[str, float] = {}
        names: dict[str, str] = {}
        for middle, nearness, _, _ in direct.votes:
            for key, name, match, _ in _beside_best(tuple(asked_back.get(self.keys[middle], ()))):
                if key not in own:
                    sums[key] = sums.get(key, 0.0) + nearness * match
                    names.setdefault(key, name)
        order = sorted(sums, key=lambda key: (-sums[key], key))[:_TWO_STEPS_AWAY]
        votes = []
        for place, key in enumerate(order):
            number = self._numbers.get(key)
            if number is None:
                number = self._number(key, names[key])
            votes.append(Vote(number, sums[key] / sums[order[0]], place))
        return SeedVotes(seed.weight, direct.listeners, votes, spread=direct.spread)

    def votes_back(
        self,
        asked_back: Mapping[str, Sequence[SimilarArtist]],
        heard: Mapping[str, SeedArtist],
        listeners: Mapping[str, int],
    ) -> Iterator[tuple[SeedArtist, SeedVotes]]:
        """What the person's artists are worth to those that were asked back."""
        votes: dict[str, list[Vote]] = {}
        for asked in sorted(asked_back.keys() & self._numbers.keys()):
            number = self._numbers[asked]
            for key, _, match, place in _beside_best(tuple(asked_back[asked])):
                if key in heard:
                    votes.setdefault(key, []).append(Vote(number, match, place))
        for key, cast in votes.items():
            seed = heard[key]
            ballot = SeedVotes(seed.weight, listeners.get(key), cast, spread=1.0, asked_back=True)
            yield seed, ballot

    def _number(self, key: str, name: str) -> int:
        number = self._numbers[key] = len(self.keys)
        self.keys.append(key)
        self.names.append(name)
        return number


@lru_cache(maxsize=_LISTS_AT_HAND)
def _beside_best(near: tuple[SimilarArtist, ...]) -> tuple[tuple[str, str, float, int], ...]:
    """Key, name, match and place of each neighbour once, the nearest with match 1; no placeholder.

    Read twice for each list: to choose whom to ask back, and with their answers.
    """
    best = max([match for _, match in near], default=0.0) or 1.0
    neighbours: dict[str, tuple[str, str, float, int]] = {}
    for place, (name, match) in enumerate(near):
        key = artist_key(name)
        if key not in neighbours and not is_placeholder(name):
            neighbours[key] = key, name, match / best, place
    return tuple(neighbours.values())


async def top_tracks(
    context: SourceContext, lastfm: LastFm, artists: list[ArtistNeighbour], *, calls: int
) -> CachedAnswers[Sequence[TopTrack]]:
    """By artist's key: their tracks, best known first."""
    limits = context.limits
    return await look_up(
        context.services.lookups,
        LASTFM_TOP_TRACKS,
        [_top(lastfm, artist, limits.tracks_known_per_artist) for artist in artists],
        limits=limits,
        calls=calls,
    )


def tracks_of(
    source: Source,
    artist: ArtistNeighbour,
    tracks: Sequence[TopTrack] | None,
    *,
    most: int,
    offered: Container[str] = frozenset(),
) -> Iterator[Proposal]:
    """An artist's best-known tracks, for which every seed speaks that is near the artist.

    ``most`` of them were never ``offered`` to the person, so that lists do not dry up once the
    best known are through; those in between are named once, to be found resting.
    """
    tracks = tracks or ()
    listeners = max((track.listeners for track in tracks if track.listeners), default=None)
    seed = artist.nearest_seed.seed
    left = most
    for rank, track in enumerate(tracks, start=1):
        if left <= 0:
            return
        left -= recording_key(artist.name, track.title) not in offered
        yield Proposal(
            source=source,
            artist=artist.name,
            title=track.title,
            seed=seed,
            match=_FADING ** (rank - 1),
            rank=rank,
            mbid=track.mbid,
            duration_ms=track.duration_ms,
            listeners=listeners,
            votes=artist.votes,
        )


def _similar(
    lastfm: LastFm, name: str, key: str, limit: int
) -> WantedAnswer[Sequence[SimilarArtist]]:
    async def ask() -> Sequence[SimilarArtist] | None:
        near = await lastfm.similar_artists(name, limit=limit)
        return [
            SimilarArtist(name=artist.name, match=round(artist.match, 4)) for artist in near[:limit]
        ] or None

    return WantedAnswer(key=key, ask=ask)


def _top(lastfm: LastFm, artist: ArtistNeighbour, limit: int) -> WantedAnswer[Sequence[TopTrack]]:
    async def ask() -> Sequence[TopTrack] | None:
        tracks = await lastfm.artist_top_tracks(artist.name, limit=limit)
        return [
            TopTrack(
                title=track.title,
                listeners=track.listeners,
                mbid=track.mbid,
                duration_ms=track.duration_ms,
            )
            for track in tracks[:limit]
        ] or None

    return WantedAnswer(key=artist.key, ask=ask)
