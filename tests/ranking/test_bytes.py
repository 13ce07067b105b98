"""Ranking gives the same bytes in every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

from tests.support.large_case import large_pools, large_request
from vibe_pipeline.ranking.evidence import added
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.score import rank
from vibe_pipeline.ranking.selection import select


def digest() -> str:
    """One figure for a whole list with all its terms."""
    request = large_request(likes=300, history=500, plays=500)
    ranked = rank(merge(large_pools(600)), request)
    choice = select(ranked, request, found={}, hopeful=True)
    told = [(e.candidate.key, e.score, sorted(e.terms.items()), e.position) for e in choice.ranked]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def test_the_hash_seed_changes_nothing() -> None:
    code = "from tests.ranking.test_bytes import digest; print(digest())"

    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2718")
    }

    assert len(digests) == 1


def test_figures_are_added_as_a_python_of_any_version_adds_them() -> None:
    assert added([1e16, 1.0, -1e16]) == 0.0
