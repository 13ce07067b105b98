"""``vibe erase`` and ``vibe export``: directly on the stores, counted, in words."""

from __future__ import annotations

import csv
import io
import json
import stat
import zipfile
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.support.blank_accounts import set_up_store
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.commands.personal_data import erase, export
from vibe_pipeline.errors import CommandFailed, ConfigurationError
from vibe_pipeline.locales import LANGUAGES, say
from vibe_pipeline.personal_data.export import throw_away_old, write_archive
from vibe_pipeline.records import LikedTrack, Track, UserId
from vibe_pipeline.settings import read_settings
from vibe_pipeline.warehouse import Warehouse

NOW = datetime(2026, 11, 23, 6, 10, tzinfo=UTC)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AccountStore:
    """An account store with Anna in it, that the environment names."""
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    settings = read_settings()
    set_up_store(settings.accounts_address)
    return open_for(settings)


@pytest.fixture
def anna(store: AccountStore) -> UserId:
    """Anna, with one liked track whose name a spreadsheet would compute."""
    user_id = store.people.register(101, "Anna", "nl").user_id
    track = Track(
        spotify_id="t1", uri="spotify:track:t1", title="=1+1", artists=("Ünloved",), isrc=None
    )
    with Warehouse(read_settings().warehouse_path).open() as tables:
        like = LikedTrack(track=track, added_at=NOW)
        tables.library.change_likes(user_id, added=[like], gone=(), total=1, seen_at=NOW)
    return user_id


def vibe(command: click.Command, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_erasing_counts_what_went_and_what_is_left(store: AccountStore, anna: UserId) -> None:
    result = vibe(erase, anna, "--json")

    said = json.loads(result.stdout)
    assert result.exit_code == 0
    assert said["left"] == 0
    assert said["erased"]["accounts.accounts"] == 1
    assert said["erased"]["warehouse.liked_tracks"] == 1
    assert store.people.get(anna) is None
    (note,) = store.erasures.waiting()
    assert note.receipt == said["receipt"]
    assert note.counts == said["erased"]


@pytest.fixture
def cut_off(store: AccountStore, anna: UserId) -> str:
    """Anna's erasure, begun and stopped short of the warehouse; gives what was said."""
    path = read_settings().warehouse_path
    away = path.rename(path.with_name("away"))
    path.write_text("no database " * 1000)
    result = vibe(erase, "Anna")
    away.replace(path)
    assert store.people.get(anna) is None
    assert isinstance(result.exception, CommandFailed)
    return f"{result.stdout}{result.exception}"


def warehouse_rows(user_id: UserId) -> int:
    with Warehouse(read_settings().warehouse_path).open() as tables:
        return tables.rows_of(user_id)


def test_an_erasure_that_fails_halfway_says_how_to_go_on(
    store: AccountStore, anna: UserId, cut_off: str
) -> None:
    (note,) = store.erasures.waiting()

    assert cut_off.startswith(f"{anna}, receipt {note.receipt}: ")
    assert f"`vibe erase {anna}` goes on with it" in cut_off
    assert warehouse_rows(anna) == 2


@pytest.mark.usefixtures("cut_off")
def test_an_erasure_that_failed_halfway_is_gone_on_with_by_its_id(
    store: AccountStore, anna: UserId
) -> None:
    result = vibe(erase, anna, "--json")

    (note,) = store.erasures.waiting()
    said = json.loads(result.stdout)
    assert (result.exit_code, said["receipt"], said["left"]) == (0, note.receipt, 0)
    assert said["erased"]["warehouse.liked_tracks"] == 1
    assert note.counts == said["erased"]
    assert warehouse_rows(anna) == 0


@pytest.mark.usefixtures("cut_off")
def test_an_erasure_that_failed_halfway_is_gone_on_with_by_a_name_nobody_has_any_more(
    store: AccountStore, anna: UserId
) -> None:
    result = vibe(erase, "Anna")

    (note,) = store.erasures.waiting()
    assert isinstance(result.exception, ConfigurationError)
    assert "Nobody is known as Anna" in str(result.exception)
    assert f"{anna}, receipt {note.receipt}, 2 rows erased, 0 left" in str(result.exception)
    assert note.counts["warehouse.liked_tracks"] == 1
    assert warehouse_rows(anna) == 0


def test_erasing_says_it_in_words_too(anna: UserId) -> None:
    result = vibe(erase, anna)

    assert "rows erased, 0 left" in result.stdout
    assert "warehouse.liked_tracks" in result.stdout


def test_erasing_names_stores_that_were_set_aside_and_says_when_they_go(anna: UserId) -> None:
    damaged = read_settings().home / "warehouse.duckdb.damaged-20261120-060000"
    damaged.touch()

    result = vibe(erase, anna)

    assert "deleted by 2026-12-21 at the latest" in result.stdout
    assert str(damaged) in result.stdout


@pytest.mark.parametrize("name", ["nobody", "../x", "'; DROP TABLE accounts; --", "💥", ""])
@pytest.mark.parametrize("command", [erase, export])
@pytest.mark.usefixtures("store")
def test_a_name_that_is_nobodys_is_refused_in_a_sentence(
    command: click.Command, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    result = vibe(command, name)

    assert isinstance(result.exception, ConfigurationError)
    assert "Nobody is known" in str(result.exception)
    assert not list(tmp_path.glob("*.zip"))


def test_an_export_holds_every_table_as_json_and_csv(anna: UserId, tmp_path: Path) -> None:
    path = tmp_path / "anna.zip"

    result = vibe(export, anna, "--to", str(path))

    with zipfile.ZipFile(path) as archive:
        (like,) = json.loads(archive.read("warehouse/liked_tracks.json"))
        lines = archive.read("warehouse/liked_tracks.csv").decode("utf-8-sig")
        readme = archive.read("README.txt").decode()
    (row,) = csv.DictReader(io.StringIO(lines))
    assert result.exit_code == 0
    assert like["title"] == "=1+1"
    assert row["title"] == "'=1+1"
    assert like["artists"] == ["Ünloved"]
    assert say("nl", "export.title") in readme
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_place_that_cannot_be_written_is_said(anna: UserId, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    result = vibe(export, anna, "--to", str(tmp_path / "file" / "anna.zip"))

    assert isinstance(result.exception, ConfigurationError)
    assert "cannot be written" in str(result.exception)


def test_a_warehouse_that_is_none_is_said(anna: UserId) -> None:
    read_settings().warehouse_path.write_text("no database " * 1000)

    result = vibe(erase, anna)

    assert isinstance(result.exception, CommandFailed)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_readme_speaks_the_persons_language(language: str, tmp_path: Path) -> None:
    path = tmp_path / "x.zip"

    write_archive(path, {}, language=language, now=NOW)

    with zipfile.ZipFile(path) as archive:
        readme = archive.read("README.txt").decode()
    assert say(language, "export.what") in readme
    assert say(language, "export.erase") in readme


def test_an_archive_that_cannot_be_written_to_its_end_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    class FullDisk:
        def __str__(self) -> str:
            raise OSError(ENOSPC, "no space left")

    with pytest.raises(OSError, match="no space left"):
        write_archive(
            tmp_path / "x.zip", {"accounts/tokens": [{"x": FullDisk()}]}, language="en", now=NOW
        )

    assert list(tmp_path.iterdir()) == []


def test_archives_nobody_came_for_are_thrown_away(tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "left.zip").write_text("x")

    kept = throw_away_old(tmp_path, now=datetime.now(UTC))
    gone = throw_away_old(tmp_path, now=datetime(2126, 1, 1, tzinfo=UTC))

    assert (kept, gone) == (0, 1)
