"""``make bench``: every measurement, or those that are named; one table, and a file to keep.

``make bench ARGS="warm first"`` picks some. ``--out FILE`` says where the JSON goes, ``--against
FILE`` what it is compared with. The environment changes the conditions: ``VIBE_BENCH_ROUNDS``, and
likewise ``_NIGHT`` (people), ``_PACE``, ``_LATENCY`` and ``_JITTER``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import (
    bot,
    crowd,
    growth,
    idle,
    launching,
    lists,
    night,
    orchestration,
    profiling,
    ranking,
    table,
)
from tests.benchmarks.comparison import compared
from tests.benchmarks.conditions import Conditions
from tests.benchmarks.report import Report, figures_in, machine, written

KEPT = Path(__file__).parent / "kept.json"
OUT = Path(".vibe") / "bench"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Measurements that share what they are made on. Each bounds its own time."""

    names: tuple[str, ...]
    measure: Callable[[Report, Conditions, frozenset[str]], None]


GROUPS = (
    Group(names=(lists.WARM,), measure=lists.measure_warm),
    Group(names=(lists.FIRST,), measure=lists.measure_first),
    Group(names=(orchestration.NAME,), measure=orchestration.measure),
    Group(names=(crowd.CROWD,), measure=crowd.measure),
    Group(names=("idle",), measure=idle.report_to),
    Group(names=(night.NIGHT,), measure=night.measure),
    Group(names=("bot",), measure=bot.measure),
    Group(names=("launching",), measure=launching.measure),
    Group(names=("ranking",), measure=ranking.measure),
    Group(names=(growth.NAME,), measure=growth.measure),
)
NAMES = tuple(name for group in GROUPS for name in group.names)


def main(arguments: list[str]) -> int:
    """Measure and print. 1 when something could not be measured, 2 for what nobody measures."""
    chosen = _parsed(arguments)
    conditions = Conditions.of(os.environ)
    report = Report(conditions=conditions.in_words())
    words = {**machine(), **report.conditions}
    sys.stdout.write(", ".join(f"{name} {value}" for name, value in words.items()) + "\n\n")
    sys.stdout.write(table.header())
    sys.stdout.flush()
    _measured(report, conditions, frozenset(chosen.names or NAMES))
    now = datetime.now(UTC)
    out = chosen.out or OUT / f"{now:%Y-%m-%dT%H-%M-%S}.json"
    written(report, out, now)
    if chosen.profile:
        profiling.write_profiles(report, conditions, out.with_suffix(""))
    _concluded(report, out, chosen.against)
    return int(bool(report.troubles))


def _parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"out of: {', '.join(NAMES)}")
    parser.add_argument("--out", type=Path, help=f"where the JSON goes (a file in {OUT})")
    parser.add_argument("--against", type=Path, default=KEPT, help="an earlier JSON")
    parser.add_argument("--profile", action="store_true", help="write profiles beside the JSON")
    chosen = parser.parse_args(arguments)
    if unknown := [name for name in chosen.names if name not in NAMES]:
        parser.error(f"there is no measurement {unknown[0]}; there are {', '.join(NAMES)}")
    return chosen


def _measured(report: Report, conditions: Conditions, wanted: frozenset[str]) -> None:
    """Group by group; one that fails or takes too long is said, and the others go on."""
    for group in GROUPS:
        mine = wanted.intersection(group.names)
        if not mine:
            continue
        try:
            group.measure(report, conditions, mine)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are measured
            report.trouble(" ".join(sorted(mine)), f"{type(error).__name__}: {error}")


def _concluded(report: Report, out: Path, against: Path) -> None:
    sys.stdout.write(f"\n{table.whole(report.figures)}")
    for trouble in report.troubles:
        sys.stdout.write(f"\nNot measured: {trouble}\n")
    if against.exists():
        changes = compared(figures_in(against), report.figures)
        sys.stdout.write(f"\nBeside {against}:\n\n{table.changes(changes)}")
    sys.stdout.write(f"\nKept in {out}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
