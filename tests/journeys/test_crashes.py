"""A sample of the crash matrix and of the store matrix, drawn by seed; `make matrices` plays all.

In the same installation, for it is running already, a person's whole way is walked and everything
that is left behind searched for the secrets used on it.
"""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from tests.matrices.crash_site import CrashPoint, site
from tests.matrices.crashes import WORKER_POINTS
from tests.matrices.outcomes import Outcome
from tests.matrices.stores import SELF_MENDING, StorePoint
from tests.support.secret_journey import SecretJourney
from tests.support.secret_search import SecretSearch
from vibe_pipeline.demo.installation import DemoInstallation, demo_installation

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("VIBE_CRASH_SEED", "11"))


async def played(
    installation: DemoInstallation, crash: CrashPoint, loss: StorePoint
) -> tuple[list[Outcome], list[SecretSearch]]:
    async with site(installation) as here:
        crashed = await here.supervisor.alongside(crash.play(here))
        searches = await here.supervisor.alongside(SecretJourney(here).walk())
        lost = await here.supervisor.alongside(loss.play(here))
        return [crashed, lost], searches


def test_after_a_kill_and_a_lost_warehouse_each_list_is_made_and_told_once_and_no_secret_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SERVICE_PACE", "30")
    rng = random.Random(SEED)
    crash, loss = rng.choice(WORKER_POINTS), rng.choice(SELF_MENDING)

    with demo_installation(None) as installation:
        outcomes, searches = asyncio.run(played(installation, crash, loss))

    assert [outcome for outcome in outcomes if outcome.troubles] == []
    for search in searches:
        print(search.in_words())  # noqa: T201 - shown with -s
        assert search.met == set()
        assert search.lines > 1000
        assert search.rows > 100
