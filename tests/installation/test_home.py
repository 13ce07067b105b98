"""The home folder is one installation's, and nobody else's business."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vibe_pipeline.installation.home import HomeInUse, held, make_private

HOLDS = """
import sys
from pathlib import Path
from vibe_pipeline.installation.home import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def holder(home: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_installation_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        with pytest.raises(HomeInUse, match=f"process {first.pid}"), held(tmp_path):
            pass
        first.kill()


def test_whoever_is_killed_holds_nothing_any_more(tmp_path: Path) -> None:
    with holder(tmp_path) as first:
        first.kill()

    with held(tmp_path):
        assert (tmp_path / "vibe.pid").read_text() == str(os.getpid())


def test_what_lay_open_is_closed_to_others(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True)
    (home / "warehouse.duckdb").touch()
    (home / "logs" / "bot.log").touch()

    make_private(home)

    assert [mode(home), mode(home / "logs")] == [0o700, 0o700]
    assert [mode(home / "warehouse.duckdb"), mode(home / "logs" / "bot.log")] == [0o600, 0o600]


def test_what_comes_later_is_closed_too(tmp_path: Path) -> None:
    make_private(tmp_path / "home")

    (tmp_path / "home" / "export.zip").touch()

    assert mode(tmp_path / "home" / "export.zip") == 0o600


def test_links_out_of_the_home_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "shared"
    outside.touch(mode=0o644)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "link").symlink_to(outside)

    make_private(tmp_path / "home")

    assert mode(outside) == 0o644
