"""The whole person in a list: no seed carries, opens or explains far more than its part."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ranking.test_properties import anything
from tests.support.ranking_cases import everything_found
from vibe_pipeline.ranking.calibration import Seeds, Tags, calibrated
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.policy import DEFAULT, FORMER, SIMILAR_SUM, Policy
from vibe_pipeline.ranking.score import rank, seed_weights
from vibe_pipeline.ranking.selection import select
from vibe_pipeline.records import (
    Pool,
    PoolState,
    Proposal,
    Ranked,
    SeedArtist,
    SeedProfile,
    SeedVote,
    Source,
)

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
SIZE = 30
LOUD, QUIET = "Loud", ("Second", "Third", "Fourth")
PROFILE = SeedProfile(
    artists=(
        SeedArtist(name=LOUD, key="loud", weight=1.0),
        *(SeedArtist(name=name, key=name.lower(), weight=0.9) for name in QUIET),
    ),
    tracks=(),
)


def wish(size: int = 12) -> ListRequest:
    return ListRequest(vibe_date=NOW.date(), now=NOW, profile=PROFILE, size=size, min_new_ratio=1.0)


def near(seed: str, number: int, match: float, *, besides: str | None = None) -> Proposal:
    """An artist that one seed names, or two as loudly."""
    votes = [SeedVote(seed=seed, match=match, place=number, spread=20.0)]
    if besides is not None:
        votes.append(SeedVote(seed=besides, match=match, place=number, spread=20.0))
    return Proposal(
        source=Source.LASTFM_SIMILAR_ARTISTS,
        artist=f"Near {seed} {number}",
        title=f"Song {seed} {number}",
        seed=seed,
        match=1.0,
        rank=number + 1,
        votes=tuple(votes),
    )


def made(proposals: list[Proposal], policy: Policy = DEFAULT) -> list[Ranked]:
    pool = Pool(
        source=Source.LASTFM_SIMILAR_ARTISTS, proposals=tuple(proposals), state=PoolState.OFFERED
    )
    ranked = rank(merge([pool]), wish(), policy)
    return select(ranked, wish(), policy, found=everything_found(ranked)).chosen


def test_tags_of_the_taste_that_a_list_lacks_come_before_more_of_the_same() -> None:
    profile = replace(PROFILE, artists=PROFILE.artists[:2])
    own = [
        replace(near(LOUD, 0, 1.0), artist=artist.name, title=f"Own {tag}", tags=(tag,))
        for artist, tag in zip(profile.artists, ("folk", "dub"), strict=True)
    ]
    others = [
        replace(near(LOUD, number, 1 - number / 100), tags=("dub" if number == 9 else "folk",))
        for number in range(10)
    ]
    pool = Pool(
        source=Source.LASTFM_SIMILAR_ARTISTS,
        proposals=(*own, *others),
        state=PoolState.OFFERED,
    )
    wanted = replace(wish(), profile=profile)
    ranked = rank(merge([pool]), wanted, replace(DEFAULT, tag_weight=0.0))
    tags = Tags.of((entry.candidate for entry in ranked), profile, DEFAULT)
    seeds = Seeds.of(profile, seed_weights(profile))
    strangers = [entry for entry in ranked if entry.candidate.artist.startswith("Near")]

    plain, balanced = (
        calibrated(strangers, seeds, policy, size=12, tags=tags)
        for policy in (
            replace(DEFAULT, tag_calibration=0.0),
            replace(DEFAULT, tag_calibration=0.0, tag_balance=4.0),
        )
    )

    dub = f"Near {LOUD} 9"
    assert [entry.candidate.artist for entry in plain].index(dub) > 3
    assert [entry.candidate.artist for entry in balanced].index(dub) < 3


def two_kinds() -> list[Proposal]:
    """One seed of folk and one of dub that weigh about the same; all folk is much nearer."""
    own = [
        replace(near(seed, 99, 1.0), artist=seed, title=f"Own {tag}", tags=(tag,))
        for seed, tag in ((LOUD, "folk"), (QUIET[0], "dub"))
    ]
    folk = [replace(near(LOUD, number, 1 - number / 100), tags=("folk",)) for number in range(20)]
    dub = [
        replace(near(LOUD, number, 0.4 - number / 100), tags=("dub",)) for number in range(20, 30)
    ]
    return [*own, *folk, *dub]


def test_a_list_opens_by_its_scores_and_has_every_kind_of_the_taste_by_its_end() -> None:
    taste = SeedProfile(artists=PROFILE.artists[:2], tracks=())
    wanted = replace(wish(size=SIZE), profile=taste)
    pool = Pool(
        source=Source.LASTFM_SIMILAR_ARTISTS,
        proposals=tuple(two_kinds()),
        state=PoolState.OFFERED,
    )
    ranked = rank(merge([pool]), wanted, DEFAULT)
    seeds = Seeds.of(taste, seed_weights(taste))
    tags = Tags.of((entry.candidate for entry in ranked), taste, DEFAULT)
    strangers = [entry for entry in ranked if entry.candidate.artist.startswith("Near")]

    plain, whole = (
        calibrated(strangers, seeds, policy, size=SIZE, tags=tags)
        for policy in (
            replace(DEFAULT, tag_calibration=0.0),
            replace(DEFAULT, tag_calibration=2 * DEFAULT.tag_calibration),
        )
    )

    kinds = [tag for entry in whole[:12] for tag in entry.candidate.proposals[0].tags]
    assert kinds[:2] == ["folk", "folk"]
    assert kinds.count("dub") >= 3
    assert all(entry.candidate.proposals[0].tags == ("folk",) for entry in plain[:12])


def test_what_a_person_plays_is_called_by_common_tags_as_much_as_by_rare_ones() -> None:
    """Scores go by what is rare, for it tells more; a list is to sound like what is played."""
    taste = SeedProfile(artists=PROFILE.artists[:1], tracks=())
    own = replace(near(LOUD, 99, 1.0), artist=LOUD, title="Own", tags=("folk", "zither"))
    others = [replace(near(LOUD, number, 1.0), tags=("folk",)) for number in range(20)]
    pool = Pool(
        source=Source.LASTFM_SIMILAR_ARTISTS, proposals=(own, *others), state=PoolState.OFFERED
    )

    even, rare = (
        Tags.of(merge([pool]), taste, replace(DEFAULT, tag_rarity=rarity)).taste
        for rarity in (DEFAULT.tag_rarity, 1.0)
    )

    assert even["folk"] > even["zither"]
    assert rare["folk"] < rare["zither"]


def one_loud_seed() -> list[Proposal]:
    """Twenty near artists of each seed; the loud one's are a little nearer."""
    return [
        near(seed, number, 1.0 if seed == LOUD else 0.8)
        for seed in (LOUD, *QUIET)
        for number in range(20)
    ]


