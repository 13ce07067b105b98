"""The bot as a process of its own, in a town of ``bot_world``'s."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.bot_world import BotWorld

PYTHON = sys.executable
ROOT = Path(__file__).parents[2]


def environment(**settings: str) -> Mapping[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


async def started(place: BotWorld, folder: Path, **more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(PYTHON, "-m", "vibe_bot"),
        cwd=folder,
        env={
            **environment(
                TELEGRAM_API_URL=place.settings.telegram_api_url,
                TELEGRAM_BOT_TOKEN=place.telegram.token,
                DAGSTER_GRAPHQL_URL=place.settings.dagster_graphql_url,
                VIBE_HOME=str(place.settings.home),
                SPOTIFY_CLIENT_ID="client",
            ),
            **more,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
