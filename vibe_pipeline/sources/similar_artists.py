"""Artists near the seed artists, whoever knows of them, and the tracks known of an artist.

Shared by the sources that go by way of an artist (user-to-artist-to-track); no source by itself.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.ranking.artist_credits import is_placeholder
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import Proposal, SeedArtist, Source
from vibe_pipeline.sources.answers import (
    LASTFM_SIMILAR_ARTISTS,
    LASTFM_TOP_TRACKS,
    SimilarArtist,
    TopTrack,
)
from vibe_pipeline.sources.cached_calls import CachedAnswers, WantedAnswer, look_up
from vibe_pipeline.sources.context import SourceContext

_SEEDS_PER_ARTIST = 3
_FADING = 0.97
"""How much less an artist's next best-known track is proposed than the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistNeighbour:
    """An artist near some seeds: ``by_seed`` maps a seed's name to a match from 0 to 1."""

    name: str
    key: str
    strength: float
    by_seed: tuple[tuple[str, float], ...]


async def similar_artists(
    context: SourceContext, lastfm: LastFm
) -> CachedAnswers[Sequence[SimilarArtist]]:
    """By seed artist's key: the artists near them, nearest first."""
    limits = context.limits
    seeds = context.profile.artists[: limits.seed_artists]
    return await look_up(
        context.services.lookups,
        LASTFM_SIMILAR_ARTISTS,
        [_similar(lastfm, seed, limits.neighbours) for seed in seeds],
        limits=limits,
        calls=limits.lastfm_artist_calls,
    )


def nearest(
    seeds: Iterable[SeedArtist], similar: Mapping[str, Sequence[SimilarArtist]], *, most: int
) -> list[ArtistNeighbour]:
    """The artists the seeds together are nearest to, strongest first; the seeds left out."""
    seeds = list(seeds)
    own = {seed.key for seed in seeds}
    names: dict[str, str] = {}
    matches: dict[str, dict[str, float]] = {}
    strengths: dict[str, float] = {}
    for seed in seeds:
        near = similar.get(seed.key) or ()
        best = max((artist.match for artist in near), default=0.0) or 1.0
        for artist in near:
            key = artist_key(artist.name)
            if key in own or seed.name in matches.get(key, {}) or is_placeholder(artist.name):
                continue
            names.setdefault(key, artist.name)
            matches.setdefault(key, {})[seed.name] = artist.match / best
            strengths[key] = strengths.get(key, 0.0) + seed.weight * artist.match / best
    ordered = sorted(strengths, key=lambda key: (-strengths[key], key))[:most]
    return [
        ArtistNeighbour(
            name=names[key],
            key=key,
            strength=strengths[key],
            by_seed=tuple(
                sorted(matches[key].items(), key=lambda item: (-item[1], item[0]))[
                    :_SEEDS_PER_ARTIST
                ]
            ),
        )
        for key in ordered
    ]


async def top_tracks(
    context: SourceContext, lastfm: LastFm, artists: list[ArtistNeighbour], *, calls: int
) -> CachedAnswers[Sequence[TopTrack]]:
    """By artist's key: their tracks, best known first."""
    limits = context.limits
    return await look_up(
        context.services.lookups,
        LASTFM_TOP_TRACKS,
        [_top(lastfm, artist, limits.tracks_known_per_artist) for artist in artists],
        limits=limits,
        calls=calls,
    )


def tracks_of(
    source: Source,
    artist: ArtistNeighbour,
    tracks: Sequence[TopTrack] | None,
    *,
    most: int,
    offered: Container[str] = frozenset(),
) -> Iterator[Proposal]:
    """An artist's best-known tracks, proposed by every seed that is near the artist.

    ``most`` of them were never ``offered`` to the person, so that lists do not dry up once the
    best known are through; those in between are named once, to be found resting.
    """
    tracks = tracks or ()
    listeners = max((track.listeners for track in tracks if track.listeners), default=None)
    left = most
    for rank, track in enumerate(tracks, start=1):
        if left <= 0:
            return
        rests = recording_key(artist.name, track.title) in offered
        left -= not rests
        for seed, match in artist.by_seed[:1] if rests else artist.by_seed:
            yield Proposal(
                source=source,
                artist=artist.name,
                title=track.title,
                seed=seed,
                match=match * _FADING ** (rank - 1),
                rank=rank,
                mbid=track.mbid,
                duration_ms=track.duration_ms,
                listeners=listeners,
            )


def _similar(lastfm: LastFm, seed: SeedArtist, limit: int) -> WantedAnswer[Sequence[SimilarArtist]]:
    async def ask() -> Sequence[SimilarArtist] | None:
        near = await lastfm.similar_artists(seed.name, limit=limit)
        return [
            SimilarArtist(name=artist.name, match=round(artist.match, 4)) for artist in near[:limit]
        ] or None

    return WantedAnswer(key=seed.key, ask=ask)


def _top(lastfm: LastFm, artist: ArtistNeighbour, limit: int) -> WantedAnswer[Sequence[TopTrack]]:
    async def ask() -> Sequence[TopTrack] | None:
        tracks = await lastfm.artist_top_tracks(artist.name, limit=limit)
        return [
            TopTrack(
                title=track.title,
                listeners=track.listeners,
                mbid=track.mbid,
                duration_ms=track.duration_ms,
            )
            for track in tracks[:limit]
        ] or None

    return WantedAnswer(key=artist.key, ask=ask)
