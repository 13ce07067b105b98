"""Whatever the pools, the past and the settings: every list keeps what was promised."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.ranking_cases import (
    NOW,
    broken_promises,
    crowded,
    everything_found,
    pools,
    request,
    track,
)
from vibe_pipeline.locales import knows
from vibe_pipeline.ranking.explanations import MOST, explanations
from vibe_pipeline.ranking.identity import artist_key, song_key
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.policy import DEFAULT, POLICIES
from vibe_pipeline.ranking.score import rank
from vibe_pipeline.ranking.selection import Choice, Note, Selector, requested_new, select
from vibe_pipeline.records import (
    POLICY_NAMES,
    DropReason,
    LikedTrack,
    Pool,
    PoolState,
    Proposal,
    Ranked,
    SeedProfile,
    Source,
    Track,
)

anything = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def made(given_pools: list[Pool], wanted: ListRequest) -> tuple[list[Ranked], Choice]:
    ranked = rank(merge(given_pools), wanted)
    return ranked, select(ranked, wanted, found=everything_found(ranked))


def songs_of(entry: Ranked) -> set[str]:
    """All by which two candidates are one song."""
    candidate = entry.candidate
    isrcs = {p.isrc for p in candidate.proposals if p.isrc}
    return {song_key(key) for key in (candidate.key, *candidate.aliases)} | isrcs


@anything
@given(pools(), request())
def test_no_list_breaks_a_promise(given_pools: list[Pool], wanted: ListRequest) -> None:
    _, choice = made(given_pools, wanted)

    shortened = Note.REST_SHORTENED in choice.notes
    assert broken_promises(choice, wanted, rest_shortened=shortened) == []


@anything
@given(pools(), request())
def test_every_candidate_has_a_position_or_a_reason(
    given_pools: list[Pool], wanted: ListRequest
) -> None:
    ranked, choice = made(given_pools, wanted)

    assert [e.candidate.key for e in choice.ranked] == [e.candidate.key for e in ranked]
    assert all((e.position is None) != (e.dropped is None) for e in choice.ranked)


@anything
@given(pools(), request())
def test_the_wish_for_new_is_met_whenever_the_pool_allows(
    given_pools: list[Pool], wanted: ListRequest
) -> None:
    _, choice = made(given_pools, wanted)

    new = sum(entry.is_new for entry in choice.chosen)
    barred = {
        DropReason.BLOCKED,
        DropReason.WRONG_VERSION,
        DropReason.RESTED,
        DropReason.RECENTLY_PLAYED,
        DropReason.NOT_ON_SPOTIFY,
    }
    songs = Counter(
        artist
        for artist, _ in {
            tuple(entry.candidate.key.split("|")[:2])
            for entry in choice.ranked
            if entry.is_new and entry.dropped not in barred
        }
    )
    seconds = sum(count > 1 for count in songs.values())
    apart = len(songs) >= DEFAULT.artist_spacing
    possible = len(songs) + (seconds if apart else 0)
    assert new >= min(requested_new(wanted), possible)
    if new < requested_new(wanted):
        assert {Note.FEWER_NEW, Note.ONLY_FAMILIAR}.intersection(choice.notes)
    if len(choice.chosen) < wanted.size:
        assert Note.SHORTER in choice.notes


@anything
@given(pools(), request())
def test_guests_count_like_others_where_there_are_others(
    given_pools: list[Pool], wanted: ListRequest
) -> None:
    soloists = Pool(
        source=Source.LISTENBRAINZ,
        state=PoolState.OFFERED,
        proposals=tuple(
            Proposal(
                source=Source.LISTENBRAINZ,
                artist=f"Soloist {number}",
                title="Alone",
                seed="",
                match=0.01,
                rank=1,
            )
            for number in range(2 * wanted.size)
        ),
    )

    _, choice = made([*given_pools, soloists], wanted)

    tracks = [entry.track for entry in choice.chosen if entry.track is not None]
    assert len(tracks) == wanted.size
    assert crowded([set(map(artist_key, one.artists)) for one in tracks]) == []


def test_guests_do_not_give_way_for_more_new_music_than_was_wished() -> None:
    """Four places: two new tracks share a guest, and familiar ones are there as well."""
    familiar = [f"Known {number}" for number in range(1, 5)]

    def named(source: Source, lines: list[tuple[str, str]]) -> Pool:
        return Pool(
            source=source,
            state=PoolState.OFFERED,
            proposals=tuple(
                Proposal(
                    source=source, artist=artist, title=title, seed="", match=1 / place, rank=place
                )
                for place, (artist, title) in enumerate(lines, start=1)
            ),
        )

    wanted = ListRequest(
        vibe_date=NOW.date(),
        now=NOW,
        profile=SeedProfile(artists=(), tracks=()),
        size=4,
        min_new_ratio=0,
        likes=tuple(
            LikedTrack(track=track(name, "Song 1"), added_at=NOW - timedelta(days=80))
            for name in familiar
        ),
    )

    _, choice = made(
        [
            named(Source.REDISCOVERED_LIKES, [(name, "Song 1") for name in familiar]),
            named(
                Source.LISTENBRAINZ,
                [("Artist 3", "Song 2"), ("Artist 9", "Song 3 (feat. Artist 3)")],
            ),
        ],
        wanted,
    )

    tracks = [entry.track for entry in choice.chosen if entry.track is not None]
    assert len(tracks) == 4
    assert crowded([set(map(artist_key, one.artists)) for one in tracks]) == []


@anything
@given(pools(), request())
def test_no_source_takes_more_than_half_while_others_have_something(
    given_pools: list[Pool], wanted: ListRequest
) -> None:
    _, choice = made(given_pools, wanted)

    counts = Counter(entry.source for entry in choice.chosen)
    cap = max(1, int(wanted.size * DEFAULT.source_cap))
    greedy = {source for source, count in counts.items() if count > cap}
    taken = {song for entry in choice.chosen for song in songs_of(entry)}
    left_out = [
        entry
        for entry in choice.ranked
        if entry.dropped is DropReason.LOWER_RANKED
        and entry.is_new
        and counts[entry.source] < cap
        and songs_of(entry).isdisjoint(taken)
    ]
    assert not greedy or left_out == []


@anything
@given(pools(), request(), st.randoms(use_true_random=False))
def test_the_order_of_what_comes_in_does_not_matter(
    given_pools: list[Pool], wanted: ListRequest, rng: random.Random
) -> None:
    shuffled = [
        Pool(
            source=pool.source,
            state=pool.state,
            proposals=tuple(rng.sample(pool.proposals, len(pool.proposals))),
        )
        for pool in rng.sample(given_pools, len(given_pools))
    ]

    assert made(shuffled, wanted) == made(given_pools, wanted)


@anything
@given(pools(), request())
def test_terms_are_bounded_and_add_up(given_pools: list[Pool], wanted: ListRequest) -> None:
    for policy in POLICIES.values():
        for entry in rank(merge(given_pools), wanted, policy):
            assert abs(sum(entry.terms.values()) - entry.score) < 1e-9
            assert -12 <= entry.terms["popularity"] <= 6
            others = (term for name, term in entry.terms.items() if name != "popularity")
            assert all(-6 <= term <= 6 for term in others)
            assert entry.terms["similarity"] <= 0
            assert entry.source in {p.source for p in entry.candidate.proposals}


@anything
@given(pools(), request(), st.sets(st.integers(0, 200), max_size=40))
def test_what_is_not_on_spotify_is_replaced(
    given_pools: list[Pool], wanted: ListRequest, gone: set[int]
) -> None:
    ranked = rank(merge(given_pools), wanted)
    found = everything_found(ranked)
    found |= {e.candidate.key: None for n, e in enumerate(ranked) if n in gone}

    choice = select(ranked, wanted, found=found)

    assert all(entry.track is not None for entry in choice.chosen)
    shortened = Note.REST_SHORTENED in choice.notes
    assert broken_promises(choice, wanted, rest_shortened=shortened) == []


@anything
@given(pools(), request(), st.lists(st.sets(st.integers(0, 200), max_size=40), max_size=4))
def test_a_selector_asked_while_tracks_are_looked_up_says_what_a_fresh_one_says(
    given_pools: list[Pool], wanted: ListRequest, steps: list[set[int]]
) -> None:
    ranked = rank(merge(given_pools), wanted)
    everything = everything_found(ranked)
    found: dict[str, Track | None] = {}
    asked = Selector(ranked, wanted)

    for step in steps:
        hoped = asked.chosen(found, hopeful=True)
        found |= {e.candidate.key: everything[e.candidate.key] for e in hoped[::2]}
        found |= {e.candidate.key: None for n, e in enumerate(ranked) if n in step}

        for hopeful in (True, False):
            fresh = Selector(ranked, wanted).choice(found, hopeful=hopeful)
            assert asked.choice(found, hopeful=hopeful) == fresh


@anything
@given(pools())
def test_merging_leaves_no_recording_twice(given_pools: list[Pool]) -> None:
    candidates = merge(given_pools)

    names = [key for c in candidates for key in (c.key, *c.aliases)]
    isrcs = [isrc for c in candidates for isrc in {p.isrc for p in c.proposals if p.isrc}]
    assert len(names) == len(set(names))
    assert len(isrcs) == len(set(isrcs))
    assert sum(len(c.proposals) for c in candidates) == len(
        {proposal for pool in given_pools for proposal in pool.proposals}
    )


@anything
@given(pools(), request())
def test_every_term_has_words_and_remarks_name_what_sets_a_track_apart(
    given_pools: list[Pool], wanted: ListRequest
) -> None:
    ranked = rank(merge(given_pools), wanted)

    said = explanations(ranked)

    for entry in ranked:
        own = said[entry.candidate.key]
        assert len(own.speaks_for) <= MOST
        assert len(own.speaks_against) <= MOST
        assert set(own.speaks_for).isdisjoint(own.speaks_against)
        for term in entry.terms:
            assert knows(f"bot.why.for.{term}")
            assert knows(f"bot.why.against.{term}")
        for term in own.speaks_for:
            lower = [other for other in ranked if other.terms[term] < entry.terms[term]]
            assert 2 * len(lower) >= len(ranked)


def test_settings_know_the_policies_by_the_names_they_have() -> None:
    assert sorted(POLICY_NAMES) == sorted(POLICIES)
