"""What the warehouse of a thousand people costs one warm list, beside an empty one's.

How it is filled and timed is ``warehouse_growth``'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.benchmarks import bars, warehouse_growth
from tests.benchmarks.conditions import Conditions
from tests.benchmarks.figures import Beside, Figure
from tests.benchmarks.report import Report
from tests.benchmarks.warehouse_growth import WarmList

NAME = "growth"


def measure(report: Report, conditions: Conditions, wanted: frozenset[str]) -> None:
    """All reads and writes of some warm lists, in the full file and in the empty one."""
    growth = warehouse_growth.measure()
    report.progress(f"the full warehouse was built in {growth.build_seconds:.0f} s")
    parts = {"file, MB": growth.bytes_full / 1e6, "openings": len(growth.full[0].openings)}
    report.add(
        Figure(
            name=bars.GROWTH,
            unit="ms",
            values=_milliseconds(growth.full),
            beside={Beside.EMPTY: _milliseconds(growth.alone)},
            parts=parts,
        )
    )


def _milliseconds(lists: Sequence[WarmList]) -> tuple[float, ...]:
    return tuple(round(one.milliseconds, 1) for one in lists)
