"""The account store as runs and sensors open it: what is gone is told, and never made anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.accounts_site import connected
from tests.support.blank_accounts import set_up_store
from vibe_pipeline.accounts.errors import AccountsNotSetUp, SecretKeyGone
from vibe_pipeline.accounts.store import open_for
from vibe_pipeline.defs.resources import AccountsResource, ClockResource
from vibe_pipeline.settings import Settings, read_settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home in which Anna is known, that the environment names."""
    monkeypatch.setenv("VIBE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VIBE_SECRET_KEY", raising=False)
    settings = read_settings()
    set_up_store(settings.accounts_address)
    open_for(settings).people.register(101, "Anna", "nl")
    return settings


def known() -> list[str]:
    store = AccountsResource().open(ClockResource())
    return [account.telegram_name for account in store.people.all()]


def test_a_store_that_is_gone_while_sensors_look_comes_back_only_as_it_was(
    settings: Settings,
) -> None:
    home = settings.home
    away = home.rename(home.with_name("away"))

    with pytest.raises(AccountsNotSetUp, match="is not there"):
        known()

    assert not home.exists()
    away.rename(home)
    assert known() == ["Anna"]


def test_an_empty_file_in_the_store_s_place_is_not_taken_for_a_new_one(
    settings: Settings,
) -> None:
    path = settings.home / "accounts.sqlite"
    for file in settings.home.glob("accounts.sqlite*"):
        file.unlink()
    path.touch()

    with pytest.raises(AccountsNotSetUp):
        known()

    assert path.stat().st_size == 0


def test_without_its_key_the_store_opens_for_a_run_and_what_is_sealed_stays_so(
    settings: Settings,
) -> None:
    anna = connected(open_for(settings))
    key = settings.home / "secret.key"
    key.unlink()

    store = AccountsResource().open(ClockResource())

    assert "Anna" in known()
    with pytest.raises(SecretKeyGone, match="is not there"):
        store.tokens.get(anna.user_id)
    assert not key.exists()
