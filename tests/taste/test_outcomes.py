"""What became of recommendations: liked, played, skipped, nothing, as far as plays tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

from tests.support.warehouse_examples import ANNA, NOON, chosen, edition, like
from vibe_pipeline.accounts.records import SourceOutcome
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import EditionId, LikedTrack, Play, Source, Track
from vibe_pipeline.taste.outcomes import by_band, outcomes, review_outcomes, skips
from vibe_pipeline.warehouse import Fate, Recommended, Warehouse
from vibe_pipeline.warehouse.rows import Row, select


def track(number: int) -> Track:
    return Track(
        spotify_id=f"id{number}",
        uri=f"spotify:track:id{number}",
        title=f"Song {number}",
        artists=(f"Artist {number}",),
    )


def line(number: int) -> Recommended:
    one = track(number)
    return Recommended(
        edition_id=EditionId("e"),
        vibe_date=date(2026, 11, 20),
        position=number,
        key=recording_key(one.artist, one.title),
        artist_key=artist_key(one.artist),
        artist=one.artist,
        title=one.title,
        spotify_id=one.spotify_id,
        isrc=None,
        source=Source.LISTENBRAINZ,
        is_new=True,
        recorded_at=NOON,
    )


def played(number: int, *, seconds: int) -> Play:
    return Play(track=track(number), played_at=NOON + timedelta(seconds=seconds))


def fates(plays: list[Play], likes: list[LikedTrack] | None = None) -> list[Fate]:
    found = outcomes([line(number) for number in (1, 2, 3)], likes=likes or [], plays=plays)
    return [outcome.fate for outcome in found]


def test_a_play_that_another_follows_at_once_was_skipped() -> None:
    plays = [played(1, seconds=10), played(2, seconds=35), played(3, seconds=200)]

    assert fates(plays) == [Fate.SKIPPED, Fate.REPLAYED, Fate.REPLAYED]


def test_a_like_in_the_very_second_of_the_list_counts_though_spotify_tells_whole_seconds() -> None:
    made = replace(line(1), recorded_at=NOON + timedelta(milliseconds=700))
    like = LikedTrack(track=track(1), added_at=NOON)
    earlier = LikedTrack(track=track(1), added_at=NOON - timedelta(seconds=1))

    (after,) = outcomes([made], likes=[like], plays=[])
    (before,) = outcomes([made], likes=[earlier], plays=[])

    assert (after.fate, before.fate) == (Fate.LIKED, Fate.NOTHING)


def test_a_track_skipped_once_and_played_once_was_played() -> None:
    plays = [played(1, seconds=10), played(2, seconds=20), played(1, seconds=500)]

    assert fates(plays) == [Fate.REPLAYED, Fate.REPLAYED, Fate.NOTHING]


def test_a_like_outweighs_a_skip() -> None:
    plays = [played(1, seconds=10), played(2, seconds=20)]
    like = LikedTrack(track=track(1), added_at=NOON + timedelta(hours=1))

    assert fates(plays, [like])[0] is Fate.LIKED


def test_what_was_before_the_list_is_no_outcome() -> None:
    like = LikedTrack(track=track(2), added_at=NOON - timedelta(hours=1))

    assert fates([played(1, seconds=-100)], [like]) == [Fate.NOTHING] * 3


def test_thirty_seconds_are_no_skip_and_order_does_not_matter() -> None:
    plays = [played(1, seconds=0), played(2, seconds=30), played(3, seconds=59)]

    assert skips(plays) == skips(reversed(plays)) == {NOON + timedelta(seconds=30)}


def test_positions_are_told_by_ten() -> None:
    lines = [line(number) for number in (1, 10, 11, 30)]

    found = by_band(outcomes(lines, likes=[], plays=[played(10, seconds=60)]))

    assert list(found) == ["1 to 10", "11 to 20", "21 to 30"]
    assert found["1 to 10"] == {Fate.NOTHING: 1, Fate.REPLAYED: 1}


def test_a_review_is_kept_and_told_by_source(tmp_path: Path) -> None:
    warehouse, place = Warehouse(tmp_path / "w.duckdb"), edition("e1")
    lines = [chosen(position) for position in (1, 2)]

    with warehouse.open() as tables:
        tables.playlists.replace_history(place, lines, recorded_at=NOON - timedelta(hours=1))
        tables.library.change_likes(ANNA, added=[like(1)], gone=(), total=1, seen_at=NOON)
    report = review_outcomes(warehouse, ANNA, now=NOON)

    assert [row["outcome"] for row in kept(warehouse)] == ["liked", "nothing"]
    assert report.by_source == [
        {
            "source": "listenbrainz",
            "lines": 2,
            "liked": 1,
            "replayed": 0,
            "skipped": 0,
            "nothing": 1,
        }
    ]
    assert report.source_outcomes() == [
        SourceOutcome(source="listenbrainz", chosen=2, liked=1, replayed=0)
    ]


def test_a_line_whose_fate_is_old_news_is_left_as_it_was_kept(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with warehouse.open() as tables:
        for number, days in enumerate((9, 1)):
            tables.playlists.replace_history(
                edition(f"e{number}", day=20 - days),
                [chosen(1), chosen(2)],
                recorded_at=NOON - timedelta(days=days),
            )
    review_outcomes(warehouse, ANNA, now=NOON)
    later = NOON + timedelta(hours=6)
    liked = replace(like(1), added_at=NOON)
    with warehouse.open() as tables:
        tables.library.change_likes(ANNA, added=[liked], gone=(), total=1, seen_at=later)

    review_outcomes(warehouse, ANNA, now=later)

    told = [(row["edition_id"], row["position"], row["looked_at"]) for row in kept(warehouse)]
    assert told == [("e0", 1, later), ("e0", 2, NOON), ("e1", 1, later), ("e1", 2, later)]


def test_a_line_that_no_list_holds_any_more_has_no_outcome(tmp_path: Path) -> None:
    warehouse, place = Warehouse(tmp_path / "w.duckdb"), edition("e1")
    with warehouse.open() as tables:
        tables.playlists.replace_history(place, [chosen(1), chosen(2)], recorded_at=NOON)
    review_outcomes(warehouse, ANNA, now=NOON + timedelta(days=9))
    with warehouse.open() as tables:
        tables.playlists.replace_history(place, [chosen(1)], recorded_at=NOON)

    review_outcomes(warehouse, ANNA, now=NOON + timedelta(days=10))

    assert [row["position"] for row in kept(warehouse)] == [1]


def kept(warehouse: Warehouse) -> list[Row]:
    """The stored outcomes, list by list."""
    with warehouse.open() as tables:
        return select(
            tables.connection, "FROM recommendation_outcomes ORDER BY edition_id, position"
        )
