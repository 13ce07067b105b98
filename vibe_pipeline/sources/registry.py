"""The registry of sources, and all of them asked at once; none can hurt another.

What a source does stands in its own module; how a pool is made and kept does not belong here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from structlog.contextvars import bound_contextvars

from vibe_pipeline.clients import lastfm, musicbrainz, spotify_web
from vibe_pipeline.clients import listenbrainz as labs
from vibe_pipeline.clients.deadline import Deadline
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.records import Pool, PoolState, Source
from vibe_pipeline.sources import (
    artist_catalogue,
    artist_top_tracks,
    lastfm_similar_artists,
    lastfm_similar_tracks,
    listenbrainz,
    listenbrainz_for_you,
    loved_once,
    rediscovered_likes,
    spotify_recommendations,
)
from vibe_pipeline.sources.artist_descriptions import describe
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, failed_pool

log = logging.getLogger(__name__)

Propose = Callable[[SourceContext], Awaitable[Pool]]
"""What a source's module offers: one pool, strongest match first, an empty one with its reason. It
may raise any ``ServiceError``; ``propose_all`` makes a pool of that too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """All that is said about a source outside its own module.

    ``about`` is what the Dagster UI says of its asset. ``services`` are those whose calls it
    spends, and what the UI marks the asset with. ``capability`` is the endpoint it stands on,
    where Spotify gives that to some apps only.
    """

    source: Source
    propose: Propose
    about: str
    services: frozenset[str] = frozenset()
    capability: str | None = None

    @property
    def spends_spotify(self) -> bool:
        """Whether it spends the few calls to Spotify that all sources have between them."""
        return spotify_web.SERVICE in self.services


REGISTRY: tuple[SourceEntry, ...] = (
    SourceEntry(
        source=Source.SPOTIFY_RECOMMENDATIONS,
        propose=spotify_recommendations.propose,
        about=(
            "What Spotify itself recommends for at most five seeds a request. Most apps may no"
            " longer ask: then the pool is empty, for the reason `not_offered`."
        ),
        services=frozenset({spotify_web.SERVICE}),
        capability=spotify_web.RECOMMENDATIONS,
    ),
    SourceEntry(
        source=Source.ARTIST_TOP_TRACKS,
        propose=artist_top_tracks.propose,
        about="The best-known tracks of the person's artists. Only where the app may still ask.",
        services=frozenset({spotify_web.SERVICE}),
        capability=spotify_web.ARTIST_TOP_TRACKS,
    ),
    SourceEntry(
        source=Source.ARTIST_CATALOGUE,
        propose=artist_catalogue.propose,
        about=(
            "What a search of Spotify for the artist finds: more by the artists the person leans"
            " to, and by artists near them. No albums are gone through."
        ),
        services=frozenset({spotify_web.SERVICE}),
    ),
    SourceEntry(
        source=Source.LASTFM_SIMILAR_TRACKS,
        propose=lastfm_similar_tracks.propose,
        about="Tracks that Last.fm's listeners play beside the person's tracks.",
        services=frozenset({lastfm.SERVICE}),
    ),
    SourceEntry(
        source=Source.LASTFM_SIMILAR_ARTISTS,
        propose=lastfm_similar_artists.propose,
        about="The best-known tracks, on Last.fm, of artists near the person's artists.",
        services=frozenset({lastfm.SERVICE}),
    ),
    SourceEntry(
        source=Source.LISTENBRAINZ,
        propose=listenbrainz.propose,
        about=(
            "Recordings that people listen to beside the person's tracks, and known tracks of"
            " artists near theirs, from ListenBrainz. Needs METABRAINZ_CONTACT, but no key."
        ),
        services=frozenset({labs.SERVICE, musicbrainz.SERVICE}),
    ),
    SourceEntry(
        source=Source.REDISCOVERED_LIKES,
        propose=rediscovered_likes.propose,
        about=(
            "Likes, those first that are not of late and were neither played nor recommended"
            " lately: the fallback when nobody else has anything."
        ),
    ),
    SourceEntry(
        source=Source.LISTENBRAINZ_FOR_YOU,
        propose=listenbrainz_for_you.propose,
        about=(
            "What ListenBrainz recommends to the person themself, where they named their account"
            " there with `/history_from`."
        ),
        services=frozenset({labs.SERVICE}),
    ),
    SourceEntry(
        source=Source.LOVED_ONCE,
        propose=loved_once.propose,
        about=(
            "What the person played again and again years ago and not since, as their scrobbles"
            " or their streaming archive tell."
        ),
    ),
)
"""Every source, in the order of ``Source``: that of asking, and of the pools."""
DESCRIBING_SECONDS = 1.0
"""So long before the deadline artists are asked about, though not all sources are done."""

