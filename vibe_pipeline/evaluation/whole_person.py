"""Whether the whole person is in a list of thirty: whose part it is as told, and how it is tagged.

A list that leans on one of a person's artists, or on one kind of their music, may hit as often and
still not be theirs. Whether it hits is ``evaluation.report``'s.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from vibe_pipeline.evaluation.listener import number_of
from vibe_pipeline.evaluation.neighbours import NeighbourIndex
from vibe_pipeline.ranking.evidence import blended
from vibe_pipeline.ranking.tag_profile import tag_shares
from vibe_pipeline.records import Ranked

LONG = 30
OPENING = 10
A_THIRD = 1 / 3
LONG_LISTS = 120
"""So many people's long lists are made in a split, drawn by its number; they take the time."""
_DRAWS = 20
_SMOOTHED = 0.01
"""So much of the taste is mixed into the list's tags, so that one it lacks costs no infinity."""

Shares = Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LongList:
    """One list of thirty as somebody with this evidence, in this split, is told it.

    ``top_seed`` and ``opening_seed``: the largest part of the list, and of its first ten tracks,
    that one seed is named for. ``divergence``: of its tags from the person's; ``own``: the same of
    as many of their own artists, drawn by weight. Both are NaN where no tags are known.
    """

    evidence: str
    split: int
    user: str
    top_seed: float
    opening_seed: float
    divergence: float
    own: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wholeness:
    """Means over the long lists made with one evidence; ``lists`` is how many there were.

    ``divergence`` is the median of lists' beside that of their people's own artists, and
    ``mean_divergence`` the mean of the ones beside the mean of the others; ``above_a_third`` is the
    share of lists of which one seed has more than that.
    """

    evidence: str
    lists: int
    top_seed: float
    above_a_third: float
    opening_seed: float
    divergence: float
    mean_divergence: float

    @classmethod
    def of_each(cls, lists: Sequence[LongList]) -> tuple[Self, ...]:
        """One for each evidence, in the order in which they come."""
        rows = pd.DataFrame(lists)
        return tuple(
            cls(
                evidence=str(evidence),
                lists=len(some),
                top_seed=float(some["top_seed"].mean()),
                above_a_third=float((some["top_seed"] > A_THIRD).mean()),
                opening_seed=float(some["opening_seed"].mean()),
                divergence=float((some["divergence"] / some["own"]).median()),
                mean_divergence=float(some["divergence"].mean() / some["own"].mean()),
            )
            for evidence, some in (rows.groupby("evidence", sort=False) if lists else ())
        )

    def as_record(self) -> dict[str, Any]:
        """What ``--json`` tells of one evidence under ``whole_person``."""
        return {name: value for name, value in asdict(self).items() if name != "evidence"}

    def line(self) -> str:
        """The same as text."""
        return (
            f"{'lists of 30, ' + self.evidence:24s}{self.lists:6d} lists"
            f"  one seed's part {self.top_seed:.3f}, above a third {self.above_a_third:.1%}"
            f"  of the first ten {self.opening_seed:.3f}"
            f"  tags stray {self.divergence:.2f}x own draws (mean {self.mean_divergence:.2f}x)"
        )


class Tastes:
    """The tags of a split's people and artists, by how often people gave them."""

    def __init__(self, crowd: NeighbourIndex) -> None:
        self._crowd = crowd
        self._shares = [tag_shares(bag) for bag in crowd.data.taggings.counts]

    def long_list(self, evidence: str, split: int, user: int, told: Sequence[Ranked]) -> LongList:
        """What this list is to this user."""
        taste = self._blended(self._crowd.known[user].tolist(), self._crowd.weight[user].tolist())
        artists = [number_of(entry.candidate.artist) for entry in told]
        seeds = [entry.seed for entry in told]
        return LongList(
            evidence=evidence,
            split=split,
            user=self._crowd.data.users[user],
            top_seed=largest_part(seeds),
            opening_seed=largest_part(seeds[:OPENING]),
            divergence=divergence(taste, self._blended(artists, [1.0] * len(artists))),
            own=self._own(user, taste, split),
        )

    def _own(self, user: int, taste: Shares, split: int) -> float:
        """The mean divergence of thirty of the person's own artists, drawn by their weights."""
        known, weight = self._crowd.known[user], self._crowd.weight[user]
        rng = np.random.default_rng([split, user])
        drawn = rng.choice(known, size=(_DRAWS, LONG), p=weight / weight.sum())
        lists = (self._blended(some.tolist(), [1.0] * LONG) for some in drawn)
        return math.fsum(divergence(taste, one) for one in lists) / _DRAWS

    def _blended(self, artists: Sequence[int], weights: Sequence[float]) -> dict[int, float]:
        bags = ((weight, self._shares[one]) for one, weight in zip(artists, weights, strict=True))
        return tag_shares(blended(bags))


def largest_part(seeds: Sequence[str]) -> float:
    """What part of these is the one that is most often among them; 0 of none."""
    return max(Counter(seeds).values()) / len(seeds) if seeds else 0.0


def divergence(taste: Shares, listed: Shares) -> float:
    """KL(taste || listed) in nats (Steck 2018, "Calibrated Recommendations"), smoothed as there.

    NaN where the taste has no tags.
    """
    if not taste:
        return math.nan
    return math.fsum(
        share * math.log(share / ((1 - _SMOOTHED) * listed.get(tag, 0.0) + _SMOOTHED * share))
        for tag, share in taste.items()
    )
