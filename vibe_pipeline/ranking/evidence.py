"""What seeds and sources say, as numbers: the arithmetic of the ranker, free of records.

Production feeds it proposals; the offline evaluation feeds it a crowd's neighbours. Both get the
same figures from the same functions. Every term is bounded, as its docstring says.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import NamedTuple, TypeVar

from vibe_pipeline.ranking.policy import Policy
from vibe_pipeline.records import SeedVote

Key = TypeVar("Key", bound=Hashable)
LEAST = -6.0
"""No term is less: ``exp(-6)`` is a four-hundredth of the best."""


class Vote(NamedTuple):
    """One seed naming one candidate; ``place`` counts from 0 among the artists the seed names.

    ``share`` is how much of the vote is for this candidate: less for an artist's lesser tracks.
    """

    candidate: int
    match: float
    place: int
    share: float = 1.0


class SeedVotes(NamedTuple):
    """All a seed says in one source; ``listeners`` of the seed itself, where known.

    ``spread`` is the sum of all its matches, where more were named than there are votes here.
    ``asked_back``: the candidates were asked, and named the seed.
    """

    weight: float
    listeners: int | None
    votes: Sequence[Vote]
    spread: float | None = None
    asked_back: bool = False


def support(ballots: Sequence[SeedVotes], policy: Policy) -> dict[int, float]:
    """What all seeds of one source together say of each candidate: above 0, unbounded.

    A seed that everybody knows says little about this person, and one that names many near equals
    little about each. A vote is part match, part place: matches of one seed cannot be compared
    with another's, places can. Votes of candidates that were asked back weigh ``back_weight``.
    """
    total: dict[int, float] = {}
    usual = usual_listeners(ballot.listeners for ballot in ballots) or 1.0
    # vote_value, written out: this is where most of the time of a ranking goes
    constant, power = policy.rank_constant, policy.match_power
    by_match, by_place = 1.0 - policy.rank_share, policy.rank_share * constant
    for ballot in ballots:
        spread = ballot.spread
        if spread is None:
            spread = math.fsum(vote.match for vote in ballot.votes)
        voice = _voice(ballot.weight, spread, policy, asked_back=ballot.asked_back)
        if voice <= 0:
            continue
        voice *= (ballot.listeners or usual) ** -policy.seed_rarity
        for candidate, match, place, share in ballot.votes:
            vote = share * (by_match * match**power + by_place / (constant + place))
            total[candidate] = total.get(candidate, 0.0) + voice * vote
    return total


def vote_value(match: float, place: int, policy: Policy) -> float:
    """Above 0, at most 1: part match, part place."""
    constant = policy.rank_constant
    by_match: float = match**policy.match_power
    by_place = policy.rank_share * constant / (constant + place)
    return (1.0 - policy.rank_share) * by_match + by_place


def ballots(
    spoken: Mapping[int, tuple[float, Sequence[SeedVote]]],
    weights: Mapping[str, float],
    listeners: Mapping[str, int],
) -> list[SeedVotes]:
    """Votes for candidates as those of each seed, in a fixed order.

    ``spoken`` has by candidate how much of the votes is for it, and the votes. A seed without a
    weight does not speak.
    """
    by_seed: dict[tuple[str, bool], list[Vote]] = {}
    spread: dict[tuple[str, bool], float] = {}
    for candidate in sorted(spoken):
        share, votes = spoken[candidate]
        for vote in votes:
            seed = vote.seed, vote.asked_back
            by_seed.setdefault(seed, []).append(Vote(candidate, vote.match, vote.place, share))
            spread[seed] = vote.spread
    return [
        SeedVotes(
            weights[seed],
            listeners.get(seed),
            by_seed[seed, asked_back],
            spread=spread[seed, asked_back],
            asked_back=asked_back,
        )
        for seed, asked_back in sorted(by_seed)
        if seed in weights
    ]


def loudest_seed(
    votes: Iterable[SeedVote], weights: Mapping[str, float], policy: Policy
) -> str | None:
    """The seed that speaks loudest in all its votes for one artist; of equals the first by name."""
    said = said_by_seed(votes, weights, policy)
    return min(said, key=lambda seed: (-said[seed], seed), default=None)


def said_by_seed(
    votes: Iterable[SeedVote], weights: Mapping[str, float], policy: Policy
) -> dict[str, float]:
    """What each seed says in all its votes for one artist, above 0; who is not heard is left out.

    How many people know a seed is left aside here.
    """
    said: dict[str, float] = {}
    for seed, match, place, spread, asked_back in votes:
        voice = _voice(weights.get(seed, 0.0), spread, policy, asked_back=asked_back)
        if voice > 0:
            said[seed] = said.get(seed, 0.0) + voice * vote_value(match, place, policy)
    return said


def _voice(weight: float, spread: float, policy: Policy, *, asked_back: bool) -> float:
    """How much a vote of a seed counts that everybody knows alike; 0 for one that says nothing."""
    if weight <= 0 or spread <= 0:
        return 0.0
    telling = policy.back_weight if asked_back else spread**-policy.spread_damping
    return float(weight**policy.seed_damping * telling)


def usual_listeners(counted: Iterable[int | None]) -> float:
    """What stands in for listeners nobody counted: the geometric mean of the others; 0 of none."""
    known = [math.log(listeners) for listeners in counted if listeners and listeners > 0]
    return math.exp(math.fsum(known) / len(known)) if known else 0.0


def similarity(relative: float, policy: Policy) -> float:
    """In [-6, 0]: the logarithm of the support beside the best candidate's, weighted."""
    if relative <= 0:
        return LEAST
    return max(policy.similarity_weight * math.log(relative), LEAST)


