"""How fast plays stop telling of tomorrow: a forgetting curve for each person.

A play fades by a power of its age, as in the base-level activation of ACT-R
(``ranking.activation``, with its sources). Unlike a half-life it lets yesterday stand out and still
remembers what was played often for months. The exponent says how fast a person's taste moves, and
is chosen on their own past days.

The choice of a curve only: what a play's weight is added to is ``seed_profile``'s.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from vibe_pipeline.ranking.activation import Decay, power_law
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.records import Play

USUAL_EXPONENT = 1.0
"""For whom too little is known: between what memory has (0.5) and listening to music (1.5)."""
EXPONENTS = (0.5, 0.7, USUAL_EXPONENT, 1.2, 1.5)
DAYS_FORETOLD = 30
DAYS_NEEDED = 7
"""On fewer days with plays no difference between two curves is worth believing."""
DAYS_OF_MEMORY = 120
UNHEARD_SHARE = 0.1
"""What each curve leaves for artists never heard before."""
_DAY_HOURS = 24.0


def half_life(days: float) -> Decay:
    """Fading by half every so many days, for comparison with ``power_law``."""
    return lambda hours: float(0.5 ** (max(hours, 0.0) / (_DAY_HOURS * days)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalDecay:
    """The exponent that foretells a person's days best, and on how many days it was tried."""

    exponent: float = USUAL_EXPONENT
    days: int = 0

    @classmethod
    def of(cls, plays: Sequence[Play], now: datetime) -> PersonalDecay:
        """Chosen by foretelling each of the last thirty days from the days before it.

        The measure is the mean logarithm of the share given to what was then played. Another
        exponent than the usual one is taken only if its gain, less one standard error, is above
        zero: the fewer and the more uneven the days, the nearer to what holds for everybody.
        """
        gains = _History.of(plays, now).gains()
        days = len(gains[USUAL_EXPONENT])
        if days < DAYS_NEEDED:
            return cls(days=days)
        sure = {exponent: _lower_bound(gained) for exponent, gained in gains.items()}
        best = max(EXPONENTS, key=lambda one: (sure[one], one == USUAL_EXPONENT))
        return cls(exponent=best, days=days)


@dataclass(frozen=True, slots=True, kw_only=True)
class _History:
    """Plays by stretches of 24 hours, counted back from now: for each day, and for each artist.

    ``first_days`` are the days on which artists were first heard, the latest first.
    """

    days: Mapping[int, Counter[str]]
    artists: Mapping[str, Counter[int]]
    first_days: Sequence[int]

    @classmethod
    def of(cls, plays: Iterable[Play], now: datetime) -> _History:
        """As far back as the oldest day to be foretold remembers."""
        days: defaultdict[int, Counter[str]] = defaultdict(Counter)
        artists: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for play in plays:
            day = int((now - play.played_at).total_seconds() // (_DAY_HOURS * 3600))
            if 0 <= day < DAYS_FORETOLD + DAYS_OF_MEMORY:
                artist = artist_key(play.track.artist)
                days[day][artist] += 1
                artists[artist][day] += 1
        return cls(
            days=dict(sorted(days.items())),
            artists=artists,
            first_days=sorted(max(heard) for heard in artists.values()),
        )

    def gains(self) -> dict[float, list[float]]:
        """By exponent, for each day: how much better it foretold the day than the usual did."""
        told = {exponent: self._foretold(exponent) for exponent in EXPONENTS}
        usual = told[USUAL_EXPONENT]
        return {
            exponent: [one - other for one, other in zip(days, usual, strict=True)]
            for exponent, days in told.items()
        }

    def _foretold(self, exponent: float) -> list[float]:
        """For each day: the mean logarithm of the shares the curve gives to what was played."""
        decay = power_law(exponent)
        fading = [decay((age - 0.5) * _DAY_HOURS) for age in range(DAYS_FORETOLD + DAYS_OF_MEMORY)]
        oldest = max(self.days, default=0)
        return [
            self._shares(day, played, fading)
            for day, played in self.days.items()
            if day < min(DAYS_FORETOLD, oldest)
        ]

    def _shares(self, day: int, played: Counter[str], fading: Sequence[float]) -> float:
        total = math.fsum(
            fading[other - day] * plays.total() for other, plays in self.days.items() if other > day
        )
        heard = len(self.first_days) - bisect_right(self.first_days, day)
        unheard = UNHEARD_SHARE / (heard + len(played))
        told = []
        for artist, times in played.items():
            before = self.artists[artist].items()
            weight = math.fsum(fading[other - day] * n for other, n in before if other > day)
            told.append(times * math.log((1 - UNHEARD_SHARE) * weight / total + unheard))
        return math.fsum(told) / played.total()


def _lower_bound(gains: Sequence[float]) -> float:
    """The mean less its standard error, to digits that no order of summing changes."""
    mean = math.fsum(gains) / len(gains)
    variance = math.fsum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1)
    return round(mean - math.sqrt(variance / len(gains)), 9)
