"""Ranking and selecting stay fast, and give the same bytes in every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.score import rank
from vibe_pipeline.ranking.selection import select
from vibe_pipeline.ranking.wishes import Wishes
from vibe_pipeline.records import (
    EditionId,
    LikedTrack,
    Past,
    Pool,
    PoolState,
    Proposal,
    SeedArtist,
    SeedProfile,
    Source,
    Track,
)

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
MOST_MILLISECONDS = 150


def track(number: int) -> Track:
    """One title in four says more than the song's name; a third of the artists are proposed."""
    suffixes = (" (Remastered 2011)", " - Live at Wembley", " (feat. Somebody Else)", " - Remix")
    suffix = suffixes[number // 4 % 4] if number % 4 == 0 else ""
    return Track(
        spotify_id=f"id{number}",
        uri=f"spotify:track:id{number}",
        title=f"Song Number {number}{suffix}",
        artists=(f"The Artist {1200 + number % 900}",),
        isrc=f"USABC{number:07d}",
    )


def large_wishes(likes: int = 10_000, history: int = 20_000) -> Wishes:
    """A heavy listener after two years."""
    names = [f"The Artist {number}" for number in range(20)]
    return Wishes(
        vibe_date=NOW.date(),
        now=NOW,
        profile=SeedProfile(
            artists=tuple(
                SeedArtist(name=name, key=artist_key(name), weight=1 / (1 + place))
                for place, name in enumerate(names)
            ),
            tracks=(),
        ),
        likes=tuple(
            LikedTrack(track=track(number), added_at=NOW - timedelta(hours=number))
            for number in range(likes)
        ),
        past=tuple(
            Past(
                key=f"artist{number % 2000}|song{number}",
                artist_key=f"artist{number % 2000}",
                vibe_date=NOW.date() - timedelta(days=1 + number // 30),
                edition_id=EditionId(f"e{number // 30}"),
            )
            for number in range(history)
        ),
    )


def large_pools(candidates: int = 5_000) -> list[Pool]:
    """Four sources that together name so many recordings."""
    sources = list(Source)[:4]
    return [
        Pool(
            source=source,
            state=PoolState.OFFERED,
            proposals=tuple(
                Proposal(
                    source=source,
                    artist=f"Artist {number % 1500}",
                    title=f"Tune {number}",
                    seed=f"The Artist {number % 20}",
                    match=1 / (1 + number % 100),
                    rank=1 + number,
                    listeners=number * 37 % 1_000_000,
                    tags=("rock", "indie", f"tag {number % 50}"),
                )
                for number in range(place, candidates, len(sources))
            ),
        )
        for place, source in enumerate(sources)
    ]


def digest() -> str:
    """One figure for a whole list with all its terms."""
    wishes = large_wishes(likes=300, history=500)
    ranked = rank(merge(large_pools(600)), wishes)
    choice = select(ranked, wishes, found={}, hopeful=True)
    told = [(e.candidate.key, e.score, sorted(e.terms.items()), e.position) for e in choice.ranked]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def slowness() -> float:
    """How many times longer a fixed piece of work takes here and now than on an idle core."""
    started = time.process_time()
    for _ in range(2_000):
        sum(range(1_000))
    return max(1.0, (time.process_time() - started) / 0.016)


def test_five_thousand_candidates_are_ranked_in_time() -> None:
    wishes, candidates = large_wishes(), merge(large_pools())

    spent = []
    for _ in range(5):
        slow = slowness()
        recording_key.cache_clear()
        artist_key.cache_clear()
        started = time.process_time()
        ranked = rank(candidates, wishes)
        spent.append(1000 * (time.process_time() - started) / slow)

    assert len(ranked) == 5_000
    assert min(spent) < MOST_MILLISECONDS, spent


def test_the_hash_seed_changes_nothing() -> None:
    code = "from tests.pipeline.test_ranking_speed import digest; print(digest())"

    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2718")
    }

    assert len(digests) == 1
