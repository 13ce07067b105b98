"""Two ranking policies compared on what became of their tracks: who gets which, and the verdict.

Pure, and the same for simulated nights and for real use. A person keeps a policy for a block of
days; every round of blocks holds each policy once, in an order drawn by hash. So a person's rounds
are pairs, and what differs between people or seasons does not enter the comparison.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from vibe_pipeline.ranking.policy import DEFAULT, POLICIES, Policy

BLOCK_DAYS = 7
"""So long a person keeps a policy: long enough to get used to it."""
LEAST_PAIRS = 8
"""Of fewer pairs no interval over pairs can be trusted."""
LEAST_OFFERED = 200
"""So many tracks each policy must have offered before anything is said."""
CLOSE = 0.02
"""A difference of two in a hundred tracks is none that anybody notices."""
RESAMPLES = 2000
RIPE_DAYS = 3
"""So many days people have with a list before it counts."""


class Preference(StrEnum):
    """What a comparison came to."""

    FIRST_BETTER = "first_better"
    SECOND_BETTER = "second_better"
    ALIKE = "alike"
    NOT_ENOUGH = "not_enough_evidence_yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one policy offered in one unit, and how much of it was accepted.

    A unit is what both policies are tried on: a listener, or a person's round of days.
    """

    unit: str
    policy: str
    offered: int
    accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedList:
    """A real person's list: the policy that made it, and what became of its new tracks."""

    user_id: str
    vibe_date: date
    policy: str
    offered: int
    liked: int
    replayed: int
    skipped: int

    @property
    def accepted(self) -> int:
        """The new tracks that were liked or played later."""
        return self.liked + self.replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVerdict:
    """The difference of two acceptance rates, first less second, with its 95 % interval."""

    answer: Preference
    first: str
    second: str
    first_rate: float
    second_rate: float
    difference: float
    low: float
    high: float
    pairs: int
    offered: int

    @property
    def sentence(self) -> str:
        """The verdict in words, for the operator."""
        rates = f"{self.first} {self.first_rate:.1%}, {self.second} {self.second_rate:.1%} accepted"
        interval = (
            f"difference {100 * self.difference:+.1f} points, 95 % interval"
            f" [{100 * self.low:+.1f}, {100 * self.high:+.1f}] over {self.pairs} pairs"
        )
        return f"{_IN_WORDS[self.answer].format(self=self)}: {rates}; {interval}."


_IN_WORDS: Mapping[Preference, str] = {
    Preference.FIRST_BETTER: "{self.first} is better than {self.second}",
    Preference.SECOND_BETTER: "{self.second} is better than {self.first}",
    Preference.ALIKE: "{self.first} and {self.second} are as good as each other",
    Preference.NOT_ENOUGH: "Not enough evidence yet",
}


def assigned_policy(
    user_id: str, vibe_date: date, policies: Sequence[str], *, block_days: int = BLOCK_DAYS
) -> str:
    """The policy a person's list of this day is made with; always the same for the same day.

    Blocks begin on the same days for everybody; the order within a round differs by person.
    """
    if not policies:
        raise ValueError("there is no policy to assign")
    names = sorted(set(policies))
    block = vibe_date.toordinal() // block_days
    turn, position = divmod(block, len(names))
    order = sorted(names, key=lambda name: (_digest(user_id, turn, name), name))
    return order[position]


def policy_on(user_id: str, vibe_date: date, compared: Sequence[str] | None) -> Policy:
    """The policy of a person's list of this day: one of those compared, else the default."""
    return POLICIES[assigned_policy(user_id, vibe_date, compared)] if compared else DEFAULT


def unit_of(
    user_id: str, vibe_date: date, policies: Sequence[str], *, block_days: int = BLOCK_DAYS
) -> str:
    """The round of blocks a day belongs to: what is compared with itself."""
    turn = vibe_date.toordinal() // block_days // max(1, len(set(policies)))
    return f"{user_id} {turn}"


def lists_compared(lists: Iterable[ComparedList], policies: Sequence[str]) -> list[ComparedList]:
    """The lists made with the policy that was the person's on that day.

    Others were made before the comparison, or by hand.
    """
    return [
        one for one in lists if one.policy == assigned_policy(one.user_id, one.vibe_date, policies)
    ]


def tallies(lists: Iterable[ComparedList], policies: Sequence[str]) -> list[Tally]:
    """Real lists as what is compared: a person's round of days is a unit."""
    return [
        Tally(
            unit=unit_of(one.user_id, one.vibe_date, policies),
            policy=one.policy,
            offered=one.offered,
            accepted=one.accepted,
        )
        for one in lists
    ]


def verdict(tallies: Iterable[Tally], first: str, second: str, *, seed: int = 0) -> PolicyVerdict:
    """Whether ``first`` is accepted more than ``second``, by the units that have both.

    The interval is a paired bootstrap over units. Few pairs or few tracks, or an interval that
    holds zero and is wide, are not enough evidence, whichever is ahead.
    """
    pairs = _paired(tallies, first, second)
    offered = min(sum(one.offered for one, _ in pairs), sum(other.offered for _, other in pairs))
    first_rate, second_rate = _rates(pairs)
    low, high = _interval(pairs, seed)
    return PolicyVerdict(
        answer=_answer(low, high, len(pairs), offered),
        first=first,
        second=second,
        first_rate=first_rate,
        second_rate=second_rate,
        difference=first_rate - second_rate,
        low=low,
        high=high,
        pairs=len(pairs),
        offered=offered,
    )


_Pair = tuple[Tally, Tally]


def _paired(tallies: Iterable[Tally], first: str, second: str) -> list[_Pair]:
    """The units in which both offered something, in a fixed order."""
    sums: dict[tuple[str, str], list[int]] = {}
    for tally in tallies:
        total = sums.setdefault((tally.unit, tally.policy), [0, 0])
        total[0] += tally.offered
        total[1] += tally.accepted
    pairs = []
    for unit in sorted({unit for unit, _ in sums}):
        one, other = sums.get((unit, first), [0, 0]), sums.get((unit, second), [0, 0])
        if one[0] and other[0]:
            pairs.append(
                (
                    Tally(unit=unit, policy=first, offered=one[0], accepted=one[1]),
                    Tally(unit=unit, policy=second, offered=other[0], accepted=other[1]),
                )
            )
    return pairs


def _rates(pairs: Sequence[_Pair]) -> tuple[float, float]:
    one = sum(first.accepted for first, _ in pairs), sum(first.offered for first, _ in pairs)
    other = sum(second.accepted for _, second in pairs), sum(s.offered for _, s in pairs)
    return one[0] / max(one[1], 1), other[0] / max(other[1], 1)


def _interval(pairs: Sequence[_Pair], seed: int) -> tuple[float, float]:
    """The middle 95 % of the differences among resampled units; everything when there is none."""
    if not pairs:
        return -1.0, 1.0
    rng = random.Random(seed)
    differences = []
    for _ in range(RESAMPLES):
        one, other = _rates(rng.choices(pairs, k=len(pairs)))
        differences.append(one - other)
    differences.sort()
    return differences[int(0.025 * RESAMPLES)], differences[int(0.975 * RESAMPLES) - 1]


def _answer(low: float, high: float, pairs: int, offered: int) -> Preference:
    if pairs < LEAST_PAIRS or offered < LEAST_OFFERED:
        return Preference.NOT_ENOUGH
    if low > 0:
        return Preference.FIRST_BETTER
    if high < 0:
        return Preference.SECOND_BETTER
    return Preference.ALIKE if low >= -CLOSE and high <= CLOSE else Preference.NOT_ENOUGH


def _digest(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
