"""How well each candidate suits the person now: bounded terms whose sum is the score.

Every term is kept with the candidate, so that "why" can be answered later:

* ``similarity`` in [-6, 0]: logarithm of what all seeds say of it, beside its source's best;
* ``agreement`` in [0, agreement_weight]: reciprocal-rank fusion of the other sources naming it;
* ``popularity`` in [-12, 6]: the discount for well-known music, steeper with the adventure dial,
  and the doubt about artists far less known than those the person plays;
* ``tags`` in [0, log(1 + tag_weight)]: likeness of its artist's tags to those of the seeds;
* ``artist`` in [0, artist_weight]: the person's leaning to its artist;
* ``thumbs`` in [-thumb_weight, thumb_weight]: thumbs for it and for its artist;
* ``reception`` in [-2, 2] times its weight: what was kept of its artist when we offered it;
* ``fatigue`` in [-fatigue_weight, 0]: its artist was recommended lately;
* ``steering`` in [-6, 6], only where the person asks for more or less of something.

Whose listeners or tags nobody was asked about is taken to be like the others.
Same inputs, same scores, in whatever order they come; ties go to the smaller key.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from vibe_pipeline.ranking.evidence import (
    SeedVotes,
    Vote,
    ballots,
    level_doubt,
    loudest_seed,
    popularity,
    reception,
    similarity,
    support,
    tags,
    usual_listeners,
)
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.listener_knowledge import ListenerKnowledge, candidate_keys
from vibe_pipeline.ranking.policy import DEFAULT, Policy
from vibe_pipeline.ranking.steering import steering_terms
from vibe_pipeline.ranking.tag_profile import tag_bags, tag_likeness
from vibe_pipeline.records import Candidate, Proposal, Ranked, SeedProfile, SeedVote, Source

UNKNOWN_SEED = 0.3
"""What a seed counts that the profile no longer knows by this name."""
_SOURCES = tuple(Source)


def rank(
    candidates: Iterable[Candidate], request: ListRequest, policy: Policy = DEFAULT
) -> list[Ranked]:
    """All candidates, best first, with the terms of their score.

    ``score`` is the sum of ``terms``, whose names and bounds this module's first lines tell; it
    compares candidates of one edition and means nothing beside another's. ``rank`` counts from 1.
    Nothing is dropped here and nothing chosen.
    """
    pool = sorted(candidates, key=lambda candidate: candidate.key)
    known = ListenerKnowledge.of(request, policy)
    weights = seed_weights(request.profile, policy)
    said = _SourceSupport.of(pool, weights, policy)
    by_artist = _ArtistTerms.of(pool, request, known, policy)
    steered = steering_terms(pool, request.steering)
    scored = []
    for index, candidate in enumerate(pool):
        terms = {
            "similarity": similarity(said.relative[index], policy),
            "agreement": policy.agreement_weight * said.agreement[index],
            **by_artist.terms[candidate.artist_key],
        }
        terms["thumbs"] += _thumb(candidate, request, policy)
        terms["popularity"] = by_artist.popularity_discount(candidate)
        if request.steering:
            terms["steering"] = steered.get(candidate.artist_key, 0.0)
        scored.append((math.fsum(terms.values()), index, terms))
    scored.sort(key=lambda entry: (-entry[0], entry[1]))
    return [
        Ranked(
            candidate=(candidate := pool[index]),
            terms=terms,
            score=score,
            rank=place,
            is_new=not known.knows(candidate),
            source=said.source[index],
            seed=_main_seed(candidate, said.source[index], weights, policy),
        )
        for place, (score, index, terms) in enumerate(scored, start=1)
    ]


def seed_weights(profile: SeedProfile, policy: Policy = DEFAULT) -> dict[str, float]:
    """How much each seed counts, by every name a source may call it."""
    weights: dict[str, float] = {}
    for track in profile.tracks[: policy.seeds]:
        for name in (f"{track.artist} – {track.title}", track.key):
            weights.setdefault(name, track.weight)
    for artist in profile.artists[: policy.seeds]:
        for name in (artist.name, artist.key):
            weights.setdefault(name, artist.weight)
    return weights


@dataclass(frozen=True, slots=True)
class _SourceSupport:
    """What the sources say of each candidate, by its index.

    ``relative`` is the support in the source that speaks for it most, beside the best there;
    ``agreement`` is from 0 to 1: how high it stands in the others.
    """

    relative: list[float]
    agreement: list[float]
    source: list[Source]

    @classmethod
    def of(
        cls, pool: Sequence[Candidate], weights: Mapping[str, float], policy: Policy
    ) -> _SourceSupport:
        """The sayings of all sources."""
        relative = [0.0] * len(pool)
        source = [candidate.proposals[0].source for candidate in pool]
        fused = [0.0] * len(pool)
        foremost = [0.0] * len(pool)
        constant = policy.rank_constant
        for one, cast in _cast(pool, weights).items():
            supported = support(cast, policy)
            best = max(supported.values(), default=1.0)
            order = sorted([(-value, index) for index, value in supported.items()])
            for place, (value, index) in enumerate(order):
                share = -value / best
                if share > relative[index]:
                    relative[index], source[index] = share, one
                points = constant / (constant + place)
                fused[index] += points
                foremost[index] = max(foremost[index], points)
        others = [
            min(1.0, both - most) if both > most else 0.0
            for both, most in zip(fused, foremost, strict=True)
        ]
        return cls(relative=relative, agreement=others, source=source)


def _cast(pool: Sequence[Candidate], weights: Mapping[str, float]) -> dict[Source, list[SeedVotes]]:
    """By source, every seed's votes, highest match first; sources and seeds in a fixed order."""
    named: dict[Source, dict[str, dict[int, float]]] = {source: {} for source in _SOURCES}
    artists: dict[Source, dict[int, tuple[float, Sequence[SeedVote]]]] = {}
    listeners: dict[str, int] = {}
    for index, candidate in enumerate(pool):
        for proposal in candidate.proposals:
            match = _match(proposal)
            if proposal.votes:
                spoken = artists.setdefault(proposal.source, {})
                if match > spoken.get(index, (0.0, ()))[0]:
                    spoken[index] = match, proposal.votes
                continue
            votes = named[proposal.source].setdefault(proposal.seed, {})
            if match > votes.get(index, 0.0):
                votes[index] = match
            if proposal.listeners and proposal.artist == proposal.seed:
                listeners[proposal.seed] = max(listeners.get(proposal.seed, 0), proposal.listeners)
    cast = {
        source: [
            SeedVotes(
                weights.get(seed, UNKNOWN_SEED), listeners.get(seed), _placed(by_seed[seed], pool)
            )
            for seed in sorted(by_seed)
        ]
        for source, by_seed in named.items()
    }
    for source, spoken in artists.items():
        cast[source] += ballots(spoken, weights, listeners)
    return {source: votes for source, votes in cast.items() if votes}


