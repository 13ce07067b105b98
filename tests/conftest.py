"""What every test may lean on."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from vibe_pipeline.locales import LANGUAGES
from vibe_pipeline.settings import Settings

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a folder of its own in it
ROOM_WANTED = 4 * 2**30
GARBAGE_AFTER = 50_000
"""So many new objects are made, instead of 700, before garbage is looked for among them."""
EVERY_CASE = "--every-case"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Whether all languages and all cases are played, or those that are drawn."""
    said = "play each story in each language and case, and not in those that are drawn for it"
    parser.addoption(EVERY_CASE, action="store_true", help=said)


def pytest_configure() -> None:
    """Keep what thousands of small stores wait for out of the way: the disk, and certificates.

    Where there is a folder in memory with room, temporary files lie there: a commit waits 4 ms for
    a disk. Tests talk plain HTTP, so no program of theirs need read the machine's certificates,
    25 ms for each client.
    """
    if "TMPDIR" not in os.environ and _has_room(IN_MEMORY):
        os.environ["TMPDIR"] = str(IN_MEMORY)
        tempfile.tempdir = None
    os.environ.pop("SSL_CERT_FILE", None)
    os.environ["SSL_CERT_DIR"] = os.devnull
    _be_endable()
    gc.disable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not drawn; long files first, so that no worker waits for another's.

    The others by their size: that mixes the rooms, so that stories which wait are told beside
    stories which reckon. The order within a file stays.
    """
    if not config.getoption(EVERY_CASE):
        left_out = {item for item in items if not _in_drawn_language(item)} | _not_drawn(items)
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
    long = {item.path for item in items if item.get_closest_marker("slow")}
    size = {path: path.stat().st_size for path in {item.path for item in items}}
    items.sort(key=lambda item: (item.path not in long, -size[item.path], item.path))


def pytest_collection_finish() -> None:
    """Look for garbage less often, and not among what all tests share: a tenth of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER, 20, 50)
    gc.enable()


def _in_drawn_language(item: pytest.Item) -> bool:
    """In English, and in the language drawn for it: another one for another story."""
    told: dict[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    language = told.get("language", "en")
    if language == "en" or item.get_closest_marker("every_language"):
        return True
    others = [other for other in LANGUAGES if other != "en"]
    return others[_lot(_story(item)) % len(others)] == language


def _not_drawn(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    """Of each story with many cases of one kind, whose every case takes seconds, all but a few."""
    cases: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("drawn"):
            cases[_story(item)].append(item)
    left_out = set()
    for listed in cases.values():
        (few,) = next(listed[0].iter_markers("drawn")).args
        left_out |= set(sorted(listed, key=lambda item: _lot(item.nodeid))[few:])
    return left_out


def _story(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _lot(name: str) -> int:
    return zlib.crc32(name.encode())


def _be_endable() -> None:
    """Heed SIGINT, which a shell has those ignore that it starts in the background.

    Dagster gives SIGTERM the handler of SIGINT; ignored, it would leave pools of processes behind.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _has_room(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > ROOM_WANTED


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
