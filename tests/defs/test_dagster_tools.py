"""Those who know Dagster use its own tools in the checkout, also on a home nobody has set up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("dg", "check", "defs"), "All definitions loaded successfully"),
        (("dagster", "asset", "list", "-m", "vibe_pipeline.definitions"), "ranked_selection"),
    ],
)
def test_dagsters_own_tools_work_in_the_checkout_without_a_first_vibe_up(
    command: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    done = run(command, home=tmp_path / "fresh")

    assert done.returncode == 0, done.stderr[-2000:]
    assert told in done.stdout + done.stderr


def test_dg_lists_every_asset_with_its_group(tmp_path: Path) -> None:
    done = run(("dg", "list", "defs", "--json"), home=tmp_path / "fresh")

    groups = {
        asset["asset_key"]: asset["group_name"] for asset in json.loads(done.stdout)["assets"]
    }
    assert groups["candidates/artist_catalogue"] == "candidates"
    assert "default" not in groups.values()


def run(command: tuple[str, ...], *, home: Path) -> subprocess.CompletedProcess[str]:
    """One of Dagster's programs, from the checkout, as somebody with a fresh home runs it."""
    inner = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    program, *arguments = command
    return subprocess.run(
        (Path(sys.executable).parent / program, *arguments),
        cwd=CHECKOUT,
        env={**inner, "VIBE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
