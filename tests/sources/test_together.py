"""All sources at once: ample, within their limits, and none able to hurt another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.asking import asker, keys
from tests.support.bot_world import until
from tests.support.outside_world import NOON, outside_world
from vibe_pipeline.locales import say
from vibe_pipeline.lookup_cache import InMemoryLookups
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import PERSONAL_SOURCES, Pool, PoolState, SeedProfile, Source
from vibe_pipeline.sources.answers import SPOTIFY_TRACKS
from vibe_pipeline.sources.context import SourceContext, SourceLimits
from vibe_pipeline.sources.pools import Reason, empty_pool
from vibe_pipeline.sources.registry import REGISTRY, propose_all

CLOSED = {entry.source for entry in REGISTRY if entry.capability}
SPOTIFYS = {entry.source for entry in REGISTRY if entry.spends_spotify}
LASTFMS = {entry.source for entry in REGISTRY if "lastfm" in entry.services}
TAGS_TOLD_WITH_LISTENERS = 5
UNHURRIED = {"limits_enforced": False}
"""For tests that ask several times within the same second."""

NO_CALLS = SourceLimits(
    lastfm_track_calls=0,
    lastfm_artist_calls=0,
    lastfm_top_track_calls=0,
    lastfm_info_calls=0,
    labs_name_calls=0,
    labs_batch_calls=0,
    musicbrainz_calls=0,
    spotify_calls=0,
)


def test_every_source_is_registered_once_in_its_order() -> None:
    assert [entry.source for entry in REGISTRY] == list(Source)


async def test_one_asking_gives_enough_for_a_list_of_new_music() -> None:
    async with outside_world() as world:
        person = await asker(world)
        liked = {recording_key(like.track.artist, like.track.title) for like in person.likes}

        pools = await person.ask()

    found = set().union(*(keys(pool) for pool in pools.values())) - liked
    artists = {artist_key(p.artist) for pool in pools.values() for p in pool.proposals}
    assert len(found) > 100
    assert len(artists) > 30
    assert {source for source, pool in pools.items() if pool.state is PoolState.ABSENT} == CLOSED


async def test_the_first_asking_keeps_to_everybodys_limits() -> None:
    async with outside_world() as world:
        person = await asker(world)

        await person.ask()

        calls = person.calls()
    assert calls["lastfm"] <= 20
    assert calls["labs"] <= 8
    assert calls["musicbrainz"] <= 3
    assert calls["spotify"] <= 18


async def test_a_later_asking_costs_spotify_two_calls_and_reaches_further() -> None:
    async with outside_world(rules=UNHURRIED) as world:
        person = await asker(world)
        first = await person.ask()

        second = await person.ask(person.question(first=False))

        assert person.calls()["spotify"] <= 2
        assert person.calls()["lastfm"] <= 20
    for source in (Source.LASTFM_SIMILAR_TRACKS, Source.LASTFM_SIMILAR_ARTISTS):
        assert keys(first[source]) < keys(second[source])


async def test_what_is_known_is_not_asked_again() -> None:
    async with outside_world(rules=UNHURRIED) as world:
        person = await asker(world)
        for _ in range(5):
            await person.ask(person.question(first=False))

        calls = person.calls()
    assert calls["lastfm"] <= 15
    assert calls["labs"] == calls["musicbrainz"] == 0


def test_ahead_of_time_more_artists_are_drawn_from_and_all_of_them_fit_into_a_pool() -> None:
    usual, seeds_that_may_name_an_artist = SourceLimits(), 3
    ahead = usual.ahead_of_time()

    proposals = ahead.near_artists * ahead.tracks_per_artist * seeds_that_may_name_an_artist

    assert ahead.near_artists > usual.near_artists
    assert proposals <= ahead.proposals_per_source


async def test_another_persons_answers_serve_too() -> None:
    async with outside_world(rules=UNHURRIED) as world:
        person = await asker(world)
        first = await person.ask()
        friend = await asker(world)
        friend.lookups = person.lookups

        pools = await friend.ask(friend.question(first=False))

        assert keys(first[Source.LASTFM_SIMILAR_TRACKS]) <= keys(
            pools[Source.LASTFM_SIMILAR_TRACKS]
        )


async def test_the_same_answers_give_the_same_pools() -> None:
    async with outside_world() as world:
        person = await asker(world)
        await person.ask()
        question = person.question(first=False, limits=NO_CALLS)

        one = await propose_all(question)
        other = await propose_all(question)

    assert one == other
    assert sum(len(pool.proposals) for pool in one) > 300


async def test_ranks_count_from_one_and_matches_stay_between_nought_and_one() -> None:
    async with outside_world() as world:
        person = await asker(world)

        pools = await person.ask()

    for pool in pools.values():
        assert [p.rank for p in pool.proposals] == list(range(1, len(pool.proposals) + 1))
        assert all(0 <= p.match <= 1 for p in pool.proposals)
        assert [p.match for p in pool.proposals] == sorted(
            (p.match for p in pool.proposals), reverse=True
        )
        assert all(p.source is pool.source for p in pool.proposals)


async def test_every_proposal_names_a_seed_of_the_profile() -> None:
    async with outside_world() as world:
        person = await asker(world)
        profile = person.profile
        seeds = {a.name for a in profile.artists} | {
            f"{t.artist} – {t.title}" for t in profile.tracks
        }
        liked = {like.track.artist for like in person.likes}

        pools = await person.ask()

    for source, pool in pools.items():
        known = liked if source is Source.REDISCOVERED_LIKES else seeds
        assert {p.seed for p in pool.proposals} <= known, source


async def test_each_source_can_be_switched_off_by_itself() -> None:
    async with outside_world(regime="A") as world:
        person = await asker(world)
        await person.ask()
        for source in Source:
            question = person.question(first=False, limits=NO_CALLS)

            pools = {pool.source: pool for pool in await propose_all(question, off={source})}

            assert pools[source].state is PoolState.OFF
            assert pools[source].reason == Reason.SWITCHED_OFF
            others = set(Source) - {source, Source.SPOTIFY_RECOMMENDATIONS} - PERSONAL_SOURCES
            assert all(pools[other].state is PoolState.OFFERED for other in others)


async def test_an_older_app_offers_every_source() -> None:
    async with outside_world(regime="A") as world:
        person = await asker(world)

        pools = await person.ask()

        everybodys = [pool for pool in pools.values() if pool.source not in PERSONAL_SOURCES]
        assert {pool.state for pool in everybodys} == {PoolState.OFFERED}
        assert person.calls()["spotify"] <= 18


async def test_one_source_alone_can_be_asked() -> None:
    async with outside_world() as world:
        person = await asker(world)

        (pool,) = await propose_all(person.question(), only={Source.LASTFM_SIMILAR_TRACKS})

    assert pool.source is Source.LASTFM_SIMILAR_TRACKS
    assert pool.proposals


@pytest.mark.parametrize(
    ("service", "hurt"),
    [
        ("spotify", {Source.ARTIST_CATALOGUE}),
        ("lastfm", LASTFMS),
        ("labs", {Source.LISTENBRAINZ}),
    ],
)
@pytest.mark.parametrize("kind", ["status", "garbage", "drop"])
async def test_a_service_in_trouble_hurts_only_its_own_sources(
    service: str, hurt: set[Source], kind: str
) -> None:
    async with outside_world() as world:
        person = await asker(world)
        world.fault(service, kind, **({"status": 500} if kind == "status" else {}))

        pools = await person.ask()

    for source in hurt:
        assert pools[source].proposals == ()
        assert pools[source].reason is not None
    healthy = set(Source) - hurt - SPOTIFYS - PERSONAL_SOURCES
    assert all(pools[source].state is PoolState.OFFERED for source in healthy)


async def test_a_service_that_hangs_is_left_behind_in_time() -> None:
    async with outside_world() as world:
        person = await asker(world)
        world.fault("labs", "timeout", delay=5.0)
        hasty = SourceLimits(seconds=0.5)

        pools = await person.ask(person.question(limits=hasty))

    assert pools[Source.LISTENBRAINZ].state is PoolState.FAILED
    assert pools[Source.LISTENBRAINZ].reason == Reason.CUT_OFF
    assert pools[Source.REDISCOVERED_LIKES].proposals


async def test_what_came_before_the_deadline_is_kept_and_asking_goes_on_from_there() -> None:
    async with outside_world(rules=UNHURRIED) as world:
        person = await asker(world)
        world.simulation.faults.latency["lastfm"] = 0.4
        hasty = SourceLimits(seconds=1.5, at_once=1)

        cut = (await person.ask(person.question(limits=hasty)))[Source.LASTFM_SIMILAR_TRACKS]
        world.simulation.faults.clear()
        whole = (await person.ask(person.question()))[Source.LASTFM_SIMILAR_TRACKS]

    assert cut.proposals
    assert cut.reason == Reason.CUT_OFF
    assert {p.seed for p in cut.proposals} < {p.seed for p in whole.proposals}
    assert whole.reason is None


async def test_a_used_up_spotify_leaves_the_others_alone() -> None:
    async with outside_world() as world:
        person = await asker(world)
        world.fault("spotify", "quota")

        pools = await person.ask()

        assert pools[Source.ARTIST_CATALOGUE].state is PoolState.FAILED
        assert pools[Source.ARTIST_CATALOGUE].reason == Reason.QUOTA
        assert pools[Source.LASTFM_SIMILAR_TRACKS].proposals


async def test_trouble_halfway_keeps_what_was_found_and_says_so() -> None:
    async with outside_world(rules=UNHURRIED) as world:
        person = await asker(world)
        await person.ask()
        world.fault("lastfm", "status", status=500)

        pools = await person.ask(person.question(first=False))

    pool = pools[Source.LASTFM_SIMILAR_TRACKS]
    assert pool.state is PoolState.OFFERED
    assert pool.proposals
    assert pool.reason == Reason.UNAVAILABLE


async def test_a_mistake_in_one_source_costs_nobody_the_list(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(_: SourceContext) -> Pool:
        raise KeyError("oh")

    registry = [
        replace(entry, propose=broken) if entry.source is Source.LISTENBRAINZ else entry
        for entry in REGISTRY
    ]
    async with outside_world() as world:
        person = await asker(world)

        asked = await propose_all(person.question(), registry=registry)

    pools = {pool.source: pool for pool in asked}
    assert pools[Source.LISTENBRAINZ].state is PoolState.FAILED
    assert pools[Source.LISTENBRAINZ].reason == Reason.UNEXPECTED
    assert pools[Source.LASTFM_SIMILAR_TRACKS].proposals
    assert "nobody thought of" in caplog.text


async def test_artists_are_described_although_one_source_takes_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = SourceLimits()
    monkeypatch.setattr("vibe_pipeline.sources.registry.DESCRIBING_SECONDS", limits.seconds)

    async with outside_world() as world:

        async def late(_: SourceContext) -> Pool:
            await until(lambda: len(world.asked("lastfm")) == limits.lastfm_info_calls)
            return empty_pool(Source.LISTENBRAINZ, PoolState.EMPTY, Reason.CUT_OFF)

        registry = [
            replace(entry, propose=late) if entry.source is Source.LISTENBRAINZ else entry
            for entry in REGISTRY
            if entry.source in {Source.LISTENBRAINZ, Source.REDISCOVERED_LIKES}
        ]
        person = await asker(world)
        pools = await propose_all(person.question(limits=limits), registry=registry)

        assert any(proposal.tags for pool in pools for proposal in pool.proposals)
        assert world.asked("lastfm") == ["GET artist.getInfo"] * limits.lastfm_info_calls


async def test_without_keys_and_contact_the_list_still_has_sources() -> None:
    async with outside_world() as world:
        person = await asker(world)
        services = person.services(lastfm=None, labs=None, musicbrainz=None)

        pools = await person.ask(person.question(services=services))

    assert pools[Source.LASTFM_SIMILAR_TRACKS].reason == Reason.NO_KEY
    assert pools[Source.LISTENBRAINZ].reason == Reason.NO_CONTACT
    assert pools[Source.ARTIST_CATALOGUE].proposals


async def test_a_newcomer_without_any_listening_gets_reasons() -> None:
    async with outside_world() as world:
        person = await asker(world)
        person.likes, person.plays = [], []
        person.profile = SeedProfile(artists=(), tracks=())

        pools = await person.ask()

    assert {pool.state for pool in pools.values()} == {PoolState.EMPTY}
    assert pools[Source.REDISCOVERED_LIKES].reason == Reason.NO_LIKES
    assert pools[Source.LISTENBRAINZ].reason == Reason.NO_SEEDS


async def test_closed_endpoints_are_tried_once_in_all() -> None:
    async with outside_world(rules=UNHURRIED) as world:
        person = await asker(world)
        await person.ask()
        first = world.asked("spotify")

        await person.ask(person.question(first=False))

        again = world.asked("spotify")
    assert first.count("GET /recommendations") == 1
    assert first.count("GET /artists/{id}/top-tracks") == 1
    assert not {"GET /recommendations", "GET /artists/{id}/top-tracks", "GET /me"} & set(again)


async def test_every_search_hit_is_remembered_as_the_place_of_its_recording() -> None:
    async with outside_world() as world:
        person = await asker(world)

        pools = await person.ask()

        for proposal in pools[Source.ARTIST_CATALOGUE].proposals:
            key = recording_key(proposal.artist, proposal.title)
            track = SPOTIFY_TRACKS.known(person.lookups, [key])[key]
            assert track is not None
            assert recording_key(track.artist, track.title) == key


async def test_listeners_and_tags_are_added_where_somebody_knows_them() -> None:
    async with outside_world(rules=UNHURRIED) as world:
        person = await asker(world)
        await person.ask()

        pools = await person.ask(person.question(first=False))

    described = [p for pool in pools.values() for p in pool.proposals if p.tags]
    counted = [p for pool in pools.values() for p in pool.proposals if p.listeners]
    assert described
    assert len(counted) > 0.5 * sum(len(pool.proposals) for pool in pools.values())
    by_artist: dict[str, set[int]] = {}
    for proposal in counted:
        by_artist.setdefault(artist_key(proposal.artist), set()).add(proposal.listeners or 0)
    assert all(len(found) == 1 for found in by_artist.values())


async def test_all_tags_are_asked_for_ahead_of_time_and_known_to_the_lists_after_it() -> None:
    async with outside_world(rules=UNHURRIED) as world:
        person = await asker(world)
        at_once = await person.ask()
        assert "GET artist.getTopTags" not in world.asked("lastfm")

        await person.ask(person.question(limits=SourceLimits().ahead_of_time()))
        asked = world.asked("lastfm").count("GET artist.getTopTags")
        then = await person.ask(person.question(first=False))

        assert 0 < asked <= SourceLimits().ahead_of_time().lastfm_tag_calls
        assert "GET artist.getTopTags" not in world.asked("lastfm")
    assert most_tags(at_once.values()) <= TAGS_TOLD_WITH_LISTENERS < most_tags(then.values())


def most_tags(pools: Iterable[Pool]) -> int:
    return max(len(proposal.tags) for pool in pools for proposal in pool.proposals)


async def test_answers_grow_old() -> None:
    async with outside_world(rules=UNHURRIED) as world:
        person = await asker(world)
        at = [NOON]
        person.lookups = InMemoryLookups(now=lambda: at[0])
        await person.ask()
        at[0] = NOON + timedelta(days=60)

        await person.ask()

        assert person.calls()["lastfm"] == 20


@pytest.mark.parametrize("language", ["en", "ru", "uk", "nl"])
@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_sentence(language: str, reason: Reason) -> None:
    assert say(language, f"pool.{reason}").endswith(".")
