"""How well known an artist is and what people call their music, added to what was proposed.

Enrichment of finished pools: listeners and tags from Last.fm. No source of candidates itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.lookup_cache import AnswerCodec
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.records import Pool, Proposal
from vibe_pipeline.sources.answers import LASTFM_ARTISTS, LASTFM_TAGS, ArtistDescription
from vibe_pipeline.sources.cached_calls import WantedAnswer, look_up
from vibe_pipeline.sources.context import SourceContext

T = TypeVar("T")


async def describe(
    context: SourceContext, pools: Sequence[Pool], *, asking: bool = True
) -> list[Pool]:
    """The same pools, with listeners and tags wherever anybody knows them.

    The artists proposed highest are asked about first, as many as the limits allow, or nobody where
    this is not ``asking``; trouble with that leaves the pools as they are.
    """
    names, limits = _names(pools), context.limits
    info_calls = limits.lastfm_info_calls if asking else 0
    tag_calls = limits.lastfm_tag_calls if asking else 0
    described = await _known(context, LASTFM_ARTISTS, names, _description, calls=info_calls)
    tagged = await _known(context, LASTFM_TAGS, names, _all_tags, calls=tag_calls)
    listeners = _listeners(pools, described)
    tags = _tags(described, tagged)
    return [
        replace(pool, proposals=tuple(_described(p, tags, listeners) for p in pool.proposals))
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
    context: SourceContext,
    kind: AnswerCodec[T],
    names: Mapping[str, str],
    ask: Callable[[LastFm, str], Awaitable[T | None]],
    *,
    calls: int,
) -> Mapping[str, T | None]:
    """By artist key what is remembered of this kind, and what so many calls bring."""
    services = context.services
    if services.lastfm is None:
        return kind.known(services.lookups, list(names))
    wanted = [
        WantedAnswer(key=key, ask=partial(ask, services.lastfm, name))
        for key, name in names.items()
    ]
    found = await look_up(services.lookups, kind, wanted, limits=context.limits, calls=calls)
    return found.answers


async def _description(lastfm: LastFm, name: str) -> ArtistDescription | None:
    artist = await lastfm.artist(name)
    if artist is None:
        return None
    return ArtistDescription(listeners=artist.listeners, tags=artist.tags)


async def _all_tags(lastfm: LastFm, name: str) -> Sequence[str]:
    return await lastfm.artist_tags(name)


def _tags(
    described: Mapping[str, ArtistDescription | None], tagged: Mapping[str, Sequence[str] | None]
) -> dict[str, tuple[str, ...]]:
    """By artist all tags that are known, at least the few that come with the listeners."""
    few = {key: artist.tags for key, artist in described.items() if artist}
    return few | {key: tuple(tags) for key, tags in tagged.items() if tags}


def _listeners(
    pools: Iterable[Pool], described: Mapping[str, ArtistDescription | None]
) -> dict[str, int]:
    """The listeners of an artist: as Last.fm counts them, else the most any proposal tells of."""
    most: dict[str, int] = {}
    for pool in pools:
        for proposal in pool.proposals:
            if proposal.listeners:
                key = artist_key(proposal.artist)
                most[key] = max(most.get(key, 0), proposal.listeners)
    counted = {
        key: artist.listeners for key, artist in described.items() if artist and artist.listeners
    }
    return {**most, **counted}


def _described(
    proposal: Proposal, tags: Mapping[str, tuple[str, ...]], listeners: Mapping[str, int]
) -> Proposal:
    key = artist_key(proposal.artist)
    heard = listeners.get(key, proposal.listeners)
    called = tags.get(key, proposal.tags)
    if heard == proposal.listeners and called == proposal.tags:
        return proposal
    return replace(proposal, listeners=heard, tags=called)
