"""Spotify's own recommendations, where the app still may ask: at most five seeds a request.

Whether it may is remembered by ``accounts.capabilities``; the registry asks before this module is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vibe_pipeline.clients.errors import (
    AllowanceSpent,
    DeadlineReached,
    ServiceError,
)
from vibe_pipeline.clients.spotify import SEEDS_PER_REQUEST, Spotify
from vibe_pipeline.records import Pool, PoolState, Proposal, SeedTrack, Source, Track
from vibe_pipeline.sources.artist_catalogue import spotify_proposal
from vibe_pipeline.sources.artist_pages import remember_tracks
from vibe_pipeline.sources.context import SourceClients, SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, pool_of

SOURCE = Source.SPOTIFY_RECOMMENDATIONS


async def propose(context: SourceContext) -> Pool:
    """What Spotify recommends for the strongest seed tracks, five at a time."""
    services, limits = context.services, context.limits
    if services.spotify is None:
        return empty_pool(SOURCE, PoolState.OFF, Reason.NOT_CONNECTED)
    seeds = [seed for seed in context.profile.tracks[: limits.seed_tracks] if seed.spotify_id]
    if not seeds:
        return empty_pool(SOURCE, PoolState.EMPTY, Reason.NO_SEEDS)
    proposals: list[Proposal] = []
    trouble: ServiceError | None = None
    for some in list(_fives(seeds))[: limits.recommendation_calls]:
        if not context.allowance.take(1):
            trouble = None if proposals else AllowanceSpent("spotify", "no calls are left for it")
            break
        try:
            tracks = await limits.deadline.answer(_recommended(services, services.spotify, some))
        except TimeoutError:
            trouble = DeadlineReached("spotify", "did not answer in time")
            break
        except ServiceError as error:
            trouble = error
            break
        proposals.extend(_proposals(some[0], tracks))
    return pool_of(SOURCE, proposals, most=limits.proposals_per_source, trouble=trouble)


async def _recommended(
    services: SourceClients, spotify: Spotify, seeds: Sequence[SeedTrack]
) -> list[Track]:
    """What Spotify recommends, remembered also when it comes late."""
    ids = [seed.spotify_id for seed in seeds if seed.spotify_id is not None]
    tracks = await spotify.recommendations(track_ids=ids)
    remember_tracks(services.lookups, tracks)
    return tracks


def _fives(seeds: Sequence[SeedTrack]) -> Iterator[Sequence[SeedTrack]]:
    for start in range(0, len(seeds), SEEDS_PER_REQUEST):
        yield seeds[start : start + SEEDS_PER_REQUEST]


def _proposals(seed: SeedTrack, tracks: Sequence[Track]) -> Iterator[Proposal]:
    """The strongest of the five stands for them all; Spotify does not say which one it was."""
    for rank, track in enumerate(tracks, start=1):
        match = 1.0 - (rank - 1) / len(tracks)
        name = f"{seed.artist} – {seed.title}"
        yield spotify_proposal(SOURCE, track, seed=name, match=match, rank=rank)
