"""A listener's question to all sources, made out of what the simulated Spotify tells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from tests.support.outside_world import NOON, OutsideWorld, saved_tracks
from vibe_pipeline.accounts.call_allowance import CallAllowance
from vibe_pipeline.lookup_cache import InMemoryLookups
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import (
    EditionId,
    LikedTrack,
    PastRecommendation,
    Play,
    Pool,
    SeedArtist,
    SeedProfile,
    SeedTrack,
    Source,
    Track,
)
from vibe_pipeline.sources.context import SourceClients, SourceContext, SourceLimits
from vibe_pipeline.sources.registry import propose_all

AN_EDITION = PastRecommendation(
    key="somebody|something",
    artist_key="somebody",
    vibe_date=date(2026, 11, 22),
    edition_id=EditionId("e0"),
)


@dataclass(slots=True, kw_only=True)
class Asker:
    """One listener who asks day after day; what was looked up stays known."""

    world: OutsideWorld
    likes: Sequence[LikedTrack]
    plays: Sequence[Play]
    profile: SeedProfile
    lookups: InMemoryLookups = field(default_factory=lambda: InMemoryLookups(now=lambda: NOON))

    def services(self, **changes: object) -> SourceClients:
        given: dict[str, object] = {
            "lookups": self.lookups,
            "capabilities": self.world.capabilities,
            "spotify": self.world.spotify(),
            "lastfm": self.world.lastfm(),
            "labs": self.world.labs(),
            "musicbrainz": self.world.musicbrainz(),
        }
        return SourceClients(**{**given, **changes})  # type: ignore[arg-type]

    def question(self, *, first: bool = True, **changes: object) -> SourceContext:
        question = SourceContext(
            profile=self.profile,
            likes=self.likes,
            plays=self.plays,
            past=[] if first else [AN_EDITION],
            services=self.services(),
            limits=SourceLimits(),
            now=NOON,
        )
        question = replace(question, **changes)  # type: ignore[arg-type]
        limits = question.limits
        calls = limits.spotify_calls_first if first else limits.spotify_calls
        return replace(question, allowance=CallAllowance(first=first, left=calls))

    async def ask(self, question: SourceContext | None = None) -> dict[Source, Pool]:
        """All pools by source; the request log starts anew."""
        self.world.simulation.log.clear()
        return {p.source: p for p in await propose_all(question or self.question())}

    def calls(self) -> Mapping[str, int]:
        """How often each service was asked since the last question."""
        services = ("spotify", "lastfm", "labs", "musicbrainz")
        return {service: len(self.world.asked(service)) for service in services}


async def asker(world: OutsideWorld) -> Asker:
    """The world's first listener, with a plain profile of what they like and play most."""
    spotify = world.spotify()
    likes = await saved_tracks(spotify)
    plays = list((await spotify.recently_played()).plays)
    tracks = [play.track for play in plays] + [like.track for like in likes]
    return Asker(world=world, likes=likes, plays=plays, profile=_profile(tracks))


def keys(pool: Pool) -> set[str]:
    """The recordings of a pool."""
    return {recording_key(p.artist, p.title) for p in pool.proposals}


def _profile(tracks: Sequence[Track]) -> SeedProfile:
    artists = Counter(track.artist for track in tracks)
    ids = {track.artist: track.artist_ids[0] for track in tracks}
    by_key = {recording_key(track.artist, track.title): track for track in tracks}
    heard = Counter(recording_key(track.artist, track.title) for track in tracks)
    return SeedProfile(
        artists=tuple(
            SeedArtist(name=name, key=artist_key(name), weight=1 / place, spotify_id=ids[name])
            for place, (name, _) in enumerate(artists.most_common(20), start=1)
        ),
        tracks=tuple(
            SeedTrack(
                title=by_key[key].title,
                artist=by_key[key].artist,
                key=key,
                weight=1 / place,
                spotify_id=by_key[key].spotify_id,
                isrc=by_key[key].isrc,
            )
            for place, (key, _) in enumerate(heard.most_common(20), start=1)
        ),
    )
