"""The protocol: every policy on every split, its figures with intervals, as a table or a record.

Recall, nDCG, novelty, diversity, distinct artists per slot; the gain over the plain sum, paired by
person; the default policy under full evidence and under what is known on some nights. Choosing
parameters by them is ``evaluation.tuning``'s, groups of people are ``evaluation.served``'s, and
what lists of thirty are like ``evaluation.whole_person``'s.
"""

from __future__ import annotations

import gc
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from vibe_pipeline.evaluation.dataset import Floats, ListeningDataset
from vibe_pipeline.evaluation.listener import FULL, Crowd, Evidence, Listener, after
from vibe_pipeline.evaluation.neighbours import NeighbourIndex
from vibe_pipeline.evaluation.served import LIBRARY_SIZES, Served
from vibe_pipeline.evaluation.whole_person import LONG, LONG_LISTS, LongList, Tastes, Wholeness
from vibe_pipeline.ranking.evidence import blended, norm
from vibe_pipeline.ranking.policy import DEFAULT, SIMILAR_SUM, Policy
from vibe_pipeline.records import Pool

LENGTH = 10
DIAL = 40
NIGHTS = (1, 5)
"""The nights whose evidence is always reported beside the full one."""
FIGURES = ("recall", "ndcg", "novelty", "coverage", "diversity", "distinct_per_slot")
SHOWN = ("recall", "ndcg", "novelty", "diversity", "distinct_per_slot")
MEANS = ("recall", "ndcg", "novelty", "diversity")
"""The figures that are means over lists; the others count artists over all lists of a split."""
PAIRED = ("recall", "ndcg")
NIGHT_PEOPLE = 350
"""So many people's nights are played in a split, drawn by its number; they take the time."""
SIZE_PEOPLE = 150
"""So many people's libraries are cut to a few artists in a split."""
FEW_PEOPLE = 60
"""For so few, other processes cost more than they save."""
RESAMPLES = 1000
BASELINE = "similar-sum-10"
POPULARITY = "popularity"

