"""What every source is asked with: the person's taste, the services, and how much may be asked.

The one argument of each ``propose``. Ranking parameters do not belong here (``ranking.policy``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from vibe_pipeline.accounts.call_allowance import CallAllowance
from vibe_pipeline.clients.budget import Capabilities
from vibe_pipeline.clients.deadline import Deadline, LateCalls
from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.clients.listenbrainz import ListenBrainz, ListenBrainzLabs
from vibe_pipeline.clients.musicbrainz import MusicBrainz
from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.lookup_cache import Lookups
from vibe_pipeline.ranking.policy import DEFAULT, Policy
from vibe_pipeline.records import LikedTrack, PastRecommendation, Play, SeedProfile
from vibe_pipeline.settings import Settings
from vibe_pipeline.warehouse.listening_history import HeardRecording


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceClients:
    """Who can be asked; what the operator gave no key or contact for is ``None``."""

    lookups: Lookups
    capabilities: Capabilities
    spotify: Spotify | None = None
    lastfm: LastFm | None = None
    labs: ListenBrainzLabs | None = None
    listenbrainz: ListenBrainz | None = None
    musicbrainz: MusicBrainz | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLimits:
    """How much one making of a list may ask for.

    Calls count only what nobody asked before: what is remembered is free, so every day reaches
    a little further than the last. ``seconds`` is what all asking together may take; what was
    answered by then counts, and is remembered; what is under way then ends by itself;
    ``deadline`` is that moment, set when asking begins. Last.fm gets twenty calls in all,
    ListenBrainz labs eight; Spotify's three sources share what they may spend, more of it the
    first time.
    """

    seed_artists: int = 60
    seed_tracks: int = 20
    near_artists: int = 60
    asked_back: int = 60
    pages: int = 300
    tracks_per_artist: int = 8
    tracks_known_per_artist: int = 50
    neighbours: int = 100
    proposals_per_source: int = 1500
    at_once: int = 4
    seconds: float = 45.0
    deadline: Deadline = field(default_factory=Deadline, compare=False)
    lastfm_track_calls: int = 5
    lastfm_artist_calls: int = 4
    lastfm_back_calls: int = 0
    lastfm_top_track_calls: int = 7
    lastfm_info_calls: int = 4
    lastfm_tag_calls: int = 0
    labs_name_calls: int = 5
    labs_batch_calls: int = 3
    musicbrainz_calls: int = 3
    alias_calls: int = 0
    spotify_calls_first: int = 18
    spotify_calls: int = 2
    recommendation_calls: int = 2
    top_tracks_calls: int = 8
    catalogue_calls: int = 8
    rediscovered: int = 200
    rediscovered_per_artist: int = 4
    fresh_like_days: int = 14
    played_days: int = 5
    rest_days: int = 60

    def ahead_of_time(self) -> Self:
        """More of everything, and more time for it: nobody waits.

        So much is soon known that the nearest artists hardly change any more. More of them, with
        fewer tracks each, keep lists as wide as while little was known, in pools no larger. A
        first night's list keeps to the person's taste only if the tags of that, and of most artists
        near it, are known: some 420 calls, at Last.fm's pace three minutes and a half. How many
        listen to an artist is asked of the nearest; of the others their best-known track tells.
        """
        return replace(
            self,
            seconds=270.0,
            near_artists=100,
            tracks_per_artist=5,
            lastfm_track_calls=10,
            lastfm_artist_calls=40,
            lastfm_back_calls=20,
            lastfm_top_track_calls=100,
            lastfm_info_calls=80,
            lastfm_tag_calls=170,
            labs_name_calls=8,
            alias_calls=5,
        )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The usual limits; RECENT_DAYS_WINDOW says how long a played track surely rests.

        What a pool proposed is stored with its edition, so another window changes no past list.
        """
        return cls(played_days=settings.recent_days_window)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContext:
    """One person's question to all sources.

    ``excluded_likes`` are the Spotify ids of likes that belong to listening the person left out.
    Spotify's sources spend ``allowance`` between them. ``late`` takes the calls that the deadline
    finds under way: whoever asks lets them end, and keeps what they bring. ``once_heard`` is what
    was played often and not for a year, the most played first; ``listenbrainz_user`` the name of
    the person's account there, if they told it.
    """

    profile: SeedProfile
    likes: Sequence[LikedTrack]
    plays: Sequence[Play]
    past: Sequence[PastRecommendation]
    services: SourceClients
    limits: SourceLimits
    now: datetime
    allowance: CallAllowance = field(default_factory=CallAllowance)
    excluded_likes: frozenset[str] = frozenset()
    late: LateCalls = field(default_factory=set)
    policy: Policy = DEFAULT
    listenbrainz_user: str | None = None
    once_heard: Sequence[HeardRecording] = ()

    @property
    def offered(self) -> frozenset[str]:
        """The recordings that were recommended to this person before."""
        return frozenset(past.key for past in self.past)
