"""ListenBrainz: what people hear together with the person's tracks and artists.

Costs no call to Spotify and needs no key, only a contact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from vibe_pipeline.clients.listenbrainz import ListenBrainzLabs
from vibe_pipeline.clients.musicbrainz import MusicBrainz
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import Pool, PoolState, Proposal, SeedTrack, Source
from vibe_pipeline.sources.cached_calls import (
    CachedAnswers,
    WantedAnswer,
    look_up,
    look_up_together,
)
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, pool_of
from vibe_pipeline.sources.similar_artists import (
    NEAR_ON_LISTENBRAINZ,
    TOP_TRACKS,
    nearest,
    tracks_of,
)

SOURCE = Source.LISTENBRAINZ
BY_NAME = "listenbrainz_recordings"
BY_ISRC = "musicbrainz_isrcs"
RECORDINGS = "listenbrainz_similar_recordings"

_TOGETHER = 10
"""Recordings or artists named in one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A seed track MusicBrainz has a name for."""

    seed: SeedTrack
    mbid: str
    artist_mbid: str | None = None


async def propose(context: SourceContext) -> Pool:
    """Similar recordings of the seed tracks, and known tracks of similar artists."""
    labs, limits = context.services.labs, context.limits
    if labs is None:
        return empty_pool(SOURCE, PoolState.OFF, Reason.NO_CONTACT)
    seeds = context.profile.tracks[: limits.seed_tracks]
    if not seeds:
        return empty_pool(SOURCE, PoolState.EMPTY, Reason.NO_SEEDS)
    named = await _named(context, labs, seeds)
    known = _identified(seeds, named)
    recordings = await _similar_recordings(context, labs, known)
    artists = await _similar_artists(context, labs, known)
    proposals = [
        proposal for item in known for proposal in _near(item.seed, recordings.get(item.mbid))
    ]
    proposals += _tracks_of_near_artists(context, artists)
    return pool_of(
        SOURCE,
        proposals,
        most=limits.proposals_per_source,
        trouble=recordings.trouble or named.trouble or artists.trouble,
    )


async def _named(
    context: SourceContext, labs: ListenBrainzLabs, seeds: Sequence[SeedTrack]
) -> CachedAnswers:
    """By recording key: the recording's MBID and its artist's; by name first, then by ISRC."""
    services, limits = context.services, context.limits
    unnamed = [seed for seed in seeds if seed.mbid is None]
    found = await look_up(
        services.lookups,
        BY_NAME,
        [_by_name(labs, seed) for seed in unnamed],
        limits=limits,
        calls=limits.labs_name_calls,
        days=limits.similar_days,
    )
    musicbrainz = services.musicbrainz
    if musicbrainz is None:
        return found
    left = [seed for seed in unnamed if found.get(_key(seed)) is None and seed.isrc is not None]
    by_isrc = await look_up(
        services.lookups,
        BY_ISRC,
        [_by_isrc(musicbrainz, seed.isrc) for seed in left if seed.isrc is not None],
        limits=limits,
        calls=limits.musicbrainz_calls,
        days=limits.similar_days,
    )
    answers = {_key(seed): by_isrc.get(seed.isrc or "") for seed in left}
    named = {key: said for key, said in answers.items() if said is not None}
    return CachedAnswers(
        answers={**found.answers, **named}, trouble=found.trouble or by_isrc.trouble
    )


def _by_name(labs: ListenBrainzLabs, seed: SeedTrack) -> WantedAnswer:
    async def ask() -> list[str | None] | None:
        found = await labs.find_recording(seed.artist, seed.title)
        return None if found is None else [found.mbid, next(iter(found.artist_mbids), None)]

    return WantedAnswer(key=_key(seed), ask=ask)


def _by_isrc(musicbrainz: MusicBrainz, isrc: str) -> WantedAnswer:
    async def ask() -> list[str | None] | None:
        found = await musicbrainz.recordings_by_isrc(isrc)
        return [found[0].mbid, next(iter(found[0].artist_mbids), None)] if found else None

    return WantedAnswer(key=isrc, ask=ask)


def _key(seed: SeedTrack) -> str:
    return recording_key(seed.artist, seed.title)


def _identified(seeds: Sequence[SeedTrack], named: CachedAnswers) -> list[_Known]:
    known = []
    for seed in seeds:
        mbid, artist_mbid = named.get(_key(seed)) or (seed.mbid, None)
        if mbid is not None:
            known.append(_Known(seed=seed, mbid=mbid, artist_mbid=artist_mbid))
    return known


async def _similar_recordings(
    context: SourceContext, labs: ListenBrainzLabs, known: Sequence[_Known]
) -> CachedAnswers:
    """By MBID: rows of artist, title, match and MBID, nearest first."""

    async def ask(mbids: Sequence[str]) -> dict[str, list[Any]]:
        rows: dict[str, list[Any]] = {}
        for near in await labs.similar_recordings(mbids):
            of = mbids[0] if len(mbids) == 1 else near.of
            rows.setdefault(of, []).append([near.artist, near.title, near.score, near.mbid])
        return rows

    return await look_up_together(
        context.services.lookups,
        RECORDINGS,
        [item.mbid for item in known],
        ask,
        together=_TOGETHER,
        limits=context.limits,
        calls=max(0, context.limits.labs_batch_calls - 1),
        days=context.limits.similar_days,
    )


async def _similar_artists(
    context: SourceContext, labs: ListenBrainzLabs, known: Sequence[_Known]
) -> CachedAnswers:
    """By artist's key: rows of name and score, nearest first."""
    mbids = {
        artist_key(item.seed.artist): item.artist_mbid
        for item in reversed(known)
        if item.artist_mbid is not None
    }
    keys = {mbid: key for key, mbid in mbids.items()}

    async def ask(wanted: Sequence[str]) -> dict[str, list[Any]]:
        asked = [mbids[key] for key in wanted]
        rows: dict[str, list[Any]] = {}
        for near in await labs.similar_artists(asked):
            of = keys.get(asked[0] if len(asked) == 1 else near.of)
            if of is not None:
                rows.setdefault(of, []).append([near.name, near.score])
        return rows

    return await look_up_together(
        context.services.lookups,
        NEAR_ON_LISTENBRAINZ,
        list(mbids),
        ask,
        together=_TOGETHER,
        limits=context.limits,
        calls=min(1, context.limits.labs_batch_calls),
        days=context.limits.similar_days,
    )


def _near(seed: SeedTrack, rows: list[list[Any]] | None) -> Iterator[Proposal]:
    best = max((row[2] for row in rows or ()), default=0.0) or 1.0
    for rank, (artist, title, score, mbid) in enumerate(rows or (), start=1):
        yield Proposal(
            source=SOURCE,
            artist=artist,
            title=title,
            seed=f"{seed.artist} – {seed.title}",
            match=score / best,
            rank=rank,
            mbid=mbid,
        )


def _tracks_of_near_artists(context: SourceContext, similar: CachedAnswers) -> Iterator[Proposal]:
    """Best-known tracks of near artists, as far as somebody looked them up before."""
    limits = context.limits
    artists = nearest(
        context.profile.artists,
        {key: rows for key, rows in similar.answers.items() if rows},
        most=limits.near_artists,
    )
    offered = context.offered
    known = context.services.lookups.known(TOP_TRACKS, [artist.key for artist in artists])
    for artist in artists:
        yield from tracks_of(
            SOURCE,
            artist,
            known.get(artist.key),
            most=limits.tracks_per_artist,
            offered=offered,
        )
