"""Artists under other names, as MusicBrainz tells them: one recording all the same."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vibe_pipeline.ranking.artist_aliases import OtherNames, by_other_name
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.listener_knowledge import ListenerKnowledge
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.policy import DEFAULT
from vibe_pipeline.records import (
    LikedTrack,
    Pool,
    PoolState,
    Proposal,
    SeedProfile,
    Source,
    Track,
)

NOW = datetime(2026, 11, 20, tzinfo=UTC)
PAIRS = Path(__file__).parent / "data" / "identity_pairs_aliases.csv"
"""Written before aliases were used; the last column is what MusicBrainz tells of the first."""


def labelled() -> list[dict[str, str]]:
    with PAIRS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names_told(row: dict[str, str]) -> OtherNames:
    return by_other_name({artist_key(row["artist"]): row["aliases"].split("|")})


def merged(row: dict[str, str], names: OtherNames) -> bool:
    """Whether two sources that say this propose one candidate."""
    named = [
        Proposal(source=source, artist=artist, title=title, seed="", match=1.0, rank=1)
        for source, artist, title in (
            (Source.LISTENBRAINZ, row["artist"], row["title"]),
            (Source.LASTFM_SIMILAR_ARTISTS, row["other_artist"], row["other_title"]),
        )
    ]
    pools = [Pool(source=p.source, proposals=(p,), state=PoolState.OFFERED) for p in named]
    return len(merge(pools, other_names=names)) == 1


def figures(names: list[OtherNames]) -> tuple[float, float]:
    counts = Counter(
        (row["same"] == "1", merged(row, told)) for row, told in zip(labelled(), names, strict=True)
    )
    precision = counts[True, True] / max(1, counts[True, True] + counts[False, True])
    return precision, counts[True, True] / (counts[True, True] + counts[True, False])


def test_what_musicbrainz_tells_makes_one_of_two_names(capsys: pytest.CaptureFixture[str]) -> None:
    rows = labelled()

    _, recall_before = figures([{} for _ in rows])
    precision, recall = figures([names_told(row) for row in rows])

    with capsys.disabled():
        print(f"\naliases: {len(rows)} pairs, precision {precision:.3f}, recall {recall:.3f}")  # noqa: T201
    assert recall_before < 0.1
    assert precision >= 0.995
    assert recall >= 0.95


def test_all_aliases_together_mistake_nobody_for_another() -> None:
    rows = labelled()
    told: dict[str, set[str]] = {}
    for row in rows:
        told.setdefault(artist_key(row["artist"]), set()).update(row["aliases"].split("|"))
    names = by_other_name({key: sorted(aliases) for key, aliases in told.items()})

    precision, recall = figures([names for _ in rows])

    assert precision == 1.0
    assert recall >= 0.95


def test_a_name_of_two_artists_is_nobody_s_and_an_artist_s_own_name_stays_theirs() -> None:
    names = by_other_name({"anna": ["The Voice", "Boris"], "zoe": ["The Voice"], "boris": []})

    assert names == {}


def test_a_candidate_goes_by_the_name_the_library_knows() -> None:
    proposal = Proposal(
        source=Source.LISTENBRAINZ, artist="Jay Chou", title="Song", seed="", match=1.0, rank=1
    )
    pool = Pool(source=proposal.source, proposals=(proposal,), state=PoolState.OFFERED)

    (candidate,) = merge([pool], other_names={"jaychou": artist_key("周杰倫")})

    assert candidate.key == "jaychou|song"
    assert candidate.aliases == (f"{artist_key('周杰倫')}|song",)


def test_what_was_liked_under_one_name_is_not_new_under_another() -> None:
    liked = Track(spotify_id="1", uri="spotify:track:1", title="Song", artists=("周杰倫",))
    request = ListRequest(
        vibe_date=NOW.date(),
        now=NOW,
        profile=SeedProfile(artists=(), tracks=()),
        likes=(LikedTrack(track=liked, added_at=NOW),),
        other_names=by_other_name({artist_key("周杰倫"): ["Jay Chou"]}),
    )
    proposal = Proposal(
        source=Source.LISTENBRAINZ, artist="Jay Chou", title="Song", seed="", match=1.0, rank=1
    )
    pool = Pool(source=proposal.source, proposals=(proposal,), state=PoolState.OFFERED)
    knowledge = ListenerKnowledge.of(request, DEFAULT)

    (unnamed,) = merge([pool])
    (named,) = merge([pool], other_names=request.other_names)

    assert not knowledge.knows(unnamed)
    assert knowledge.knows(named)
