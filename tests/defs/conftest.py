"""What the stories of the graph share: a world, a ledger, and a Dagster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests.support.automation import NOW
from tests.support.blank_accounts import set_up_store
from tests.support.dagster_storage import dagster_in_files
from tests.support.shared_world import shared_world, world
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.settings import read_settings

__all__ = ["shared_world", "world"]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AccountStore:
    """An empty account store that the environment names."""
    monkeypatch.setenv("VIBE_HOME", str(tmp_path))
    settings = read_settings()
    set_up_store(settings.accounts_address)
    return open_for(settings, now=lambda: NOW)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster that schedules may open for themselves."""
    with dagster_in_files(tmp_path) as made:
        yield made
