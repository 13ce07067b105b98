"""A profile is made from what both stores hold, and says what it was made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.support.accounts_site import connected, made
from tests.support.sent_history import plays as years
from tests.support.warehouse_examples import NOON, chosen, edition, like, play
from vibe_pipeline.accounts.records import BlockKind, ExclusionKind
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import EditionId, Play
from vibe_pipeline.taste.import_history import import_history
from vibe_pipeline.taste.making_profile import make_profile
from vibe_pipeline.warehouse import Warehouse


def by(artist: str, number: int, *, minutes_ago: int = 10) -> Play:
    """A play of a track by this artist."""
    heard = play(number, minutes_ago=minutes_ago)
    return replace(heard, track=replace(heard.track, artists=(artist,)))


def test_what_is_blocked_or_left_out_is_no_seed_and_is_counted(tmp_path: Path) -> None:
    store, warehouse = made(tmp_path), Warehouse(tmp_path / "w.duckdb")
    anna = connected(store)
    store.blocks.add(anna.user_id, BlockKind.ARTIST, artist_key("Blocked"), "Blocked")
    store.exclusions.add(anna.user_id, ExclusionKind.ARTIST, artist_key("Lullabies"), "Lullabies")
    plays = [by("Loved", 1), by("Blocked", 2, minutes_ago=11), by("Lullabies", 3, minutes_ago=12)]

    with warehouse.open() as tables:
        tables.library.add_plays(anna.user_id, plays, collected_at=NOON, gap=False)

    explained = make_profile(warehouse, store, anna, now=NOON)

    assert [seed.name for seed in explained.profile.artists] == ["Loved"]
    assert [exclusion.name for exclusion in explained.exclusions] == ["Lullabies"]
    assert explained.left_out.plays.total() == 1
    assert explained.times_played[recording_key("Loved", plays[0].track.title)] == 1
    assert artist_key("Lullabies") not in explained.times_played


def test_what_was_played_from_a_list_of_ours_is_no_taste_and_is_counted(tmp_path: Path) -> None:
    store, warehouse = made(tmp_path), Warehouse(tmp_path / "w.duckdb")
    anna = connected(store)
    plays = [
        replace(by("Ours", 1), context_uri="spotify:playlist:our-list"),
        replace(by("Ours of old", 2, minutes_ago=11), context_uri="spotify:user:a:playlist:older"),
        replace(by("Theirs", 3, minutes_ago=12), context_uri="spotify:playlist:their-own"),
        replace(by("Album", 4, minutes_ago=13), context_uri="spotify:album:our-list"),
        by("Untold", 5, minutes_ago=14),
    ]

    with warehouse.open() as tables:
        for day, playlist_id in ((20, "our-list"), (19, "older")):
            tables.playlists.replace_published(
                edition(playlist_id, user_id=anna.user_id, day=day),
                [chosen(1)],
                playlist_id=playlist_id,
                playlist_url=None,
                snapshot_id=None,
                published_at=NOON,
            )
        tables.library.add_plays(anna.user_id, plays, collected_at=NOON, gap=False)

    explained = make_profile(warehouse, store, anna, now=NOON)

    assert {seed.name for seed in explained.profile.artists} == {"Theirs", "Album", "Untold"}
    assert explained.from_our_lists == 2
    assert artist_key("Ours") not in explained.times_played


def test_making_a_profile_writes_nothing(tmp_path: Path) -> None:
    store, warehouse = made(tmp_path), Warehouse(tmp_path / "w.duckdb")
    anna = connected(store)

    with warehouse.open() as tables:
        tables.library.change_likes(anna.user_id, added=[like(1)], gone=(), total=1, seen_at=NOON)
        before = tables.rows_of(anna.user_id)

    explained = make_profile(warehouse, store, anna, now=NOON)

    with warehouse.open() as tables:
        after = tables.rows_of(anna.user_id)

    assert len(explained.profile.tracks) == 1
    assert after == before


def test_years_that_somebody_gave_us_speak_where_little_is_played_now(tmp_path: Path) -> None:
    store, warehouse = made(tmp_path), Warehouse(tmp_path / "w.duckdb")
    anna = connected(store)
    (tmp_path / "years.json").write_bytes(years(2019, artist="Loved"))

    import_history(tmp_path / "years.json", warehouse, anna.user_id, now=NOON)
    quiet = make_profile(warehouse, store, anna, now=NOON).profile
    store.exclusions.add(anna.user_id, ExclusionKind.HOURS, "10:00-10:20", "10:00-10:20")
    without_some = make_profile(warehouse, store, anna, now=NOON).profile
    store.exclusions.add(anna.user_id, ExclusionKind.HOURS, "09:00-12:00", "09:00-12:00")
    without_all = make_profile(warehouse, store, anna, now=NOON).profile
    with warehouse.open() as tables:
        tables.taste.replace(edition("e", user_id=anna.user_id), quiet)
        kept = tables.taste.profile(anna.user_id, EditionId("e"))
        heard = [by("Now", number, minutes_ago=number) for number in range(110)]
        tables.library.add_plays(anna.user_id, heard, collected_at=NOON, gap=False)
    busy = make_profile(warehouse, store, anna, now=NOON).profile

    assert [(seed.name, seed.loved_in) for seed in quiet.artists] == [("Loved", 2019)]
    assert kept == quiet
    assert without_some.artists[0].why["years"] < quiet.artists[0].why["years"]
    assert without_all.artists == ()
    assert [seed.name for seed in busy.artists] == ["Now"]