TagBag = Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A policy at a position of the adventure dial, knowing so much, under the table's name.

    With ``seeds`` only so many of a person's artists speak. ``long``: its lists of thirty are
    looked at as well.
    """

    name: str
    policy: Policy
    adventure: int = DIAL
    evidence: Evidence = FULL
    seeds: int | None = None
    long: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMetrics:
    """What one list was worth to one user of one split.

    ``level`` is how many people listen to an artist the user is known to like, on average;
    ``elsewhere`` what share of those artists sing in other languages than English.
    """

    contender: str
    split: int
    user: str
    offered: tuple[int, ...]
    recall: float
    ndcg: float
    novelty: float
    diversity: float
    level: float
    elsewhere: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All outcomes, and what they come to.

    ``judged`` is the contender that is held against the baseline; ``evidence`` names, for what
    was known, the contender that knew it, ``by_size`` those that knew so many artists of a person.
    """

    outcomes: tuple[ListMetrics, ...]
    artists: int
    splits: tuple[int, ...]
    judged: str = DEFAULT.name
    evidence: Mapping[str, str] = field(default_factory=dict)
    by_size: Mapping[int, str] = field(default_factory=dict)
    long_lists: tuple[LongList, ...] = ()

    @property
    def contenders(self) -> list[str]:
        """Their names, in the order they were given, but for those with a part of a library."""
        cut = set(self.by_size.values())
        named = dict.fromkeys(list_metrics.contender for list_metrics in self.outcomes)
        return [name for name in named if name not in cut]

    def served(self) -> Served:
        """The judged contender's figures by groups of people."""
        return Served.of(pd.DataFrame(self.outcomes), self.judged, self.by_size)

    def whole_person(self) -> tuple[Wholeness, ...]:
        """What the lists of thirty are like under each evidence."""
        return Wholeness.of_each(self.long_lists)

    def figures(self, contender: str) -> dict[str, float]:
        """Each figure at ten, averaged over users and then over splits."""
        lists = pd.DataFrame([one for one in self.outcomes if one.contender == contender])
        by_split = lists.groupby("split")
        figures = by_split[list(MEANS)].agg(_exact_mean)
        shown = by_split["offered"].agg(lambda offered: len(set().union(*offered)))
        slots = by_split["offered"].agg(lambda offered: sum(len(one) for one in offered))
        figures["coverage"] = shown / max(self.artists, 1)
        figures["distinct_per_slot"] = shown / slots.clip(lower=1)
        # Added one after the other, not in pairs: figures stay the same to their last digit.
        totals = figures.reindex(list(self.splits), fill_value=0.0)[list(FIGURES)].cumsum()
        return {str(name): total / len(totals) for name, total in totals.iloc[-1].items()}

    def intervals(self, contender: str, *, seed: int = 0) -> dict[str, tuple[float, float]]:
        """95 % bootstrap intervals over users; what is no mean over lists has none."""
        resampled = self._resampled(contender, seed)
        return {
            name: (float(low), float(high))
            for name, (low, high) in (
                (name, np.percentile(values, [2.5, 97.5])) for name, values in resampled.items()
            )
        }

    def paired(self, *, seed: int = 0) -> dict[str, tuple[float, float, float]]:
        """The judged contender's relative gain over the baseline: low, mean, high (95 %).

        The same people are drawn for both, so what makes a person easy or hard cancels out.
        """
        mine, plain = self._resampled(self.judged, seed), self._resampled(BASELINE, seed)
        if not mine or not plain:
            return {}
        figures, base = self.figures(self.judged), self.figures(BASELINE)
        gains = {}
        for name in PAIRED:
            gain = mine[name] / np.where(plain[name] > 0, plain[name], np.nan) - 1
            low, high = np.nanpercentile(gain, [2.5, 97.5])
            mean = figures[name] / base[name] - 1 if base[name] else math.nan
            gains[name] = (float(low), float(mean), float(high))
        return gains

    def users(self) -> int:
        """How many people were evaluated in at least one split."""
        return len({list_metrics.user for list_metrics in self.outcomes})

    def _resampled(self, contender: str, seed: int) -> dict[str, Floats]:
        """Each mean as it comes out when as many people are drawn again and again.

        As the figure itself: averaged over those drawn who are in a split, then over splits.
        """
        lists = pd.DataFrame([one for one in self.outcomes if one.contender == contender])
        people = sorted({list_metrics.user for list_metrics in self.outcomes})
        if lists.empty or not people:
            return {}
        draws = np.random.default_rng(seed).multinomial(
            len(people), [1 / len(people)] * len(people), RESAMPLES
        )
        resampled = {}
        for name in MEANS:
            values = lists.pivot(index="user", columns="split", values=name).reindex(people)
            present = values.notna().to_numpy(dtype=np.float64)
            sums = draws @ values.fillna(0.0).to_numpy()
            counted = draws @ present
            resampled[name] = (sums / np.maximum(counted, 1)).sum(axis=1) / len(self.splits)
        return resampled

    def as_json(self) -> str:
        """One line: every policy's figures, and their intervals beside them."""
        shown = [name for name in self.contenders if name not in set(self.evidence.values())]
        named = dict.fromkeys([self.judged, *shown])
        return json.dumps(
            {
                "policies": {name: self.figures(name) for name in named},
                "intervals": {name: self.intervals(name) for name in named},
                "evidence": {told: self.figures(name) for told, name in self.evidence.items()},
                "paired": {name: list(gain) for name, gain in self.paired().items()},
                "served": self.served().as_record(),
                "whole_person": {one.evidence: one.as_record() for one in self.whole_person()},
                "users": self.users(),
                "splits": list(self.splits),
            }
        )


