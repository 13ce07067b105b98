"""Who is served: recall and nDCG by how mainstream people's taste is, its language, and its size.

Mainstream is whose own artists many know: the mean over a person's known (training) artists of how
many people listen to them, in the same split. Subgroup fairness of one policy; comparing policies
and their means over everybody is ``evaluation.report``'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

QUARTERS = ("niche", "rather niche", "rather mainstream", "mainstream")
LIBRARY_SIZES = (1, 3, 10, 30)
"""So many of their strongest artists are seeds; the others are known, so never offered as new."""
EVERYTHING = "all"
OTHER_LANGUAGES = ((0.1, "below .1"), (0.3, ".1 to .3"), (0.5, ".3 to .5"), (math.inf, "above .5"))
"""Groups by what share of a person's known artists sing in other languages than English."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFigures:
    """Means over the lists of a group; ``level`` is how many know one of their artists."""

    group: str
    lists: int
    level: float
    recall: float
    ndcg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One policy's figures by quarter of listeners, by language and by library size."""

    quarters: tuple[GroupFigures, ...]
    languages: tuple[GroupFigures, ...]
    library: tuple[GroupFigures, ...]

    @classmethod
    def of(cls, lists: pd.DataFrame, judged: str, by_size: Mapping[int, str]) -> Served:
        """``lists`` has ``contender split user level elsewhere recall ndcg``, a row per list.

        ``judged`` is the contender that knows everything, ``by_size`` names those that know so
        many artists; whole libraries are told of the people the small ones were tried on.
        """
        whole = lists[lists["contender"] == judged]
        place = whole.groupby("split")["level"].rank(method="first", pct=True)
        quarter = (place * len(QUARTERS)).apply(lambda share: min(int(share - 1e-9), 3))
        small = [
            (str(size), lists[lists["contender"] == name]) for size, name in sorted(by_size.items())
        ]
        tried = pd.concat([some for _, some in small]) if small else lists.iloc[:0]
        both = ["split", "user"]
        same = whole.merge(tried[both].drop_duplicates(), on=both)
        return cls(
            quarters=_of_groups((QUARTERS[at], whole[quarter == at]) for at in range(4)),
            languages=_of_groups(_by_language(whole)),
            library=_of_groups([*small, (EVERYTHING, same)]),
        )

    @property
    def niche_beside_mainstream(self) -> float | None:
        """The niche quarter's recall beside the mainstream quarter's."""
        recall = {one.group: one.recall for one in self.quarters}
        most = recall.get(QUARTERS[-1], 0.0)
        return recall.get(QUARTERS[0], 0.0) / most if most else None

    def as_record(self) -> dict[str, Any]:
        """What ``--json`` tells under ``served``."""
        return {
            "quarters": [asdict(one) for one in self.quarters],
            "languages": [asdict(one) for one in self.languages],
            "library": [asdict(one) for one in self.library],
            "niche_beside_mainstream": self.niche_beside_mainstream,
        }

    def lines(self) -> list[str]:
        """The same as text, a line for each group."""
        told = [_line(one) for one in self.quarters]
        beside = self.niche_beside_mainstream
        if beside is not None:
            told.append(f"niche quarter's recall beside the mainstream quarter's: {beside:.3f}")
        told += [_line(one, "not English: ") for one in self.languages]
        return told + [_line(one, "seeds: ") for one in self.library]


def _by_language(whole: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    low = 0.0
    for high, name in OTHER_LANGUAGES:
        yield name, whole[(whole["elsewhere"] >= low) & (whole["elsewhere"] < high)]
        low = high


def _of_groups(groups: Iterable[tuple[str, pd.DataFrame]]) -> tuple[GroupFigures, ...]:
    return tuple(
        GroupFigures(
            group=name,
            lists=len(some),
            level=float(some["level"].mean()),
            recall=float(some["recall"].mean()),
            ndcg=float(some["ndcg"].mean()),
        )
        for name, some in groups
        if len(some)
    )


def _line(one: GroupFigures, kind: str = "") -> str:
    return (
        f"{kind + one.group:24s}{one.lists:6d} lists  own artists known to {one.level:6.1f}"
        f"  recall {one.recall:.4f}  ndcg {one.ndcg:.4f}"
    )
