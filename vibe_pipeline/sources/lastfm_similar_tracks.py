"""Last.fm: tracks near the tracks the person leans to now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.ranking.identity import recording_key
from vibe_pipeline.records import Pool, PoolState, Proposal, SeedTrack, Source
from vibe_pipeline.sources.cached_calls import WantedAnswer, look_up
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, pool_of

SOURCE = Source.LASTFM_SIMILAR_TRACKS
CACHE = "lastfm_similar_tracks"

_PLAYS_PER_LISTENER = 6
"""About how often a listener plays a track; turns the plays Last.fm tells into listeners."""


async def propose(context: SourceContext) -> Pool:
    """Neighbours of the strongest seed tracks; the nearest of each seed has match 1."""
    services, limits = context.services, context.limits
    if services.lastfm is None:
        return empty_pool(SOURCE, PoolState.OFF, Reason.NO_KEY)
    seeds = context.profile.tracks[: limits.seed_tracks]
    if not seeds:
        return empty_pool(SOURCE, PoolState.EMPTY, Reason.NO_SEEDS)
    found = await look_up(
        services.lookups,
        CACHE,
        [_wanted(services.lastfm, seed, limits.neighbours) for seed in seeds],
        limits=limits,
        calls=limits.lastfm_track_calls,
        days=limits.similar_days,
    )
    return pool_of(
        SOURCE,
        (proposal for seed in seeds for proposal in _proposals(seed, found.get(_key(seed)))),
        most=limits.proposals_per_source,
        trouble=found.trouble,
    )


def _wanted(lastfm: LastFm, seed: SeedTrack, limit: int) -> WantedAnswer:
    async def ask() -> list[list[Any]] | None:
        near = await lastfm.similar_tracks(seed.artist, seed.title, limit=limit)
        rows = [
            [t.artist, t.title, round(t.match, 4), t.mbid, t.duration_ms, t.playcount]
            for t in near[:limit]
        ]
        return rows or None

    return WantedAnswer(key=_key(seed), ask=ask)


def _key(seed: SeedTrack) -> str:
    return recording_key(seed.artist, seed.title)


def _proposals(seed: SeedTrack, rows: list[list[Any]] | None) -> Iterator[Proposal]:
    best = max((row[2] for row in rows or ()), default=0.0) or 1.0
    for rank, (artist, title, match, mbid, duration_ms, playcount) in enumerate(rows or (), 1):
        yield Proposal(
            source=SOURCE,
            artist=artist,
            title=title,
            seed=f"{seed.artist} – {seed.title}",
            match=match / best,
            rank=rank,
            mbid=mbid,
            duration_ms=duration_ms,
            listeners=playcount // _PLAYS_PER_LISTENER if playcount else None,
        )
