"""How the figures of the default policy are chosen: cross-validation over users.

    python -m vibe_pipeline.evaluation.tuning FOLDER

One parameter after the other, a few smooth values each. The users are cut into folds; every fold
votes for the value that is best for all *other* users, and the value with most votes stays (the
present one on a tie). Only split seeds that are never reported are used, so that the reported
figures were not seen by the choice. The estimate printed at the end scores each fold with the
values chosen without it.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from vibe_pipeline.evaluation.dataset import DatasetMissing, Floats, Ints, ListeningDataset
from vibe_pipeline.evaluation.listener import FULL, Crowd, Listener
from vibe_pipeline.evaluation.neighbours import NeighbourIndex
from vibe_pipeline.evaluation.report import DIAL, LENGTH, list_metrics
from vibe_pipeline.ranking.policy import DEFAULT, Policy

TUNING_SPLITS = (100, 101)
FOLDS = 5
GRID: Mapping[str, Sequence[float]] = {
    "back_weight": (0.4, 0.6, 0.8),
    "tag_weight": (1.5, 3.0, 5.0),
    "similarity_weight": (0.6, 0.8, 1.0),
    "seed_rarity": (0.3, 0.5, 0.7),
    "spread_damping": (0.0, 0.2, 0.4),
    "rank_share": (0.3, 0.5, 0.7),
    "seed_damping": (0.5, 1.0, 1.5),
    "seed_balance": (0.3, 0.6, 2.0),
}
LEAST_NOVELTY, LEAST_DIVERSITY = 4.45, 0.725
"""Below these a list is too well known or too much of one kind; being below costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """Recall, nDCG, novelty, diversity of a policy: a row per user and split."""

    figures: Floats
    fold: Ints

    def without(self, fold: int) -> float:
        """What the policy is worth to everybody outside this fold."""
        return worth(self.figures[self.fold != fold])

    def within(self, fold: int) -> Floats:
        """The rows of this fold."""
        rows: Floats = self.figures[self.fold == fold]
        return rows


def worth(figures: Floats) -> float:
    """Recall and nDCG together, less what too little novelty or diversity costs."""
    recall, ndcg, novelty, diversity = figures.mean(axis=0).tolist()
    short = max(LEAST_NOVELTY - novelty, 0) + 4 * max(LEAST_DIVERSITY - diversity, 0)
    return float(recall + ndcg - 0.1 * short)


class TuningRun:
    """Measures policies on the same people, each policy once."""

    def __init__(self, data: ListeningDataset, splits: Sequence[int] = TUNING_SPLITS) -> None:
        self._crowds = [(split, NeighbourIndex.split(data, split)) for split in splits]
        self._measured: dict[Policy, Measurement] = {}

    def measure(self, policies: Sequence[Policy]) -> list[Measurement]:
        """Figures of these policies, in one walk over the listeners."""
        fresh = [policy for policy in dict.fromkeys(policies) if policy not in self._measured]
        rows: dict[Policy, list[tuple[float, ...]]] = {policy: [] for policy in fresh}
        folds: list[int] = []
        for split, crowd in self._crowds if fresh else ():
            lastfm = Crowd(crowd)
            for user in crowd.evaluated():
                listener = Listener.of(lastfm, user)
                folds.append(user % FOLDS)
                for policy in fresh:
                    pools = listener.pools(policy, {FULL})[FULL]
                    offered = listener.chosen(pools, policy, DIAL, LENGTH)
                    one = list_metrics(crowd, policy.name, split, user, offered)
                    rows[policy].append((one.recall, one.ndcg, one.novelty, one.diversity))
        for policy in fresh:
            self._measured[policy] = Measurement(
                figures=np.array(rows[policy]), fold=np.array(folds, dtype=np.int64)
            )
        return [self._measured[policy] for policy in policies]


def tuned(
    bench: TuningRun,
    start: Policy = DEFAULT,
    grid: Mapping[str, Sequence[float]] = GRID,
    *,
    passes: int = 2,
    tell: Callable[[str], None] = lambda _: None,
) -> Policy:
    """The policy that the folds agree on, starting from this one."""
    chosen = start
    for _ in range(passes):
        before = chosen
        for name, values in grid.items():
            options = [chosen, *(_changed(chosen, name, value) for value in values)]
            votes = [best for _, best in _choices(bench, options)]
            chosen, count = Counter(votes).most_common(1)[0]
            tell(f"{name}: {getattr(chosen, name)} ({count} of {FOLDS} folds)")
        if chosen == before:
            break
    return chosen


def _changed(policy: Policy, name: str, value: float) -> Policy:
    change: dict[str, Any] = {name: value}
    return replace(policy, **change)


def estimate(bench: TuningRun, options: Sequence[Policy]) -> dict[str, float]:
    """Figures to expect of people not seen: each fold by the option chosen without it."""
    rows = [bench.measure([best])[0].within(fold) for fold, best in _choices(bench, options)]
    means = np.concatenate(rows).mean(axis=0).tolist()
    return dict(zip(("recall", "ndcg", "novelty", "diversity"), means, strict=True))


def _choices(bench: TuningRun, options: Sequence[Policy]) -> list[tuple[int, Policy]]:
    """By fold, the option that is best for all other people; the first of equals."""
    measured = bench.measure(options)
    chosen = []
    for fold in range(FOLDS):
        worths = [one.without(fold) for one in measured]
        chosen.append((fold, options[worths.index(max(worths))]))
    return chosen


@click.command("tune")
@click.argument("data_dir", type=click.Path(path_type=Path))
def tune(data_dir: Path) -> None:
    """Choose the default policy's figures anew and say what to expect of them."""
    try:
        bench = TuningRun(ListeningDataset.read(data_dir))
    except DatasetMissing as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    policy = tuned(bench, tell=click.echo)
    for name, value in asdict(policy).items():
        if getattr(DEFAULT, name) != value:
            click.echo(f"change {name} to {value}")
    click.echo(f"expected: {estimate(bench, [DEFAULT, policy])}")


if __name__ == "__main__":
    tune()
