"""What ``pip install`` brings, and what is said when an extra was left out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.lean_installation import hidden_beside
from vibe_pipeline.cli import COMMANDS

ROOT = Path(__file__).parents[2]


def vibe(extras: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    lean = ["-m", "tests.support.lean_installation", hidden_beside(extras)]
    command = [sys.executable, *lean, *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_help_needs_no_extra_and_says_what_every_command_does() -> None:
    answer = vibe("", "--help")

    assert answer.returncode == 0, answer.stderr
    assert all(entry.about in answer.stdout for entry in COMMANDS.values())


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_runs_with_the_extras_it_names(command: str) -> None:
    answer = vibe(COMMANDS[command].extras, command, "--help")

    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(f"Usage: vibe {command}")


@pytest.mark.parametrize("command", sorted(name for name in COMMANDS if COMMANDS[name].extras))
def test_a_command_without_its_extras_says_which_to_install(command: str) -> None:
    answer = vibe("", command, "--help")

    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.startswith(f"vibe: {command} needs the package ")
    assert f"pip install 'vibe[{COMMANDS[command].extras}]'" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it is built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_all_that_an_installation_reads(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())

    parts = ("vibe_pipeline", "vibe_bot", "vibe_oauth")
    tracked = subprocess.run(
        ["git", "ls-files", *parts], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert set(tracked) <= names
    assert "vibe_pipeline/dagster.yaml" in names
    assert {f"{part}/py.typed" for part in parts} <= names


REFERENCES = """
import json
from vibe_pipeline.definitions import build
from vibe_pipeline.settings import read_settings
specs = build(read_settings()).resolve_all_asset_specs()
told = [one for spec in specs for one in spec.metadata["dagster/code_references"].code_references]
print(json.dumps([(one.file_path, one.line_number) for one in told]))
"""


def test_an_installed_wheel_s_assets_refer_to_the_code_that_is_installed(
    wheel: Path, tmp_path: Path
) -> None:
    installed = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(installed)

    told = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", REFERENCES],
        env={**os.environ, "PYTHONPATH": str(installed), "VIBE_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    references = json.loads(told.stdout)
    assert references
    for path, line in references:
        assert Path(path).is_relative_to(installed)
        assert Path(path).read_text("utf-8").splitlines()[line - 1].startswith(("@", "def "))
