"""Setting the store up, its key, and everything that can be wrong with it, in words."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import create_engine, event, text

from tests.support.accounts_site import (
    KEY,
    Clock,
    address,
    connected,
    greeting,
    in_processes,
    made,
    messages_waiting,
    opened,
    tokens,
)
from vibe_pipeline.accounts import database, migrations, schema
from vibe_pipeline.accounts.cipher import Cipher, kept_key, secret_key
from vibe_pipeline.accounts.errors import (
    AccountsBusy,
    AccountsNotADatabase,
    AccountsNotPermitted,
    AccountsNotSetUp,
    AccountsTooNew,
    AccountsUnreachable,
    AccountsUnreadable,
    SecretKeyInvalid,
    SecretKeyWrong,
)
from vibe_pipeline.accounts.store import AccountStore, migrate, open_for, open_store
from vibe_pipeline.accounts.tables import metadata
from vibe_pipeline.settings import Settings, sqlite_address

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


def test_a_new_store_has_exactly_the_tables_we_work_with(tmp_path: Path) -> None:
    migrate(address(tmp_path))

    with create_engine(address(tmp_path)).connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        mode = connection.execute(text("PRAGMA journal_mode")).scalar()
    assert differences == []
    assert mode == "wal"


def test_the_program_knows_its_own_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert revisions[0] == schema.HEAD
    assert tuple(reversed(revisions)) == schema.REVISIONS


def test_a_folder_that_is_written_with_two_slashes_is_opened(tmp_path: Path) -> None:
    home = Settings(vibe_home=Path(f"/{tmp_path}/a #1")).home
    for url in (sqlite_address(home / "accounts.sqlite"), f"sqlite://///{tmp_path}/b.sqlite"):
        migrate(url)

        account = open_store(url, KEY, now=Clock()).people.register(7, "A", "en")

        assert open_store(url, KEY, now=Clock()).people.all() == [account]
    assert (tmp_path / "a #1" / "accounts.sqlite").exists()
    assert (tmp_path / "b.sqlite").exists()


def test_a_path_from_where_one_stands_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    migrate("sqlite:///data/accounts.sqlite")

    assert open_store("sqlite:///data/accounts.sqlite", KEY, now=Clock()).people.all() == []


def test_setting_up_twice_changes_nothing(tmp_path: Path) -> None:
    account = connected(made(tmp_path))

    migrate(address(tmp_path))

    assert made(tmp_path).people.all() == [account]


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    migrate(address(tmp_path / "new"))

    assert (tmp_path / "new" / "accounts.sqlite").stat().st_mode & 0o077 == 0
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


def _set_up(folder: str) -> str:
    migrate(address(Path(folder)))
    store = open_store(address(Path(folder)), KEY, now=Clock())
    return store.people.register(7, "A", "en").user_id


def test_several_processes_may_set_up_at_once(tmp_path: Path) -> None:
    ids = in_processes(_set_up, [(str(tmp_path),)] * 4)

    assert len(set(ids)) == 1


def test_many_threads_may_work_at_once(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for step in range(10):
                store.budget.ask("spotify", asked_for=False)
                store.outbox.put(account.user_id, greeting(f"{number}-{step}"))
                store.people.get(account.user_id)
        except AccountsUnreadable as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert store.budget.used("spotify") == 80
    assert messages_waiting(store) == 80


def _syncs(store: AccountStore, write: Callable[[], object]) -> bool:
    """Whether SQLite is told to sync the disk at this write's commit."""
    statements: list[str] = []

    def notice(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(store.database.engine, "before_cursor_execute", notice)
    try:
        write()
    finally:
        event.remove(store.database.engine, "before_cursor_execute", notice)
    return "PRAGMA synchronous = FULL" in statements


def test_what_must_outlive_a_power_cut_is_synced_and_what_is_only_counted_is_not(
    tmp_path: Path,
) -> None:
    store = made(tmp_path)
    account = connected(store)

    assert _syncs(store, lambda: opened(store, account, "run-1", "asked:run-1"))
    assert not _syncs(store, lambda: store.budget.ask("spotify", asked_for=True))
    assert not _syncs(store, lambda: store.people.get(account.user_id))


def test_while_a_program_stays_no_transaction_has_to_write_the_log_back(tmp_path: Path) -> None:
    store = made(tmp_path)
    log = next(tmp_path.glob("*.sqlite")).with_suffix(".sqlite-wal")
    connected(store)
    alone = log.exists()

    with store.database.held_open():
        store.budget.ask("spotify", asked_for=True)
        stays = log.stat().st_size > 0

    assert (alone, stays, log.exists()) == (False, True, False)
    assert store.budget.used("spotify") == 1


def test_something_else_is_not_taken_for_a_store(tmp_path: Path) -> None:
    (tmp_path / "accounts.sqlite").write_text("Dear diary, " * 200)

    with pytest.raises(AccountsNotADatabase, match="not an account store"):
        migrate(address(tmp_path))


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "accounts.sqlite")) as theirs:
        theirs.execute("CREATE TABLE recipes (name TEXT)")

    with pytest.raises(AccountsNotADatabase, match="another program"):
        migrate(address(tmp_path))

    with closing(sqlite3.connect(tmp_path / "accounts.sqlite")) as theirs:
        tables = theirs.execute("SELECT name FROM sqlite_master").fetchall()
    assert tables == [("recipes",)]


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    made(tmp_path)
    with closing(sqlite3.connect(tmp_path / "accounts.sqlite")) as newer, newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(AccountsTooNew, match="newer version"):
        migrate(address(tmp_path))


