"""What artists are called, where what proposes them knows different tags of them."""

from __future__ import annotations

from itertools import permutations

import pytest

from vibe_pipeline.ranking.tag_profile import tag_bags, tags_by_artist
from vibe_pipeline.records import Candidate, Proposal, Source

FEW = ("shoegaze", "indie")
MANY = (*FEW, "dream pop")
OTHERS = ("ambient", "shoegaze")


def candidate(title: str, *tags: str) -> Candidate:
    """A recording of one artist, proposed with these tags."""
    proposal = Proposal(
        source=Source.LISTENBRAINZ,
        artist="Gaze",
        title=title,
        seed="s",
        match=0.5,
        rank=1,
        tags=tags,
    )
    return Candidate(
        key=f"gaze|{title}", artist="Gaze", artist_key="gaze", title=title, proposals=(proposal,)
    )


@pytest.mark.parametrize("order", list(permutations((FEW, MANY, ()))))
def test_an_artist_has_all_the_tags_that_anybody_knows_whoever_comes_first(
    order: tuple[tuple[str, ...], ...],
) -> None:
    pool = [candidate(str(at), *tags) for at, tags in enumerate(order)]

    assert tags_by_artist(pool) == {"gaze": MANY}
    assert set(tag_bags(pool)["gaze"]) == set(MANY)


def test_between_two_equally_long_the_order_of_the_pool_decides_nothing() -> None:
    pool = [candidate("a", *FEW), candidate("b", *OTHERS)]

    assert tags_by_artist(pool) == tags_by_artist(pool[::-1]) == {"gaze": FEW}


def test_whom_nobody_describes_is_not_among_them() -> None:
    assert tags_by_artist([candidate("a")]) == {}
