"""The seed profile: whom and what a person leans to now, and why.

A weight is a sum of parts, each between ``-BOUND`` and ``BOUND``, over the largest such sum:

``plays``    every play, halved with every ten days of age: recency and repetition
``hour``     what of it was at about this hour of the day; at most ``ln(1.5)``
``weekday``  what of it was on such a day, a working one or a weekend's; at most ``ln(1.2)``
``likes``    every like, fading to a fifth of itself over the months
``top``      places among Spotify's top items, as far as they are not of left-out listening
``thumbs``   up or down; the only part that may be negative

Each part is the logarithm of its sum, for the hundredth play says less than the first. What is
blocked or left out on purpose does not count, nor what names nobody (``Various Artists``).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from vibe_pipeline.ranking.artist_credits import is_placeholder
from vibe_pipeline.ranking.identity import Version, artist_key, recording_key, version_of
from vibe_pipeline.records import (
    LikedTrack,
    Play,
    SeedArtist,
    SeedProfile,
    SeedTrack,
    TopItem,
    Track,
)
from vibe_pipeline.taste.exclusions import ExclusionRules, informative_shares

PLAY_HALF_LIFE_DAYS = 10.0
LIKE_HALF_LIFE_DAYS = 120.0
LIKE_WEIGHT = 1.0
TOP_WEIGHTS: Mapping[str, float] = {"short_term": 1.5, "medium_term": 1.0, "long_term": 0.6}
THUMB_WEIGHT = 3.0
"""One thumb down outweighs a play or a like, not a habit."""
HOUR_LIFT = 0.5
"""A play at this hour of the day counts up to half as much again."""
WEEKDAY_LIFT = 0.2
MOST_PER_ARTIST = 3
"""So many seed tracks of one artist at most, so that one album does not fill the profile."""
BOUND = 4.0
"""No part says more than this, however much was heard: about fifty plays on one day."""
PLAYED = ("plays", "hour", "weekday")
PARTS = (*PLAYED, "likes", "top", "thumbs")
"""Every part there may be, in the order in which they are told."""


def seed_profile(
    *,
    likes: Sequence[LikedTrack],
    plays: Sequence[Play],
    top: Sequence[TopItem] = (),
    thumbs: Mapping[str, int] | None = None,
    artist_thumbs: Mapping[str, int] | None = None,
    blocked_artists: frozenset[str] = frozenset(),
    blocked_tracks: frozenset[str] = frozenset(),
    hygiene: ExclusionRules | None = None,
    now: datetime,
    zone: tzinfo = UTC,
    artists: int = 40,
    tracks: int = 40,
) -> SeedProfile:
    """The strongest artists and tracks; the strongest of each has weight 1.

    ``hygiene`` brings the clock on which its hours and dates are read.
    """
    hygiene = hygiene or ExclusionRules()
    barred = blocked_artists | hygiene.artists
    of_artists: defaultdict[str, dict[str, float]] = defaultdict(dict)
    of_tracks: defaultdict[str, dict[str, float]] = defaultdict(dict)
    spelled: dict[str, _Spelling] = {}

    def add(track: _Spelling, part: str, weight: float) -> None:
        whose = artist_key(track.artist)
        if whose in barred or not whose or is_placeholder(track.artist):
            return
        spelled.setdefault(whose, track)
        _add(of_artists[whose], part, weight)
        if track.title is None:
            return
        key = recording_key(track.artist, track.title)
        if key in blocked_tracks:
            return
        spelled.setdefault(key, track)
        _add(of_tracks[key], part, weight)

    for play in sorted(plays, key=lambda p: (p.played_at, p.track.spotify_id), reverse=True):
        if hygiene.why_play(play) is None:
            for part, weight in play_parts(play.played_at, now, zone).items():
                add(_Spelling.of(play.track), part, weight)
    for like in sorted(likes, key=lambda k: (k.added_at, k.track.spotify_id), reverse=True):
        if hygiene.why_like(like) is None:
            add(_Spelling.of(like.track), "likes", LIKE_WEIGHT * _faded(like.added_at, now))
    telling = informative_shares(hygiene, plays)
    for item in sorted(top, key=lambda t: (t.time_range, t.kind, t.rank, t.spotify_id)):
        weight = TOP_WEIGHTS.get(item.time_range, 1.0) / math.sqrt(max(item.rank, 1))
        weight *= telling.get(artist_key(item.artist), 1.0)
        if weight > 0:
            add(_Spelling.of_top(item), "top", weight)
    for key, thumb in sorted((thumbs or {}).items()):
        if key in of_tracks:
            _add(of_tracks[key], "thumbs", THUMB_WEIGHT * thumb)
    for key, thumb in sorted((artist_thumbs or {}).items()):
        if key in of_artists:
            _add(of_artists[key], "thumbs", THUMB_WEIGHT * thumb)
    return SeedProfile(
        artists=tuple(_artists(of_artists, spelled, artists)),
        tracks=tuple(_tracks(of_tracks, spelled, tracks)),
    )


def play_parts(played_at: datetime, now: datetime, zone: tzinfo) -> dict[str, float]:
    """What one play says: more when recent, and when at such an hour or on such a day."""
    days = max((now - played_at).total_seconds(), 0.0) / 86_400
    then, today = played_at.astimezone(zone), now.astimezone(zone)
    apart = abs((then.hour + then.minute / 60) - (today.hour + today.minute / 60))
    nearness = max(0.0, 1 - min(apart, 24 - apart) / 4)
    same_kind = (then.weekday() >= 5) == (today.weekday() >= 5)
    recent = float(0.5 ** (days / PLAY_HALF_LIFE_DAYS))
    return {
        "plays": recent,
        "hour": recent * HOUR_LIFT * nearness,
        "weekday": recent * WEEKDAY_LIFT if same_kind else 0.0,
    }


def times_played(plays: Iterable[Play], hygiene: ExclusionRules) -> Counter[str]:
    """How often each artist and each recording was played, by key; left-out plays apart."""
    counted: Counter[str] = Counter()
    for play in plays:
        if hygiene.why_play(play) is None:
            counted[artist_key(play.track.artist)] += 1
            counted[recording_key(play.track.artist, play.track.title)] += 1
    return counted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spelling:
    """How an artist and a track are written, and the ids that came along."""

    artist: str
    title: str | None
    artist_id: str | None = None
    track_id: str | None = None
    isrc: str | None = None

    @classmethod
    def of(cls, track: Track) -> _Spelling:
        return cls(
            artist=track.artist,
            title=track.title,
            artist_id=track.artist_ids[0] if track.artist_ids else None,
            track_id=track.spotify_id,
            isrc=track.isrc,
        )

    @classmethod
    def of_top(cls, item: TopItem) -> _Spelling:
        if item.kind == "artist":
            return cls(artist=item.name, title=None, artist_id=item.spotify_id)
        return cls(artist=item.artist, title=item.name, track_id=item.spotify_id, isrc=item.isrc)


def _add(parts: dict[str, float], part: str, weight: float) -> None:
    parts[part] = parts.get(part, 0.0) + weight


def _faded(added_at: datetime, now: datetime) -> float:
    """Half after the half-life, and never less than a fifth: a like is not taken back by time."""
    days = max((now - added_at).total_seconds(), 0.0) / 86_400
    return 0.2 + 0.8 * float(0.5 ** (days / LIKE_HALF_LIFE_DAYS))


def _damped(parts: Mapping[str, float]) -> dict[str, float]:
    """Each part as its logarithm, within its bound; what says nothing is left away.

    Hour and weekday are what they add to the logarithm of the plays.
    """
    damped: dict[str, float] = {}
    heard = before = 0.0
    for part in PLAYED:
        heard += parts.get(part, 0.0)
        damped[part] = _bounded(heard) - before
        before = _bounded(heard)
    for part in PARTS[len(PLAYED) :]:
        damped[part] = _bounded(parts.get(part, 0.0))
    return {part: round(amount, 9) for part, amount in damped.items() if round(amount, 9)}


def _bounded(amount: float) -> float:
    return max(-BOUND, min(BOUND, math.copysign(math.log1p(abs(amount)), amount)))


def _strongest(
    weights: Mapping[str, Mapping[str, float]], most: int
) -> list[tuple[str, float, dict[str, float]]]:
    damped = {key: _damped(parts) for key, parts in weights.items()}
    sums = {key: math.fsum(parts.values()) for key, parts in damped.items()}
    best = max(sums.values(), default=0.0)
    ordered = sorted((key for key in sums if sums[key] > 0), key=lambda key: (-sums[key], key))
    return [(key, min(1.0, sums[key] / best), damped[key]) for key in ordered[:most]]


def _artists(
    weights: Mapping[str, Mapping[str, float]], spelled: Mapping[str, _Spelling], most: int
) -> Iterable[SeedArtist]:
    for key, weight, why in _strongest(weights, most):
        yield SeedArtist(
            name=spelled[key].artist,
            key=key,
            weight=weight,
            spotify_id=spelled[key].artist_id,
            why=why,
        )


def _tracks(
    weights: Mapping[str, Mapping[str, float]], spelled: Mapping[str, _Spelling], most: int
) -> Iterable[SeedTrack]:
    count: defaultdict[str, int] = defaultdict(int)
    given = 0
    for key, weight, why in _strongest(weights, len(weights)):
        track = spelled[key]
        whose = artist_key(track.artist)
        if count[whose] >= MOST_PER_ARTIST or track.title is None or given >= most:
            continue
        if version_of(track.artist, track.title) & Version.SPOKEN:
            continue
        count[whose] += 1
        given += 1
        yield SeedTrack(
            title=track.title,
            artist=track.artist,
            key=key,
            weight=weight,
            spotify_id=track.track_id,
            isrc=track.isrc,
            why=why,
        )
