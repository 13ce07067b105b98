"""Liked, and due to be heard again: the source that needs nobody, and the fallback of every list.

Proposals only; filling a short list up with likes is ``playlists.build``'s last resort.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta

from vibe_pipeline.ranking.activation import activation, is_due, nearness
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import LikedTrack, Pool, Proposal, Source
from vibe_pipeline.sources.context import SourceContext
from vibe_pipeline.sources.pools import Reason, pool_of

SOURCE = Source.REDISCOVERED_LIKES

_RESTED, _HEARD_LATELY, _RECOMMENDED_LATELY, _LEFT_OUT = 1.0, 0.3, 0.05, 0.01
_ONE_TOO_MANY = 0.1


async def propose(context: SourceContext) -> Pool:
    """Likes, those first that are due: neither liked nor recommended lately, and faded enough.

    The more often one was played, the longer it rests; of those due, the ones that are nearest to
    mind and to the person's leaning come first. Those of listening that the person left out come
    last of all. The others follow far behind, so that a list is never empty while anything is
    liked. What Spotify greys out is left out.
    """
    worth = _Worth(context)
    ordered = sorted(
        ((worth.of(like), like) for like in context.likes if like.playable),
        key=lambda one: (-one[0], one[1].added_at, one[1].track.spotify_id),
    )
    seen: Counter[str] = Counter()
    proposals = []
    for rank, (share, like) in enumerate(ordered, start=1):
        key = artist_key(like.track.artist)
        seen[key] += 1
        crowded = seen[key] > context.limits.rediscovered_per_artist
        match = share * (_ONE_TOO_MANY if crowded else 1.0)
        proposals.append(_proposal(like, match, rank))
    return pool_of(SOURCE, proposals, most=context.limits.rediscovered, empty=Reason.NO_LIKES)


class _Worth:
    """How good an idea it is to bring a like back now, from 0 to 1."""

    def __init__(self, context: SourceContext) -> None:
        limits, now = context.limits, context.now
        self._now = now
        self._liked_before = now - timedelta(days=limits.fresh_like_days)
        self._played_before = now - timedelta(days=limits.played_days)
        rested_after = now.date() - timedelta(days=limits.rest_days)
        self._played: defaultdict[str, list[datetime]] = defaultdict(list)
        for play in context.plays:
            key = recording_key(play.track.artist, play.track.title)
            self._played[key].append(play.played_at)
        self._recommended = {past.key for past in context.past if past.vibe_date > rested_after}
        self._excluded = context.excluded_likes
        self._leaning = {artist.key: artist.weight for artist in context.profile.artists}

    def of(self, like: LikedTrack) -> float:
        """From the state of the like, how present it is, and the leaning to its artist."""
        key = recording_key(like.track.artist, like.track.title)
        present = activation([like.added_at, *self._played.get(key, ())], self._now)
        share = _RESTED
        if like.added_at > self._liked_before or not self._is_due(key, present):
            share = _HEARD_LATELY
        if key in self._recommended:
            share = _RECOMMENDED_LATELY
        if like.track.spotify_id in self._excluded:
            share = min(share, _LEFT_OUT)
        leaning = self._leaning.get(artist_key(like.track.artist), 0.0)
        return share * (0.6 + 0.2 * leaning + 0.2 * nearness(present))

    def _is_due(self, key: str, present: float) -> bool:
        """Whether it has faded, and the operator's days since the last play have passed."""
        if any(moment > self._played_before for moment in self._played.get(key, ())):
            return False
        return is_due(present)


def _proposal(like: LikedTrack, match: float, rank: int) -> Proposal:
    track = like.track
    return Proposal(
        source=SOURCE,
        artist=track.artist,
        title=track.title,
        seed=track.artist,
        match=match,
        rank=rank,
        spotify_id=track.spotify_id,
        isrc=track.isrc,
        duration_ms=track.duration_ms,
    )
