"""Numbers and dates beyond what a table or a clock can hold are absent, and spoil nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.support.warehouse_examples import ANNA, NOON
from vibe_pipeline.clients.json_fields import (
    count,
    integer,
    large_count,
    measure,
    moment,
    musicbrainz_id,
)
from vibe_pipeline.clients.lastfm import LastFmTrack, SimilarArtist
from vibe_pipeline.clients.listenbrainz import NearArtist, SimilarRecording
from vibe_pipeline.clients.musicbrainz import Recording
from vibe_pipeline.clients.spotify_records import LikedPage, RecentPlays, SpotifyProfile
from vibe_pipeline.taste.exclusions import ExclusionRules
from vibe_pipeline.warehouse import Warehouse

MBID = "f27ec8db-af05-4f36-916e-3d57f91ecf5e"
LARGEST = 2**31 - 1
OVERSIZED = [3_000_000_000, "3e9", 1e300, -3_000_000_000, 10**400]
BEYOND_THE_CALENDAR = [
    "0001-01-01T00:00:00+01:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59-01:00",
    "9999-12-31T23:59:59Z",
    "1969-12-31T23:59:59Z",
    "2100-01-01T00:00:00Z",
]


def track(**fields: object) -> dict[str, object]:
    return {"id": "1" * 22, "name": "Song", "type": "track", "artists": [{"name": "A"}], **fields}


@pytest.mark.parametrize(
    "written",
    ["", "f27ec8db-af05-4f36-916e", "f27ec8db-af05-4f36-916e-3d57f91ecf5z", f"{{{MBID}}}", 7, None],
)
def test_what_players_submit_as_an_id_and_is_none_is_absent(written: object) -> None:
    heard = LastFmTrack.from_api({"name": "Song", "artist": {"name": "A"}, "mbid": written})

    assert heard is not None
    assert (musicbrainz_id(written), heard.mbid) == (None, None)


def test_an_id_of_musicbrainz_is_one_however_it_is_written() -> None:
    assert musicbrainz_id(f" {MBID.upper()} ") == MBID


def test_a_name_without_end_is_cut_off_whichever_service_tells_it() -> None:
    endless = "(" * 30_000
    told: dict[str, object] = {"id": "1" * 22, "recording_mbid": MBID, "artist_mbid": MBID}
    told |= dict.fromkeys(("name", "title", "recording_name", "artist_credit_name"), endless)
    told |= {"artist": {"name": endless}, "artist-credit": [{"name": endless}]}
    liked = {
        "added_at": NOON.isoformat(),
        "track": track(name=endless, artists=[{"name": endless}]),
    }
    (like,) = LikedPage.from_api({"items": [liked], "total": 1}).likes

    records = [
        LastFmTrack.from_api(told),
        SimilarArtist.from_api(told),
        SimilarRecording.from_api(told),
        NearArtist.from_api(told),
        Recording.from_api(told),
        SpotifyProfile.from_api(told),
        like.track,
    ]

    assert None not in records
    assert all(len(repr(record)) < 2_000 for record in records)


@pytest.mark.parametrize("written", OVERSIZED)
def test_a_number_that_no_column_holds_is_absent(written: object) -> None:
    assert integer(written) is None


@pytest.mark.parametrize("written", [0, LARGEST, -LARGEST, str(LARGEST)])
def test_a_number_that_a_column_holds_is_itself(written: object) -> None:
    assert integer(written) == int(str(written))


@pytest.mark.parametrize(("written", "read"), [("3e9", 3_000_000_000), (1e19, None), (-1e19, None)])
def test_a_count_may_be_larger_and_not_without_end(written: object, read: int | None) -> None:
    assert large_count(written) == read


@pytest.mark.parametrize("written", [-1, "-7", -(10**18), -0.5, True, "many"])
def test_what_is_less_than_nothing_is_no_count_and_no_measure(written: object) -> None:
    counts = [count(written), large_count(written), measure(written)]

    assert counts in ([None, None, None], [0, 0, None])


def test_likes_and_plays_with_oversized_numbers_are_kept_without_them(tmp_path: Path) -> None:
    huge = track(duration_ms=3_000_000_000, popularity=1e300)
    at = "2026-11-01T10:00:00Z"
    (liked,) = LikedPage.from_api({"items": [{"added_at": at, "track": huge}], "total": 1}).likes
    (played,) = RecentPlays.from_api({"items": [{"played_at": at, "track": huge}]}).plays

    with Warehouse(tmp_path / "w.duckdb").open() as tables:
        tables.library.change_likes(ANNA, added=[liked], gone=(), total=1, seen_at=NOON)
        tables.library.add_plays(ANNA, [played], collected_at=NOON, gap=False)
        likes, plays = tables.library.likes(ANNA), tables.library.plays(ANNA)

    tracks = [*(one.track for one in likes), *(one.track for one in plays)]
    assert [(one.duration_ms, one.popularity) for one in tracks] == [(None, None)] * 2


@pytest.mark.parametrize("seconds", [2_148_000, "2148000", 1e300])
def test_a_length_is_absent_when_its_milliseconds_are_too_many(seconds: object) -> None:
    found = LastFmTrack.from_api(
        {"name": "Song", "artist": "A", "duration": seconds, "listeners": 1e19, "playcount": 3e9}
    )

    assert found is not None
    assert (found.duration_ms, found.listeners, found.playcount) == (None, None, 3_000_000_000)


def test_a_recording_of_a_thousand_years_has_no_known_length() -> None:
    found = Recording.from_api({"id": "m", "title": "Song", "length": 10**13})

    assert found is not None
    assert found.duration_ms is None


@pytest.mark.parametrize("written", BEYOND_THE_CALENDAR)
def test_a_date_out_of_all_reason_is_absent(written: str) -> None:
    assert moment(written) is None


@pytest.mark.parametrize("written", BEYOND_THE_CALENDAR)
def test_a_like_dated_out_of_all_reason_spoils_no_page(written: str) -> None:
    sound = {"added_at": "2026-11-01T10:00:00Z", "track": track()}

    page = LikedPage.from_api({"items": [sound, {**sound, "added_at": written}], "total": 2})

    assert (len(page.likes), page.odd) == (1, 1)


def test_a_date_within_reason_is_told_in_utc() -> None:
    assert moment("1970-01-01T01:00:00+01:00") == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "edge", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)
@pytest.mark.parametrize("hours", [-10, 10])
def test_what_was_kept_with_a_date_at_the_edge_can_still_be_judged(
    edge: datetime, hours: int
) -> None:
    rules = ExclusionRules.of(
        [{"kind": "hours", "key": "22:00-07:00"}], timezone(timedelta(hours=hours))
    )

    rules.why(edge, "a")
