"""Who is served: recall and nDCG by how mainstream people's taste is and how much is known of it.

Mainstream is whose own artists many know: the mean over a person's known (training) artists of how
many people listen to them, in the same split. Subgroup fairness of one policy; comparing policies
and their means over everybody is ``evaluation.report``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

QUARTERS = ("niche", "rather niche", "rather mainstream", "mainstream")
LIBRARY_SIZES = (1, 3, 10, 30)
"""So many of their strongest artists are seeds; the others are known, so never offered as new."""
EVERYTHING = "all"


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
    """One policy's figures by quarter of listeners and by library size."""

    quarters: tuple[GroupFigures, ...]
    library: tuple[GroupFigures, ...]

    @classmethod
    def of(cls, lists: pd.DataFrame, judged: str, by_size: Mapping[int, str]) -> Served:
        """``lists`` has ``contender split user level recall ndcg``, a row per list.

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
            "library": [asdict(one) for one in self.library],
            "niche_beside_mainstream": self.niche_beside_mainstream,
        }

    def lines(self) -> list[str]:
        """The same as text, a line for each group."""
        told = [_line(one) for one in self.quarters]
        beside = self.niche_beside_mainstream
        if beside is not None:
            told.append(f"niche quarter's recall beside the mainstream quarter's: {beside:.3f}")
        return told + [_line(one, "seeds: ") for one in self.library]


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
