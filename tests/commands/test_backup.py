"""Backup, restore and a new key: by their commands, on stores that others use meanwhile."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import signal
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet
from filelock import FileLock, Timeout

from vibe_pipeline.accounts import key_rotation
from vibe_pipeline.accounts.cipher import kept_key
from vibe_pipeline.accounts.errors import SecretKeyWrong
from vibe_pipeline.accounts.key_rotation import rotate_kept_key
from vibe_pipeline.accounts.records import EditionKind, EditionState, Tokens
from vibe_pipeline.accounts.schema import migrate
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.commands import checks, snapshots
from vibe_pipeline.commands.backup import backup, restore
from vibe_pipeline.commands.personal_data import erase, export
from vibe_pipeline.commands.rotate_key import rotate_key
from vibe_pipeline.errors import CommandFailed, ConfigurationError
from vibe_pipeline.installation.home import RESTORING, HomeInUse, held
from vibe_pipeline.records import EditionId, LikedTrack, Mode, Track, UserId
from vibe_pipeline.settings import Settings, read_settings
from vibe_pipeline.warehouse import Warehouse

NOW = datetime(2026, 11, 23, 6, 10, tzinfo=UTC)
GRANTED = Tokens(
    access_token="access",
    refresh_token="refresh",
    expires_at=NOW,
    scopes=frozenset({"a"}),
    consented_at=NOW,
)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """A home with something in every store, that the environment names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(key_rotation, "LAST_LOOK_SECONDS", 0.0)
    found = read_settings()
    filled(found)
    return found


def filled(settings: Settings) -> UserId:
    """A home where Anna is connected, likes a track and had a run."""
    (settings.home / "dagster" / "history").mkdir(parents=True)
    migrate(settings.accounts_address)
    store = open_for(settings)
    user_id = store.people.register(101, "Anna", "nl").user_id
    store.people.connect(user_id, "spotify-anna", "Anna", GRANTED)
    like_track(settings, user_id, "t1")
    with closing(sqlite3.connect(settings.home / "dagster" / "history" / "runs.db")) as runs:
        runs.execute("PRAGMA journal_mode = WAL")
        runs.execute("CREATE TABLE runs (run_id TEXT)")
        runs.execute("INSERT INTO runs VALUES ('r1')")
        runs.commit()
    return user_id


def like_track(settings: Settings, user_id: UserId, spotify_id: str) -> None:
    track = Track(
        spotify_id=spotify_id, uri=f"spotify:track:{spotify_id}", title="T", artists=("A",)
    )
    with Warehouse(settings.warehouse_path).open() as tables:
        like = LikedTrack(track=track, added_at=NOW)
        tables.library.change_likes(user_id, added=[like], gone=(), total=1, seen_at=NOW)


def anna(store: AccountStore) -> UserId:
    return store.people.all()[0].user_id


def likes(settings: Settings) -> list[str]:
    user_id = anna(open_for(settings))
    with Warehouse(settings.warehouse_path).open() as tables:
        return [like.track.spotify_id for like in tables.library.likes(user_id)]


def refresh_token(store: AccountStore) -> str:
    tokens = store.tokens.get(anna(store))
    assert tokens is not None
    return tokens.refresh_token


