"""Spotify's ten best-known tracks of the person's artists, where the app still may ask.

Whether it may is remembered by ``accounts.capabilities``; the registry asks before this module is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.lookup_cache import Lookups
from vibe_pipeline.records import Pool, PoolState, Proposal, SeedArtist, Source, Track
from vibe_pipeline.sources.answers import SPOTIFY_TOP_TRACKS
from vibe_pipeline.sources.artist_catalogue import spotify_proposal
from vibe_pipeline.sources.artist_pages import remember_tracks
from vibe_pipeline.sources.cached_calls import CachedAnswers, WantedAnswer, look_up_within_allowance
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, pool_of

SOURCE = Source.ARTIST_TOP_TRACKS

_FADING = 0.95


async def propose(context: SourceContext) -> Pool:
    """Best-known tracks of the seed artists whose Spotify id is known."""
    services, limits = context.services, context.limits
    if services.spotify is None:
        return empty_pool(SOURCE, PoolState.OFF, Reason.NOT_CONNECTED)
    seeds = [a for a in context.profile.artists[: limits.seed_artists] if a.spotify_id]
    if not seeds:
        return empty_pool(SOURCE, PoolState.EMPTY, Reason.NO_SEEDS)
    wanted = [_wanted(services.spotify, services.lookups, seed) for seed in seeds]
    found = await look_up_within_allowance(
        context, SPOTIFY_TOP_TRACKS, wanted, calls=limits.top_tracks_calls
    )
    return pool_of(
        SOURCE, _proposals(seeds, found), most=limits.proposals_per_source, trouble=found.trouble
    )


def _wanted(spotify: Spotify, lookups: Lookups, seed: SeedArtist) -> WantedAnswer[Sequence[Track]]:
    async def ask() -> Sequence[Track] | None:
        tracks = await spotify.artist_top_tracks(seed.spotify_id or "")
        remember_tracks(lookups, tracks)
        return tracks or None

    return WantedAnswer(key=seed.spotify_id or "", ask=ask)


def _proposals(
    seeds: Sequence[SeedArtist], known: CachedAnswers[Sequence[Track]]
) -> Iterator[Proposal]:
    for seed in seeds:
        for rank, track in enumerate(known.get(seed.spotify_id or "") or (), start=1):
            yield spotify_proposal(
                SOURCE,
                track,
                seed=seed.name,
                match=_FADING ** (rank - 1),
                rank=rank,
            )
