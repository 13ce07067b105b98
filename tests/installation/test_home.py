"""The home folder is one installation's, and nobody else's business."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from vibe_pipeline.installation.home import HomeInUse, HomeNotOurs, held, make_private

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


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_whoever_may_not_open_the_lock_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "vibe.lock").touch()
    locks_end_in(number, monkeypatch)

    with (
        pytest.raises(HomeNotOurs, match=r"vibe\.lock may not be written .*\(chown"),
        held(tmp_path),
    ):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EROFS])
def test_where_there_are_no_locks_or_nothing_can_be_written_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    locks_end_in(number, monkeypatch)

    with held(tmp_path):
        pass


def locks_end_in(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks fail as they do for whoever is not root, or on such a file system."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(FileLock, "acquire", refused)


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
