"""Spotify's catalogue: more by the person's artists and by those near them, found by search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.lookups import (
    SPOTIFY_ARTIST_PAGES,
    SPOTIFY_TRACKS,
    Lookups,
    track_as_json,
    track_from_json,
)
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import Pool, PoolState, Proposal, Source, Track
from vibe_pipeline.sources.looking_up import LookedUp, Wanted, look_up_from_purse
from vibe_pipeline.sources.near_artists import (
    NEAR_ON_LISTENBRAINZ,
    SIMILAR,
    NearArtist,
    nearest,
)
from vibe_pipeline.sources.pools import Reason, pooled, without
from vibe_pipeline.sources.question import Question

SOURCE = Source.ARTIST_CATALOGUE
CACHE = "spotify_catalogue"

_FADING = 0.95


async def propose(question: Question) -> Pool:
    """What a search for each artist finds; every hit is remembered for everybody."""
    services, limits = question.services, question.limits
    if services.spotify is None:
        return without(SOURCE, PoolState.OFF, Reason.NOT_CONNECTED)
    artists = _artists(question)
    if not artists:
        return without(SOURCE, PoolState.EMPTY, Reason.NO_SEEDS)
    wanted = [
        _search(services.spotify, services.lookups, artist, limits.catalogue_days)
        for artist in artists
    ]
    found = await look_up_from_purse(question, CACHE, wanted, calls=limits.catalogue_calls)
    return pooled(
        SOURCE,
        _proposals(artists, found),
        most=limits.proposals_per_source,
        trouble=found.trouble,
    )


def _artists(question: Question) -> list[NearArtist]:
    """The person's artists by weight, each followed by one that earlier lookups put near them."""
    limits, lookups = question.limits, question.services.lookups
    seeds = question.profile.artists[: limits.seed_artists]
    own = [
        NearArtist(name=seed.name, key=seed.key, strength=seed.weight, by_seed=((seed.name, 1.0),))
        for seed in seeds
    ]
    keys = [seed.key for seed in seeds]
    rows = lookups.known(NEAR_ON_LISTENBRAINZ, keys)
    rows.update((key, said) for key, said in lookups.known(SIMILAR, keys).items() if said)
    near = nearest(
        seeds, {key: said for key, said in rows.items() if said}, most=limits.near_artists
    )
    mixed: list[NearArtist] = []
    for place in range(max(len(own), len(near))):
        mixed += own[place : place + 1] + near[place : place + 1]
    return mixed


def _search(spotify: Spotify, lookups: Lookups, artist: NearArtist, days: int) -> Wanted:
    async def ask() -> list[dict[str, Any]] | None:
        name = artist.name.replace('"', " ")
        hits = await spotify.search_tracks(f'artist:"{name}"')
        remember_tracks(lookups, hits, days=days)
        lookups.remember(SPOTIFY_ARTIST_PAGES, {artist.key: True}, days=days)
        theirs = [track for track in hits if _is_by(track, artist.key)]
        return [track_as_json(track) for track in theirs] or None

    return Wanted(key=artist.key, ask=ask)


def remember_tracks(lookups: Lookups, tracks: Sequence[Track], *, days: int) -> None:
    """Keep where recordings are on Spotify, so that nobody looks for them again."""
    by_key: dict[str, Any] = {}
    for track in tracks:
        by_key.setdefault(recording_key(track.artist, track.title), track_as_json(track))
    if by_key:
        lookups.remember(SPOTIFY_TRACKS, by_key, days=days)


def _is_by(track: Track, key: str) -> bool:
    return any(artist_key(name) == key for name in track.artists)


def _proposals(artists: Sequence[NearArtist], found: LookedUp) -> Iterator[Proposal]:
    for artist in artists:
        for rank, kept in enumerate(found.get(artist.key) or (), start=1):
            track = track_from_json(kept)
            for seed, match in artist.by_seed:
                yield spotify_proposal(
                    SOURCE, track, seed=seed, match=match * _FADING ** (rank - 1), rank=rank
                )


def spotify_proposal(
    source: Source, track: Track, *, seed: str, match: float, rank: int
) -> Proposal:
    """A proposal of a track whose place on Spotify is known."""
    return Proposal(
        source=source,
        artist=track.artist,
        title=track.title,
        seed=seed,
        match=match,
        rank=rank,
        spotify_id=track.spotify_id,
        isrc=track.isrc,
        duration_ms=track.duration_ms,
    )
