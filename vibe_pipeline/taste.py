"""The seed profile: whom and what a person leans to now, and why.

Weights come from what was played lately and how often, at what hour and on what weekday, from
likes, top items and thumbs. What is blocked or left out on purpose does not count.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo

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

PLAY_HALF_LIFE_DAYS = 10.0
LIKE_HALF_LIFE_DAYS = 120.0
LIKE_WEIGHT = 1.0
TOP_WEIGHTS: Mapping[str, float] = {"short_term": 1.5, "medium_term": 1.0, "long_term": 0.6}
THUMB_WEIGHT = 1.5
HOUR_LIFT = 0.5
"""A play at this hour of the day counts up to half as much again."""
WEEKDAY_LIFT = 0.2
MOST_PER_ARTIST = 3
"""So many seed tracks of one artist at most, so that one album does not fill the profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hygiene:
    """Listening that says nothing about taste: artists, hours of the day, stretches of days.

    Hours are on the person's clock, from the first up to before the second; they may pass
    midnight. Days are inclusive.
    """

    artists: frozenset[str] = frozenset()
    hours: tuple[tuple[time, time], ...] = ()
    days: tuple[tuple[date, date], ...] = ()

    def counts(self, moment: datetime, artist: str, zone: tzinfo) -> bool:
        """Whether a play at this moment tells something about the person's taste."""
        local = moment.astimezone(zone)
        return (
            artist not in self.artists
            and not any(start <= local.date() <= end for start, end in self.days)
            and not any(_within(local.time(), start, end) for start, end in self.hours)
        )


def seed_profile(
    *,
    likes: Sequence[LikedTrack],
    plays: Sequence[Play],
    top: Sequence[TopItem] = (),
    thumbs: Mapping[str, int] | None = None,
    artist_thumbs: Mapping[str, int] | None = None,
    blocked_artists: frozenset[str] = frozenset(),
    blocked_tracks: frozenset[str] = frozenset(),
    hygiene: Hygiene | None = None,
    now: datetime,
    zone: tzinfo = UTC,
    artists: int = 40,
    tracks: int = 40,
) -> SeedProfile:
    """The strongest artists and tracks; the strongest of each has weight 1."""
    hygiene = hygiene or Hygiene()
    barred = blocked_artists | hygiene.artists
    of_artists: defaultdict[str, dict[str, float]] = defaultdict(dict)
    of_tracks: defaultdict[str, dict[str, float]] = defaultdict(dict)
    spelled: dict[str, _Spelling] = {}

    def add(track: _Spelling, part: str, weight: float) -> None:
        whose = artist_key(track.artist)
        if whose in barred or not whose:
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
        if hygiene.counts(play.played_at, artist_key(play.track.artist), zone):
            add(_Spelling.of(play.track), "plays", play_weight(play.played_at, now, zone))
    for like in sorted(likes, key=lambda k: (k.added_at, k.track.spotify_id), reverse=True):
        add(_Spelling.of(like.track), "likes", LIKE_WEIGHT * _faded(like.added_at, now))
    for item in sorted(top, key=lambda t: (t.time_range, t.kind, t.rank, t.spotify_id)):
        weight = TOP_WEIGHTS.get(item.time_range, 1.0) / math.sqrt(max(item.rank, 1))
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


def play_weight(played_at: datetime, now: datetime, zone: tzinfo) -> float:
    """What one play says: more when recent, and when at such an hour on such a day."""
    days = max((now - played_at).total_seconds(), 0.0) / 86_400
    then, today = played_at.astimezone(zone), now.astimezone(zone)
    apart = abs((then.hour + then.minute / 60) - (today.hour + today.minute / 60))
    nearness = max(0.0, 1 - min(apart, 24 - apart) / 4)
    same_kind = (then.weekday() >= 5) == (today.weekday() >= 5)
    lift = 1 + HOUR_LIFT * nearness + (WEEKDAY_LIFT if same_kind else 0.0)
    return float(0.5 ** (days / PLAY_HALF_LIFE_DAYS)) * lift


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
    """Each part as its logarithm: the hundredth play says less than the first."""
    return {
        part: round(math.copysign(math.log1p(abs(weight)), weight), 9)
        for part, weight in sorted(parts.items())
    }


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


def _within(moment: time, start: time, end: time) -> bool:
    if start <= end:
        return start <= moment < end
    return moment >= start or moment < end
