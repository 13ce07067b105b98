"""The parts of a seed's weight, over arbitrary listening: bounded, told, in no need of an order."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from vibe_pipeline.ranking.activation import power_law
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import LikedTrack, Play, SeedArtist, SeedTrack, TopItem, Track
from vibe_pipeline.taste.exclusions import ExclusionRules
from vibe_pipeline.taste.play_decay import EXPONENTS, half_life
from vibe_pipeline.taste.seed_profile import (
    BOUND,
    PARTS,
    play_weights,
    seed_profile,
)

NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
ARTISTS = st.sampled_from([f"Artist {letter}" for letter in "ABCDEF"])
TITLES = st.sampled_from([f"Song {number}" for number in range(8)])
MOMENTS = st.integers(0, 400 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))
NIGHT = ExclusionRules.of([{"kind": "hours", "key": "22:00-07:00"}], ZoneInfo("UTC"))


def track(artist: str, title: str) -> Track:
    name = f"{artist}-{title}"
    return Track(spotify_id=name, uri=f"spotify:track:{name}", title=title, artists=(artist,))


TRACKS = st.builds(track, ARTISTS, TITLES)
PLAYS = st.lists(
    st.builds(lambda one, at: Play(track=one, played_at=at), TRACKS, MOMENTS), max_size=60
)
LIKES = st.lists(
    st.builds(lambda one, at: LikedTrack(track=one, added_at=at), TRACKS, MOMENTS),
    max_size=20,
    unique_by=lambda like: like.track.spotify_id,
)
TOP = st.lists(
    st.builds(
        lambda name, rank, span: TopItem(
            kind="artist", time_range=span, rank=rank, name=name, artist=name, spotify_id=name
        ),
        ARTISTS,
        st.integers(1, 50),
        st.sampled_from(["short_term", "medium_term", "long_term"]),
    ),
    max_size=8,
    unique_by=lambda item: (item.time_range, item.rank),
)
THUMBS = st.dictionaries(ARTISTS.map(artist_key), st.integers(-100, 100), max_size=6)


@settings(max_examples=150, deadline=None)
@given(plays=PLAYS, likes=LIKES, top=TOP, thumbs=THUMBS, data=st.data())
def test_weights_and_parts_keep_within_their_bounds_and_order_does_not_matter(
    plays: list[Play],
    likes: list[LikedTrack],
    top: list[TopItem],
    thumbs: dict[str, int],
    data: st.DataObject,
) -> None:
    made = seed_profile(likes=likes, plays=plays, top=top, artist_thumbs=thumbs, now=NOW)
    again = seed_profile(
        likes=data.draw(st.permutations(likes)),
        plays=data.draw(st.permutations(plays)),
        top=data.draw(st.permutations(top)),
        artist_thumbs=dict(reversed(thumbs.items())),
        now=NOW,
    )

    assert again == made
    seeds: list[SeedArtist | SeedTrack] = [*made.artists, *made.tracks]
    assert all(0 < seed.weight <= 1 for seed in seeds)
    for seed in seeds:
        assert set(seed.why) <= set(PARTS)
        assert all(-BOUND <= part <= BOUND for part in seed.why.values())
        assert all(part > 0 for name, part in seed.why.items() if name != "thumbs")
    if made.artists:
        assert made.artists[0].weight == 1
        best = math.fsum(made.artists[0].why.values())
        for artist in made.artists:
            assert math.isclose(artist.weight, math.fsum(artist.why.values()) / best)


@settings(max_examples=100, deadline=None)
@given(plays=PLAYS, likes=LIKES)
def test_what_is_left_out_might_as_well_not_have_been(
    plays: list[Play], likes: list[LikedTrack]
) -> None:
    heard = [play for play in plays if NIGHT.why_play(play) is None]
    meant = [like for like in likes if NIGHT.why_like(like) is None]

    made = seed_profile(likes=likes, plays=plays, hygiene=NIGHT, now=NOW)

    assert made == seed_profile(likes=meant, plays=heard, now=NOW)


@settings(max_examples=100, deadline=None)
@given(plays=PLAYS, extra=TRACKS)
def test_one_more_play_never_makes_less_of_a_seed(plays: list[Play], extra: Track) -> None:
    key = recording_key(extra.artist, extra.title)

    def said(listening: list[Play]) -> float:
        made = seed_profile(likes=[], plays=listening, now=NOW)
        why = next((seed.why for seed in made.tracks if seed.key == key), {})
        return math.fsum(why.values())

    more = [*plays, Play(track=extra, played_at=NOW - timedelta(seconds=30))]
    crowded = sum(play.track.artist == extra.artist for play in plays) >= 3

    assert crowded or said(more) >= said(plays)


@given(moments=st.lists(MOMENTS, min_size=1), exponent=st.sampled_from(EXPONENTS))
def test_a_play_says_less_the_older_it_is_and_all_say_as_much_whatever_the_curve(
    moments: list[datetime], exponent: float
) -> None:
    plays = [
        Play(track=track("A", "B"), played_at=moment) for moment in sorted(moments, reverse=True)
    ]

    weights = play_weights(plays, NOW, power_law(exponent))

    assert all(newer >= older > 0 for newer, older in pairwise(weights))
    assert math.isclose(sum(weights), sum(play_weights(plays, NOW, half_life(10))))
