"""``make bench``: every measurement, or those that are named."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from tests.benchmarks import idle, launching, lists, ranking

MEASUREMENTS: Mapping[str, Callable[[], int]] = {
    "idle": idle.main,
    "launching": launching.main,
    "lists": lists.main,
    "ranking": ranking.main,
}


def main(names: list[str]) -> int:
    """Measure; the exit code is the worst of them."""
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        sys.stderr.write(f"No such measurement: {unknown[0]}. There are {list(MEASUREMENTS)}.\n")
        return 2
    return max(MEASUREMENTS[name]() for name in names or MEASUREMENTS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
