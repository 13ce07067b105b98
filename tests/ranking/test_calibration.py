"""The whole person in a list: no seed carries, opens or explains far more than its part."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.ranking.test_properties import anything
from tests.support.ranking_cases import everything_found, pools, request
from vibe_pipeline.ranking.calibration import Seeds, Tags, calibrated
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.policy import DEFAULT, Policy
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
        calibrated(strangers, seeds, replace(DEFAULT, tag_calibration=much), size=SIZE, tags=tags)
        for much in (0.0, 2 * DEFAULT.tag_calibration)
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


@anything
@given(pools(), request(), st.sampled_from((2, 4, SIZE)))
def test_the_next_one_is_worth_most_beside_those_already_there(
    given_pools: list[Pool], wanted: ListRequest, size: int
) -> None:
    """In a short list tags soon weigh what they will weigh to the end, in a long one more each."""
    ranked = rank(merge(given_pools), wanted)
    seeds = Seeds.of(wanted.profile, seed_weights(wanted.profile))
    tags = Tags.of((entry.candidate for entry in ranked), wanted.profile, DEFAULT)
    policy = replace(DEFAULT, artist_cap=len(ranked) + 1)

    order = calibrated(ranked, seeds, policy, size=size, tags=tags)

    for place in range(min(len(order), 8)):
        there, waiting = order[:place], order[place:]
        worth = {e.rank: _worth(e, there, size, seeds, tags, policy) for e in waiting}
        assert worth[waiting[0].rank] >= max(worth.values()) - 1e-9


def _worth(
    entry: Ranked, there: list[Ranked], size: int, seeds: Seeds, tags: Tags, policy: Policy
) -> float:
    """A candidate's worth from scratch: each definition written out, nothing remembered."""
    carried: defaultdict[str, float] = defaultdict(float)
    covered: defaultdict[str, float] = defaultdict(float)
    described = 0
    for one in there:
        for seed, part in seeds.carrying(one, policy).items():
            carried[seeds.owner.get(seed, seed)] += part
        if bag := tags.shares.get(one.candidate.artist_key):
            described += 1
            for tag, share in bag.items():
                covered[tag] += share
    over = sum(
        part * math.log1p(carried[whose] / max(seeds.quotas.get(whose, 0.0) * size, 0.5))
        for seed, part in seeds.carrying(entry, policy).items()
        if (whose := seeds.owner.get(seed, seed))
    )
    own = tags.shares.get(entry.candidate.artist_key)
    lacking = sum(
        tags.taste[tag] * math.log1p(share / (tags.taste[tag] + covered[tag]))
        for tag, share in (own or {}).items()
        if tag in tags.taste
    )
    if not own and tags.taste:
        lacking = math.log1p(1 / (1 + described))
    room = math.pow(size / SIZE, policy.tag_short_lists)
    weight = policy.tag_calibration * min(len(there), size) ** 2 * room
    return entry.score - policy.seed_balance * over + weight * lacking


@anything
@given(pools(), request())
def test_calibrating_loses_nobody_and_keeps_scores(
    given_pools: list[Pool], wanted: ListRequest
) -> None:
    ranked = rank(merge(given_pools), wanted)
    seeds = Seeds.of(wanted.profile, seed_weights(wanted.profile))

    order = calibrated(ranked, seeds, DEFAULT, size=wanted.size)

    assert sorted(entry.rank for entry in order) == sorted(entry.rank for entry in ranked)
    assert order == calibrated(ranked, seeds, DEFAULT, size=wanted.size)
