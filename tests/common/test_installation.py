"""What ``pip install`` brings, and what is said when an extra was left out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.lean_installation import hidden_beside
from vibe_pipeline.cli import COMMANDS

ROOT = Path(__file__).parents[2]


EXTRAS = sorted({entry.extras for entry in COMMANDS.values()})


@dataclass(frozen=True, slots=True)
class Answer:
    """How ``vibe`` ended, and what it printed."""

    code: int
    said: str
    complained: str


def helps(extras: str, commands: Iterable[str]) -> Mapping[str, Answer]:
    """What these commands answer to ``--help`` where some extras are installed."""
    lean = ["-m", "tests.support.lean_installation", hidden_beside(extras), *commands]
    answer = subprocess.run(
        [sys.executable, *lean], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return {name: Answer(*told) for name, told in json.loads(answer.stdout).items()}


def test_help_needs_no_extra_and_says_what_every_command_does() -> None:
    (answer,) = helps("", [""]).values()

    assert answer.code == 0, answer.complained
    assert all(entry.about in answer.said for entry in COMMANDS.values())


@pytest.mark.parametrize("extras", EXTRAS)
def test_a_command_runs_with_the_extras_it_names(extras: str) -> None:
    answers = helps(extras, [name for name, entry in COMMANDS.items() if entry.extras == extras])

    for command, answer in answers.items():
        assert answer.code == 0, answer.complained
        assert answer.said.startswith(f"Usage: vibe {command}")


def test_a_command_without_its_extras_says_which_to_install() -> None:
    answers = helps("", [name for name, entry in COMMANDS.items() if entry.extras])

    for command, answer in answers.items():
        assert answer.code == 2, command
        assert answer.said == ""
        assert answer.complained.startswith(f"vibe: {command} needs the package ")
        assert f"pip install 'vibe[{COMMANDS[command].extras}]'" in answer.complained
        assert "Traceback" not in answer.complained


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
