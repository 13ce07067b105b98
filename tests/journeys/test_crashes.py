"""A sample of the crash matrix, drawn by seed; `make matrices` plays all of it."""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from tests.matrices.crash_site import CrashPoint, site
from tests.matrices.crashes import WORKER_POINTS
from tests.matrices.outcomes import Outcome
from vibe_pipeline.demo.installation import DemoInstallation, demo_installation

pytestmark = pytest.mark.slow

SEED = int(os.environ.get("VIBE_CRASH_SEED", "11"))


async def crashed(installation: DemoInstallation, point: CrashPoint) -> Outcome:
    async with site(installation) as here:
        return await here.supervisor.alongside(point.play(here))


def test_a_list_whose_worker_is_killed_is_made_once_and_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SERVICE_PACE", "30")
    point = random.Random(SEED).choice(WORKER_POINTS)

    with demo_installation(None) as installation:
        outcome = asyncio.run(crashed(installation, point))

    assert outcome.troubles == [], outcome
