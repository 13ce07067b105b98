"""A history sent as a file: taken in once, told as it is, and nowhere to be found afterwards."""

from __future__ import annotations

import io
import os
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import dagster as dg
import pytest

from tests.personal_data.test_erase import sweep
from tests.support.sent_history import lay_down, plays
from tests.support.vibe_world import VibeWorld
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account
from vibe_pipeline.personal_data.sent_files import (
    FOLDER,
    KEPT,
    drop_old_files,
    receiving,
    sent_file,
    sent_name,
    waiting_files,
)
from vibe_pipeline.records import UserId
from vibe_pipeline.taste.streaming_archive import ArchiveTrouble
from vibe_pipeline.warehouse import WarehouseLocked

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
ANNA = UserId("u1")


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.json", content)
    return buffer.getvalue()


def take_in(world: VibeWorld, anna: Account, path: Path) -> tuple[dict[str, object], str | None]:
    """What the run counted, and why it stopped if it did."""
    result = world.run("import_history", anna.user_id, tags={runs.FILE: path.name})
    assert result.success
    run = world.instance.get_run_by_id(result.run_id)
    (event,) = result.asset_materializations_for_node("sent_history")
    told = runs.failure_told(run.tags) if run is not None else None
    return {key: it.value for key, it in event.metadata.items()}, None if told is None else told[0]


def test_years_of_plays_are_taken_in_once_and_the_file_is_gone(world: VibeWorld) -> None:
    anna = world.connected("Anna")
    archive = zipped(a=plays(2012), b=plays(2025), userdata=b'{"name": "x"}')
    first, second = (lay_down(world, anna, archive, number) for number in (1, 2))

    counted, stopped = take_in(world, anna, first)
    again, _ = take_in(world, anna, second)
    _, gone = take_in(world, anna, first)

    expected = {"files": 2, "plays": 80, "first year": 2012, "last year": 2025}
    assert counted == {**expected, "added": 80}
    assert again == {**expected, "added": 0}
    assert (stopped, gone) == (None, "gone")
    assert waiting_files(world.settings.home, anna.user_id) == 0
    with world.warehouse.open() as tables:
        kept = tables.everything_of(anna.user_id)
    assert len(kept["listening_history"]) == 80


def test_the_next_list_of_somebody_who_plays_little_leans_on_the_years_they_sent(
    world: VibeWorld,
) -> None:
    anna = world.connected("Anna")
    world.listener_of(anna).played.clear()
    loved = world.simulator.simulation.world.artists[101].name

    take_in(world, anna, lay_down(world, anna, plays(2019, 400, artist=loved)))
    made = world.list_of(world.run(runs.PREVIEW_VIBE, anna.user_id))

    assert loved in {track.seed for track in made.tracks}
    assert made.summary is not None
    assert dict(made.summary.loved_in) == {loved: 2019}


@pytest.mark.parametrize(
    ("content", "trouble", "added"),
    [
        (zipped(a=plays(2012), b=plays(2025)[:-100]), ArchiveTrouble.DAMAGED, 40),
        (zipped(a=plays(2012))[:-60], ArchiveTrouble.DAMAGED, 0),
        (zipped(a=b"[" + b" " * 30_000_000 + b"]"), ArchiveTrouble.TOO_LARGE, 0),
        (zipped(a=b"[" * 100_000), ArchiveTrouble.DAMAGED, 0),
        (b"PK not a zip", ArchiveTrouble.DAMAGED, 0),
        (zipped(playlist=b'{"playlists": []}'), ArchiveTrouble.NO_PLAYS, 0),
        (b'{"not": "a list"}', ArchiveTrouble.NOT_AN_ARCHIVE, 0),
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_deleted_and_what_came_before_counts(
    world: VibeWorld, content: bytes, trouble: ArchiveTrouble, added: int
) -> None:
    anna = world.connected("Anna")
    path = lay_down(world, anna, content)

    counted, stopped = take_in(world, anna, path)

    assert stopped == trouble
    assert counted["added"] == added
    assert not path.exists()


def test_what_a_passing_trouble_kept_from_being_read_is_read_by_the_next_run(
    world: VibeWorld,
) -> None:
    anna = world.connected("Anna")
    path = lay_down(world, anna, plays(2019))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vibe_pipeline.defs.importing.take_in", _busy)
        tags = {runs.FILE: path.name}
        failed = world.run("import_history", anna.user_id, tags=tags, raise_on_error=False)

    assert not failed.success
    counted, stopped = take_in(world, anna, path)
    assert (counted["added"], stopped) == (40, None)
    assert not path.exists()


def _busy(path: Path, *_: object, **__: object) -> None:
    raise WarehouseLocked(path, "Somebody else has it open.")


def test_a_file_that_no_run_took_in_goes_when_its_person_is_forgotten(world: VibeWorld) -> None:
    anna, boris = world.connected("Anna"), world.connected("Boris")
    hers, his = (lay_down(world, one, plays(2019)) for one in (anna, boris))

    note = world.store.erasures.forget(anna.user_id)
    assert sweep(world, note).success

    swept = world.store.erasures.get(note.receipt)
    assert swept is not None
    assert swept.counts["files.sent"] == 1
    assert not hers.parent.exists()
    assert his.exists()


def test_nobodys_run_takes_no_file_in(world: VibeWorld) -> None:
    anna = world.connected("Anna")
    path = lay_down(world, anna, plays(2019))
    world.store.erasures.forget(anna.user_id)

    with pytest.raises(dg.Failure, match="Nobody is known"):
        world.run("import_history", anna.user_id, tags={runs.FILE: path.name})

    assert path.exists()


def test_a_file_is_there_whole_or_not_at_all_and_its_name_leads_nowhere_else(
    tmp_path: Path,
) -> None:
    path = sent_file(tmp_path, ANNA, sent_name("ab12", "../../é t\x00c/..\\passwd.zip"))

    with pytest.raises(TypeError), receiving(path) as file:
        file.write(b"half" + cast("bytes", None))

    assert path.parent == tmp_path / FOLDER / ANNA
    assert waiting_files(tmp_path, ANNA) == 0
    for name in ("..", "../u2/x.zip", ".", ""):
        assert sent_file(tmp_path, ANNA, name).parent == path.parent


@pytest.mark.parametrize("letters", ["𝐌𝐲", "漢", "я", "é", "my"])
def test_a_long_name_in_any_script_can_be_written_and_keeps_its_ending(
    tmp_path: Path, letters: str
) -> None:
    path = sent_file(tmp_path, ANNA, sent_name("ab" * 16, letters * 120 + ".json"))

    with receiving(path) as file:
        file.write(b"[")

    assert path.read_bytes() == b"["
    assert path.name.startswith("abababababab-")
    assert set(path.stem.partition("-")[2]) == set(letters)
    assert path.suffix == ".json"


def test_files_that_no_run_took_in_are_thrown_away_after_days(tmp_path: Path) -> None:
    for number, age in enumerate((timedelta(), KEPT * 2)):
        path = sent_file(tmp_path, ANNA, f"{number}.zip")
        with receiving(path) as file:
            file.write(b"PK")
        moment = (NOW - age).timestamp()
        os.utime(path, (moment, moment))

    assert drop_old_files(tmp_path, now=NOW) == 1
    assert [path.name for path in (tmp_path / FOLDER).rglob("*.zip")] == ["0.zip"]
