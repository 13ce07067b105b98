"""How little known is too little known, seen from what a person plays themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vibe_pipeline.ranking.evidence import LEAST, level_doubt, popularity
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.policy import DEFAULT
from vibe_pipeline.ranking.score import rank
from vibe_pipeline.records import Pool, PoolState, Proposal, SeedArtist, SeedProfile, Source

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
OWN = "Own"


def proposed(source: Source, listeners: dict[str, int]) -> Pool:
    """A recording of each artist, each as near to the person's own as the others."""
    proposals = tuple(
        Proposal(
            source=source,
            artist=artist,
            title=f"Song of {artist}",
            seed=OWN,
            match=1.0,
            rank=1,
            listeners=known_to,
        )
        for artist, known_to in listeners.items()
    )
    return Pool(source=source, state=PoolState.OFFERED, proposals=proposals)


def popularity_of(listeners: dict[str, int], adventure: int = 40) -> dict[str, float]:
    """The popularity term of each artist, the person's own among them."""
    profile = SeedProfile(
        artists=(SeedArtist(name=OWN, key="own", weight=1.0),),
        tracks=(),
    )
    wish = ListRequest(
        vibe_date=NOW.date(),
        now=NOW,
        profile=profile,
        size=10,
        min_new_ratio=1.0,
        adventure=adventure,
    )
    ranked = rank(merge([proposed(Source.LASTFM_SIMILAR_ARTISTS, listeners)]), wish)
    return {entry.candidate.artist: entry.terms["popularity"] for entry in ranked}


@pytest.mark.parametrize("scale", [1, 1000])
def test_the_same_artist_is_obscure_to_one_person_and_everyday_to_another(scale: int) -> None:
    niche = popularity_of({OWN: 4 * scale, "Near": 5 * scale})
    mainstream = popularity_of({OWN: 400 * scale, "Near": 5 * scale})

    assert -0.3 < niche["Near"] < 0
    assert mainstream["Near"] < -2


def test_there_is_no_doubt_about_what_the_person_plays_nor_where_nobody_counted() -> None:
    usual = popularity(5, 40, DEFAULT)
    assert popularity_of({OWN: 5, "Near": 5})[OWN] == pytest.approx(usual)
    assert level_doubt(5, 0.0, 40, DEFAULT) == 0.0


def test_the_doubt_fades_as_the_dial_turns_up_and_is_bounded() -> None:
    doubts = [level_doubt(2, 100.0, dial, DEFAULT) for dial in range(0, 101, 10)]

    assert doubts == sorted(doubts)
    assert doubts[-1] == 0.0
    assert level_doubt(0, 1e12, 0, DEFAULT) == LEAST
