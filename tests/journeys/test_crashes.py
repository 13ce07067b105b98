"""A sample of the crash matrix, drawn by seed; `make matrices` plays all of it.

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
from tests.support.secret_journey import SecretJourney
from tests.support.secret_search import SecretSearch
from vibe_pipeline.demo.installation import DemoInstallation, demo_installation

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("VIBE_CRASH_SEED", "11"))


async def crashed(
    installation: DemoInstallation, point: CrashPoint
) -> tuple[Outcome, list[SecretSearch]]:
    async with site(installation) as here:
        outcome = await here.supervisor.alongside(point.play(here))
        return outcome, await here.supervisor.alongside(SecretJourney(here).walk())


def test_a_list_whose_worker_is_killed_is_made_once_and_told_once_and_no_secret_stays_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SERVICE_PACE", "30")
    point = random.Random(SEED).choice(WORKER_POINTS)

    with demo_installation(None) as installation:
        outcome, searches = asyncio.run(crashed(installation, point))

    assert outcome.troubles == [], outcome
    for search in searches:
        print(search.in_words())  # noqa: T201 - shown with -s
        assert search.met == set()
        assert search.lines > 1000
        assert search.rows > 100