def evaluate(
    data_dir: Path,
    split_seeds: Sequence[int] = (0, 1, 2),
    users_file: Path | None = None,
    policy: Policy = DEFAULT,
    *,
    dials: Sequence[int] = (),
    nights: Sequence[int] = NIGHTS,
    sizes: Sequence[int] = LIBRARY_SIZES,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """This policy and the baselines on the data of a folder.

    ``dials`` adds the policy at further positions of the adventure dial, ``nights`` with what is
    known on these nights, ``sizes`` with so many artists of each person.
    """
    data = ListeningDataset.read(data_dir)
    only = frozenset(users_file.read_text(encoding="utf-8").split()) if users_file else None
    knowing = {
        evidence.name: Contender(
            name=f"{policy.name} {evidence.name}", policy=policy, evidence=evidence, long=True
        )
        for evidence in (after(night) for night in sorted(set(nights)))
    }
    few = {
        seeds: Contender(name=f"{policy.name} {seeds} seeds", policy=policy, seeds=seeds)
        for seeds in sizes
    }
    contenders = [
        Contender(name=policy.name, policy=policy, long=True),
        *knowing.values(),
        *few.values(),
        *(Contender(name=f"{policy.name} dial {d}", policy=policy, adventure=d) for d in dials),
        Contender(name=BASELINE, policy=SIMILAR_SUM),
    ]
    report = compared(data, split_seeds, contenders, only=only, progress=progress)
    names = {told: contender.name for told, contender in knowing.items()}
    return replace(
        report,
        judged=policy.name,
        evidence={FULL.name: policy.name, **names},
        by_size={seeds: contender.name for seeds, contender in few.items()},
    )


def compared(
    data: ListeningDataset,
    split_seeds: Sequence[int],
    contenders: Sequence[Contender],
    *,
    only: frozenset[str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Every contender and mere popularity on every split, the splits side by side."""
    progress(f"{len(data.users)} users, splits {', '.join(map(str, split_seeds))}")
    workers = os.cpu_count() or 1
    parts = [(split, part, workers) for split in split_seeds for part in range(workers)]
    work = partial(_of_part, data=data, contenders=contenders, only=only)
    people = len(data.users) if only is None else len(only)
    if workers > 1 and people > FEW_PEOPLE:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
            outcomes = list(processes.map(work, parts))
    else:
        outcomes = [work((split, 0, 1)) for split in split_seeds]
    return Report(
        outcomes=tuple(one for some in outcomes for one in some.lists),
        long_lists=tuple(one for some in outcomes for one in some.long_lists),
        artists=len(data.names),
        splits=tuple(split_seeds),
    )


def _of_part(
    part: tuple[int, int, int],
    *,
    data: ListeningDataset,
    contenders: Sequence[Contender],
    only: frozenset[str] | None,
) -> _Outcomes:
    """One part of so many of a split's people; the data stay, so nobody looks through them."""
    split, number, parts = part
    crowd = NeighbourIndex.split(data, split)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    people = crowd.evaluated(only)
    tried = _Tried.drawn(people, split)
    return _outcomes(crowd, split, contenders, people[number::parts], tried)


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """What came out for some people: of every list, and of some long ones."""

    lists: list[ListMetrics] = field(default_factory=list)
    long_lists: list[LongList] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """On whom the contenders are tried that would take too long with everybody."""

    by_night: frozenset[int]
    by_size: frozenset[int]
    at_length: frozenset[int]

    @classmethod
    def drawn(cls, people: Sequence[int], split: int) -> _Tried:
        """By the number of the split, so that every part of it draws the same people."""
        drawn = [people[at] for at in np.random.default_rng(split).permutation(len(people))]
        return cls(
            by_night=frozenset(drawn[:NIGHT_PEOPLE]),
            by_size=frozenset(drawn[:SIZE_PEOPLE]),
            at_length=frozenset(drawn[:LONG_LISTS]),
        )

    def takes(self, contender: Contender, user: int, artists: int) -> bool:
        """Whether this user, of whom so many artists are known, is one to try it on."""
        if contender.seeds is not None:
            return user in self.by_size and contender.seeds < artists
        return contender.evidence.nights is None or user in self.by_night


def _outcomes(
    crowd: NeighbourIndex,
    split: int,
    contenders: Sequence[Contender],
    people: Sequence[int],
    tried: _Tried,
) -> _Outcomes:
    outcomes = _Outcomes()
    tastes = Tastes(crowd)
    famous = np.lexsort((np.arange(len(crowd.listeners)), -crowd.listeners)).tolist()
    lastfm = Crowd(crowd)
    for user in people:
        whole = Listener.of(lastfm, user)
        alike: dict[tuple[Policy, int | None], list[Contender]] = {}
        for contender in contenders:
            if tried.takes(contender, user, len(whole.profile.artists)):
                alike.setdefault((contender.policy, contender.seeds), []).append(contender)
        for (policy, seeds), those in alike.items():
            listener = whole.with_seeds(seeds)
            pools = listener.pools(policy, {contender.evidence for contender in those})
            lists = [(pools[one.evidence], one.adventure) for one in those]
            for one, offered in zip(those, _chosen_of_each(listener, policy, lists), strict=True):
                outcomes.lists.append(list_metrics(crowd, one.name, split, user, offered))
            for one in those:
                if one.long and user in tried.at_length:
                    told = listener.told(pools[one.evidence], policy, one.adventure, LONG)
                    long_list = tastes.long_list(one.evidence.name, split, user, told)
                    outcomes.long_lists.append(long_list)
        known = set(crowd.known[user].tolist())
        unheard = (artist for artist in famous if artist not in known)
        offered = [artist for artist, _ in zip(unheard, range(LENGTH), strict=False)]
        outcomes.lists.append(list_metrics(crowd, POPULARITY, split, user, offered))
    return outcomes


def _chosen_of_each(
    listener: Listener, policy: Policy, lists: Sequence[tuple[Sequence[Pool], int]]
) -> Iterator[list[int]]:
    """The artists of a list for each of these pools and dials; of equals one is made.

    From the fourth night on many people's sources say what they said the night before.
    """
    made: list[tuple[tuple[Sequence[Pool], int], list[int]]] = []
    for asked in lists:
        offered = next((same for one, same in made if one == asked), None)
        if offered is None:
            pools, adventure = asked
            offered = listener.chosen(pools, policy, adventure, LENGTH)
            made.append((asked, offered))
        yield offered


def list_metrics(
    crowd: NeighbourIndex, name: str, split: int, user: int, offered: Sequence[int]
) -> ListMetrics:
    """What this list was worth to this user."""
    truth = crowd.truth[user]
    gains = [1 / math.log2(place + 2) for place in range(LENGTH)]
    hits = [artist in truth for artist in offered]
    people = len(crowd.data.users) + 1
    surprise = [-math.log2((int(crowd.listeners[artist]) + 1) / people) for artist in offered]
    return ListMetrics(
        contender=name,
        split=split,
        user=crowd.data.users[user],
        offered=tuple(offered),
        recall=sum(hits) / len(truth),
        ndcg=math.fsum(gain for gain, hit in zip(gains, hits, strict=False) if hit)
        / math.fsum(gains[: len(truth)]),
        novelty=math.fsum(surprise) / len(offered) if offered else 0.0,
        diversity=diversity([crowd.data.tags[artist] for artist in offered]),
        level=float(crowd.listeners[crowd.known[user]].mean()),
        elsewhere=float(crowd.elsewhere[crowd.known[user]].mean()),
    )


def diversity(bags: Sequence[TagBag]) -> float:
    """One less the mean likeness of two different ones; without tags nothing is alike."""
    count = len(bags)
    if count < 2:
        return 0.0
    together = norm(blended((1.0, bag) for bag in bags)) ** 2
    alone = math.fsum(norm(bag) ** 2 for bag in bags)
    return 1 - (together - alone) / (count * (count - 1))


def table(report: Report) -> str:
    """The figures of every contender, with intervals, as text."""
    names = {name: f"{name}@{LENGTH}" for name in SHOWN} | {"distinct_per_slot": "distinct/slot"}
    lines = [f"{'policy':24s}" + "".join(f"{names[name]:>24s}" for name in SHOWN)]
    for contender in report.contenders:
        figures, intervals = report.figures(contender), report.intervals(contender)
        lines.append(
            f"{contender:24s}" + "".join(_cell(figures[n], intervals.get(n)) for n in SHOWN)
        )
    splits = ", ".join(map(str, report.splits))
    lines.append(f"{report.users()} users, splits {splits}; in brackets 95 % intervals over users")
    lines += [
        f"{report.judged} over {BASELINE}, paired by person: {name}"
        f" {mean:+.1%} [{low:+.1%}, {high:+.1%}]"
        for name, (low, mean, high) in report.paired().items()
    ]
    lines += report.served().lines()
    return "\n".join([*lines, *(one.line() for one in report.whole_person())])


def _cell(value: float, interval: tuple[float, float] | None) -> str:
    told = f"{value:.4f}"
    if interval is not None:
        told += f" [{interval[0]:.3f}, {interval[1]:.3f}]"
    return f"{told:>24s}"


def _exact_mean(values: pd.Series[float]) -> float:
    """A mean that does not depend on the order of what is added."""
    return math.fsum(values) / len(values)


def per_user(report: Report) -> pd.DataFrame:
    """One row for each user, split and contender: ``policy``, ``split``, ``user_id``, the means."""
    lists = pd.DataFrame(report.outcomes)
    lists = lists.rename(columns={"contender": "policy", "user": "user_id"})
    return lists[["policy", "split", "user_id", *MEANS]]
