"""All sources asked at once; none can hurt another."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.records import Pool, PoolState, Source
from vibe_pipeline.sources import (
    artist_catalogue,
    artist_top_tracks,
    lastfm_similar_artists,
    lastfm_similar_tracks,
    listenbrainz,
    rediscovered_likes,
    spotify_recommendations,
)
from vibe_pipeline.sources.artist_descriptions import describe
from vibe_pipeline.sources.context import Purse, SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, failed_pool

log = logging.getLogger(__name__)

Ask = Callable[[SourceContext], Awaitable[Pool]]

SOURCES: Mapping[Source, Ask] = MappingProxyType(
    {
        Source.SPOTIFY_RECOMMENDATIONS: spotify_recommendations.propose,
        Source.ARTIST_TOP_TRACKS: artist_top_tracks.propose,
        Source.ARTIST_CATALOGUE: artist_catalogue.propose,
        Source.LASTFM_SIMILAR_TRACKS: lastfm_similar_tracks.propose,
        Source.LASTFM_SIMILAR_ARTISTS: lastfm_similar_artists.propose,
        Source.LISTENBRAINZ: listenbrainz.propose,
        Source.REDISCOVERED_LIKES: rediscovered_likes.propose,
    }
)


_ONE_PURSE = (Source.SPOTIFY_RECOMMENDATIONS, Source.ARTIST_TOP_TRACKS, Source.ARTIST_CATALOGUE)


async def propose_all(
    context: SourceContext,
    *,
    off: Collection[Source] = frozenset(),
    only: Collection[Source] | None = None,
) -> list[Pool]:
    """One pool for each source, or for each in ``only``, in the order of ``Source``.

    A source in trouble gives an empty pool that says why; so does one the person switched off.
    All are asked at the same time, but Spotify's three one after another: they spend the same
    few calls.
    """
    limits = context.limits
    calls = limits.spotify_calls_first if context.first_time else limits.spotify_calls
    context = replace(context, purse=Purse(calls))
    wanted = [source for source in Source if only is None or source in only]
    parties = [[source for source in wanted if source in _ONE_PURSE]]
    parties += [[source] for source in wanted if source not in _ONE_PURSE]
    found = await asyncio.gather(*(_in_turn(context, party, off) for party in parties))
    pools = {pool.source: pool for party in found for pool in party}
    return await describe(context, [pools[source] for source in wanted])


async def _in_turn(
    context: SourceContext, sources: Sequence[Source], off: Collection[Source]
) -> list[Pool]:
    return [await _asked(context, source, off) for source in sources]


async def _asked(context: SourceContext, source: Source, off: Collection[Source]) -> Pool:
    if source in off:
        return empty_pool(source, PoolState.OFF, Reason.SWITCHED_OFF)
    try:
        return await SOURCES[source](context)
    except ServiceError as error:
        log.warning("%s could not be asked: %s", source, error)
        return failed_pool(source, error)
    except Exception:  # a mistake in one source must not cost the person their list
        log.exception("%s failed in a way nobody thought of", source)
        return empty_pool(source, PoolState.FAILED, Reason.UNEXPECTED)
