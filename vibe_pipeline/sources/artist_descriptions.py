"""How well known an artist is and what people call their music, added to what was proposed.

Enrichment of finished pools: listeners and tags from Last.fm. No source of candidates itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.records import Pool, Proposal
from vibe_pipeline.sources.answers import LASTFM_ARTISTS, ArtistDescription
from vibe_pipeline.sources.cached_calls import CachedAnswers, WantedAnswer, look_up
from vibe_pipeline.sources.context import SourceContext


async def describe(
    context: SourceContext, pools: Sequence[Pool], *, calls: int | None = None
) -> list[Pool]:
    """The same pools, with listeners and tags wherever anybody knows them.

    The artists proposed highest are asked about first, with at most so many calls, as a rule those
    of the limits; trouble with that leaves the pools as they are.
    """
    names = _names(pools)
    most = context.limits.lastfm_info_calls if calls is None else calls
    known = await _known(context, names, most)
    listeners = _listeners(pools, known)
    return [
        replace(pool, proposals=tuple(_described(p, known, listeners) for p in pool.proposals))
        for pool in pools
    ]


def _names(pools: Iterable[Pool]) -> dict[str, str]:
    """A spelling of every proposed artist by key, first those that any pool proposes highest."""
    proposals = sorted((p for pool in pools for p in pool.proposals), key=lambda p: p.rank)
    spellings: dict[str, str] = {}
    for proposal in proposals:
        spellings.setdefault(artist_key(proposal.artist), proposal.artist)
    return spellings


async def _known(
    context: SourceContext, names: dict[str, str], calls: int
) -> CachedAnswers[ArtistDescription]:
    services, limits = context.services, context.limits
    if services.lastfm is None:
        return CachedAnswers(answers=LASTFM_ARTISTS.known(services.lookups, list(names)))
    wanted = [_wanted(services.lastfm, key, name) for key, name in names.items()]
    return await look_up(
        services.lookups,
        LASTFM_ARTISTS,
        wanted,
        limits=limits,
        calls=calls,
    )


def _wanted(lastfm: LastFm, key: str, name: str) -> WantedAnswer[ArtistDescription]:
    async def ask() -> ArtistDescription | None:
        artist = await lastfm.artist(name)
        if artist is None:
            return None
        return ArtistDescription(listeners=artist.listeners, tags=artist.tags)

    return WantedAnswer(key=key, ask=ask)


def _listeners(pools: Iterable[Pool], known: CachedAnswers[ArtistDescription]) -> dict[str, int]:
    """The listeners of an artist: as Last.fm counts them, else the most any proposal tells of."""
    most: dict[str, int] = {}
    for pool in pools:
        for proposal in pool.proposals:
            if proposal.listeners:
                key = artist_key(proposal.artist)
                most[key] = max(most.get(key, 0), proposal.listeners)
    counted = {
        key: artist.listeners
        for key, artist in known.answers.items()
        if artist and artist.listeners
    }
    return {**most, **counted}


def _described(
    proposal: Proposal, known: CachedAnswers[ArtistDescription], listeners: dict[str, int]
) -> Proposal:
    key = artist_key(proposal.artist)
    description = known.get(key)
    heard = listeners.get(key, proposal.listeners)
    tags = description.tags if description else proposal.tags
    if heard == proposal.listeners and tags == proposal.tags:
        return proposal
    return replace(proposal, listeners=heard, tags=tags)
