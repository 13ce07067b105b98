"""The bot's town for every test that talks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.bot_world import BotWorld, bot_world, living_bot
from vibe_bot import command_menu


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[BotWorld]:
    """A town in which the bot lives already, and has its command menu in English alone.

    To tell Telegram all of them takes a tenth of what a story takes.
    """
    monkeypatch.setattr(command_menu, "LANGUAGES", ())
    async with bot_world(tmp_path) as made, living_bot(made):
        yield made


@pytest.fixture
async def empty_place(tmp_path: Path) -> AsyncIterator[BotWorld]:
    """A town whose bot has not been started."""
    async with bot_world(tmp_path) as made:
        yield made