def test_a_store_that_was_never_set_up_says_so(tmp_path: Path) -> None:
    store = open_store(address(tmp_path), KEY)

    with pytest.raises(AccountsNotSetUp, match="vibe up"):
        store.people.all()
    with pytest.raises(AccountsNotSetUp):
        store.check()


def test_a_folder_that_is_not_there_is_told_not_made_by_reading(tmp_path: Path) -> None:
    store = open_store(address(tmp_path / "gone"), KEY)

    with pytest.raises(AccountsNotSetUp, match="is not there"):
        store.people.all()

    assert not (tmp_path / "gone").exists()


def test_a_file_in_place_of_the_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("in the way")

    with pytest.raises(AccountsNotPermitted, match="VIBE_HOME"):
        migrate(address(tmp_path / "home"))
    with pytest.raises(AccountsNotPermitted, match="VIBE_SECRET_KEY"):
        kept_key(tmp_path / "home")


@as_root
def test_a_folder_without_permission_is_told(tmp_path: Path) -> None:  # pragma: no cover
    tmp_path.chmod(0o500)

    with pytest.raises(AccountsNotPermitted):
        migrate(address(tmp_path))


def test_who_waits_too_long_is_told_that_somebody_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = made(tmp_path)
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(tmp_path / "accounts.sqlite")) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(AccountsBusy, match="hangs"):
            store.people.register(1, "A", "en")

        assert store.people.all() == []


