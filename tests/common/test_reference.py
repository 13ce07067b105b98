"""The reference pages say what the code says; figures are held by ``tests/oauth/test_metrics``."""

from __future__ import annotations

from tests.support.reference import COMMAND_PAGE, SETTINGS, commands_page, settings_page


def test_the_page_of_settings_is_the_settings() -> None:
    assert SETTINGS.read_text("utf-8") == settings_page()


def test_the_page_of_commands_is_what_each_command_says_of_itself() -> None:
    assert COMMAND_PAGE.read_text("utf-8") == commands_page()
