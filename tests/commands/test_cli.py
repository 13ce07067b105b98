"""What this machine refuses to a command is one sentence, whichever command it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from vibe_pipeline.cli import main


@pytest.mark.parametrize("command", ["backup", "people", "rotate-key"])
def test_a_home_whose_name_is_too_long_is_told(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIBE_HOME", "x" * 300)

    result = CliRunner().invoke(main, [command])

    assert isinstance(result.exception, SystemExit)
    assert result.output.startswith("vibe: ")


@pytest.mark.parametrize("command", ["backup", "doctor", "people"])
def test_a_working_folder_that_was_deleted_is_told(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIBE_HOME", raising=False)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()

    result = CliRunner().invoke(main, [command])

    assert isinstance(result.exception, SystemExit | None)
    assert "The folder in which this was started cannot be used" in result.output
