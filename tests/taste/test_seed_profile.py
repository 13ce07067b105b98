"""The seed profile: what counts, what does not, and how much."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from tests.support.moving_tastes import FIRST_DAY, moving_plays, steady_plays
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import LikedTrack, Play, SeedProfile, TopItem, Track
from vibe_pipeline.taste.exclusions import ExclusionRules
from vibe_pipeline.taste.seed_profile import seed_profile

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)


def track(artist: str, title: str) -> Track:
    name = f"{artist}-{title}"
    return Track(spotify_id=name, uri=f"spotify:track:{name}", title=title, artists=(artist,))


def played(artist: str, title: str, *, hours_ago: float = 1) -> Play:
    return Play(track=track(artist, title), played_at=NOW - timedelta(hours=hours_ago))


def liked(artist: str, title: str, *, days_ago: float = 1) -> LikedTrack:
    return LikedTrack(track=track(artist, title), added_at=NOW - timedelta(days=days_ago))


def profile(*things: Play | LikedTrack | TopItem, **more: object) -> SeedProfile:
    return seed_profile(
        likes=[thing for thing in things if isinstance(thing, LikedTrack)],
        plays=[thing for thing in things if isinstance(thing, Play)],
        top=[thing for thing in things if isinstance(thing, TopItem)],
        now=NOW,
        **more,  # type: ignore[arg-type]
    )


def names(made: SeedProfile) -> list[str]:
    return [artist.name for artist in made.artists]


def test_nothing_known_gives_an_empty_profile() -> None:
    made = profile()

    assert made == SeedProfile(artists=(), tracks=())


@dataclass(frozen=True)
class Named:
    name: str
    spotify_id: str | None = None


def test_artists_named_to_start_from_are_seeds_and_give_way_to_what_is_heard_and_liked() -> None:
    three = [Named("A"), Named("B", spotify_id="b1"), Named("Various Artists")]

    first = profile(chosen=three)
    later = profile(*(played("C", f"Song {number}") for number in range(15)), chosen=three)
    over = profile(
        *(liked("C", f"Song {number}", days_ago=number) for number in range(120)), chosen=three
    )

    assert names(first) == ["A", "B"]
    assert [(one.weight, one.spotify_id) for one in first.artists] == [(1.0, None), (1.0, "b1")]
    assert names(later) == ["C", "A", "B"]
    assert later.artists[1].why["chosen"] < first.artists[0].why["chosen"]
    assert names(over) == ["C"]


@dataclass(frozen=True)
class Past:
    artist: str
    title: str
    seconds: tuple[int, ...]
    spotify_id: str | None = None

    @property
    def times(self) -> tuple[int, ...]:
        return (1,) * len(self.seconds)


def years_ago(artist: str, title: str, *, times: int, year: int) -> Past:
    first = int(datetime(year, 5, 1, 22, 30, tzinfo=UTC).timestamp())
    return Past(artist, title, tuple(first + 86_400 * day for day in range(times)))


def test_years_long_past_are_seeds_with_their_best_year_and_give_way_to_the_present() -> None:
    past = [
        years_ago("A", "Old", times=30, year=2019),
        years_ago("A", "Older", times=10, year=2016),
        years_ago("B", "Old", times=12, year=2022),
    ]
    a_few = [played("C", f"Song {number}", hours_ago=number + 1) for number in range(20)]
    many = [played("C", f"Song {number}", hours_ago=number + 1) for number in range(110)]

    alone = profile(past=past)
    beside = profile(*a_few, past=past)
    liked_since = profile(*(liked("A", f"New {n}") for n in range(9)), past=past[1:2])

    assert [(one.name, one.loved_in) for one in alone.artists] == [("A", 2019), ("B", 2022)]
    assert (alone.tracks[0].title, alone.tracks[0].loved_in) == ("Old", 2019)
    assert names(beside) == ["C", "A", "B"]
    assert beside.artists[0].loved_in is None
    assert 0 < beside.artists[1].why["years"] < alone.artists[0].why["years"]
    assert profile(*many, past=past) == profile(*many)
    assert liked_since.artists[0].loved_in is None


def test_years_long_past_leave_out_what_the_person_left_out() -> None:
    past = [years_ago("A", "Old", times=30, year=2019), years_ago("B", "Old", times=9, year=2020)]
    late = ExclusionRules(hours=((time(22), time(7)),))
    summer = ExclusionRules(dates=((date(2019, 1, 1), date(2019, 12, 31)),))

    assert names(profile(past=past, hygiene=late)) == []
    assert names(profile(past=past, hygiene=summer)) == ["B"]
    assert names(profile(past=past, blocked_artists=frozenset({artist_key("A")}))) == ["B"]


def test_a_profile_says_how_fast_the_person_s_plays_fade() -> None:
    end = FIRST_DAY + timedelta(days=70)

    steady = seed_profile(likes=[], plays=steady_plays(1), now=end)
    moving = seed_profile(likes=[], plays=moving_plays(1), now=end)

    assert steady.play_decay is not None
    assert moving.play_decay is not None
    assert steady.play_decay < moving.play_decay
    assert profile(liked("A", "One")).play_decay is None


def test_what_was_played_more_often_comes_first() -> None:
    made = profile(*(played("Often", "A", hours_ago=n) for n in range(1, 6)), played("Once", "B"))

    assert names(made) == ["Often", "Once"]
    assert made.artists[0].weight == 1
    assert 0 < made.artists[1].weight < 1


def test_what_was_played_lately_outweighs_what_was_played_long_ago() -> None:
    made = profile(played("Now", "A"), played("Then", "B", hours_ago=24 * 60))

    assert names(made) == ["Now", "Then"]


def test_the_hundredth_play_says_less_than_the_first() -> None:
    many = profile(*(played("Many", "A", hours_ago=n / 60) for n in range(100)), played("One", "B"))

    assert many.artists[1].weight > 0.1


def test_the_hour_of_a_play_is_of_no_account() -> None:
    made = profile(played("Night", "A", hours_ago=60), played("Now", "B", hours_ago=72))

    assert names(made) == ["Night", "Now"]
    assert set(made.artists[0].why) == {"plays"}


def test_with_very_much_listening_the_most_played_are_still_told_apart() -> None:
    made = profile(
        *(
            played(f"Artist {n:02}", "A", hours_ago=hour)
            for n in range(12)
            for hour in range(1, 200 + 10 * n)
        )
    )

    assert names(made) == [f"Artist {n:02}" for n in reversed(range(12))]


def test_likes_top_items_and_thumbs_count_and_are_named() -> None:
    top = TopItem(
        kind="artist", time_range="short_term", rank=1, name="C", artist="C", spotify_id="c"
    )
    made = profile(
        played("A", "One"),
        liked("B", "Two"),
        top,
        thumbs={recording_key("A", "One"): 1},
        artist_thumbs={artist_key("B"): 1},
    )

    why = {artist.name: set(artist.why) for artist in made.artists}
    assert "plays" in why["A"]
    assert {"likes", "thumbs"} <= why["B"]
    assert "top" in why["C"]


def test_a_thumb_down_pushes_out() -> None:
    made = profile(played("A", "One"), played("B", "Two"), artist_thumbs={artist_key("B"): -1})

    assert names(made) == ["A"]


def test_what_is_blocked_plays_no_part() -> None:
    made = profile(
        played("A", "One"),
        played("B", "Two"),
        played("B", "Three"),
        blocked_artists=frozenset({artist_key("A")}),
        blocked_tracks=frozenset({recording_key("B", "Two")}),
    )

    assert names(made) == ["B"]
    assert [one.title for one in made.tracks] == ["Three"]


def test_a_track_of_our_list_counts_once_it_is_liked_or_played_from_elsewhere() -> None:
    ours = replace(played("A", "One"), context_uri="spotify:playlist:ours")
    lists = frozenset({"ours"})

    heard = profile(ours, played("B", "Two"), own_lists=lists)
    liked_since = profile(ours, liked("A", "One"), own_lists=lists)
    sought_out = profile(ours, played("A", "One", hours_ago=0.5), own_lists=lists)

    assert names(heard) == ["B"]
    assert names(liked_since) == names(sought_out) == ["A"]
    assert sought_out == profile(played("A", "One", hours_ago=0.5))


def test_top_items_that_our_lists_brought_about_count_as_far_as_they_were_chosen() -> None:
    top = TopItem(
        kind="artist", time_range="short_term", rank=1, name="A", artist="A", spotify_id="a"
    )
    ours = replace(played("A", "One"), context_uri="spotify:playlist:ours")

    made = profile(ours, liked("B", "Two"), top, own_lists=frozenset({"ours"}))

    assert names(made) == ["B"]


def test_one_album_does_not_fill_the_profile() -> None:
    made = profile(*(played("A", f"Track {n}") for n in range(12)), played("B", "Two"))

    assert sum(one.artist == "A" for one in made.tracks) == 3
    assert any(one.artist == "B" for one in made.tracks)


def test_spellings_of_one_recording_add_up() -> None:
    made = profile(
        played("Queen", "Heroes"),
        played("Queen", "Heroes - Remastered 2011", hours_ago=2),
        played("Other", "Song"),
    )

    assert len(made.tracks) == 2
    assert made.tracks[0].artist == "Queen"


def test_the_order_of_what_comes_in_does_not_matter() -> None:
    things = [played(f"A{n % 5}", f"T{n}", hours_ago=n) for n in range(20)]

    assert profile(*things) == profile(*reversed(things))


def test_who_is_named_for_want_of_a_name_seeds_nothing() -> None:
    made = profile(
        played("Various Artists", "Silent Night"), liked("[unknown]", "Track 1"), liked("A", "One")
    )

    assert names(made) == ["A"]
    assert [seed.artist for seed in made.tracks] == ["A"]
