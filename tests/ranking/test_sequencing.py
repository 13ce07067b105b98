"""The order a list is heard in: artists well apart, and no seed heard mostly at its beginning."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.ranking.sequencing import SequenceItem, sequenced, well_spaced

SPACING = 4


def stops(themes: list[str], rng: random.Random) -> list[SequenceItem]:
    """A track for each theme, alike with those of its theme, each by an artist of its own."""
    return [
        SequenceItem(
            key=f"track {place:02}",
            artists=frozenset({f"artist {place}"}),
            place=place,
            familiar=rng.random() < 0.2,
            features={theme: 1.0},
            theme=theme,
        )
        for place, theme in enumerate(themes, start=1)
    ]


def test_the_best_tracks_of_one_seed_are_spread_over_the_list() -> None:
    themes = ["Loud"] * 9 + [f"quiet {number}" for number in range(21)]
    tracks = stops(themes, random.Random(1))

    plain, even = (sequenced(tracks, spacing=SPACING, evenness=weight) for weight in (0.0, 1.0))

    assert opening(plain) > 4
    assert opening(even) <= 4


def opening(order: list[SequenceItem] | None) -> int:
    """How many of the first ten are the loud seed's."""
    assert order is not None
    return sum(stop.theme == "Loud" for stop in order[:10])


@given(
    st.lists(st.sampled_from(["a", "b", "c", "d", ""]), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
    st.sampled_from((0.0, 1.0)),
)
def test_an_order_has_every_track_once_and_keeps_its_distances_however_even_it_is(
    themes: list[str], rng: random.Random, evenness: float
) -> None:
    tracks = stops(themes, rng)

    order = sequenced(tracks, spacing=SPACING, evenness=evenness)

    assert order is not None
    assert Counter(stop.key for stop in order) == Counter(stop.key for stop in tracks)
    assert well_spaced(order, SPACING)
    assert order == sequenced(tracks[::-1], spacing=SPACING, evenness=evenness)
