"""What a person already knows: likes, earlier recommendations, recent plays, as sets of keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from vibe_pipeline.ranking.identity import recording_key
from vibe_pipeline.ranking.merge import canonical_isrc
from vibe_pipeline.ranking.policy import Policy
from vibe_pipeline.ranking.wishes import Wishes
from vibe_pipeline.records import Candidate, Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Sets to ask about a candidate; made once for a list.

    ``recommended`` maps a recording to the last day we recommended it, ``tired`` an artist to the
    days since each time.
    """

    liked: frozenset[str]
    liked_isrcs: frozenset[str]
    liked_ids: frozenset[str]
    recommended: Mapping[str, date]
    tired: Mapping[str, tuple[int, ...]]
    played: frozenset[str]
    resting: frozenset[str]

    @classmethod
    def of(cls, wishes: Wishes, policy: Policy) -> Known:
        """What these wishes say the person knows."""
        recommended: dict[str, date] = {}
        tired: dict[str, list[int]] = {}
        for past in wishes.past:
            if past.vibe_date > recommended.get(past.key, date.min):
                recommended[past.key] = past.vibe_date
            days = (wishes.vibe_date - past.vibe_date).days
            if 0 <= days <= policy.rest_days:
                tired.setdefault(past.artist_key, []).append(days)
        heard_since = wishes.now - timedelta(days=policy.recently_played_days)
        tracks = [like.track for like in wishes.likes]
        return cls(
            liked=frozenset(track_key(track) for track in tracks),
            liked_isrcs=frozenset(canonical_isrc(t.isrc) for t in tracks if t.isrc),
            liked_ids=frozenset(track.spotify_id for track in tracks),
            recommended=recommended,
            tired={artist: tuple(sorted(days)) for artist, days in tired.items()},
            played=frozenset(
                track_key(play.track) for play in wishes.plays if play.played_at >= heard_since
            ),
            resting=frozenset(
                key
                for key, day in recommended.items()
                if (wishes.vibe_date - day).days < policy.rest_days
            ),
        )

    def likes(self, candidate: Candidate) -> bool:
        """Whether the person saved this recording, under whatever name or id."""
        return (
            candidate.key in self.liked
            or (candidate.isrc is not None and canonical_isrc(candidate.isrc) in self.liked_isrcs)
            or (candidate.spotify_id is not None and candidate.spotify_id in self.liked_ids)
            or any(alias in self.liked for alias in candidate.aliases)
        )

    def likes_track(self, track: Track) -> bool:
        """Whether the person saved this very track, or the same recording elsewhere."""
        return (
            track.spotify_id in self.liked_ids
            or (track.isrc is not None and canonical_isrc(track.isrc) in self.liked_isrcs)
            or track_key(track) in self.liked
        )

    def was_recommended(self, keys: tuple[str, ...]) -> bool:
        """Whether we ever recommended the recording of these keys."""
        return any(key in self.recommended for key in keys)

    def rests(self, keys: tuple[str, ...]) -> bool:
        """Whether we recommended it too short a while ago."""
        return any(key in self.resting for key in keys)

    def last_recommended(self, keys: tuple[str, ...]) -> date:
        """When we last recommended it; the beginning of time if never."""
        return max(self.recommended.get(key, date.min) for key in keys)

    def hears(self, keys: tuple[str, ...]) -> bool:
        """Whether the person played it just lately."""
        return any(key in self.played for key in keys)


def track_key(track: Track) -> str:
    """The recording key of a Spotify track."""
    return recording_key(track.artist, track.title)


def keys_of(candidate: Candidate) -> tuple[str, ...]:
    """All keys a candidate goes by, its own first."""
    return (candidate.key, *candidate.aliases)
