"""Last.fm: the best-known tracks of artists near the person's artists.

Who is near whom is found in ``sources.similar_artists``.
"""

from __future__ import annotations

from vibe_pipeline.records import Pool, PoolState, Source
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, pool_of
from vibe_pipeline.sources.similar_artists import nearest, similar_artists, top_tracks, tracks_of

SOURCE = Source.LASTFM_SIMILAR_ARTISTS


async def propose(context: SourceContext) -> Pool:
    """Tracks of the artists that the seeds together are nearest to."""
    lastfm, limits = context.services.lastfm, context.limits
    if lastfm is None:
        return empty_pool(SOURCE, PoolState.OFF, Reason.NO_KEY)
    seeds = context.profile.artists[: limits.seed_artists]
    if not seeds:
        return empty_pool(SOURCE, PoolState.EMPTY, Reason.NO_SEEDS)
    similar = await similar_artists(context, lastfm)
    artists = nearest(
        seeds,
        {key: near for key, near in similar.answers.items() if near},
        most=limits.near_artists,
    )
    spared = limits.lastfm_artist_calls - similar.asked
    calls = limits.lastfm_top_track_calls + spared
    known = await top_tracks(context, lastfm, artists, calls=calls if not similar.trouble else 0)
    offered = context.offered
    return pool_of(
        SOURCE,
        (
            proposal
            for artist in artists
            for proposal in tracks_of(
                SOURCE,
                artist,
                known.get(artist.key),
                most=limits.tracks_per_artist,
                offered=offered,
            )
        ),
        most=limits.proposals_per_source,
        trouble=similar.trouble or known.trouble,
    )