def test_a_seed_a_little_louder_does_not_fill_the_list() -> None:
    plain = Counter(entry.seed for entry in made(one_loud_seed(), replace(DEFAULT, seed_balance=0)))
    fair = Counter(entry.seed for entry in made(one_loud_seed()))

    assert plain[LOUD] > 12 / 3
    assert fair[LOUD] <= 12 / 3
    assert set(fair) == {LOUD, *QUIET}


def test_no_seed_opens_the_list_in_a_block() -> None:
    opening = [entry.seed for entry in made(one_loud_seed())][:6]

    assert all(one != other for one, other in pairwise(opening))


def test_where_two_seeds_carry_a_track_alike_they_are_named_in_turn() -> None:
    chosen = made([near(LOUD, number, 1.0, besides=QUIET[0]) for number in range(12)])

    told = Counter(entry.seed for entry in chosen)
    assert set(told) == {LOUD, QUIET[0]}
    assert max(told.values()) <= 7


def test_a_seed_that_carries_nothing_is_never_named() -> None:
    chosen = made(one_loud_seed())

    for entry in chosen:
        (proposal,) = entry.candidate.proposals
        assert entry.seed in {vote.seed for vote in proposal.votes}


@settings(anything, max_examples=60)
@given(
    st.randoms(use_true_random=False),
    st.sampled_from((2, 4, 8, SIZE)),
    st.sampled_from((DEFAULT, DEFAULT, *FORMER, SIMILAR_SUM)),
    st.sampled_from((0.0, 0.5)),
)
def test_the_quick_order_is_the_one_that_looking_at_everybody_each_time_gives(
    rng: random.Random, size: int, policy: Policy, tag_balance: float
) -> None:
    """In a short list tags soon weigh what they will weigh to the end, in a long one more each."""
    policy = replace(policy, tag_balance=max(policy.tag_balance, tag_balance))
    ranked = rank(merge([crossing_tastes(rng)]), wish(size), policy)
    seeds = Seeds.of(PROFILE, seed_weights(PROFILE, policy))
    tags = Tags.of((entry.candidate for entry in ranked), PROFILE, policy)
    some, others = ranked[::2], ranked[1::2]

    quick = calibrated(some, seeds, policy, size=size, tags=tags)
    beside = quick[:size]
    quick_others = calibrated(others, seeds, policy, size=size, tags=tags, beside=beside)

    assert quick == plain_order(some, [], size, seeds, tags, policy)
    assert quick_others == plain_order(others, beside, size, seeds, tags, policy)


