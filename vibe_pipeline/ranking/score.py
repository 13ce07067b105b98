"""How well each candidate suits the person now: bounded terms whose sum is the score.

Every term is kept with the candidate, so that "why" can be answered later:

* ``similarity`` in [-6, 0]: logarithm of what all seeds say of it, beside the best candidate;
* ``agreement`` in [0, 0.5]: reciprocal-rank fusion, higher when several sources name it;
* ``popularity`` in [-6, 0]: the discount for well-known music, steeper with the adventure dial;
* ``tags`` in [0, tag_weight]: cosine of its tags and those of everything proposed by strong seeds;
* ``artist`` in [0, artist_weight]: the person's leaning to its artist;
* ``thumbs`` in [-thumb_weight, thumb_weight]: thumbs for it and for its artist;
* ``fatigue`` in [-fatigue_weight, 0]: its artist was recommended lately.

Same inputs, same scores, in whatever order they come; ties go to the smaller key.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from vibe_pipeline.ranking.known import Known, keys_of
from vibe_pipeline.ranking.policy import DEFAULT, Policy
from vibe_pipeline.ranking.wishes import Wishes
from vibe_pipeline.records import Candidate, Proposal, Ranked, SeedProfile, Source

LEAST = -6.0
AGREEMENT = 0.5
UNKNOWN_SEED = 0.3


def rank(candidates: Iterable[Candidate], wishes: Wishes, policy: Policy = DEFAULT) -> list[Ranked]:
    """All candidates, best first, with the terms of their score."""
    pool = sorted(candidates, key=lambda candidate: candidate.key)
    known = Known.of(wishes, policy)
    weights = seed_weights(wishes.profile, policy)
    strengths = [_strengths(candidate, weights, policy) for candidate in pool]
    agreement = _agreement(pool, strengths, policy)
    similarity = _similarity(strengths)
    tags = _tag_affinity(pool, weights)
    leaning = {artist.key: artist.weight for artist in wishes.profile.artists}
    ranked = []
    for index, candidate in enumerate(pool):
        source, seed = _origin(strengths[index])
        terms = {
            "similarity": similarity[index],
            "agreement": agreement[index],
            "popularity": _popularity(candidate, wishes.adventure, policy),
            "tags": policy.tag_weight * tags[index],
            "artist": policy.artist_weight * leaning.get(candidate.artist_key, 0.0),
            "thumbs": _thumbs(candidate, wishes, policy),
            "fatigue": _fatigue(candidate, known, policy),
        }
        ranked.append((math.fsum(terms.values()), candidate, terms, source, seed))
    ranked.sort(key=lambda entry: (-entry[0], entry[1].key))
    return [
        Ranked(
            candidate=candidate,
            terms=terms,
            score=score,
            rank=place,
            is_new=not known.likes(candidate) and not known.was_recommended(keys_of(candidate)),
            source=source,
            seed=seed,
        )
        for place, (score, candidate, terms, source, seed) in enumerate(ranked, start=1)
    ]


def seed_weights(profile: SeedProfile, policy: Policy) -> dict[str, float]:
    """How much each seed counts, by every name a source may call it."""
    weights: dict[str, float] = {}
    for track in profile.tracks:
        weight = track.weight**policy.seed_damping
        for name in (
            track.key,
            f"{track.artist} – {track.title}",
            f"{track.artist} - {track.title}",
        ):
            weights.setdefault(name, weight)
        weights.setdefault(track.title, weight)
    for artist in profile.artists:
        weight = artist.weight**policy.seed_damping
        weights[artist.key] = weights[artist.name] = weight
    return weights


Strengths = Mapping[Source, Mapping[str, float]]


def _strengths(candidate: Candidate, weights: Mapping[str, float], policy: Policy) -> Strengths:
    """By source and seed, how strongly the candidate was proposed."""
    strengths: dict[Source, dict[str, float]] = {}
    for proposal in candidate.proposals:
        by_seed = strengths.setdefault(proposal.source, {})
        value = weights.get(proposal.seed, UNKNOWN_SEED) * _strength(proposal, policy)
        by_seed[proposal.seed] = max(by_seed.get(proposal.seed, 0.0), value)
    return strengths


def _strength(proposal: Proposal, policy: Policy) -> float:
    match = float(min(max(proposal.match, 0.0), 1.0) ** policy.match_power)
    by_rank = policy.rank_constant / (policy.rank_constant + max(proposal.rank, 1) - 1)
    return (1 - policy.rank_share) * match + policy.rank_share * by_rank


def _similarity(strengths: Sequence[Strengths]) -> list[float]:
    """Sums over seeds beside each source's best, added over sources, as a logarithm."""
    best: defaultdict[Source, float] = defaultdict(float)
    for by_source in strengths:
        for source, by_seed in by_source.items():
            best[source] = max(best[source], math.fsum(by_seed.values()))
    sums = [
        math.fsum(
            math.fsum(by_seed.values()) / best[source]
            for source, by_seed in by_source.items()
            if best[source] > 0
        )
        for by_source in strengths
    ]
    top = max(sums, default=0.0)
    return [max(math.log(value / top), LEAST) if value > 0 else LEAST for value in sums]


