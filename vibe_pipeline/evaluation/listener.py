"""One listener of the data, served by production's own functions and limits.

The crowd of the data stands in for Last.fm; everything else is what runs every night: the sources
choose whom to ask and remember the answers, pools are merged, ranked and selected. An artist has
one recording, so that a list of recordings is a list of artists. No protocol and no figures here
(``evaluation.report``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from vibe_pipeline.accounts.call_allowance import CallAllowance
from vibe_pipeline.clients import lastfm
from vibe_pipeline.clients.budget import InMemoryCapabilities
from vibe_pipeline.clients.lastfm import LastFmArtist, LastFmTrack, SimilarArtist
from vibe_pipeline.evaluation.neighbours import NeighbourIndex
from vibe_pipeline.lookup_cache import InMemoryLookups
from vibe_pipeline.playlists.build import propose
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.policy import Policy
from vibe_pipeline.ranking.score import rank
from vibe_pipeline.ranking.selection import Choice, select
from vibe_pipeline.records import LikedTrack, Pool, Ranked, SeedArtist, SeedProfile, Source, Track
from vibe_pipeline.sources.context import SourceClients, SourceContext, SourceLimits

NOW = datetime(2011, 5, 1, 6, tzinfo=UTC)
ASKED = frozenset({Source.LASTFM_SIMILAR_ARTISTS, Source.REDISCOVERED_LIKES})
"""The sources that data of artists without tracks can play."""
EVERYTHING = 1_000_000
_LIKED = NOW - timedelta(days=100)
_KNOW_A_TRACK = 0.4
"""So many of an artist's listeners know the best-known track; the data do not tell of tracks."""
_TAGS_TOLD = 5
"""So many tags ``artist.getInfo`` names, those that most people gave first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How much is known when the list is made: after so many nights' asking, or all of it."""

    name: str
    nights: int | None

    @property
    def limits(self) -> SourceLimits:
        """Production's limits for asking ahead of a list; without nights, none."""
        ahead = SourceLimits().ahead_of_time()
        if self.nights is not None:
            return ahead
        return replace(
            ahead,
            lastfm_artist_calls=EVERYTHING,
            lastfm_back_calls=EVERYTHING,
            lastfm_top_track_calls=EVERYTHING,
            lastfm_info_calls=EVERYTHING,
            lastfm_tag_calls=EVERYTHING,
        )


FULL = Evidence(name="full", nights=None)


def after(nights: int) -> Evidence:
    """What is known by this night: asked once ahead of each list, the first one included."""
    return Evidence(name=f"night-{nights}", nights=nights)


class Crowd(lastfm.LastFm):
    """The data's crowd as Last.fm: who is near whom, how many know them, what they are called."""

    def __init__(
        self,
        index: NeighbourIndex,
        tags: Mapping[int, Mapping[int, float]] = MappingProxyType({}),
    ) -> None:
        self.index = index
        self._near: dict[str, list[SimilarArtist]] = {}
        self._tags = tags

    def seen_by(self, user: int) -> Crowd:
        """The same crowd for one person: what they call an artist themselves is left out."""
        others = self.index.data.tags_of_others(user)
        if not others:
            return self
        crowd = Crowd(self.index, others)
        crowd._near = self._near
        return crowd

    async def similar_artists(self, artist: str, *, limit: int = 30) -> list[SimilarArtist]:
        """The nearest artists, nearest first."""
        if artist not in self._near:
            ids, matches = self.index.neighbours.of(number_of(artist))
            self._near[artist] = [
                SimilarArtist(name=name_of(near), match=match)
                for near, match in zip(ids.tolist(), matches.tolist(), strict=True)
            ]
        return self._near[artist][:limit]

    async def artist_top_tracks(self, artist: str, *, limit: int = 30) -> list[LastFmTrack]:
        """The one recording that stands for the artist, known to fewer than the artist is."""
        listeners = round(_KNOW_A_TRACK * int(self.index.listeners[number_of(artist)]))
        track = LastFmTrack(artist=artist, title=_song_of(artist), listeners=listeners or 1)
        return [track][:limit]

    async def artist(self, artist: str) -> LastFmArtist | None:
        """How many know the artist, and the few tags most given."""
        return LastFmArtist(
            name=artist,
            listeners=int(self.index.listeners[number_of(artist)]),
            tags=tuple(await self.artist_tags(artist, limit=_TAGS_TOLD)),
        )

    async def artist_tags(self, artist: str, *, limit: int = lastfm.MOST_TAGS) -> list[str]:
        """The tags most given, the most given first."""
        data, index = self.index.data, number_of(artist)
        tags, given = self._tags.get(index, data.tags[index]), data.taggings.counts[index]
        told = sorted(tags, key=lambda tag: (-given[tag], tag))[:limit]
        return [data.tag_names[tag] for tag in told]


