"""What is looked at before a start, and by whoever asks the doctor."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.support.accounts_site import connected
from vibe_pipeline.accounts.store import migrate, open_for
from vibe_pipeline.commands.checks import Finding, NotReady, recovery, state, stop_on_trouble
from vibe_pipeline.settings import Settings, settings_from


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = settings_from({"VIBE_HOME": str(tmp_path)})
    migrate(settings.accounts_address)
    connected(open_for(settings))
    return settings


def test_a_deleted_key_is_told_and_stops_no_start(settings: Settings) -> None:
    (settings.home / "secret.key").unlink()

    (sentence,) = stop_on_trouble(state(settings))

    assert "sealed with another key" in sentence


def test_another_key_is_told_too(settings: Settings) -> None:
    (settings.home / "secret.key").write_bytes(Fernet.generate_key())

    assert any("secret.key" in trouble for trouble in stop_on_trouble(state(settings)))


def test_the_right_key_gives_no_trouble(settings: Settings) -> None:
    assert stop_on_trouble(state(settings)) == []


def test_what_stops_a_start_is_raised_and_what_does_not_is_given() -> None:
    mild = Finding(what="a", trouble="mild", stops=False)

    assert stop_on_trouble([mild]) == ["mild"]
    with pytest.raises(NotReady, match="grave"):
        stop_on_trouble([mild, Finding(what="b", trouble="grave")])


def test_a_start_without_anything_lost_says_nothing(settings: Settings) -> None:
    assert list(recovery(settings)) == []
