"""Last.fm: tracks near the tracks the person leans to now (item-to-item neighbours).

How Last.fm is spoken to is ``clients.lastfm``'s; what a match is worth, ``ranking``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.ranking.identity import recording_key
from vibe_pipeline.records import Pool, PoolState, Proposal, SeedTrack, Source
from vibe_pipeline.sources.answers import LASTFM_SIMILAR_TRACKS, SimilarTrack
from vibe_pipeline.sources.cached_calls import WantedAnswer, look_up
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, pool_of

SOURCE = Source.LASTFM_SIMILAR_TRACKS

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
        LASTFM_SIMILAR_TRACKS,
        [_wanted(services.lastfm, seed, limits.neighbours) for seed in seeds],
        limits=limits,
        calls=limits.lastfm_track_calls,
    )
    return pool_of(
        SOURCE,
        (proposal for seed in seeds for proposal in _proposals(seed, found.get(_key(seed)))),
        most=limits.proposals_per_source,
        trouble=found.trouble,
    )


def _wanted(lastfm: LastFm, seed: SeedTrack, limit: int) -> WantedAnswer[Sequence[SimilarTrack]]:
    async def ask() -> Sequence[SimilarTrack] | None:
        near = await lastfm.similar_tracks(seed.artist, seed.title, limit=limit)
        tracks = [
            SimilarTrack(
                artist=track.artist,
                title=track.title,
                match=round(track.match, 4),
                mbid=track.mbid,
                duration_ms=track.duration_ms,
                playcount=track.playcount,
            )
            for track in near[:limit]
        ]
        return tracks or None

    return WantedAnswer(key=_key(seed), ask=ask)


def _key(seed: SeedTrack) -> str:
    return recording_key(seed.artist, seed.title)


def _proposals(seed: SeedTrack, near: Sequence[SimilarTrack] | None) -> Iterator[Proposal]:
    best = max((track.match for track in near or ()), default=0.0) or 1.0
    for rank, track in enumerate(near or (), start=1):
        yield Proposal(
            source=SOURCE,
            artist=track.artist,
            title=track.title,
            seed=f"{seed.artist} – {seed.title}",
            match=track.match / best,
            rank=rank,
            mbid=track.mbid,
            duration_ms=track.duration_ms,
            listeners=track.playcount // _PLAYS_PER_LISTENER if track.playcount else None,
        )
