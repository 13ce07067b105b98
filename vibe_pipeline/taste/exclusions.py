"""Listening that says nothing about taste: artists, hours and stretches of days left out.

What is left out seeds nothing. It still counts as known and as liked, so that it is never offered
as new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any, Self

from vibe_pipeline.accounts.records import Account, Exclusion, ExclusionKind
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.records import LikedTrack, Play

Hours = tuple[time, time]
Dates = tuple[date, date]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionRules:
    """What a person left out, on their own clock.

    Hours go from the first up to before the second and may pass midnight; dates are inclusive.
    """

    artists: frozenset[str] = frozenset()
    hours: tuple[Hours, ...] = ()
    dates: tuple[Dates, ...] = ()
    zone: tzinfo = UTC

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]], zone: tzinfo) -> Self:
        """Out of exclusions as they are kept with an edition's inputs."""
        keys: dict[str, list[str]] = {}
        for one in rows:
            keys.setdefault(str(one["kind"]), []).append(str(one["key"]))
        return cls(
            artists=frozenset(keys.get(ExclusionKind.ARTIST, ())),
            hours=tuple(hours_of(key) for key in sorted(keys.get(ExclusionKind.HOURS, ()))),
            dates=tuple(dates_of(key) for key in sorted(keys.get(ExclusionKind.DATES, ()))),
            zone=zone,
        )

    def why(self, moment: datetime, artist: str) -> str | None:
        """What leaves this moment with this artist (a key) out, such as ``hours 22:00-07:00``."""
        if artist in self.artists:
            return f"{ExclusionKind.ARTIST} {artist}"
        if not self.hours and not self.dates:
            return None
        local = self._local(moment)
        for dates in self.dates:
            if dates[0] <= local.date() <= dates[1]:
                return f"{ExclusionKind.DATES} {dates_key(*dates)}"
        for hours in self.hours:
            if _within(local.time(), *hours):
                return f"{ExclusionKind.HOURS} {hours_key(*hours)}"
        return None

    def _local(self, moment: datetime) -> datetime:
        """The hour where the person lives; at the edge of the calendar other zones have none."""
        try:
            return moment.astimezone(self.zone)
        except OverflowError:
            return moment

    def why_play(self, play: Play) -> str | None:
        """What leaves a play out."""
        return self.why(play.played_at, artist_key(play.track.artist))

    def why_like(self, like: LikedTrack) -> str | None:
        """What leaves a like out: its artist, or the moment it was given."""
        return self.why(like.added_at, artist_key(like.track.artist))

    def excluded_likes(self, likes: Iterable[LikedTrack]) -> frozenset[str]:
        """The Spotify ids of those likes that are left out."""
        return frozenset(like.track.spotify_id for like in likes if self.why_like(like) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExclusionCounts:
    """How much was left out, and by what."""

    plays: Counter[str]
    likes: Counter[str]

    @classmethod
    def by(
        cls, hygiene: ExclusionRules, plays: Iterable[Play], likes: Iterable[LikedTrack]
    ) -> Self:
        """Each play and like counted under the first thing that leaves it out."""
        found_plays = (hygiene.why_play(play) for play in plays)
        found_likes = (hygiene.why_like(like) for like in likes)
        return cls(
            plays=Counter(why for why in found_plays if why is not None),
            likes=Counter(why for why in found_likes if why is not None),
        )


def exclusion_rules_of(store: AccountStore, account: Account) -> ExclusionRules:
    """What the person left out, on their clock."""
    exclusions = exclusions_kept(store.exclusions.list(account.user_id))
    return ExclusionRules.of(exclusions, account.zone)


def exclusions_kept(exclusions: Iterable[Exclusion]) -> list[dict[str, Any]]:
    """Exclusions as they are kept with an edition's inputs, in a fixed order.

    An artist's key of an earlier build stands beside the one that the name has today.
    """
    keys = {
        (str(one.kind), key)
        for one in exclusions
        for key in (one.key, artist_key(one.name) if one.kind is ExclusionKind.ARTIST else one.key)
    }
    return [{"kind": kind, "key": key} for kind, key in sorted(keys)]


def informative_shares(plays: Iterable[Play], telling: Iterable[Play]) -> dict[str, float]:
    """For each artist that was played: the share of their plays that tell something of taste.

    Spotify's top items do not say when or why they were played; this is how much of them counts.
    """
    all_plays = Counter(artist_key(play.track.artist) for play in plays)
    count = Counter(artist_key(play.track.artist) for play in telling)
    return {artist: count[artist] / every for artist, every in all_plays.items()}


def hours_key(start: time, end: time) -> str:
    """An hour range by name: ``22:00-07:00``."""
    return f"{start:%H:%M}-{end:%H:%M}"


def hours_of(key: str) -> Hours:
    """The hour range of this name."""
    start, _, end = key.partition("-")
    return time.fromisoformat(start), time.fromisoformat(end)


def dates_key(first: date, last: date) -> str:
    """A stretch of days by name: ``2026-11-01..2026-11-14``."""
    return f"{first.isoformat()}..{last.isoformat()}"


def dates_of(key: str) -> Dates:
    """The stretch of days of this name."""
    first, _, last = key.partition("..")
    return date.fromisoformat(first), date.fromisoformat(last)


def _within(moment: time, start: time, end: time) -> bool:
    if start <= end:
        return start <= moment < end
    return moment >= start or moment < end
