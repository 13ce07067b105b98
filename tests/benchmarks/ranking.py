"""How long it takes to rank and choose out of a large pool for a heavy listener.

5,000 candidates against 10,000 likes and 20,000 recommendations: ranking is to take under 150 ms.
Once more with 20,000 plays besides. Names taken apart are forgotten before each round: nothing is
warm but the code.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from tests.support.large_case import large_pools, large_request
from vibe_pipeline.ranking.explanations import explanations
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.recording_match import credited
from vibe_pipeline.ranking.score import rank
from vibe_pipeline.ranking.selection import select

ROUNDS = 9
MOST_MILLISECONDS = 150


def main() -> int:
    """Print medians and extremes; 1 if ranking takes longer than it may."""
    request, pools = large_request(), large_pools()
    candidates = merge(pools)
    ranked = rank(candidates, request)
    without_plays = replace(request, plays=())
    ranking = _measured("rank", lambda: rank(candidates, without_plays))
    _measured("rank, with plays", lambda: rank(candidates, request))
    _measured("merge", lambda: merge(pools))
    _measured("select", lambda: select(ranked, request, found={}, hopeful=True))
    _measured("remarks", lambda: explanations(ranked))
    return int(ranking >= MOST_MILLISECONDS)


def _measured(name: str, work: Callable[[], object]) -> float:
    """The median in milliseconds."""
    spent = []
    for _ in range(ROUNDS):
        for remembered in (recording_key, artist_key, credited):
            remembered.cache_clear()
        started = time.perf_counter()
        work()
        spent.append(1000 * (time.perf_counter() - started))
    median = statistics.median(spent)
    sys.stdout.write(f"{name:16s} {median:7.1f} ms ({min(spent):.1f} to {max(spent):.1f})\n")
    return median


if __name__ == "__main__":
    sys.exit(main())