def name_of(artist: int) -> str:
    """What the artist with this index is called here; different names, different artists."""
    return f"artist {artist}"


def _song_of(name: str) -> str:
    """The title of the one recording; no two artists share one, as few do."""
    return f"song {number_of(name)}"


def number_of(name: str) -> int:
    """The index of the artist called so."""
    return int(name.rpartition(" ")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One person: the known artists as a profile and as likes, strongest first."""

    crowd: Crowd
    profile: SeedProfile
    likes: tuple[LikedTrack, ...]

    @classmethod
    def of(cls, crowd: Crowd, user: int) -> Listener:
        """The listener with this index: known artists are seeds and likes, never new."""
        index = crowd.index
        own_tags_aside = crowd.seen_by(user)
        known, weight = index.known[user].tolist(), index.weight[user].tolist()
        heaviest = (weight[0] if weight else 0.0) or 1.0
        seeds = tuple(
            SeedArtist(
                name=name_of(artist),
                key=artist_key(name_of(artist)),
                weight=min(max(heavy / heaviest, 1e-6), 1.0),
            )
            for artist, heavy in zip(known, weight, strict=True)
        )
        return cls(
            crowd=own_tags_aside,
            profile=SeedProfile(artists=seeds, tracks=()),
            likes=tuple(LikedTrack(track=one_track(seed.name), added_at=_LIKED) for seed in seeds),
        )

    def with_seeds(self, most: int | None) -> Listener:
        """The same person while only so many of their artists say something; none is ever new."""
        if most is None:
            return self
        return replace(self, profile=SeedProfile(artists=self.profile.artists[:most], tracks=()))

    def pools(self, policy: Policy, evidence: Collection[Evidence]) -> dict[Evidence, list[Pool]]:
        """What the sources propose under each evidence."""
        pools: dict[Evidence, list[Pool]] = {}
        asyncio.run(self._ask(policy, evidence, pools))
        return pools

    def chosen(
        self, pools: Sequence[Pool], policy: Policy, adventure: int, length: int
    ) -> list[int]:
        """The artists of the list out of these pools, best first."""
        choice = self._choice(pools, policy, adventure, length)
        return [number_of(entry.candidate.artist) for entry in choice.by_rank if entry.is_new]

    def told(
        self, pools: Sequence[Pool], policy: Policy, adventure: int, length: int
    ) -> list[Ranked]:
        """The same list in the order it is heard in, with the seeds that are named for it."""
        choice = self._choice(pools, policy, adventure, length)
        return [entry for entry in choice.chosen if entry.is_new]

    def _choice(self, pools: Sequence[Pool], policy: Policy, adventure: int, length: int) -> Choice:
        request = self.request(adventure, length)
        ranked = rank(merge(pools), request, policy)
        return select(ranked, request, policy, found=_all_found(ranked))

    async def _ask(
        self, policy: Policy, evidence: Collection[Evidence], pools: dict[Evidence, list[Pool]]
    ) -> None:
        if FULL in evidence:
            pools[FULL] = await propose(self.context(policy, FULL), CallAllowance(), only=ASKED)
        nightly = {one.nights: one for one in evidence if one.nights is not None}
        context = self.context(policy, after(1))
        for night in range(1, max(nightly, default=0) + 1):
            asked = await propose(context, CallAllowance(), only=ASKED)
            if night in nightly:
                pools[nightly[night]] = asked

    def context(self, policy: Policy, evidence: Evidence) -> SourceContext:
        """What the sources are asked with; what they remember is this context's alone."""
        lookups = InMemoryLookups(lambda: NOW)
        return SourceContext(
            profile=self.profile,
            likes=self.likes,
            plays=(),
            past=(),
            services=SourceClients(
                lookups=lookups, capabilities=InMemoryCapabilities(), lastfm=self.crowd
            ),
            limits=evidence.limits,
            now=NOW,
            policy=policy,
        )

    def request(self, adventure: int, length: int) -> ListRequest:
        """A list of so many artists, all of them new."""
        return ListRequest(
            vibe_date=NOW.date(),
            now=NOW,
            profile=self.profile,
            size=length,
            min_new_ratio=1.0,
            adventure=adventure,
            likes=self.likes,
        )


def one_track(artist: str) -> Track:
    """The one recording that stands for an artist, as Spotify would tell it."""
    return Track(
        spotify_id=artist, uri=f"spotify:track:{artist}", title=_song_of(artist), artists=(artist,)
    )


def _all_found(ranked: Sequence[Ranked]) -> Mapping[str, Track]:
    return {entry.candidate.key: one_track(entry.candidate.artist) for entry in ranked}