def popularity(listeners: int, adventure: int, policy: Policy) -> float:
    """In [-6, 6]: what being well known costs, or at the dial's low end is worth."""
    dial = min(max(adventure, 0), 100) / 100
    exponent = policy.popularity_at_0 + (policy.popularity_at_100 - policy.popularity_at_0) * dial
    return min(max(-exponent * math.log1p(max(listeners, 0)), LEAST), -LEAST)


def level_doubt(listeners: int, own_level: float, adventure: int, policy: Policy) -> float:
    """In [-6, 0]: the doubt about an artist far less known than those the person plays.

    ``own_level`` is how many know an artist of theirs, usually; 0 where nobody counted. Seen beside
    that level, the same artist is obscure to one person and everyday to another, and figures of a
    small service and of a large one come to the same.
    """
    doubt = policy.level_doubt * (1 - min(max(adventure, 0), 100) / 100)
    if doubt <= 0 or own_level <= 0:
        return 0.0
    known_to = max(listeners, 1)
    return max(math.log(known_to / (known_to + doubt * own_level)), LEAST)


def tags(cosine: float, policy: Policy) -> float:
    """In [0, log(1 + tag_weight)]: what shared tags add; the first likeness adds most."""
    return math.log1p(policy.tag_weight * min(max(cosine, 0.0), 1.0))


def reception(kept: int, offered: int, usual: float, policy: Policy) -> float:
    """In [-2, 2] times its weight: what the person kept of an artist, beside the ``usual`` share.

    The share is doubted while little was offered: ``reception_doubt`` more tracks are taken to
    have been received as usual. Nothing offered, nothing learnt: 0.
    """
    if not offered or usual <= 0:
        return 0.0
    doubt = policy.reception_doubt
    beside = (kept + doubt * usual) / ((offered + doubt) * usual)
    return policy.reception_weight * min(max(math.log(max(beside, 1e-3)), -2.0), 2.0)


def cosine(
    taste: Mapping[Key, float], own: Mapping[Key, float], taste_norm: float, own_norm: float
) -> float:
    """From 0 to 1: how alike two bags of weighted tags are; their lengths are known."""
    if not own or own_norm <= 0 or taste_norm <= 0:
        return 0.0
    shared = added([weight * taste[tag] for tag, weight in own.items() if tag in taste])
    return shared / (taste_norm * own_norm)


def added(figures: Iterable[float]) -> float:
    """One after the other, the same on every Python.

    From 3.12 on ``sum`` makes up for what rounding loses, and a list that was stored before would
    not be made again byte for byte.
    """
    return reduce(add, figures, 0.0)


def norm(bag: Mapping[Key, float]) -> float:
    """The length of a bag of weighted tags."""
    return math.sqrt(math.fsum([weight * weight for weight in bag.values()]))


def blended(bags: Iterable[tuple[float, Mapping[Key, float]]]) -> dict[Key, float]:
    """Several bags of tags as one, each with its weight; the bags come in a fixed order."""
    whole: dict[Key, float] = {}
    for share, bag in bags:
        for tag, weight in bag.items():
            whole[tag] = whole.get(tag, 0.0) + share * weight
    return whole
