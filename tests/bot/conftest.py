"""The bot's town for every test that talks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.town import Town, living_bot, town


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Town]:
    """A town in which the bot lives already."""
    async with town(tmp_path) as made, living_bot(made):
        yield made


@pytest.fixture
async def empty_place(tmp_path: Path) -> AsyncIterator[Town]:
    """A town whose bot has not been started."""
    async with town(tmp_path) as made:
        yield made
