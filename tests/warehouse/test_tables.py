"""What the warehouse's tables keep, slice by slice, and give back in a fixed order."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.warehouse_examples import (
    ANNA,
    BORIS,
    NOON,
    chosen,
    edition,
    like,
    play,
    track,
)
from vibe_pipeline.records import (
    Candidate,
    DropReason,
    EditionId,
    PastRecommendation,
    Pool,
    PoolState,
    Proposal,
    Ranked,
    SeedArtist,
    SeedProfile,
    SeedTrack,
    SeedVote,
    Source,
    TopItem,
)
from vibe_pipeline.warehouse import EditionInputs, LikeChange, Tables, Warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse.duckdb")


def proposal(number: int, source: Source = Source.LISTENBRAINZ) -> Proposal:
    return Proposal(
        source=source,
        artist=f"Artist {number}",
        title=f"Title {number} — «ё» 🎵",
        seed="Seed",
        match=1 / (number + 3),
        rank=number,
        mbid=f"mbid-{number}",
        listeners=10_000_000_000,
        tags=("dream pop", "shoegaze"),
    )


def pool(source: Source, count: int) -> Pool:
    return Pool(
        source=source,
        proposals=tuple(proposal(number, source) for number in range(1, count + 1)),
        state=PoolState.OFFERED if count else PoolState.EMPTY,
        reason=None if count else "nothing_found",
    )


def ranked(rank: int, *, position: int | None = None) -> Ranked:
    return Ranked(
        candidate=Candidate(
            key=f"artist {rank}|title {rank}",
            artist=f"Artist {rank}",
            artist_key=f"artist {rank}",
            title=f"Title {rank}",
            proposals=(proposal(rank),),
            mbid=f"mbid-{rank}",
            aliases=("another name",),
        ),
        terms={"similarity": -1 / 3, "agreement": 0.1 + 0.2},
        score=0.1 + 0.2 - 1 / 3,
        rank=rank,
        is_new=True,
        source=Source.LISTENBRAINZ,
        seed="Seed",
        position=position,
        dropped=None if position else DropReason.LOWER_RANKED,
        track=track(rank) if position else None,
    )


def sync(
    warehouse: Warehouse, *numbers: int, gone: tuple[int, ...] = (), day: int = 0
) -> LikeChange:
    with warehouse.open() as tables:
        return tables.library.change_likes(
            ANNA,
            added=[like(number) for number in numbers],
            gone=[track(number).spotify_id for number in gone],
            total=len(numbers),
            seen_at=NOON + timedelta(days=day),
        )


def liked(warehouse: Warehouse, *, as_of: datetime | None = None) -> list[str]:
    with warehouse.open() as tables:
        return [like.track.title for like in tables.library.likes(ANNA, as_of=as_of)]


def test_likes_come_back_newest_first_and_whole(warehouse: Warehouse) -> None:
    sync(warehouse, 3, 1, 2)

    with warehouse.open() as tables:
        assert tables.library.likes(ANNA) == [like(1), like(2), like(3)]


def test_the_same_sync_again_changes_nothing(warehouse: Warehouse) -> None:
    sync(warehouse, 1, 2)

    assert sync(warehouse, 1, 2, day=1) == LikeChange(added=0, removed=0)
    assert liked(warehouse) == ["Song 1", "Song 2"]


def test_a_past_day_shows_the_likes_of_that_day(warehouse: Warehouse) -> None:
    sync(warehouse, 1, 2)
    sync(warehouse, 3, gone=(1,), day=2)

    assert liked(warehouse, as_of=NOON + timedelta(days=1)) == ["Song 1", "Song 2"]
    assert liked(warehouse) == ["Song 2", "Song 3"]


def test_a_track_liked_again_counts_once(warehouse: Warehouse) -> None:
    sync(warehouse, 1)
    sync(warehouse, gone=(1,), day=1)
    sync(warehouse, 1, day=2)

    with warehouse.open() as tables:
        assert tables.library.liked_twice(ANNA) == 0
    assert liked(warehouse) == ["Song 1"]
    assert liked(warehouse, as_of=NOON + timedelta(days=1, hours=1)) == []


def test_a_like_that_greyed_out_is_still_liked_and_was_playable_before(
    warehouse: Warehouse,
) -> None:
    greyed = replace(like(1), playable=False)
    sync(warehouse, 1)

    with warehouse.open() as tables:
        tables.library.change_likes(
            ANNA,
            added=[greyed],
            gone={greyed.track.spotify_id},
            total=1,
            seen_at=NOON + timedelta(days=1),
        )
        now = tables.library.likes(ANNA)
        before = tables.library.likes(ANNA, as_of=NOON)

    assert now == [greyed]
    assert before == [like(1)]


def test_unliking_and_liking_at_one_moment_leaves_the_like(warehouse: Warehouse) -> None:
    sync(warehouse, 1)

    assert sync(warehouse, 1, gone=(1,)) == LikeChange(added=1, removed=1)
    assert liked(warehouse) == ["Song 1"]


def test_ten_thousand_likes_are_kept_within_a_second_or_two(warehouse: Warehouse) -> None:
    many = [like(number) for number in range(10_000)]
    liked(warehouse)

    begun = time.process_time()
    with warehouse.open() as tables:
        tables.library.change_likes(ANNA, added=many, gone=(), total=10_000, seen_at=NOON)

    assert time.process_time() - begun < 2.5


def test_a_play_is_kept_once_however_often_it_is_told(warehouse: Warehouse) -> None:
    told = [play(1, minutes_ago=5), play(2, minutes_ago=9)]
    with warehouse.open() as tables:
        first = tables.library.add_plays(ANNA, told, collected_at=NOON, gap=False)
        again = tables.library.add_plays(
            ANNA, told, collected_at=NOON + timedelta(hours=1), gap=True
        )
        plays = tables.library.plays(ANNA)
        collections = tables.library.collections(ANNA)

    assert (first, again) == (2, 0)
    assert plays == told
    assert [some.gap for some in collections] == [True, False]


def test_the_cursor_stays_when_nothing_was_played(warehouse: Warehouse) -> None:
    with warehouse.open() as tables:
        tables.library.add_plays(ANNA, [play(1, minutes_ago=5)], collected_at=NOON, gap=False)
        tables.library.add_plays(ANNA, [], collected_at=NOON, gap=False)
        state = tables.library.state(ANNA)

    assert state.plays_cursor == NOON - timedelta(minutes=5)


def test_an_empty_answer_about_top_items_is_remembered_too(warehouse: Warehouse) -> None:
    item = TopItem(
        kind="artist", time_range="short_term", rank=1, name="A", artist="A", spotify_id="1"
    )
    with warehouse.open() as tables:
        tables.library.replace_top_items(ANNA, [item], fetched_at=NOON)
        tables.library.replace_top_items(ANNA, [], fetched_at=NOON + timedelta(days=7))
        state, items = tables.library.state(ANNA), tables.library.top_items(ANNA)

    assert items == []
    assert state.top_fetched_at == NOON + timedelta(days=7)


def test_a_profile_comes_back_as_it_was(warehouse: Warehouse) -> None:
    profile = SeedProfile(
        artists=(SeedArtist(name="A", key="a", weight=1.0, why={"plays": 1 / 3}),),
        tracks=(
            SeedTrack(title="T", artist="A", key="a|t", weight=0.1 + 0.2, isrc="X", spotify_id="1"),
        ),
        play_decay=1.2,
    )
    with warehouse.open() as tables:
        tables.taste.replace(edition("e1"), profile)
        tables.taste.replace(edition("e1"), profile)

        assert tables.taste.profile(ANNA, EditionId("e1")) == profile


def test_a_step_alone_finds_the_newest_profile(warehouse: Warehouse) -> None:
    profile = SeedProfile(artists=(SeedArtist(name="A", key="a", weight=1.0),), tracks=())
    with warehouse.open() as tables:
        tables.taste.replace(edition("e2"), profile)
        tables.taste.replace(edition("e1"), profile)

        assert tables.taste.edition_for(ANNA, EditionId("e2")) == "e2"
        assert tables.taste.edition_for(ANNA, EditionId("other")) == "e1"
        assert tables.taste.edition_for(BORIS, EditionId("e1")) is None


def test_a_source_asked_again_replaces_its_own_pool_only(warehouse: Warehouse) -> None:
    place = edition("e1")
    first = {source: pool(source, 2) for source in Source}
    with warehouse.open() as tables:
        tables.candidates.replace(place, first, asked_at=NOON)
        again = {Source.LISTENBRAINZ: pool(Source.LISTENBRAINZ, 0)}
        tables.candidates.replace(place, again, asked_at=NOON)
        editions = tables.candidates.editions_for(ANNA, place.edition_id)
        pools = tables.candidates.pools(ANNA, editions)

    assert pools == [(first | again)[source] for source in Source]


def test_a_source_asked_alone_stands_in_for_an_older_edition_s(warehouse: Warehouse) -> None:
    with warehouse.open() as tables:
        tables.candidates.replace(
            edition("old"), {source: pool(source, 1) for source in Source}, asked_at=NOON
        )
        tables.candidates.replace(
            edition("alone"),
            {Source.LISTENBRAINZ: pool(Source.LISTENBRAINZ, 3)},
            asked_at=NOON + timedelta(hours=1),
        )
        editions = tables.candidates.editions_for(ANNA, EditionId("new"))

    assert editions[Source.LISTENBRAINZ] == "alone"
    assert set(editions.values()) == {"old", "alone"}


@pytest.mark.parametrize("source", Source)
def test_every_source_can_be_queried_by_its_asset_s_name(
    warehouse: Warehouse, source: Source
) -> None:
    with warehouse.open() as tables:
        tables.candidates.replace(edition("e1"), {source: pool(source, 2)}, asked_at=NOON)
        query = f"SELECT * FROM candidates.{source}"  # noqa: S608 - one of our names
        found = tables.connection.execute(query).fetchall()

    assert len(found) == 2


def test_a_file_from_before_a_source_was_added_gets_its_view(warehouse: Warehouse) -> None:
    with warehouse.open() as tables:
        tables.connection.execute("DROP VIEW candidates.listenbrainz")
        tables.candidates.replace(
            edition("e1"), {Source.LISTENBRAINZ: pool(Source.LISTENBRAINZ, 2)}, asked_at=NOON
        )

    with Warehouse(warehouse.path).open() as tables:
        rows = tables.connection.execute("SELECT * FROM candidates.listenbrainz").fetchall()

    assert len(rows) == 2


def test_a_selection_comes_back_bit_for_bit(warehouse: Warehouse) -> None:
    considered = [ranked(1, position=2), ranked(2), ranked(3, position=1)]
    with warehouse.open() as tables:
        tables.selections.replace(edition("e1"), considered, reasons={1: "Because."})

        assert tables.selections.ranked(ANNA, EditionId("e1")) == considered


def test_a_selection_names_the_proposals_its_pools_hold_and_keeps_others_whole(
    warehouse: Warehouse,
) -> None:
    own, place = pool(Source.LISTENBRAINZ, 2), edition("e1")
    inputs = EditionInputs(
        as_of=NOON,
        profile_edition=place.edition_id,
        pool_editions={Source.LISTENBRAINZ: place.edition_id},
        policy={},
        settings={},
    )
    considered = [ranked(1), ranked(2), ranked(3)]
    with warehouse.open() as tables:
        tables.candidates.replace(place, {Source.LISTENBRAINZ: own}, asked_at=NOON)
        tables.selections.replace(place, considered, pools=[own])
        tables.selections.replace_inputs(place, inputs)
        stored = tables.connection.execute(
            "SELECT proposals FROM ranked_selection ORDER BY rank"
        ).fetchall()

        assert tables.selections.ranked(ANNA, place.edition_id) == considered
    assert [json.loads(row[0])[0] for row in stored[:2]] == ["listenbrainz 1", "listenbrainz 2"]
    assert json.loads(stored[2][0])[0]["title"] == proposal(3).title


def test_a_pool_asked_again_on_another_day_replaces_the_one_of_its_edition(
    warehouse: Warehouse,
) -> None:
    again = {Source.LISTENBRAINZ: pool(Source.LISTENBRAINZ, 3)}
    with warehouse.open() as tables:
        for day in (20, 21):
            tables.candidates.replace(edition("e1", day=day), again, asked_at=NOON)
        pools = tables.candidates.pools(ANNA, {Source.LISTENBRAINZ: EditionId("e1")})

    assert pools == list(again.values())


def test_a_rerun_replaces_its_edition_and_leaves_the_others(warehouse: Warehouse) -> None:
    with warehouse.open() as tables:
        tables.selections.replace(edition("e1"), [ranked(1)])
        tables.selections.replace(edition("e2"), [ranked(1), ranked(2)])
        tables.selections.replace(edition("e1"), [ranked(1), ranked(2), ranked(3)])

        assert len(tables.selections.ranked(ANNA, EditionId("e1"))) == 3
        assert len(tables.selections.ranked(ANNA, EditionId("e2"))) == 2


def test_the_inputs_of_an_edition_come_back(warehouse: Warehouse) -> None:
    inputs = EditionInputs(
        as_of=NOON,
        profile_edition=EditionId("e1"),
        pool_editions={Source.LISTENBRAINZ: EditionId("e1")},
        policy={"name": "default", "artist_weight": 0.1 + 0.2},
        settings={"size": 30},
        blocks=[{"kind": "artist", "key": "a"}],
        thumbs=[{"key": "a|b", "artist_key": "a", "value": -1}],
        exclusions=[{"kind": "hours", "key": "22:00-07:00"}],
        digest="abc",
    )
    with warehouse.open() as tables:
        tables.selections.replace_inputs(edition("e1"), inputs)

        assert tables.selections.inputs(ANNA, EditionId("e1")) == inputs
        assert tables.selections.editions_on(ANNA, date(2026, 11, 20)) == ["e1"]
        assert tables.selections.inputs(ANNA, EditionId("e2")) is None


def test_history_grows_by_editions_and_is_never_doubled(warehouse: Warehouse) -> None:
    lists = {"e1": [chosen(1), chosen(2)], "e2": [chosen(1, number=3)]}
    with warehouse.open() as tables:
        for name in ("e1", "e2", "e1"):
            tables.playlists.replace_history(edition(name), lists[name], recorded_at=NOON)
        past = tables.playlists.past(ANNA, besides=EditionId("e2"))

    assert past == [
        PastRecommendation(
            key=line.key,
            artist_key=line.artist_key,
            vibe_date=date(2026, 11, 20),
            edition_id=EditionId("e1"),
            artist=line.artist,
            title=line.title,
        )
        for line in lists["e1"]
    ]


def test_counters_tell_how_often_a_recording_was_recommended(warehouse: Warehouse) -> None:
    with warehouse.open() as tables:
        for day in (1, 9):
            place = edition(f"e{day}", day=day)
            tables.playlists.replace_history(place, [chosen(1)], recorded_at=NOON)
        counts = tables.connection.execute(
            "SELECT times, first_on, last_on FROM recommendation_counts"
        ).fetchall()

    assert counts == [(2, date(2026, 11, 1), date(2026, 11, 9))]


def test_forgetting_a_person_leaves_nothing_of_them_and_all_of_the_others(
    warehouse: Warehouse,
) -> None:
    with warehouse.open() as tables:
        for user_id in (ANNA, BORIS):
            place = edition("e", user_id=user_id)
            tables.library.change_likes(user_id, added=[like(1)], gone=(), total=1, seen_at=NOON)
            tables.selections.replace(place, [ranked(1)])
            tables.playlists.replace_history(place, [chosen(1)], recorded_at=NOON)
        before = tables.everything_of(BORIS)
        lost = tables.forget(ANNA)

        assert not any(tables.everything_of(ANNA).values())
        assert tables.everything_of(BORIS) == before
    assert lost["liked_tracks"] == lost["ranked_selection"] == 1


def made_from(profile: str, pools: str) -> EditionInputs:
    return EditionInputs(
        as_of=NOON,
        profile_edition=EditionId(profile),
        pool_editions={Source.LISTENBRAINZ: EditionId(pools)},
        policy={"name": "default"},
        settings={"size": 30},
        blocks=[],
        thumbs=[],
        exclusions=[],
    )


def make_list(
    tables: Tables, name: str, day: int, *, pools: str | None = None, profile: str | None = None
) -> None:
    """An edition with all that it is made from; another's pools or profile if one is named."""
    place = edition(name, day=day)
    if profile is None:
        seed = SeedArtist(name="A", key="a", weight=1.0)
        tables.taste.replace(place, SeedProfile(artists=(seed,), tracks=()))
    if pools is None:
        source = Source.LISTENBRAINZ
        asked_at = NOON - timedelta(days=20 - day)
        tables.candidates.replace(place, {source: pool(source, 2)}, asked_at=asked_at)
    tables.selections.replace(place, [ranked(1, position=1)])
    tables.selections.replace_inputs(place, made_from(profile or name, pools or name))
    tables.playlists.replace_history(place, [chosen(1)], recorded_at=NOON)


