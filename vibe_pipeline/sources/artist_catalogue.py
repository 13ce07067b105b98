"""Spotify's catalogue: more by the person's artists and by those near them, found by search.

Candidates by name. Looking up a chosen candidate by search is ``playlists.resolve``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.lookup_cache import Lookups
from vibe_pipeline.records import Pool, PoolState, Proposal, SeedArtist, SeedVote, Source, Track
from vibe_pipeline.sources.answers import (
    LASTFM_SIMILAR_ARTISTS,
    LISTENBRAINZ_SIMILAR_ARTISTS,
    SPOTIFY_ARTIST_PAGES,
    SimilarArtist,
)
from vibe_pipeline.sources.artist_pages import Absences, look_up_page
from vibe_pipeline.sources.cached_calls import CachedAnswers, WantedAnswer, look_up_within_allowance
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.sources.pools import Reason, empty_pool, pool_of
from vibe_pipeline.sources.similar_artists import ArtistNeighbour, nearest

SOURCE = Source.ARTIST_CATALOGUE

_FADING = 0.95
_NEAR = 0.4
"""What nearness to an artist of the person's counts beside being one."""


async def propose(context: SourceContext) -> Pool:
    """What a search for each artist finds, or found for anybody before."""
    services, limits = context.services, context.limits
    if services.spotify is None:
        return empty_pool(SOURCE, PoolState.OFF, Reason.NOT_CONNECTED)
    artists = _artists(context)
    if not artists:
        return empty_pool(SOURCE, PoolState.EMPTY, Reason.NO_SEEDS)
    absences = Absences()
    wanted = [_search(services.spotify, services.lookups, artist, absences) for artist in artists]
    found = await look_up_within_allowance(
        context, SPOTIFY_ARTIST_PAGES, wanted, calls=limits.catalogue_calls
    )
    return pool_of(
        SOURCE,
        _proposals(artists, found),
        most=limits.proposals_per_source,
        trouble=found.trouble,
    )


def _artists(context: SourceContext) -> list[ArtistNeighbour]:
    """The person's artists by weight, each followed by one near them, then all others near them.

    Only the first of them may be asked about; of the others the pages that anybody has seen
    before are used.
    """
    seeds = context.profile.artists[: context.limits.seed_artists]
    own = [
        ArtistNeighbour(
            name=seed.name,
            key=seed.key,
            strength=seed.weight,
            votes=(SeedVote(seed=seed.name, match=1.0, place=0, spread=1.0),),
        )
        for seed in seeds
    ]
    near = _near(context, seeds)
    mixed: list[ArtistNeighbour] = []
    for place in range(max(len(own), len(near))):
        mixed += own[place : place + 1] + near[place : place + 1]
    return mixed


def _near(context: SourceContext, seeds: Sequence[SeedArtist]) -> list[ArtistNeighbour]:
    """Artists that earlier lookups, whoever's, put near the seeds."""
    lookups = context.services.lookups
    keys = [seed.key for seed in seeds]
    similar: dict[str, list[SimilarArtist]] = {}
    for kind in (LASTFM_SIMILAR_ARTISTS, LISTENBRAINZ_SIMILAR_ARTISTS):
        for key, neighbours in kind.known(lookups, keys).items():
            similar.setdefault(key, []).extend(_beside_best(neighbours or ()))
    ordered = {
        key: sorted(neighbours, key=lambda artist: -artist.match)
        for key, neighbours in similar.items()
        if neighbours
    }
    near = nearest(seeds, ordered, most=context.limits.pages)
    return [replace(artist, votes=(_hearsay(artist.nearest_seed),)) for artist in near]


def _hearsay(vote: SeedVote) -> SeedVote:
    """Only the seed an artist is nearest to speaks for it, and softly.

    Many seeds for every artist near them would drown the artists the person really leans to.
    """
    return vote._replace(match=vote.match * _NEAR)


def _beside_best(neighbours: Sequence[SimilarArtist]) -> list[SimilarArtist]:
    """Neighbours as one service tells them, the nearest with match 1."""
    best = max((artist.match for artist in neighbours), default=0.0) or 1.0
    return [SimilarArtist(name, match / best) for name, match in neighbours]


def _search(
    spotify: Spotify, lookups: Lookups, artist: ArtistNeighbour, absences: Absences
) -> WantedAnswer[Sequence[Track]]:
    async def ask() -> Sequence[Track] | None:
        return await look_up_page(spotify, lookups, artist.name, artist.key, absences)

    return WantedAnswer(key=artist.key, ask=ask, keeps_itself=True)


def _proposals(
    artists: Sequence[ArtistNeighbour], pages: CachedAnswers[Sequence[Track]]
) -> Iterator[Proposal]:
    for artist in artists:
        for rank, track in enumerate(pages.get(artist.key) or (), start=1):
            for vote in artist.votes:
                match = vote.match * _FADING ** (rank - 1)
                yield spotify_proposal(SOURCE, track, seed=vote.seed, match=match, rank=rank)


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