def crossing_tastes(rng: random.Random) -> Pool:
    """Artists with up to four tracks, named by one seed or two, most of whose tags are known."""
    kinds = ("folk", "dub", "house", "choir", "surf")
    own = [
        replace(near(seed, 99, 1.0), artist=seed, title="Own", tags=tuple(rng.sample(kinds, 2)))
        for seed in (LOUD, *QUIET)
    ]
    others = []
    for number in range(rng.randint(6, 18)):
        seed, besides = rng.sample((LOUD, *QUIET), 2)
        tags = tuple(rng.sample(kinds, rng.choice((0, 1, 2, 3))))
        for song in range(rng.randint(1, 4)):
            named = near(seed, number, rng.uniform(0.2, 1), besides=rng.choice((None, besides)))
            others.append(replace(named, title=f"Song {number} {song}", tags=tags))
    return Pool(
        source=Source.LASTFM_SIMILAR_ARTISTS,
        proposals=(*own, *others),
        state=PoolState.OFFERED,
    )


def plain_order(
    entries: list[Ranked],
    beside: list[Ranked],
    size: int,
    seeds: Seeds,
    tags: Tags,
    policy: Policy,
) -> list[Ranked]:
    """The order as it is defined: again and again, of all who wait, the one worth most."""
    if not policy.seed_balance and not policy.tag_balance and not policy.tag_calibration:
        return entries
    counted, order, waiting = list(beside), list[Ranked](), list(entries)
    while waiting and len(order) < 4 * size:
        best = max(
            waiting, key=lambda one: (_worth(one, counted, size, seeds, tags, policy), -one.rank)
        )
        waiting.remove(best)
        order.append(best)
        artist = best.candidate.artist_key
        if sum(one.candidate.artist_key == artist for one in order) <= policy.artist_cap:
            counted.append(best)
    return order + waiting


def _worth(
    entry: Ranked, there: list[Ranked], size: int, seeds: Seeds, tags: Tags, policy: Policy
) -> float:
    """A candidate's worth from scratch: each definition written out, nothing remembered."""
    carried: defaultdict[str, float] = defaultdict(float)
    covered: defaultdict[str, float] = defaultdict(float)
    bags = [_bag(one, tags, policy) for one in there]
    for one in there:
        for whose, part in _parts(one, seeds, policy).items():
            carried[whose] += part
    for tag, share in ((tag, share) for bag in bags if bag for tag, share in bag.items()):
        covered[tag] += share
    over = math.fsum(
        part * math.log1p(carried[whose] / max(seeds.quotas.get(whose, 0.0) * size, 0.5))
        for whose, part in _parts(entry, seeds, policy).items()
    )
    own, taste = _bag(entry, tags, policy), tags.taste
    lacking = math.fsum(
        taste[tag] * math.log1p(share / (taste[tag] + covered[tag]))
        for tag, share in (own or {}).items()
        if tag in taste
    )
    if own is None and taste:
        lacking = math.log1p(1 / (1 + sum(bag is not None for bag in bags)))
    listed, room = min(len(there), size), math.pow(size / SIZE, policy.tag_short_lists)
    weight = policy.tag_balance + policy.tag_calibration * listed**2 * room
    return entry.score - policy.seed_balance * over + weight * lacking


def _parts(entry: Ranked, seeds: Seeds, policy: Policy) -> Mapping[str, float]:
    """What each seed carries of it, by whose seed it is."""
    parts: defaultdict[str, float] = defaultdict(float)
    for seed, part in seeds.carrying(entry, policy).items():
        parts[seeds.owner.get(seed, seed)] += part
    return parts


def _bag(entry: Ranked, tags: Tags, policy: Policy) -> Mapping[str, float] | None:
    """The artist's tags; policies before the sixth took one without for the taste itself."""
    unknown = None if policy.tag_calibration else tags.taste
    return tags.shares.get(entry.candidate.artist_key, unknown)
