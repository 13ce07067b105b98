"""Last.fm: the best-known tracks of artists near the person's artists.

Who is near whom is found in ``sources.similar_artists``.
"""

from __future__ import annotations

from vibe_pipeline.records import Pool, PoolState, Source
from vibe_pipeline.sources.answers import LASTFM_ARTISTS
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, pool_of
from vibe_pipeline.sources.similar_artists import nearest, neighbour_lists, top_tracks, tracks_of

SOURCE = Source.LASTFM_SIMILAR_ARTISTS


async def propose(context: SourceContext) -> Pool:
    """Tracks of the artists that the seeds together are nearest to."""
    lastfm, limits = context.services.lastfm, context.limits
    if lastfm is None:
        return empty_pool(SOURCE, PoolState.OFF, Reason.NO_KEY)
    if not context.profile.artists:
        return empty_pool(SOURCE, PoolState.EMPTY, Reason.NO_SEEDS)
    lists = await neighbour_lists(context, lastfm)
    artists = nearest(
        context.profile.artists,
        lists.of_seeds,
        asked_back=lists.asked_back,
        listeners=_listeners(context),
        most=limits.near_artists,
        policy=context.policy,
    )
    spared = limits.lastfm_artist_calls + limits.lastfm_back_calls - lists.asked
    if not context.profile.tracks:
        spared += limits.lastfm_track_calls
    calls = limits.lastfm_top_track_calls + spared
    known = await top_tracks(context, lastfm, artists, calls=calls if not lists.trouble else 0)
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
        trouble=lists.trouble or known.trouble,
    )


def _listeners(context: SourceContext) -> dict[str, int]:
    """By key, how many people know each of the person's artists, where anybody asked."""
    keys = [seed.key for seed in context.profile.artists]
    described = LASTFM_ARTISTS.known(context.services.lookups, keys)
    return {
        key: artist.listeners for key, artist in described.items() if artist and artist.listeners
    }
