"""``vibe rotate-key``: the only key is never lost, whatever became of the file that keeps it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.commands.test_backup import GRANTED
from vibe_pipeline.accounts import key_rotation
from vibe_pipeline.accounts.cipher import Cipher, key_file
from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import AccountsUnreachable
from vibe_pipeline.accounts.key_rotation import Resealed
from vibe_pipeline.accounts.schema import migrate
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.commands.rotate_key import rotate_key
from vibe_pipeline.errors import CommandFailed
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import read_settings


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home that keeps its own key, and that the environment names."""
    home = tmp_path / "home"
    monkeypatch.setenv("VIBE_HOME", str(home))
    monkeypatch.delenv("VIBE_SECRET_KEY", raising=False)
    monkeypatch.setattr(key_rotation, "LAST_LOOK_SECONDS", 0.0)
    migrate(read_settings().accounts_address)
    return home


@pytest.fixture
def anna(home: Path) -> UserId:
    """Anna, whose tokens are sealed with the key of this home."""
    assert home.is_dir()
    store = open_for(read_settings())
    user_id = store.people.register(101, "Anna", "nl").user_id
    store.people.connect(user_id, "spotify-anna", "Anna", GRANTED)
    return user_id


def refresh_token(store: AccountStore, user_id: UserId) -> str | None:
    tokens = store.tokens.get(user_id)
    return None if tokens is None else tokens.refresh_token


def rotated() -> Result:
    return CliRunner().invoke(rotate_key)


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_key_that_cannot_be_read_is_left_as_it_is(home: Path, encoding: str) -> None:
    path = key_file(home)
    path.write_bytes(path.read_text(encoding="ascii").encode(encoding))
    before = path.read_bytes()

    result = rotated()

    assert path.read_bytes() == before
    assert isinstance(result.exception, CommandFailed)
    assert str(path) in str(result.exception)
    assert "VIBE_SECRET_KEY" not in str(result.exception)
    assert "former key" not in str(result.exception)


def test_a_key_put_back_with_a_byte_order_mark_is_the_key_and_can_be_changed(
    home: Path, anna: UserId
) -> None:
    path = key_file(home)
    former = path.read_text(encoding="ascii")
    path.write_text(former, encoding="utf-8-sig")
    running = open_for(read_settings())

    result = rotated()

    assert result.exit_code == 0
    assert former.strip() not in path.read_text(encoding="ascii")
    assert refresh_token(running, anna) == "refresh"
    assert refresh_token(open_for(read_settings()), anna) == "refresh"


@pytest.mark.usefixtures("anna")
def test_the_only_key_is_kept_while_the_store_it_opens_is_away(home: Path) -> None:
    key, store = key_file(home).read_bytes(), home / "accounts.sqlite"
    away = store.rename(home.with_name("away.sqlite"))

    gone = rotated()
    migrate(read_settings().accounts_address)
    empty = rotated()

    assert "accounts.sqlite is not there" in str(gone.exception)
    assert "so it stays" in str(empty.exception)
    assert key_file(home).read_bytes() == key
    away.replace(store)
    assert rotated().exit_code == 0


def test_a_store_that_fails_halfway_leaves_the_former_key_in_force(
    home: Path, anna: UserId, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_database: Database, _opens: Cipher, _seals: Cipher) -> Resealed:
        raise AccountsUnreachable("The account store does not answer.")

    former = key_file(home).read_text(encoding="ascii").strip()
    monkeypatch.setattr(key_rotation, "_resealed", broken)

    result = rotated()

    assert isinstance(result.exception, CommandFailed)
    assert "The former key is kept, and everything can be opened; run this again." in str(
        result.exception
    )
    assert former in key_file(home).read_text(encoding="ascii")
    assert refresh_token(open_for(read_settings()), anna) == "refresh"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes a key beside somebody else")
def test_a_key_that_root_changes_stays_that_of_the_service_s_user(
    home: Path, anna: UserId
) -> None:  # pragma: no cover
    owner = 4711
    for path in (home, *home.iterdir()):
        os.chown(path, owner, owner)

    result = rotated()

    assert result.exit_code == 0
    assert {path.name: path.stat().st_uid for path in home.glob("secret.key*")} == {
        "secret.key": owner,
        "secret.key.lock": owner,
    }
    assert stat.S_IMODE(key_file(home).stat().st_mode) == 0o600
    assert refresh_token(open_for(read_settings()), anna) == "refresh"