@pytest.mark.parametrize("url", ["nonsense", "mysterydb://host/base", "sqlite+nodriver:///x"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(AccountsUnreachable, match="ACCOUNTS_URL"):
        open_store(url, KEY)


def test_a_password_among_the_options_is_never_told() -> None:
    url = "postgresql+psycopg://vibe@127.0.0.1:1/base?password=hunter2&connect_timeout=2"

    with pytest.raises(AccountsUnreachable, match="psycopg://vibe@127") as refused:
        open_store(url, KEY).people.all()

    assert "hunter2" not in str(refused.value)


def test_an_option_that_the_driver_does_not_know_is_told_in_a_sentence() -> None:
    url = "postgresql+psycopg://vibe@127.0.0.1:1/base?foo=x"

    with pytest.raises(AccountsUnreachable, match="misspelt option"):
        open_store(url, KEY).people.all()


def test_a_password_in_the_address_is_never_told() -> None:
    store_url = "postgresql+nodriver://vibe:hunter2@127.0.0.1:1/base"

    with pytest.raises(AccountsUnreachable) as refused:
        open_store(store_url, KEY)

    assert "hunter2" not in str(refused.value)


def test_tokens_sealed_with_another_key_are_told(tmp_path: Path) -> None:
    account = connected(made(tmp_path))
    store = open_store(address(tmp_path), Fernet.generate_key().decode(), now=Clock())

    with pytest.raises(SecretKeyWrong, match="VIBE_SECRET_KEY"):
        store.tokens.get(account.user_id)
    assert store.people.get(account.user_id) == account


def test_a_lost_key_is_seen_by_whoever_looks_at_the_store(tmp_path: Path) -> None:
    store = made(tmp_path)
    connected(store)
    store.check()

    with pytest.raises(SecretKeyWrong, match="former"):
        made(tmp_path, key=Fernet.generate_key().decode()).check()


def test_with_nothing_sealed_any_key_will_do(tmp_path: Path) -> None:
    made(tmp_path)

    made(tmp_path, key=Fernet.generate_key().decode()).check()


def test_what_another_key_sealed_is_not_renewed_over_and_opens_once_that_is_back(
    tmp_path: Path,
) -> None:
    store = made(tmp_path)
    anna = connected(store).user_id
    exchanged = open_store(address(tmp_path), Fernet.generate_key().decode())

    with pytest.raises(SecretKeyWrong):
        exchanged.tokens.save(anna, tokens(number=2))

    assert store.tokens.get(anna) == tokens()


def test_a_key_can_be_changed(tmp_path: Path) -> None:
    account = connected(made(tmp_path))
    newer = Fernet.generate_key().decode()
    store = open_store(address(tmp_path), f"{newer},{KEY}", now=Clock())
    kept = store.tokens.get(account.user_id)
    assert kept is not None

    store.tokens.save(account.user_id, kept)

    only_new = open_store(address(tmp_path), newer, now=Clock())
    assert only_new.tokens.get(account.user_id) == kept


@pytest.mark.parametrize("key", ["", "hello", "ключ", KEY[:-2], f"{KEY},", f"{KEY},x"])
def test_a_key_that_cannot_seal_is_refused(key: str) -> None:
    with pytest.raises(SecretKeyInvalid, match="VIBE_SECRET_KEY"):
        Cipher(key)


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"

    key = kept_key(home)

    assert kept_key(home) == key
    assert (home / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir()] == ["secret.key"]
    Cipher(key)


def test_several_processes_make_one_key(tmp_path: Path) -> None:
    keys = in_processes(kept_key, [(tmp_path / "home",)] * 4)

    assert len(set(keys)) == 1
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secret.key"]


def test_the_key_of_the_environment_comes_first(tmp_path: Path) -> None:
    settings = Settings(vibe_home=tmp_path, vibe_secret_key=SecretStr(KEY))

    assert secret_key(settings) == KEY
    assert list(tmp_path.iterdir()) == []


def test_a_spoiled_key_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_bytes(b"\xff\xfe")

    with pytest.raises(SecretKeyInvalid, match=r"secret\.key holds is no key"):
        secret_key(Settings(vibe_home=tmp_path))


def test_the_settings_give_newcomers_their_defaults(tmp_path: Path) -> None:
    settings = Settings(
        vibe_home=tmp_path,
        default_timezone="Europe/Amsterdam",
        default_playlist_size=42,
        min_new_ratio=0.25,
    )
    migrate(settings.accounts_address)

    account = open_for(settings).people.register(1, "A", "nl")

    assert account.timezone == "Europe/Amsterdam"
    assert account.playlist_size == 42
    assert account.min_new_ratio == 0.25


def test_opening_the_store_takes_no_alembic_dagster_or_duckdb() -> None:
    code = (
        "import sys, vibe_pipeline.accounts.store\n"
        "print(sorted({'alembic', 'dagster', 'duckdb', 'pandas'} & set(sys.modules)))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert ended.stdout.strip() == "[]"
