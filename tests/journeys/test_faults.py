"""A sample of the fault matrix, drawn by seed; `make matrices` plays all of it."""

from __future__ import annotations

import os
import random

import pytest

from tests.matrices.fault_kinds import KINDS, FaultKind
from tests.matrices.faults import CELLS, Cell, DirectCell, ListCell, fault_site, play_cell
from tests.matrices.outcomes import Outcome

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("VIBE_FAULT_SEED", "11"))
WARM = tuple(cell for cell in CELLS if isinstance(cell, ListCell) and not cell.cold)
DIRECT = tuple(cell for cell in CELLS if isinstance(cell, DirectCell))
QUICK = tuple(kind for kind in KINDS if kind.name not in {"timeout", "slow drip"})
"""The others wait for seconds, several times over."""


def drawn(rng: random.Random) -> list[tuple[Cell, list[FaultKind]]]:
    """Six lists that are written or read under trouble, and six questions."""
    return [
        (rng.choice(WARM), rng.sample(QUICK, 6)),
        (rng.choice(DIRECT), rng.sample(QUICK, 6)),
    ]


def test_bad_answers_end_in_a_list_or_a_true_sentence_and_lose_nothing() -> None:
    outcomes: list[Outcome] = []

    with fault_site() as site:
        for cell, kinds in drawn(random.Random(SEED)):
            play_cell(site, cell, kinds, outcomes.append)

    assert outcomes
    assert [outcome for outcome in outcomes if outcome.troubles] == []
