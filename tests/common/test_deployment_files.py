"""Files for operators (units, workflows, dashboard, rules) can be read and name what is there."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from vibe_pipeline.cli import COMMANDS

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "docs" / "systemd").glob("vibe*"))


def unit(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text("utf-8"))
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_has_its_sections_and_starts_a_command_of_ours(path: Path) -> None:
    sections = unit(path)

    kind = path.suffix.removeprefix(".").capitalize()
    assert {"Unit", kind} <= set(sections.sections())
    if kind == "Service":
        command = sections["Service"]["ExecStart"]
        words = command.replace("'", " ").split()
        at = next(number for number, word in enumerate(words) if word.endswith("/vibe"))
        assert words[at + 1] in COMMANDS


def test_a_wrong_set_up_is_not_started_over_and_over() -> None:
    service = unit(ROOT / "docs" / "systemd" / "vibe.service")["Service"]

    assert service["Restart"] == "on-failure"
    assert "RestartPreventExitStatus" not in service  # a clock or a network may come late


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_itself_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for path in UNITS:
        written = path.read_text("utf-8").replace("/opt/vibe/.venv/bin/vibe", "/bin/true")
        (tmp_path / path.name).write_text(written, encoding="utf-8")

    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / path.name) for path in UNITS)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    complaints = [line for line in verified.stderr.splitlines() if "/vibe" in line]
    assert complaints == []


def test_the_workflow_runs_make_targets_that_exist_on_every_python_we_support() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text("utf-8"))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    jobs = workflow["jobs"]
    steps = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    targets = [line.split()[1] for line in steps if line.startswith("make ")]

    assert targets == ["check", "test", "docs"]
    assert all(f"\n{target}:" in makefile for target in targets)
    pythons = jobs["check"]["strategy"]["matrix"]["python"]
    assert pythons == ["3.11", "3.12", "3.13"]
    assert project["requires-python"] == f">={pythons[0]}"
    assert all(job["timeout-minutes"] for job in jobs.values())
    built = set(jobs["images"]["strategy"]["matrix"]["target"])
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
    targets_of_compose = {one["build"]["target"] for one in compose.values() if "build" in one}
    assert built == targets_of_compose - {"pipeline"}  # a part of three of the others
