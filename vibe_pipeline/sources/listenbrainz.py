"""ListenBrainz: what people hear together with the person's tracks and artists.

Costs no call to Spotify and needs no key, only a contact.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vibe_pipeline.clients.listenbrainz import FoundRecording, ListenBrainzLabs
from vibe_pipeline.clients.musicbrainz import MusicBrainz, Recording
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.ranking.merge import valid_isrc
from vibe_pipeline.ranking.recording_match import agrees, same_recording
from vibe_pipeline.records import Pool, PoolState, Proposal, SeedTrack, Source
from vibe_pipeline.sources.answers import (
    LASTFM_TOP_TRACKS,
    LISTENBRAINZ_RECORDINGS,
    LISTENBRAINZ_SIMILAR_ARTISTS,
    LISTENBRAINZ_SIMILAR_RECORDINGS,
    MUSICBRAINZ_ALIASES,
    MUSICBRAINZ_ISRCS,
    RecordingIds,
    SimilarArtist,
    SimilarRecording,
)
from vibe_pipeline.sources.cached_calls import (
    CachedAnswers,
    WantedAnswer,
    look_up,
    look_up_together,
)
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, pool_of
from vibe_pipeline.sources.similar_artists import nearest, tracks_of

SOURCE = Source.LISTENBRAINZ

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
    await _learn_names(context, known)
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
) -> CachedAnswers[RecordingIds]:
    """By recording key: what MusicBrainz calls it; found by name first, then by ISRC."""
    services, limits = context.services, context.limits
    unnamed = [seed for seed in seeds if seed.mbid is None]
    found = await look_up(
        services.lookups,
        LISTENBRAINZ_RECORDINGS,
        [_by_name(labs, seed) for seed in unnamed],
        limits=limits,
        calls=limits.labs_name_calls,
    )
    musicbrainz = services.musicbrainz
    if musicbrainz is None:
        return found
    left = [seed for seed in unnamed if found.get(_key(seed)) is None and seed.isrc is not None]
    by_isrc = await look_up(
        services.lookups,
        MUSICBRAINZ_ISRCS,
        [_by_isrc(musicbrainz, seed, isrc) for seed in left if (isrc := valid_isrc(seed.isrc))],
        limits=limits,
        calls=limits.musicbrainz_calls,
    )
    answers = {_key(seed): by_isrc.get(valid_isrc(seed.isrc) or "") for seed in left}
    named = {key: ids for key, ids in answers.items() if ids is not None}
    return CachedAnswers(
        answers={**found.answers, **named}, trouble=found.trouble or by_isrc.trouble
    )


def _by_name(labs: ListenBrainzLabs, seed: SeedTrack) -> WantedAnswer[RecordingIds]:
    async def ask() -> RecordingIds | None:
        recording = await labs.find_recording(seed.artist, seed.title)
        return _ids(recording if recording is not None and _is(seed, recording) else None)

    return WantedAnswer(key=_key(seed), ask=ask)


def _by_isrc(musicbrainz: MusicBrainz, seed: SeedTrack, isrc: str) -> WantedAnswer[RecordingIds]:
    async def ask() -> RecordingIds | None:
        recordings = await musicbrainz.recordings_by_isrc(isrc)
        return _ids(next((one for one in recordings if _has_its_name(seed, one)), None))

    return WantedAnswer(key=isrc, ask=ask)


def _is(seed: SeedTrack, recording: FoundRecording) -> bool:
    return same_recording(seed.artist, seed.title, (recording.artist,), recording.title)


def _has_its_name(seed: SeedTrack, recording: Recording) -> bool:
    """An ISRC is believed only where the names do not speak against it."""
    return agrees(seed.artist, seed.title, recording.artist, recording.title)


def _ids(recording: FoundRecording | Recording | None) -> RecordingIds | None:
    if recording is None:
        return None
    return RecordingIds(mbid=recording.mbid, artist_mbid=next(iter(recording.artist_mbids), None))


def _key(seed: SeedTrack) -> str:
    return recording_key(seed.artist, seed.title)


def _identified(seeds: Sequence[SeedTrack], named: CachedAnswers[RecordingIds]) -> list[_Known]:
    known = []
    for seed in seeds:
        ids = named.get(_key(seed))
        if ids is not None:
            known.append(_Known(seed=seed, mbid=ids.mbid, artist_mbid=ids.artist_mbid))
        elif seed.mbid is not None:
            known.append(_Known(seed=seed, mbid=seed.mbid))
    return known


async def _similar_recordings(
    context: SourceContext, labs: ListenBrainzLabs, known: Sequence[_Known]
) -> CachedAnswers[Sequence[SimilarRecording]]:
    """By MBID: the recordings near it, nearest first."""

    async def ask(mbids: Sequence[str]) -> dict[str, Sequence[SimilarRecording]]:
        similar: dict[str, list[SimilarRecording]] = {}
        for near in await labs.similar_recordings(mbids):
            of = mbids[0] if len(mbids) == 1 else near.of
            recording = SimilarRecording(
                artist=near.artist, title=near.title, match=near.score, mbid=near.mbid
            )
            similar.setdefault(of, []).append(recording)
        return {**similar}

    return await look_up_together(
        context.services.lookups,
        LISTENBRAINZ_SIMILAR_RECORDINGS,
        [item.mbid for item in known],
        ask,
        together=_TOGETHER,
        limits=context.limits,
        calls=max(0, context.limits.labs_batch_calls - 1),
    )


async def _similar_artists(
    context: SourceContext, labs: ListenBrainzLabs, known: Sequence[_Known]
) -> CachedAnswers[Sequence[SimilarArtist]]:
    """By artist's key: the artists near them, nearest first."""
    mbids = {
        artist_key(item.seed.artist): item.artist_mbid
        for item in reversed(known)
        if item.artist_mbid is not None
    }
    keys = {mbid: key for key, mbid in mbids.items()}

    async def ask(wanted: Sequence[str]) -> dict[str, Sequence[SimilarArtist]]:
        asked = [mbids[key] for key in wanted]
        similar: dict[str, list[SimilarArtist]] = {}
        for near in await labs.similar_artists(asked):
            of = keys.get(asked[0] if len(asked) == 1 else near.of)
            if of is not None:
                artist = SimilarArtist(name=near.name, match=near.score)
                similar.setdefault(of, []).append(artist)
        return {**similar}

    return await look_up_together(
        context.services.lookups,
        LISTENBRAINZ_SIMILAR_ARTISTS,
        list(mbids),
        ask,
        together=_TOGETHER,
        limits=context.limits,
        calls=min(1, context.limits.labs_batch_calls),
    )


