"""A heavy listener and a large pool, for measuring and for comparing bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vibe_pipeline.clients.lastfm import MOST_TAGS
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.records import (
    EditionId,
    LikedTrack,
    PastRecommendation,
    Play,
    Pool,
    PoolState,
    Proposal,
    SeedArtist,
    SeedProfile,
    Source,
    Track,
)

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


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


def large_request(likes: int = 10_000, history: int = 20_000, plays: int = 20_000) -> ListRequest:
    """A heavy listener after two years: so many likes, recommendations and plays."""
    names = [f"The Artist {number}" for number in range(20)]
    return ListRequest(
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
        plays=tuple(
            Play(track=track(number % 4_000), played_at=NOW - timedelta(minutes=40 * number))
            for number in range(plays)
        ),
        past=tuple(
            PastRecommendation(
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
                    tags=_tags(number % 1500),
                )
                for number in range(place, candidates, len(sources))
            ),
        )
        for place, source in enumerate(sources)
    ]


def _tags(artist: int) -> tuple[str, ...]:
    """As many as Last.fm's crowd gives to nearly every artist."""
    rarer = dict.fromkeys(f"tag {artist * (place + 3) % 700}" for place in range(MOST_TAGS - 2))
    return ("rock", "indie", *rarer)
