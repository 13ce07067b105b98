"""The seed profile: whom and what a person leans to now, and why.

A weight is a sum of parts, each between ``-BOUND`` and ``BOUND``, over the largest such sum:

``plays``    every play, fading as fast as this person's taste moves: recency and repetition
``likes``    every like, fading to a fifth of itself over the months
``top``      places among Spotify's top items, as far as they are not of left-out listening
``thumbs``   up or down; the only part that may be negative
``chosen``   the person named the artist to start from; the more they play and like, the less
``years``    what a history they gave us says of years long past; the more they play now, the less

Each part is the logarithm of its sum, for the hundredth play says less than the first. What is
blocked or left out on purpose does not count, nor what was played from a list of ours, nor what
names nobody (``Various Artists``).

The hour of the day and the day of the week have no part: a list is made in the morning and heard
whenever, and on real listening neither foretold the next day any better.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from vibe_pipeline.ranking.activation import Decay, power_law
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
from vibe_pipeline.taste.free_choice import is_free_choice
from vibe_pipeline.taste.play_decay import USUAL_EXPONENT, PersonalDecay, half_life

PLAY_HALF_LIFE_DAYS = 10.0
"""By which it is told how much all plays together say, beside likes and top items."""
LIKE_HALF_LIFE_DAYS = 120.0
LIKE_WEIGHT = 1.0
TOP_WEIGHTS: Mapping[str, float] = {"short_term": 1.5, "medium_term": 1.0, "long_term": 0.6}
THUMB_WEIGHT = 3.0
"""One thumb down outweighs a play or a like, not a habit."""
CHOSEN_WEIGHT = 6.0
"""An artist named to start from, while nothing is heard or liked: as much as six likes of today."""
CHOSEN_GIVES_WAY = 15.0
"""With each so many plays and likes what was named to start from counts half as much."""
CHOSEN_IS_OVER = 0.05
"""What would count for less than this counts for nothing."""
LONG_AGO = timedelta(days=120)
"""What is older than this is past: ``plays`` hardly tells of it, ``years`` does."""
YEARS_GIVE_WAY = 25.0
"""With each so many plays of the last 120 days what is past counts half as much."""
YEARS_ARE_OVER = 0.05
"""A share below this is none: from 109 plays on, what a person does now says enough."""
YEARS_HALF_LIFE_DAYS = 3 * 365.0
MOST_RECORDINGS = 400
"""Of so many recordings, those played most in all the years, every play that is past counts."""
MOST_PER_ARTIST = 3
"""So many seed tracks of one artist at most, so that one album does not fill the profile."""
BOUND = 4.0
"""No part says more than this, however much was heard: about fifty plays on one day."""
MOST_PLAYS = 10 * math.expm1(BOUND)
"""All plays together count no more than this, lest ten artists reach the bound and be equals."""
PARTS = ("plays", "likes", "top", "thumbs", "chosen", "years")
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
    own_lists: frozenset[str] = frozenset(),
    chosen: Sequence[ChosenSeed] = (),
    past: Sequence[PastPlays] = (),
    decay: Decay | None = None,
    now: datetime,
    artists: int = 60,
    tracks: int = 40,
) -> SeedProfile:
    """The strongest artists and tracks; the strongest of each has weight 1.

    ``hygiene`` brings the clock on which its hours and dates are read. ``own_lists`` are our
    playlists, by Spotify id: what was played from them says nothing. ``chosen`` are the artists
    that the person named to start from, ``past`` the recordings they played long ago, the most
    played first. ``decay`` is by how much plays fade; the person's own past
    tells it where it is not given.
    """
    hygiene = hygiene or ExclusionRules()
    tally = _Tally(barred=blocked_artists | hygiene.artists, blocked=blocked_tracks)
    heard = telling_plays(plays, hygiene, own_lists)
    heard.sort(key=lambda play: (play.played_at, play.track.spotify_id), reverse=True)
    own = PersonalDecay.of(heard, now).exponent if heard and decay is None else None
    weights = play_weights(heard, now, decay or power_law(own or USUAL_EXPONENT))
    for play, weight in zip(heard, weights, strict=True):
        tally.add(_Spelling.of(play.track), "plays", weight)
    for like in sorted(likes, key=lambda k: (k.added_at, k.track.spotify_id), reverse=True):
        if hygiene.why_like(like) is None:
            weight = LIKE_WEIGHT * _faded(like.added_at, now)
            tally.add(_Spelling.of(like.track), "likes", weight)
    telling = informative_shares(plays, heard)
    for item in sorted(top, key=lambda t: (t.time_range, t.kind, t.rank, t.spotify_id)):
        weight = TOP_WEIGHTS.get(item.time_range, 1.0) / math.sqrt(max(item.rank, 1))
        weight *= telling.get(artist_key(item.artist), 1.0)
        if weight > 0:
            tally.add(_Spelling.of_top(item), "top", weight)
    weight = chosen_weight(heard=len(heard), liked=len(likes))
    for artist in chosen if weight else ():
        tally.add(
            _Spelling(artist=artist.name, title=None, artist_id=artist.spotify_id), "chosen", weight
        )
    years = _Years.of(past, hygiene, share=share_of_the_past(heard, now) if past else 0, now=now)
    for one, weight in years.weights:
        tally.add(_Spelling.of_past(one), "years", weight)
    _add_thumbs(tally.of_tracks, thumbs or {})
    _add_thumbs(tally.of_artists, artist_thumbs or {})
    return SeedProfile(
        artists=tuple(_artists(tally.of_artists, tally.spelled, artists, years.best)),
        tracks=tuple(_tracks(tally.of_tracks, tally.spelled, tracks, years.best)),
        play_decay=own,
    )


class ChosenSeed(Protocol):
    """An artist whom the person named."""

    @property
    def name(self) -> str: ...
    @property
    def spotify_id(self) -> str | None: ...


class PastPlays(Protocol):
    """A recording and when, in Unix seconds, it was played how many ``times``, all long ago."""

    @property
    def artist(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def spotify_id(self) -> str | None: ...
    @property
    def seconds(self) -> Sequence[int]: ...
    @property
    def times(self) -> Sequence[int]: ...


def share_of_the_past(telling: Iterable[Play], now: datetime) -> float:
    """How far years long past may speak, 0 to 1: fully where nothing was played lately."""
    lately = sum(play.played_at >= now - LONG_AGO for play in telling)
    share = 0.5 ** (lately / YEARS_GIVE_WAY)
    return float(share) if share >= YEARS_ARE_OVER else 0.0


def chosen_weight(*, heard: int, liked: int) -> float:
    """What an artist named to start from says, beside so many plays and likes."""
    weight = CHOSEN_WEIGHT * 0.5 ** ((heard + liked) / CHOSEN_GIVES_WAY)
    return weight if weight >= CHOSEN_IS_OVER else 0.0


def play_weights(plays: Sequence[Play], now: datetime, decay: Decay) -> list[float]:
    """What each play says; the decay shares out among them what all of them say together.

    Together they say as much as plays that are halved with every ten days, so that a taste that
    moves fast is no weaker beside likes than one that stays.
    """
    hours = [max((now - play.played_at).total_seconds(), 0.0) / 3600 for play in plays]
    shares = [decay(age) for age in hours]
    fading = half_life(PLAY_HALF_LIFE_DAYS)
    together = min(MOST_PLAYS, math.fsum(map(fading, hours)))
    total = math.fsum(shares) or 1.0
    return [together * share / total for share in shares]


def telling_plays(
    plays: Iterable[Play], hygiene: ExclusionRules, own_lists: frozenset[str] = frozenset()
) -> list[Play]:
    """The plays that say something of taste: freely chosen, and not left out on purpose."""
    free = (play for play in plays if is_free_choice(play, own_lists))
    return [play for play in free if hygiene.why_play(play) is None]


def times_played(plays: Iterable[Play]) -> Counter[str]:
    """How often each artist and each recording was played, by key."""
    counted: Counter[str] = Counter()
    for play in plays:
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
    def of_chosen(cls, artist: ChosenSeed) -> _Spelling:
        return cls(artist=artist.name, title=None, artist_id=artist.spotify_id)

    @classmethod
    def of_past(cls, one: PastPlays) -> _Spelling:
        return cls(artist=one.artist, title=one.title, track_id=one.spotify_id)

    @classmethod
    def of_top(cls, item: TopItem) -> _Spelling:
        if item.kind == "artist":
            return cls(artist=item.name, title=None, artist_id=item.spotify_id)
        return cls(artist=item.artist, title=item.name, track_id=item.spotify_id, isrc=item.isrc)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Years:
    """What each recording of the past says, and the best year by artist key and recording key.

    Together they say no more than all plays together may, and are shared out as those are.
    """

    weights: Sequence[tuple[PastPlays, float]] = ()
    best: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, past: Iterable[PastPlays], hygiene: ExclusionRules, *, share: float, now: datetime
    ) -> _Years:
        if not share:
            return cls()
        fading = half_life(YEARS_HALF_LIFE_DAYS)
        told: list[tuple[PastPlays, float]] = []
        years: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for one in past:
            whose = artist_key(one.artist)
            moments = [datetime.fromtimestamp(second, UTC) for second in one.seconds]
            heard = [
                (moment, times)
                for moment, times in zip(moments, one.times, strict=True)
                if hygiene.why(moment, whose) is None
            ]
            for key in (whose, recording_key(one.artist, one.title)):
                for moment, times in heard:
                    years[key][moment.year] += times
            ages = (((now - moment).total_seconds() / 3600, times) for moment, times in heard)
            told.append((one, math.fsum(fading(age) * times for age, times in ages)))
        total = math.fsum(weight for _, weight in told)
        scale = share * min(MOST_PLAYS, total) / (total or 1.0)
        return cls(
            weights=[(one, weight * scale) for one, weight in told if weight],
            best={key: _best_year(of) for key, of in years.items() if of},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tally:
    """What has been said of each artist and track so far, by part."""

    barred: Collection[str]
    """Keys of artists that nothing is said of, nor of their tracks."""
    blocked: Collection[str]
    """Keys of tracks that count for their artist alone."""
    of_artists: defaultdict[str, dict[str, float]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    of_tracks: defaultdict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    spelled: dict[str, _Spelling] = field(default_factory=dict)

    def add(self, track: _Spelling, part: str, weight: float) -> None:
        whose = artist_key(track.artist)
        if whose in self.barred or not whose or is_placeholder(track.artist):
            return
        self.spelled.setdefault(whose, track)
        _add(self.of_artists[whose], part, weight)
        if track.title is None:
            return
        key = recording_key(track.artist, track.title)
        if key in self.blocked:
            return
        self.spelled.setdefault(key, track)
        _add(self.of_tracks[key], part, weight)


def _add(parts: dict[str, float], part: str, weight: float) -> None:
    parts[part] = parts.get(part, 0.0) + weight


def _add_thumbs(tallied: Mapping[str, dict[str, float]], thumbs: Mapping[str, int]) -> None:
    for key, thumb in sorted(thumbs.items()):
        if key in tallied:
            _add(tallied[key], "thumbs", THUMB_WEIGHT * thumb)


def _faded(added_at: datetime, now: datetime) -> float:
    """Half after the half-life, and never less than a fifth: a like is not taken back by time."""
    days = max((now - added_at).total_seconds(), 0.0) / 86_400
    return 0.2 + 0.8 * float(0.5 ** (days / LIKE_HALF_LIFE_DAYS))


def _damped(parts: Mapping[str, float]) -> dict[str, float]:
    """Each part as its logarithm, within its bound; what says nothing is left away."""
    damped = {part: round(_bounded(parts.get(part, 0.0)), 9) for part in PARTS}
    return {part: amount for part, amount in damped.items() if amount}


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
    weights: Mapping[str, Mapping[str, float]],
    spelled: Mapping[str, _Spelling],
    most: int,
    best_years: Mapping[str, int],
) -> Iterable[SeedArtist]:
    for key, weight, why in _strongest(weights, most):
        yield SeedArtist(
            name=spelled[key].artist,
            key=key,
            weight=weight,
            spotify_id=spelled[key].artist_id,
            why=why,
            loved_in=_loved_in(why, best_years.get(key)),
        )


def _tracks(
    weights: Mapping[str, Mapping[str, float]],
    spelled: Mapping[str, _Spelling],
    most: int,
    best_years: Mapping[str, int],
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
            loved_in=_loved_in(why, best_years.get(key)),
        )


def _best_year(times: Mapping[int, int]) -> int:
    """The year with the most plays; the later of two."""
    return max(times, key=lambda year: (times[year], year))


def _loved_in(why: Mapping[str, float], best_year: int | None) -> int | None:
    """The best year of what the past speaks for louder than anything else does."""
    loudest = max(why, key=lambda part: (why[part], part != "years"), default=None)
    return best_year if loudest == "years" else None
