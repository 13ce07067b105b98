"""The bot's town for every test that talks."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.bot_world import BotWorld, bot_world, living_bot
from vibe_pipeline.accounts.store import migrate


@pytest.fixture(scope="session")
def blank_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that is set up and empty, made once and copied for each test."""
    path = tmp_path_factory.mktemp("blank") / "accounts.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
async def place(tmp_path: Path, blank_store: Path) -> AsyncIterator[BotWorld]:
    """A town in which the bot lives already."""
    _lay_out(tmp_path, blank_store)
    async with bot_world(tmp_path) as made, living_bot(made):
        yield made


@pytest.fixture
async def empty_place(tmp_path: Path, blank_store: Path) -> AsyncIterator[BotWorld]:
    """A town whose bot has not been started."""
    _lay_out(tmp_path, blank_store)
    async with bot_world(tmp_path) as made:
        yield made


def _lay_out(folder: Path, blank_store: Path) -> None:
    home = folder / "home"
    home.mkdir()
    shutil.copyfile(blank_store, home / "accounts.sqlite")