def vibe(command: click.Command, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def troubles(settings: Settings) -> list[str]:
    return [str(one.trouble) for one in checks.restoring(settings) if one.trouble]


@pytest.fixture
def archive(settings: Settings, tmp_path: Path) -> Path:
    """A backup, made while the home is in use."""
    path = tmp_path / "night.tar.gz"
    with held(settings.home), open_for(settings).database.reading():
        assert vibe(backup, "--to", str(path)).exit_code == 0
    return path


def test_a_backup_is_one_closed_file_without_the_key(archive: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    with tarfile.open(archive) as content:
        assert set(content.getnames()) == {
            "manifest.json",
            "accounts.sqlite",
            "warehouse.duckdb",
            "dagster/history/runs.db",
        }


def test_what_was_there_at_the_backup_is_there_again_and_the_rest_is_kept_aside(
    settings: Settings, archive: Path
) -> None:
    like_track(settings, anna(open_for(settings)), "t2")
    open_for(settings).people.register(102, "Ben", "en")

    result = vibe(restore, str(archive))

    assert result.exit_code == 0, result.exception
    assert "Nobody was forgotten or disconnected since." in result.output
    store = open_for(settings)
    assert [person.telegram_name for person in store.people.all()] == ["Anna"]
    assert (likes(settings), refresh_token(store)) == (["t1"], "refresh")
    with closing(sqlite3.connect(settings.home / "dagster" / "history" / "runs.db")) as runs:
        assert runs.execute("SELECT run_id FROM runs").fetchall() == [("r1",)]
    (aside,) = settings.home.glob("before-restore-*")
    assert {"accounts.sqlite", "warehouse.duckdb", "dagster"} <= {p.name for p in aside.iterdir()}
    assert stat.S_IMODE((settings.home / "accounts.sqlite").stat().st_mode) == 0o600


def warehouse_rows(settings: Settings, user_id: UserId) -> int:
    with Warehouse(settings.warehouse_path).open() as tables:
        return tables.rows_of(user_id)


def ben(settings: Settings) -> UserId:
    """Ben is connected as well and likes a track."""
    store = open_for(settings)
    user_id = store.people.register(102, "Ben", "en").user_id
    store.people.connect(user_id, "spotify-ben", "Ben", GRANTED)
    like_track(settings, user_id, "t9")
    return user_id


def test_readers_and_a_writer_work_side_by_side_in_what_was_restored(
    settings: Settings, archive: Path
) -> None:
    vibe(restore, str(archive))

    for name in ("accounts.sqlite", "dagster/history/runs.db"):
        with closing(sqlite3.connect(settings.home / name)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize(
    "manifest",
    [
        b'{"format": 1, "made_at": "", "version": "", "key_fingerprint": null, "digests": null}',
        b'{"format": 1, "made_at": "", "version": "", "key_fingerprint": null, "digests": {}}',
        b"[" * 100_000,
    ],
)
def test_an_archive_with_an_odd_manifest_is_refused_in_a_sentence(
    settings: Settings, tmp_path: Path, manifest: bytes
) -> None:
    with tarfile.open(tmp_path / "odd.tar.gz", "w:gz") as content:
        head = tarfile.TarInfo("manifest.json")
        head.size = len(manifest)
        content.addfile(head, BytesIO(manifest))

    result = vibe(restore, str(tmp_path / "odd.tar.gz"))

    assert "is no backup" in str(result.exception)
    assert likes(settings) == ["t1"]


def rewritten(
    archive: Path, to: Path, changes: dict[str, bytes], *extra: tuple[tarfile.TarInfo, bytes]
) -> str:
    """The same backup with other files, whose digests are right, and with more at its end."""
    with tarfile.open(archive) as content:
        files = {name: content.extractfile(name) for name in content.getnames()}
        members = {name: file.read() for name, file in files.items() if file is not None}
    manifest = json.loads(members.pop("manifest.json"))
    members |= changes
    digests = {head.name: "" for head, _ in extra}
    digests |= {name: sha256(one).hexdigest() for name, one in members.items()}
    first = {"manifest.json": json.dumps({**manifest, "digests": digests}).encode()}
    with tarfile.open(to, "w:gz") as content:
        for name, one in {**first, **members}.items():
            head = tarfile.TarInfo(name)
            head.size = len(one)
            content.addfile(head, BytesIO(one))
        for head, one in extra:
            content.addfile(head, BytesIO(one))
    return str(to)


def test_a_backup_with_a_newer_versions_accounts_is_refused_and_changes_nothing(
    settings: Settings, archive: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "newer.sqlite"
    with tarfile.open(archive) as content:
        content.extract("accounts.sqlite", tmp_path, filter="data")
    (tmp_path / "accounts.sqlite").rename(newer)
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    path = rewritten(archive, tmp_path / "x.tar.gz", {"accounts.sqlite": newer.read_bytes()})

    result = vibe(restore, path)

    assert isinstance(result.exception, CommandFailed)
    assert "newer version" in str(result.exception)
    assert "Nothing was changed." in str(result.exception)
    assert (likes(settings), refresh_token(open_for(settings))) == (["t1"], "refresh")


def a_sparse_giant() -> tuple[tarfile.TarInfo, bytes]:
    """A file of a terabyte without one byte in it, as GNU tar packs it."""
    head = tarfile.TarInfo("dagster/runs.db")
    terabyte = 2**40
    head.pax_headers = {
        "GNU.sparse.map": f"{terabyte},0",
        "GNU.sparse.size": str(terabyte),
    }
    return head, b""


def the_same_name_again() -> tuple[tarfile.TarInfo, bytes]:
    head = tarfile.TarInfo("accounts.sqlite")
    head.size = 1
    return head, b"x"


@pytest.mark.parametrize("extra", [a_sparse_giant, the_same_name_again])
def test_a_backup_with_what_we_never_write_is_refused_at_once_and_changes_nothing(
    settings: Settings,
    archive: Path,
    tmp_path: Path,
    extra: Callable[[], tuple[tarfile.TarInfo, bytes]],
) -> None:
    path = rewritten(archive, tmp_path / "x.tar.gz", {}, extra())

    result = vibe(restore, path)

    assert "is no backup, or it is damaged. Nothing was changed." in str(result.exception)
    assert likes(settings) == ["t1"]


def test_a_backup_that_is_larger_than_the_disk_is_not_unpacked(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(archive)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    result = vibe(restore, str(archive))

    assert "No space left" in str(result.exception)


def test_whoever_was_forgotten_since_the_backup_stays_forgotten_in_every_store(
    settings: Settings, tmp_path: Path
) -> None:
    gone, path = ben(settings), str(tmp_path / "both.tar.gz")
    vibe(backup, "--to", path)
    open_for(settings).erasures.forget(gone)

    result = vibe(restore, path)

    store = open_for(settings)
    assert result.exit_code == 0, result.exception
    assert "1 were forgotten and 0 disconnected" in result.output
    assert [person.telegram_name for person in store.people.all()] == ["Anna"]
    assert (store.erasures.left_of(gone), warehouse_rows(settings, gone)) == (0, 0)
    assert [note.user_id for note in store.erasures.waiting()] == [gone]
    assert (likes(settings), refresh_token(store)) == (["t1"], "refresh")


def test_whoever_disconnected_since_the_backup_has_no_tokens_after_it_is_restored(
    settings: Settings, archive: Path
) -> None:
    store = open_for(settings)
    store.erasures.disconnect(anna(store))

    result = vibe(restore, str(archive))

    (person,) = open_for(settings).people.all()
    assert "0 were forgotten and 1 disconnected" in result.output
    assert (person.connected, person.spotify_account_id) == (False, None)
    assert likes(settings) == []


def test_whose_consent_has_ended_since_loses_the_tokens_and_keeps_the_likes(
    settings: Settings, archive: Path
) -> None:
    store = open_for(settings)
    store.tokens.expire_consent(anna(store), NOW)

    vibe(restore, str(archive))

    (person,) = open_for(settings).people.all()
    assert (person.connected, person.spotify_account_id) == (False, "spotify-anna")
    assert likes(settings) == ["t1"]


def harm_store(settings: Settings) -> None:
    zeroed(settings.home / "accounts.sqlite")


def another_installation(settings: Settings) -> None:
    (settings.home / "accounts.sqlite").unlink()
    migrate(settings.accounts_address)


def no_store(settings: Settings) -> None:
    (settings.home / "accounts.sqlite").unlink()


@pytest.mark.parametrize("today", [harm_store, another_installation, no_store])
def test_where_no_store_tells_who_left_everybody_is_back_and_the_operator_is_told(
    settings: Settings, archive: Path, today: Callable[[Settings], None]
) -> None:
    today(settings)

    result = vibe(restore, str(archive))

    assert result.exit_code == 0, result.exception
    assert "vibe erase" in result.output
    assert refresh_token(open_for(settings)) == "refresh"


def test_whoever_came_after_an_older_backup_is_not_taken_for_forgotten_once_it_was_restored(
    settings: Settings, archive: Path, tmp_path: Path
) -> None:
    came, newer = ben(settings), str(tmp_path / "newer.tar.gz")
    vibe(backup, "--to", newer)
    vibe(restore, str(archive))

    result = vibe(restore, newer)

    assert came in open_for(settings).people.ids()
    assert came in result.output


def cut_off(settings: Settings, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore that ends when the former accounts are set aside and the new ones not there yet."""
    move = shutil.move

    def full(source: Path | str, target: Path | str) -> None:
        if Path(target) == settings.home / "accounts.sqlite":
            raise OSError(28, "No space left on device")
        move(source, target)

    with monkeypatch.context() as patched:
        patched.setattr("shutil.move", full)
        assert isinstance(vibe(restore, path).exception, CommandFailed)
    assert not (settings.home / "accounts.sqlite").exists()


def test_whoever_was_forgotten_stays_so_when_the_restore_was_cut_off_in_the_middle(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, path = ben(settings), str(tmp_path / "both.tar.gz")
    vibe(backup, "--to", path)
    open_for(settings).erasures.forget(gone)
    cut_off(settings, path, monkeypatch)

    assert vibe(restore, path).exit_code == 0

    assert gone not in open_for(settings).people.ids()


def test_nothing_is_erased_exported_or_sealed_anew_between_a_restore_cut_off_and_the_next(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, path = ben(settings), str(tmp_path / "both.tar.gz")
    vibe(backup, "--to", path)
    open_for(settings).erasures.forget(gone)
    cut_off(settings, path, monkeypatch)
    key = kept_key(settings.home)

    refused = [vibe(erase, "Anna"), vibe(export, "Anna"), vibe(rotate_key)]

    assert all("restore again first" in str(one.exception) for one in refused)
    assert kept_key(settings.home) == key
    assert not (settings.home / "accounts.sqlite").exists()
    assert vibe(restore, path).exit_code == 0
    assert gone not in open_for(settings).people.ids()


def test_an_empty_store_made_after_a_restore_was_cut_off_does_not_bring_the_forgotten_back(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, path = ben(settings), str(tmp_path / "both.tar.gz")
    vibe(backup, "--to", path)
    open_for(settings).erasures.forget(gone)
    cut_off(settings, path, monkeypatch)
    migrate(settings.accounts_address)

    assert vibe(restore, path).exit_code == 0

    assert gone not in open_for(settings).people.ids()


def test_the_former_stores_are_all_kept_where_both_have_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DB_PATH", str(tmp_path / "warehouse" / "vibe.db"))
    monkeypatch.setenv("ACCOUNTS_URL", f"sqlite:///{tmp_path}/accounts/vibe.db")
    for folder in ("warehouse", "accounts"):
        (tmp_path / folder).mkdir()
    settings, path = read_settings(), str(tmp_path / "night.tar.gz")
    filled(settings)
    vibe(backup, "--to", path)
    like_track(settings, anna(open_for(settings)), "t2")

    assert vibe(restore, path).exit_code == 0

    (aside,) = settings.home.glob("before-restore-*")
    with Warehouse(aside / "warehouse.duckdb").open() as tables:
        assert len(tables.library.likes(anna(open_for(settings)))) == 2
    with closing(sqlite3.connect(aside / "accounts.sqlite")) as former:
        assert former.execute("SELECT count(*) FROM accounts").fetchone() == (1,)


def test_a_new_home_needs_the_key_in_the_archive_or_at_hand(
    settings: Settings, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tmp_path / "whole.tar.gz"
    vibe(backup, "--with-key", "--to", str(whole))
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "other"))

    refused = vibe(restore, str(archive))
    restored = vibe(restore, str(whole))

    assert isinstance(refused.exception, ConfigurationError)
    assert restored.exit_code == 0
    assert refresh_token(open_for(read_settings())) == "refresh"


def test_a_key_that_stood_second_when_it_sealed_the_backup_is_asked_for(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, newest = str(tmp_path / "night.tar.gz"), Fernet.generate_key().decode()
    monkeypatch.setenv("VIBE_SECRET_KEY", f"{newest},{kept_key(settings.home)}")
    vibe(backup, "--to", path)
    monkeypatch.setenv("VIBE_SECRET_KEY", newest)

    result = vibe(restore, path)

    assert isinstance(result.exception, ConfigurationError)
    assert vibe(restore, "--without-key", path).exit_code == 0


def test_a_key_that_stands_second_opens_a_backup_as_well(
    settings: Settings, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = Fernet.generate_key().decode()
    monkeypatch.setenv("VIBE_SECRET_KEY", f"{newest},{kept_key(settings.home)}")

    result = vibe(restore, str(archive))

    assert result.exit_code == 0, result.exception
    assert refresh_token(open_for(read_settings())) == "refresh"


def test_the_key_cannot_change_between_the_accounts_copy_and_its_own(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, rotating = snapshots._copy_accounts, FileLock(settings.home / "secret.key.lock")

    def copied_while_rotating(settings: Settings, folder: Path) -> None:
        copy(settings, folder)
        with pytest.raises(Timeout):
            rotating.acquire(blocking=False)

    monkeypatch.setattr(snapshots, "_copy_accounts", copied_while_rotating)

    result = vibe(backup, "--with-key", "--to", str(tmp_path / "night.tar.gz"))

    assert result.exit_code == 0, result.exception
    rotating.acquire(blocking=False)
    rotating.release()


def test_a_home_in_use_is_left_alone(settings: Settings, archive: Path) -> None:
    with held(settings.home):
        result = vibe(restore, str(archive))

    assert isinstance(result.exception, HomeInUse)


def spoiled(archive: Path) -> Iterator[bytes]:
    whole = archive.read_bytes()
    yield whole[: len(whole) // 2]
    yield whole[:-200]
    yield b"not an archive"
    middle = len(whole) // 2
    yield whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :]


def test_a_damaged_backup_changes_nothing(settings: Settings, archive: Path) -> None:
    before = sorted(path.name for path in settings.home.iterdir())
    for content in spoiled(archive):
        archive.write_bytes(content)

        result = vibe(restore, str(archive))

        assert isinstance(result.exception, CommandFailed)
        assert "Nothing was changed" in str(result.exception)
    assert sorted(path.name for path in settings.home.iterdir()) == before
    assert likes(settings) == ["t1"]


def test_a_restore_that_was_cut_off_stops_the_next_start_until_it_is_run_again(
    settings: Settings, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("shutil.move", full)
        assert isinstance(vibe(restore, str(archive)).exception, CommandFailed)
    assert len(troubles(settings)) == 1

    assert vibe(restore, str(archive)).exit_code == 0

    assert troubles(settings) == []
    assert not (settings.home / RESTORING).exists()
    assert likes(settings) == ["t1"]


def zeroed(path: Path) -> None:
    """Its beginning as it was, and nothing but zeros from there on, as a dying disk leaves it."""
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + bytes(len(whole) - 4096))


@pytest.mark.parametrize("name", ["accounts.sqlite", "warehouse.duckdb", "dagster/history/runs.db"])
def test_no_backup_is_made_of_a_damaged_store_so_the_good_ones_are_kept(
    settings: Settings, tmp_path: Path, name: str
) -> None:
    zeroed(settings.home / name)

    result = vibe(backup, "--to", str(tmp_path / "night.tar.gz"))

    assert isinstance(result.exception, CommandFailed)
    assert Path(name).name in str(result.exception)
    assert "vibe doctor" in str(result.exception)
    assert not (tmp_path / "night.tar.gz").exists()


def test_no_backup_is_made_without_the_account_store_or_of_a_restore_that_was_cut_off(
    settings: Settings, tmp_path: Path
) -> None:
    mark = settings.home / RESTORING
    mark.touch()
    half_way = vibe(backup, "--to", str(tmp_path / "night.tar.gz"))
    mark.unlink()
    (settings.home / "accounts.sqlite").unlink()

    without = vibe(backup, "--to", str(tmp_path / "night.tar.gz"))

    assert "cut off" in str(half_way.exception)
    assert "accounts.sqlite is gone" in str(without.exception)
    assert not (tmp_path / "night.tar.gz").exists()


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may grow beyond this many bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("largest", ["accounts.sqlite", "warehouse.duckdb"])
def test_no_room_for_the_backup_is_not_told_as_damage_of_what_is_backed_up(
    settings: Settings, tmp_path: Path, largest: str
) -> None:
    with room_for((settings.home / largest).stat().st_size - 4096):
        result = vibe(backup, "--to", str(tmp_path / "night.tar.gz"))

    assert str(result.exception) == f"There is no room for the backup at {tmp_path}."
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def copies(settings: Settings, tmp_path: Path) -> list[str]:
    return [path.name for folder in (tmp_path, settings.home) for path in folder.glob(".*")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_backup_or_a_restore_that_is_asked_to_end_leaves_no_open_copies(
    settings: Settings,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
) -> None:
    former = signal.signal(number, signal.SIG_DFL)
    monkeypatch.setattr(snapshots, "check", lambda _: os.kill(os.getpid(), number))

    ended = [
        vibe(backup, "--with-key", "--to", str(tmp_path / "other.tar.gz")).exit_code,
        vibe(restore, str(archive)).exit_code,
    ]

    assert ended == [128 + number] * 2
    assert copies(settings, tmp_path) == []
    assert signal.getsignal(number) is signal.SIG_DFL
    signal.signal(number, former)


def test_open_copies_that_a_killed_process_left_are_removed_but_not_those_in_use(
    settings: Settings, archive: Path, tmp_path: Path
) -> None:
    for parent in (tmp_path, settings.home):
        (parent / ".vibe-copies-left").mkdir()
        (parent / ".vibe-copies-left" / "secret.key").touch()
        (parent / ".vibe-copies-left" / "0123456789ab.draft").touch()
    in_use = tmp_path / ".vibe-copies-used"
    in_use.mkdir()
    held_open = os.open(in_use, os.O_RDONLY)
    fcntl.flock(held_open, fcntl.LOCK_EX)

    vibe(backup, "--to", str(tmp_path / "other.tar.gz"))
    vibe(restore, str(archive))

    os.close(held_open)
    assert copies(settings, tmp_path) == [in_use.name]


def record_list(settings: Settings) -> None:
    store = open_for(settings)
    store.editions.open(
        EditionId("r1"),
        anna(store),
        vibe_date=NOW.date(),
        occasion="r1",
        kind=EditionKind.DAILY,
        mode=Mode.LIVING,
    )
    store.editions.advance(EditionId("r1"), EditionState.STARTED, EditionState.CHOSEN)


def test_no_backup_is_made_once_the_warehouse_of_recorded_lists_is_gone(
    settings: Settings, tmp_path: Path
) -> None:
    record_list(settings)
    settings.warehouse_path.unlink()

    result = vibe(backup, "--to", str(tmp_path / "night.tar.gz"))

    assert isinstance(result.exception, CommandFailed)
    assert "warehouse.duckdb is gone" in str(result.exception)
    assert not (tmp_path / "night.tar.gz").exists()


def test_no_backup_is_made_while_the_disk_that_holds_the_warehouse_is_not_there(
    settings: Settings, tmp_path: Path
) -> None:
    settings.warehouse_path.unlink()
    settings.warehouse_path.symlink_to(tmp_path / "unmounted" / "warehouse.duckdb")

    result = vibe(backup, "--to", str(tmp_path / "night.tar.gz"))

    assert "warehouse.duckdb is gone" in str(result.exception)


def test_a_backup_before_the_first_list_says_that_it_holds_no_warehouse(
    settings: Settings, tmp_path: Path
) -> None:
    settings.warehouse_path.unlink()

    result = vibe(backup, "--to", str(tmp_path / "night.tar.gz"))

    assert result.exit_code == 0, result.exception
    assert "The warehouse is not in it" in result.output


def test_all_but_a_warehouse_of_motherducks_is_backed_up_and_that_is_said(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PATH", "md:vibe")
    monkeypatch.setenv("MOTHERDUCK_TOKEN", "t")

    result = vibe(backup, "--to", str(tmp_path / "night.tar.gz"))

    assert result.exit_code == 0, result.exception
    assert "MotherDuck" in result.output
    with tarfile.open(tmp_path / "night.tar.gz") as content:
        assert "warehouse.duckdb" not in content.getnames()


@pytest.mark.parametrize("name", ["100%41 sure", "a#b", "наш дом"])
def test_a_home_may_have_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    filled(read_settings())

    made = vibe(backup, "--to", str(tmp_path / "night.tar.gz"))

    assert made.exit_code == 0, made.exception
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [name]
    assert (tmp_path / name / "accounts.sqlite").exists()


def test_accounts_that_a_backup_does_not_hold_stay_as_they_are(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "night.tar.gz"
    with monkeypatch.context() as patched:
        patched.setenv("ACCOUNTS_URL", "postgresql+psycopg://vibe@db.example/vibe")
        vibe(backup, "--to", str(elsewhere))

    result = vibe(restore, str(elsewhere))

    assert result.exit_code == 0, result.exception
    assert "not in this backup" in result.output
    assert refresh_token(open_for(settings)) == "refresh"


def test_a_key_in_a_backup_without_accounts_is_not_put_over_the_one_that_opens_them(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "night.tar.gz"
    with monkeypatch.context() as patched:
        patched.setenv("ACCOUNTS_URL", "postgresql+psycopg://vibe@db.example/vibe")
        vibe(backup, "--with-key", "--to", str(elsewhere))
    vibe(rotate_key)

    result = vibe(restore, str(elsewhere))

    assert result.exit_code == 0, result.exception
    assert "stays as it is" in result.output
    assert refresh_token(open_for(settings)) == "refresh"


def test_a_key_in_a_backup_without_accounts_is_put_where_it_is_missing_or_another_is_of_no_use(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, key = tmp_path / "night.tar.gz", settings.home / "secret.key"
    with monkeypatch.context() as patched:
        patched.setenv("ACCOUNTS_URL", "postgresql+psycopg://vibe@db.example/vibe")
        vibe(backup, "--with-key", "--to", str(elsewhere))

    for present in (None, Fernet.generate_key()):
        key.unlink()
        if present is not None:
            key.write_bytes(present)
        vibe(restore, str(elsewhere))

        assert refresh_token(open_for(settings)) == "refresh"


def test_accounts_in_a_file_are_not_left_out_in_silence_where_a_server_keeps_them(
    settings: Settings, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    like_track(settings, anna(open_for(settings)), "t2")
    with monkeypatch.context() as patched:
        patched.setenv("ACCOUNTS_URL", "postgresql+psycopg://vibe@db.example/vibe")
        result = vibe(restore, str(archive))

    assert isinstance(result.exception, ConfigurationError)
    assert "ACCOUNTS_URL" in str(result.exception)
    assert sorted(likes(settings)) == ["t1", "t2"]


def test_a_restore_says_that_dagsters_own_server_stays_as_it_is(
    settings: Settings, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql+psycopg2://vibe@db.example/dagster")

    result = vibe(restore, str(archive))

    assert result.exit_code == 0, result.exception
    assert "DAGSTER_POSTGRES_URL" in result.output


def test_another_file_is_never_overwritten_by_a_backup(archive: Path) -> None:
    result = vibe(backup, "--to", str(archive))

    assert isinstance(result.exception, ConfigurationError)


def test_a_new_key_holds_in_every_process_and_the_former_one_is_forgotten(
    settings: Settings,
) -> None:
    running, former = open_for(settings), kept_key(settings.home)
    state = running.inbox.add("1", "a wish")

    result = vibe(rotate_key)

    assert (state, result.exit_code) == (True, 0)
    assert kept_key(settings.home) != former
    assert former not in kept_key(settings.home)
    assert refresh_token(running) == refresh_token(open_for(settings)) == "refresh"
    assert [entry.payload for entry in running.inbox.take_up()] == ["a wish"]
    with pytest.raises(SecretKeyWrong):
        running.check(former)


def test_a_rotation_that_is_cut_off_loses_nothing_and_is_finished_by_the_next(
    settings: Settings,
) -> None:
    class CutOffError(Exception):
        pass

    def cut_off(_: float) -> None:
        raise CutOffError

    running, former = open_for(settings), kept_key(settings.home)
    with pytest.raises(CutOffError):
        rotate_kept_key(running.database, settings.home, sleep=cut_off)
    newest, _, kept = kept_key(settings.home).partition(",")
    assert (kept, refresh_token(running)) == (former, "refresh")

    rotate_kept_key(running.database, settings.home)

    assert kept_key(settings.home) == newest
    assert refresh_token(running) == "refresh"


def test_what_is_renewed_while_the_key_changes_can_be_opened(settings: Settings) -> None:
    running, over = open_for(settings), threading.Event()
    user_id = anna(running)

    def renew() -> None:
        while not over.is_set():
            running.tokens.save(user_id, GRANTED)

    renewing = threading.Thread(target=renew)
    renewing.start()
    try:
        for _ in range(5):
            rotate_kept_key(running.database, settings.home)
    finally:
        over.set()
        renewing.join()

    assert refresh_token(open_for(settings)) == "refresh"


def test_a_key_of_the_environment_is_changed_in_two_steps(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, newest = kept_key(settings.home), Fernet.generate_key().decode()
    monkeypatch.setenv("VIBE_SECRET_KEY", former)
    told = vibe(rotate_key)
    monkeypatch.setenv("VIBE_SECRET_KEY", f"{newest},{former}")

    done = vibe(rotate_key)

    assert isinstance(told.exception, ConfigurationError)
    assert done.exit_code == 0
    monkeypatch.setenv("VIBE_SECRET_KEY", newest)
    assert refresh_token(open_for(read_settings())) == "refresh"
