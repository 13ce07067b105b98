"""How fast plays stop telling of tomorrow: a forgetting curve for each person.

A play fades by a power of its age, as in the base-level activation of ACT-R
(``ranking.activation``, with its sources). Unlike a half-life it lets yesterday stand out and still
remembers what was played often for months. The exponent says how fast a person's taste moves, and
is chosen on their own past days.

The choice of a curve only: what a play's weight is added to is ``seed_profile``'s.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

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
        gains = _gains(_days(plays, now))
        days = len(gains[USUAL_EXPONENT])
        if days < DAYS_NEEDED:
            return cls(days=days)
        sure = {exponent: _lower_bound(gained) for exponent, gained in gains.items()}
        return cls(exponent=max(EXPONENTS, key=lambda one: (sure[one], -one)), days=days)


def _days(plays: Sequence[Play], now: datetime) -> Mapping[int, Counter[str]]:
    """Plays by artist for each stretch of 24 hours, counted back from now."""
    days: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for play in plays:
        day = int((now - play.played_at).total_seconds() // (_DAY_HOURS * 3600))
        if 0 <= day < DAYS_FORETOLD + DAYS_OF_MEMORY:
            days[day][artist_key(play.track.artist)] += 1
    return dict(sorted(days.items()))


def _gains(days: Mapping[int, Counter[str]]) -> dict[float, list[float]]:
    """By exponent, for each day: how much better it foretold the day than the usual one did."""
    gains: dict[float, list[float]] = {exponent: [] for exponent in EXPONENTS}
    for place, (day, played) in enumerate(days.items()):
        before = [
            (other - day - 0.5, plays) for other, plays in islice(days.items(), place + 1, None)
        ]
        if day >= DAYS_FORETOLD or not before:
            break
        usual = _foretold(played, before, USUAL_EXPONENT)
        for exponent in EXPONENTS:
            gains[exponent].append(_foretold(played, before, exponent) - usual)
    return gains


def _foretold(
    played: Counter[str], before: Sequence[tuple[float, Counter[str]]], exponent: float
) -> float:
    """The mean logarithm of the shares that a curve gives to what was played."""
    decay = power_law(exponent)
    weights: dict[str, float] = defaultdict(float)
    for age, plays in before:
        each = decay(age * _DAY_HOURS)
        for artist, times in plays.items():
            weights[artist] += each * times
    total = math.fsum(weights.values())
    unheard = UNHEARD_SHARE / (len(weights) + len(played))
    told = (
        times * math.log((1 - UNHEARD_SHARE) * weights.get(artist, 0.0) / total + unheard)
        for artist, times in sorted(played.items())
    )
    return math.fsum(told) / played.total()


def _lower_bound(gains: Sequence[float]) -> float:
    """The mean less its standard error."""
    mean = math.fsum(gains) / len(gains)
    variance = math.fsum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1)
    return mean - math.sqrt(variance / len(gains))