def test_what_old_lists_were_made_from_is_let_go_while_history_stays(warehouse: Warehouse) -> None:
    with warehouse.open() as tables:
        for name, day in (("old", 1), ("edge", 2), ("new", 20)):
            make_list(tables, name, day)

        lost = tables.trim(before=date(2026, 11, 2))

        assert lost == {
            "edition_inputs": 1,
            "ranked_selection": 1,
            "proposals": 2,
            "artist_votes": 0,
            "candidate_pools": 1,
            "seed_profile": 1,
            "listening_history": 0,
        }
        assert tables.selections.ranked(ANNA, EditionId("old")) == []
        assert tables.selections.editions_on(ANNA, date(2026, 11, 1)) == []
        for name in ("edge", "new"):
            pools = tables.candidates.pools(ANNA, {Source.LISTENBRAINZ: EditionId(name)})
            assert len(pools[0].proposals) == 2
            assert tables.taste.profile(ANNA, EditionId(name)).artists
            assert tables.selections.inputs(ANNA, EditionId(name)) == made_from(name, name)
        assert len(tables.playlists.recommended(ANNA)) == 3


def test_old_pools_that_a_younger_list_was_made_from_stay(warehouse: Warehouse) -> None:
    with warehouse.open() as tables:
        make_list(tables, "old", 1)
        make_list(tables, "borrower", 10, pools="old", profile="old")
        make_list(tables, "newest", 20)

        tables.trim(before=date(2026, 11, 5))

        (borrowed,) = tables.candidates.pools(ANNA, {Source.LISTENBRAINZ: EditionId("old")})
        assert len(borrowed.proposals) == 2
        assert tables.taste.profile(ANNA, EditionId("old")).artists
        assert tables.selections.ranked(ANNA, EditionId("old")) == []


