"""How long it takes to rank and choose out of a large pool for a heavy listener.

5,000 candidates against 10,000 likes and 20,000 recommendations: ranking is to take under 150 ms.
Once more with 20,000 plays besides. Names taken apart are forgotten before each round: nothing is
warm but the code.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from tests.benchmarks import bars
from tests.benchmarks.conditions import Conditions
from tests.benchmarks.figures import Figure
from tests.benchmarks.report import Report
from tests.support.large_case import large_pools, large_request
from vibe_pipeline.ranking.explanations import explanations
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.recording_match import credited
from vibe_pipeline.ranking.score import rank
from vibe_pipeline.ranking.selection import select

ROUNDS = 9


def measure(report: Report, conditions: Conditions, wanted: frozenset[str]) -> None:
    """Each step of choosing by itself; nothing but the processor has a part in it."""
    request, pools = large_request(), large_pools()
    candidates = merge(pools)
    ranked = rank(candidates, request)
    without_plays = replace(request, plays=())
    report.add(
        _measured(bars.RANKING, lambda: rank(candidates, without_plays)),
        _measured(f"{bars.RANKING}, with 20,000 plays", lambda: rank(candidates, request)),
        _measured("merging pools", lambda: merge(pools)),
        _measured("selecting", lambda: select(ranked, request, found={}, hopeful=True)),
        _measured("explaining", lambda: explanations(ranked)),
    )


def _measured(name: str, work: Callable[[], object]) -> Figure:
    """Milliseconds of each round."""
    spent = []
    for _ in range(ROUNDS):
        for remembered in (recording_key, artist_key, credited):
            remembered.cache_clear()
        started = time.perf_counter()
        work()
        spent.append(1000 * (time.perf_counter() - started))
    return Figure(name=name, unit="ms", values=tuple(round(value, 1) for value in spent))