_Asking = asyncio.Task[list[Pool]]


async def propose_all(
    context: SourceContext,
    *,
    off: Collection[Source] = frozenset(),
    only: Collection[Source] | None = None,
    registry: Sequence[SourceEntry] = REGISTRY,
) -> list[Pool]:
    """One pool for each source, or for each in ``only``, in the order of the registry.

    A source in trouble gives an empty pool that says why; so does one the person switched off.
    All are asked at the same time, but those that spend Spotify's calls one after another: they
    share ``context.allowance``. Never raises for a source's sake, whatever goes wrong in it.
    """
    ends_at = asyncio.get_running_loop().time() + context.limits.seconds
    deadline = Deadline(ends_at=ends_at, late=context.late)
    context = replace(context, limits=replace(context.limits, deadline=deadline))
    wanted = [entry for entry in registry if only is None or entry.source in only]
    parties = [[entry for entry in wanted if entry.spends_spotify]]
    parties += [[entry] for entry in wanted if not entry.spends_spotify]
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(_in_turn(context, party, off)) for party in parties]
        busy = [task for task, party in zip(asking, parties, strict=True) if _ask_lastfm(party)]
        described = await _described_meanwhile(context, asking, busy)
    pools = {pool.source: pool for task in asking for pool in task.result()}
    in_order = [pools[entry.source] for entry in wanted]
    return await describe(context, in_order, asking=not described)


async def _described_meanwhile(
    context: SourceContext, asking: Sequence[_Asking], busy: Collection[_Asking]
) -> bool:
    """Whether the artists proposed so far are described, as others will ask to the very end.

    Else nothing would be known of any artist as long as one source takes all the time there is.
    Who is ``busy`` asks the same service, and goes first.
    """
    if await _all_done(asking, context.limits.deadline, before=DESCRIBING_SECONDS):
        return False
    if not await _all_done(busy, context.limits.deadline):
        return False
    pools = [pool for task in asking if task.done() for pool in task.result()]
    await describe(context, sorted(pools, key=lambda pool: pool.source))
    return True


async def _all_done(asking: Collection[_Asking], deadline: Deadline, *, before: float = 0) -> bool:
    """Whether all are done so many seconds before the deadline."""
    left = (deadline.ends_at or 0) - before - asyncio.get_running_loop().time()
    if asking:
        await asyncio.wait(asking, timeout=max(0.0, left))
    return all(task.done() for task in asking)


def _ask_lastfm(party: Iterable[SourceEntry]) -> bool:
    return any(lastfm.SERVICE in entry.services for entry in party)


async def _in_turn(
    context: SourceContext, entries: Sequence[SourceEntry], off: Collection[Source]
) -> list[Pool]:
    return [await _asked(context, entry, off) for entry in entries]


async def _asked(context: SourceContext, entry: SourceEntry, off: Collection[Source]) -> Pool:
    with bound_contextvars(source=str(entry.source)):
        pool = await _pool(context, entry, off)
        log.info("%s, with %d proposals", pool.state, len(pool.proposals))
        return pool


async def _pool(context: SourceContext, entry: SourceEntry, off: Collection[Source]) -> Pool:
    source, services = entry.source, context.services
    if source in off:
        return empty_pool(source, PoolState.OFF, Reason.SWITCHED_OFF)
    connected = not entry.spends_spotify or services.spotify is not None
    if connected and entry.capability and services.capabilities.absent(entry.capability):
        return empty_pool(source, PoolState.ABSENT, Reason.NOT_OFFERED)
    try:
        return await entry.propose(context)
    except ServiceError as error:
        log.warning("%s could not be asked: %s", source, error)
        return failed_pool(source, error)
    except Exception:  # a mistake in one source must not cost the person their list
        log.exception("%s failed in a way nobody thought of", source)
        return empty_pool(source, PoolState.FAILED, Reason.UNEXPECTED)