def test_somebody_away_for_long_keeps_the_newest_profile_and_pools(warehouse: Warehouse) -> None:
    with warehouse.open() as tables:
        make_list(tables, "first", 1)
        make_list(tables, "last", 2)

        tables.trim(before=date(2026, 11, 19))

        nothing_yet = EditionId("next")
        assert tables.taste.edition_for(ANNA, nothing_yet) == "last"
        assert tables.candidates.editions_for(ANNA, nothing_yet) == {Source.LISTENBRAINZ: "last"}
        assert tables.taste.profile(ANNA, EditionId("first")).artists == ()


def test_what_seeds_say_of_an_artist_is_kept_once_and_read_back_with_every_proposal(
    warehouse: Warehouse,
) -> None:
    votes = (
        SeedVote(seed="One", match=1.0, place=0, spread=21.5),
        SeedVote(seed="Two", match=1 / 3, place=17, spread=1.0, asked_back=True),
    )
    named = [
        Proposal(
            source=Source.LASTFM_SIMILAR_ARTISTS,
            artist="Near",
            title=title,
            seed="One",
            match=match,
            rank=rank,
            votes=votes,
        )
        for rank, (title, match) in enumerate({"First": 1.0, "Second": 0.97}.items(), start=1)
    ]
    plain = Proposal(
        source=Source.LASTFM_SIMILAR_ARTISTS,
        artist="Near",
        title="Third",
        seed="Somebody – Something",
        match=0.5,
        rank=3,
    )
    stored = Pool(
        source=Source.LASTFM_SIMILAR_ARTISTS, proposals=(*named, plain), state=PoolState.OFFERED
    )
    place = edition("e1")

    with warehouse.open() as tables:
        tables.candidates.replace(place, {stored.source: stored}, asked_at=NOON)
        rows = tables.connection.execute("SELECT count(*) FROM artist_votes").fetchone()
        (again,) = tables.candidates.pools(ANNA, {stored.source: place.edition_id})
        tables.candidates.replace(place, {stored.source: stored}, asked_at=NOON)
        replaced = tables.connection.execute("SELECT count(*) FROM artist_votes").fetchone()

    assert again == stored
    assert rows == replaced == (1,)