def _agreement(
    pool: Sequence[Candidate], strengths: Sequence[Strengths], policy: Policy
) -> list[float]:
    fused = [0.0] * len(pool)
    for source in Source:
        named = [index for index, by_source in enumerate(strengths) if source in by_source]
        named.sort(key=lambda i: (-math.fsum(strengths[i][source].values()), pool[i].key))
        for place, index in enumerate(named):
            fused[index] += policy.rank_constant / (policy.rank_constant + place)
    top = max(fused, default=0.0)
    weight = 0.0 if policy.sum_only else AGREEMENT
    return [weight * value / top if top else 0.0 for value in fused]


def _tag_affinity(pool: Sequence[Candidate], weights: Mapping[str, float]) -> list[float]:
    """Cosine between a candidate's tags and the tags of all that strong seeds brought."""
    taste: defaultdict[str, float] = defaultdict(float)
    own = [sorted({tag.casefold() for p in c.proposals for tag in p.tags}) for c in pool]
    for candidate, tags in zip(pool, own, strict=True):
        weight = max(weights.get(p.seed, UNKNOWN_SEED) for p in candidate.proposals)
        for tag in tags:
            taste[tag] += weight
    norm = math.sqrt(math.fsum(value * value for value in taste.values()))
    if not norm:
        return [0.0] * len(pool)
    return [
        math.fsum(taste[tag] for tag in tags) / (norm * math.sqrt(len(tags))) if tags else 0.0
        for tags in own
    ]


def _popularity(candidate: Candidate, adventure: int, policy: Policy) -> float:
    listeners = max((p.listeners for p in candidate.proposals if p.listeners), default=0)
    exponent = policy.adventure_floor + policy.adventure_slope * adventure / 100
    return max(-exponent * math.log1p(listeners), LEAST)


def _thumbs(candidate: Candidate, wishes: Wishes, policy: Policy) -> float:
    own = max(-1, min(1, wishes.thumbs.get(candidate.key, 0)))
    artist = max(-1, min(1, wishes.artist_thumbs.get(candidate.artist_key, 0)))
    return policy.thumb_weight * (own + artist) / 2


def _fatigue(candidate: Candidate, known: Known, policy: Policy) -> float:
    days = known.tired.get(candidate.artist_key, ())
    tiring = math.fsum(0.5 ** (day / policy.fatigue_days) for day in days)
    return -policy.fatigue_weight * (1 - 1 / (1 + tiring))


def _origin(strengths: Strengths) -> tuple[Source, str]:
    """The source, and its seed, that speak loudest for a candidate."""
    loudest = min(
        (
            (-value, source, seed)
            for source, by_seed in strengths.items()
            for seed, value in by_seed.items()
        ),
        key=lambda entry: (entry[0], entry[1], entry[2]),
    )
    return loudest[1], loudest[2]