def _match(proposal: Proposal) -> float:
    """The match within (0, 1]; what is no number counts as the least."""
    match = proposal.match
    if 1e-6 <= match <= 1.0:
        return match
    return 1.0 if match > 1.0 else 1e-6


def _placed(votes: Mapping[int, float], pool: Sequence[Candidate]) -> list[Vote]:
    places: dict[str, int] = {}
    placed = []
    for negative, index in sorted([(-match, index) for index, match in votes.items()]):
        place = places.setdefault(pool[index].artist_key, len(places))
        placed.append(Vote(index, -negative, place))
    return placed


@dataclass(frozen=True, slots=True)
class _ArtistTerms:
    """The terms that are the same for all recordings of an artist, worked out once.

    ``usual`` stands in for listeners that nobody counted; ``own_level`` is how many know one of
    the person's own artists, usually, about whom there is no doubt.
    """

    terms: dict[str, dict[str, float]]
    usual: int
    own: Container[str]
    own_level: float
    dial: int
    policy: Policy
    discounts: dict[tuple[int, bool], float]

    @classmethod
    def of(
        cls,
        pool: Sequence[Candidate],
        request: ListRequest,
        known: ListenerKnowledge,
        policy: Policy,
    ) -> _ArtistTerms:
        """The terms of every artist in the pool."""
        likeness = tag_likeness(tag_bags(pool), request.profile)
        usual = math.fsum(likeness.values()) / max(len(likeness), 1)
        leaning = {artist.key: artist.weight for artist in request.profile.artists}
        received = _received(pool, known) if policy.reception_weight else {}
        kept = _usually_kept(received.values())
        return cls(
            terms={
                artist: {
                    "tags": tags(likeness.get(artist, usual), policy),
                    "artist": policy.artist_weight * leaning.get(artist, 0.0),
                    "thumbs": policy.thumb_weight * _sign(request.artist_thumbs.get(artist, 0)) / 2,
                    "reception": reception(*received.get(artist, (0, 0)), kept, policy),
                    "fatigue": _fatigue(known.tired.get(artist, ()), policy),
                }
                for artist in {candidate.artist_key for candidate in pool}
            },
            usual=round(usual_listeners([p.listeners for c in pool for p in c.proposals])),
            own=leaning,
            own_level=_own_level(pool, leaning),
            dial=request.adventure,
            policy=policy,
            discounts={},
        )

    def popularity_discount(self, candidate: Candidate) -> float:
        """The discount for well-known music; the most that anybody tells of counts."""
        listeners = 0
        for proposal in candidate.proposals:
            if proposal.listeners is not None and proposal.listeners > listeners:
                listeners = proposal.listeners
        known_to = listeners or self.usual, candidate.artist_key in self.own
        discount = self.discounts.get(known_to)
        if discount is None:
            discount = popularity(known_to[0], self.dial, self.policy)
            if not known_to[1]:
                discount += level_doubt(known_to[0], self.own_level, self.dial, self.policy)
            self.discounts[known_to] = discount
        return discount