async def _learn_names(context: SourceContext, known: Sequence[_Known]) -> None:
    """Find out by what other names the seeds' artists go; what is wrong with it is no trouble."""
    musicbrainz = context.services.musicbrainz
    if musicbrainz is None or not context.limits.alias_calls:
        return
    artists = {artist_key(k.seed.artist): k.artist_mbid for k in known if k.artist_mbid is not None}
    await look_up(
        context.services.lookups,
        MUSICBRAINZ_ALIASES,
        [_by_artist(musicbrainz, key, mbid) for key, mbid in artists.items()],
        limits=context.limits,
        calls=context.limits.alias_calls,
    )


def _by_artist(musicbrainz: MusicBrainz, key: str, mbid: str) -> WantedAnswer[Sequence[str]]:
    async def ask() -> Sequence[str] | None:
        names = await musicbrainz.artist_names(mbid)
        keys = {artist_key(name) for name in names or ()}
        return [name for name in names or () if artist_key(name) != key] if key in keys else None

    return WantedAnswer(key=key, ask=ask)


def _near(seed: SeedTrack, recordings: Sequence[SimilarRecording] | None) -> Iterator[Proposal]:
    best = max((near.match for near in recordings or ()), default=0.0) or 1.0
    for rank, near in enumerate(recordings or (), start=1):
        yield Proposal(
            source=SOURCE,
            artist=near.artist,
            title=near.title,
            seed=f"{seed.artist} – {seed.title}",
            match=near.match / best,
            rank=rank,
            mbid=near.mbid,
        )


def _tracks_of_near_artists(
    context: SourceContext, similar: CachedAnswers[Sequence[SimilarArtist]]
) -> Iterator[Proposal]:
    """Best-known tracks of near artists, as far as somebody looked them up before."""
    limits = context.limits
    artists = nearest(
        context.profile.artists,
        {key: near for key, near in similar.answers.items() if near},
        most=limits.near_artists,
    )
    offered = context.offered
    lookups = context.services.lookups
    known = LASTFM_TOP_TRACKS.known(lookups, [artist.key for artist in artists])
    for artist in artists:
        yield from tracks_of(
            SOURCE,
            artist,
            known.get(artist.key),
            most=limits.tracks_per_artist,
            offered=offered,
        )
