"""``vibe people``, and people found by their names."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.support.accounts_site import connected, opened
from vibe_pipeline.accounts.schema import migrate
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.commands.people import NameAmbiguous, NobodyKnown, people, person_called
from vibe_pipeline.commands.personal_data import erase, export
from vibe_pipeline.commands.replay import replay_command
from vibe_pipeline.errors import ConfigurationError
from vibe_pipeline.settings import read_settings
from vibe_pipeline.warehouse import Warehouse


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AccountStore:
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "home"))
    settings = read_settings()
    migrate(settings.accounts_address)
    return open_for(settings)


def vibe(command: click.Command, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_a_person_is_shown_with_all_that_an_operator_asks_for(store: AccountStore) -> None:
    account = connected(store)
    store.people.change(account.user_id, language="uk", timezone="Europe/Kyiv")
    opened(store, account)

    shown = json.loads(vibe(people, account.user_id, "--json").stdout)
    words = vibe(people).stdout

    assert shown["telegram_name"] == "Person 1"
    assert (shown["language"], shown["timezone"]) == ("uk", "Europe/Kyiv")
    assert shown["consent_ends"] == "2027-05-23T09:00+03:00"
    assert (shown["last_list"], shown["last_list_state"]) == ("2026-11-23", "under way (started)")
    assert shown["next_night"].endswith("T06:00+02:00")
    for fact in (account.user_id, "Person 1", "Europe/Kyiv", "2027-05-23", "2026-11-23"):
        assert fact in words


def test_before_anybody_came_it_says_so_and_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "home"))

    shown = vibe(people)

    assert shown.exit_code == 0
    assert "Nobody has written to the bot yet" in shown.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("written", ["Zoë Ünal", "  zoë   ÜNAL ", "@zoë ünal", "Zoe\u0308 Ünal"])
def test_a_name_is_found_however_it_is_typed(store: AccountStore, written: str) -> None:
    account = store.people.register(7, "Zoë Ünal", "en")

    assert person_called(store, written) == account.user_id


def test_half_a_name_finds_nobody(store: AccountStore) -> None:
    store.people.register(7, "Anna Karenina", "en")

    assert person_called(store, "Anna") == "Anna"
    assert isinstance(vibe(people, "Anna").exception, NobodyKnown)


def test_an_id_counts_before_a_name(store: AccountStore) -> None:
    account = store.people.register(7, "Anna", "en")
    store.people.register(8, account.user_id, "en")

    assert person_called(store, account.user_id) == account.user_id


@pytest.mark.parametrize(
    ("command", "arguments"), [(erase, ()), (export, ()), (replay_command, ("2026-11-20",))]
)
def test_a_name_that_two_people_bear_is_refused_and_both_are_named(
    store: AccountStore, command: click.Command, arguments: tuple[str, ...]
) -> None:
    one, other = (store.people.register(chat, "Anna", "en") for chat in (7, 8))
    with Warehouse(read_settings().warehouse_path).open():
        pass

    refused = vibe(command, "anna", *arguments).exception

    assert isinstance(refused, NameAmbiguous)
    assert one.user_id in str(refused)
    assert other.user_id in str(refused)
    assert store.people.ids() == {one.user_id, other.user_id}


def test_a_name_serves_for_export_and_erasing(
    store: AccountStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = store.people.register(7, "Anna", "en")
    monkeypatch.chdir(tmp_path)

    exported, erased = vibe(export, "ANNA"), vibe(erase, "ANNA")

    assert exported.exit_code == erased.exit_code == 0
    assert (tmp_path / f"{account.user_id}.zip").exists()
    assert store.people.ids() == set()


def test_a_name_serves_for_a_replay(store: AccountStore) -> None:
    account = store.people.register(7, "Anna", "en")
    with Warehouse(read_settings().warehouse_path).open():
        pass

    refused = vibe(replay_command, "anna", "2026-11-20").exception

    assert isinstance(refused, ConfigurationError)
    assert account.user_id in str(refused)
