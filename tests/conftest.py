"""What every test may lean on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vibe_pipeline.settings import Settings


@pytest.fixture(autouse=True)
def no_outer_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's ``.env`` and nobody's exported keys take part in a test."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with public data and contracts; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("VIBE_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip("needs the shared data beside the project (or VIBE_SHARED)")
    return folder