def test_the_file_stops_growing_once_as_much_goes_as_comes(warehouse: Warehouse) -> None:
    sizes = []
    for day in range(30):
        with warehouse.open(compacting=True) as tables:
            tables.connection.execute(
                "INSERT INTO lookups SELECT 'lastfm', ? || '-' || i, i,"
                " to_json(md5(? || '-' || i)), ?::DATE, ?::DATE + 4 FROM range(4000) t(i)",
                [day, day, *[date(2026, 11, 1) + timedelta(days=day)] * 2],
            )
            tables.lookups.drop_stale(now=NOON.replace(day=1) + timedelta(days=day))
        sizes.append(warehouse.path.stat().st_size)

    # The file grows in blocks of 256 KiB, a sixteenth of it each; without reuse it would double.
    assert max(sizes[15:]) <= 1.25 * max(sizes[:15])
    with warehouse.open() as tables:
        assert tables.connection.execute("SELECT count(*) FROM lookups").fetchone() == (16_000,)


def test_lookups_are_kept_for_everybody_until_they_are_stale(warehouse: Warehouse) -> None:
    moment = [NOON]
    lookups = warehouse.lookups(now=lambda: moment[0])
    lookups.remember("lastfm", {"a": {"listeners": 3}, "b": None}, days=7)
    assert lookups.known("lastfm", ["a", "b", "c"]) == {"a": {"listeners": 3}, "b": None}

    assert lookups.keep() == 2
    later = warehouse.lookups(now=lambda: moment[0])
    assert later.known("lastfm", ["a", "b", "c"]) == {"a": {"listeners": 3}, "b": None}
    assert later.known("labs", ["a"]) == {}
    moment[0] += timedelta(days=7)
    assert warehouse.lookups(now=lambda: moment[0]).known("lastfm", ["a"]) == {}