def _received(pool: Sequence[Candidate], known: ListenerKnowledge) -> dict[str, tuple[int, int]]:
    """By artist of the pool: how many tracks the person kept of how many offered."""
    artists = sorted({candidate.artist_key for candidate in pool})
    return {artist: known.received(artist) for artist in artists}


def _usually_kept(received: Iterable[tuple[int, int]]) -> float:
    """The share the person keeps of what they are offered; one in three before we know."""
    both = list(received)
    kept, offered = sum(kept for kept, _ in both), sum(offered for _, offered in both)
    return (kept + 1) / (offered + 3)


def _own_level(pool: Sequence[Candidate], own: Container[str]) -> float:
    """The geometric mean of how many know each of the person's artists that are in the pool."""
    known: dict[str, int] = {}
    for candidate in pool:
        if (artist := candidate.artist_key) in own:
            counted = (proposal.listeners or 0 for proposal in candidate.proposals)
            known[artist] = max(known.get(artist, 0), *counted)
    return usual_listeners(known[artist] for artist in sorted(known))


def _thumb(candidate: Candidate, request: ListRequest, policy: Policy) -> float:
    if not request.thumbs:
        return 0.0
    own = max((request.thumbs.get(key, 0) for key in candidate_keys(candidate)), key=abs)
    return policy.thumb_weight * _sign(own) / 2


def _sign(thumbs: int) -> int:
    return max(-1, min(1, thumbs))


def _fatigue(days: Sequence[int], policy: Policy) -> float:
    if not days:
        return 0.0
    tiring = math.fsum(0.5 ** (day / policy.fatigue_days) for day in days)
    return -policy.fatigue_weight * tiring / (1 + tiring)


def _main_seed(
    candidate: Candidate, source: Source, weights: Mapping[str, float], policy: Policy
) -> str:
    """The seed to be named as the reason: the one that carries it most."""
    only = candidate.proposals[0]
    if len(candidate.proposals) == 1 and (not only.votes or only.source is not source):
        return only.seed
    spoken = [p for p in candidate.proposals if p.source is source]
    votes = max((p.votes for p in spoken), key=len, default=())
    if votes:
        return loudest_seed(votes, weights, policy) or spoken[0].seed
    loudest = min(
        spoken, key=lambda p: (-weights.get(p.seed, UNKNOWN_SEED) * _match(p), p.rank, p.seed)
    )
    return loudest.seed
