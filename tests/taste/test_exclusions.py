"""What a person leaves out seeds nothing, whatever the hour, the day or the artist."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from vibe_pipeline.accounts.records import Exclusion, ExclusionKind
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.records import LikedTrack, Play, SeedProfile, TopItem, Track
from vibe_pipeline.taste.exclusions import (
    ExclusionCounts,
    ExclusionRules,
    dates_key,
    dates_of,
    exclusions_kept,
    hours_key,
    hours_of,
    informative_shares,
)
from vibe_pipeline.taste.seed_profile import seed_profile, telling_plays, times_played

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NIGHT = {"kind": "hours", "key": "22:00-07:00"}
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def track(artist: str, title: str = "Song") -> Track:
    spotify_id = f"{artist}-{title}"
    return Track(
        spotify_id=spotify_id, uri=f"spotify:track:{spotify_id}", title=title, artists=(artist,)
    )


def played(artist: str, *, at: datetime) -> Play:
    return Play(track=track(artist), played_at=at)


def hygiene(*kept: Mapping[str, str], zone: str = "UTC") -> ExclusionRules:
    return ExclusionRules.of(kept, ZoneInfo(zone))


def names(profile: SeedProfile) -> set[str]:
    return {seed.name for seed in profile.artists} | {seed.artist for seed in profile.tracks}


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ("21:59", None),
        ("22:00", "hours 22:00-07:00"),
        ("23:59", "hours 22:00-07:00"),
        ("00:00", "hours 22:00-07:00"),
        ("06:59", "hours 22:00-07:00"),
        ("07:00", None),
    ],
)
def test_hours_may_pass_midnight_and_end_before_their_end(at: str, why: str | None) -> None:
    moment = datetime.combine(NOW.date(), time.fromisoformat(at), UTC)

    assert hygiene(NIGHT).why(moment, "a") == why


def test_likes_given_at_an_hour_that_is_left_out_are_named_by_their_ids() -> None:
    at_noon = LikedTrack(track=track("A", "Day"), added_at=NOW)
    at_night = LikedTrack(track=track("A", "Night"), added_at=NOW.replace(hour=23))

    excluded = hygiene(NIGHT).excluded_likes([at_noon, at_night])

    assert excluded == {at_night.track.spotify_id}


def test_dates_hold_their_first_and_their_last_day() -> None:
    holiday = hygiene({"kind": "dates", "key": "2026-11-01..2026-11-14"})
    eve = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)

    out = [day for day in range(16) if holiday.why(eve + timedelta(days=day), "a") is not None]

    assert out == list(range(1, 15))
    assert holiday.why(NOW.replace(day=7), "a") == "dates 2026-11-01..2026-11-14"


def test_hours_and_dates_are_on_the_person_s_clock() -> None:
    at_home = datetime(2026, 11, 14, 23, 30, tzinfo=UTC)
    first = {"kind": "dates", "key": "2026-11-15..2026-11-15"}
    hour = {"kind": "hours", "key": "00:00-01:00"}

    assert hygiene(first, zone="Europe/Amsterdam").why(at_home, "a") is not None
    assert hygiene(hour, zone="Europe/Amsterdam").why(at_home, "a") is not None
    assert hygiene(first).why(at_home, "a") is None
    assert hygiene(hour).why(at_home, "a") is None


def test_an_hour_that_the_clocks_skip_or_repeat_does_no_harm() -> None:
    nights = hygiene({"kind": "hours", "key": "02:00-03:00"}, zone="Europe/Amsterdam")
    twice = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    skipped = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)

    assert all(nights.why(moment, "a") for moment in twice)
    assert nights.why(skipped, "a") is None


def test_what_is_left_out_seeds_nothing_and_the_rest_does() -> None:
    night, noon = NOW.replace(hour=2), NOW - timedelta(hours=1)
    plays = [played("Rain Sounds", at=night - timedelta(days=day)) for day in range(9)]
    plays += [played("The Band", at=noon), played("Kids Choir", at=noon)]
    likes = [
        LikedTrack(track=track("Kids Choir", "Bus"), added_at=noon),
        LikedTrack(track=track("Rain Sounds", "Storm"), added_at=night),
    ]
    kept = ({"kind": "artist", "key": artist_key("Kids Choir")}, NIGHT)

    profile = seed_profile(likes=likes, plays=plays, hygiene=hygiene(*kept), now=NOW)

    assert names(profile) == {"The Band"}


def test_an_artist_played_at_other_hours_too_seeds_by_those() -> None:
    plays = [played("The Band", at=NOW.replace(hour=hour)) for hour in (1, 2, 3, 11)]

    profile = seed_profile(likes=[], plays=plays, hygiene=hygiene(NIGHT), now=NOW)
    alone = seed_profile(likes=[], plays=plays[3:], now=NOW)

    assert profile == alone
    assert times_played(telling_plays(plays, hygiene(NIGHT)))[artist_key("The Band")] == 1


def test_top_items_count_as_far_as_their_artist_s_plays_do() -> None:
    plays = [played("Rain Sounds", at=NOW.replace(hour=3) - timedelta(days=d)) for d in range(4)]
    plays += [played("The Band", at=NOW.replace(hour=h)) for h in (3, 11)]
    top = [
        TopItem(
            kind="artist", time_range="short_term", rank=1, name=name, artist=name, spotify_id=name
        )
        for name in ("Rain Sounds", "The Band", "Never Seen")
    ]

    profile = seed_profile(likes=[], plays=plays, top=top, hygiene=hygiene(NIGHT), now=NOW)

    shares = informative_shares(plays, telling_plays(plays, hygiene(NIGHT)))
    assert shares == {artist_key("Rain Sounds"): 0.0, artist_key("The Band"): 0.5}
    weights = {seed.name: seed.why["top"] for seed in profile.artists}
    assert weights.keys() == {"The Band", "Never Seen"}
    assert weights["The Band"] < weights["Never Seen"]


def test_what_was_left_out_is_counted_under_what_left_it_out() -> None:
    plays = [played("A", at=NOW.replace(hour=2)), played("B", at=NOW.replace(hour=2))]
    plays.append(played("C", at=NOW))
    likes = [LikedTrack(track=track("B"), added_at=NOW)]

    counted = ExclusionCounts.by(
        hygiene(NIGHT, {"kind": "artist", "key": artist_key("B")}), plays, likes
    )

    assert dict(counted.plays) == {"hours 22:00-07:00": 1, f"artist {artist_key('B')}": 1}
    assert dict(counted.likes) == {f"artist {artist_key('B')}": 1}


def test_exclusions_are_kept_in_one_order_whenever_they_were_made() -> None:
    made = [
        Exclusion(kind=kind, key=key, name=key, created_at=NOW)
        for kind, key in (
            (ExclusionKind.HOURS, "22:00-07:00"),
            (ExclusionKind.ARTIST, "b"),
            (ExclusionKind.ARTIST, "a"),
        )
    ]

    assert exclusions_kept(made) == exclusions_kept(reversed(made))
    assert [one["key"] for one in exclusions_kept(made)] == ["a", "b", "22:00-07:00"]


def test_names_of_hours_and_dates_are_read_back() -> None:
    hours = time(22, 30), time(7, 0)
    dates = date(2026, 11, 1), date(2026, 11, 14)

    assert hours_of(hours_key(*hours)) == hours
    assert dates_of(dates_key(*dates)) == dates
    assert ExclusionRules.of([], AMSTERDAM).why(NOW, "a") is None