def test_stale_lookups_go_and_fresh_ones_stay(warehouse: Warehouse) -> None:
    lookups = warehouse.lookups(now=lambda: NOON)
    lookups.remember("lastfm", {"a": {"listeners": 3}, "b": None}, days=7)
    lookups.remember("lastfm", {"c": None}, days=8)
    lookups.keep()

    with warehouse.open() as tables:
        assert tables.lookups.drop_stale(now=NOON + timedelta(days=7)) == 2
        assert tables.lookups.known({"lastfm": ["a", "b", "c"]}, now=NOON) == {
            "lastfm": {"c": None}
        }


def test_a_newer_answer_takes_the_place_of_the_older(warehouse: Warehouse) -> None:
    for answer in ("old", "new"):
        lookups = warehouse.lookups(now=lambda: NOON)
        lookups.remember("labs", {"a": answer}, days=1)
        lookups.keep()

    assert warehouse.lookups(now=lambda: NOON).known("labs", ["a"]) == {"a": "new"}


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(max_size=20), st.floats(allow_nan=False, allow_infinity=False)),
        max_size=5,
    )
)
def test_whatever_a_service_writes_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[str, float]]
) -> None:
    warehouse = Warehouse(tmp_path_factory.mktemp("any") / "w.duckdb")
    answers = {
        f"key {place}": {"text": text, "number": number}
        for place, (text, number) in enumerate(told)
        if "\x00" not in text
    }
    lookups = warehouse.lookups(now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    lookups.remember("any", answers, days=1)
    lookups.keep()

    again = warehouse.lookups(now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    assert again.known("any", list(answers)) == answers
