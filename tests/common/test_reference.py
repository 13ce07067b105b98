"""The reference pages say what the code says; figures are held by ``tests/oauth/test_metrics``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.reference import COMMAND_PAGE, SETTINGS, settings_page

ROOT = Path(__file__).parents[2]
_PAGE = "from tests.support.reference import commands_page; print(commands_page(), end='')"
"""Click keeps a command's help as whoever asked first in a process was given it."""


def test_the_page_of_settings_is_the_settings() -> None:
    assert SETTINGS.read_text("utf-8") == settings_page()


def test_the_page_of_commands_is_what_each_command_says_of_itself() -> None:
    fresh = subprocess.run(
        [sys.executable, "-c", _PAGE], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert COMMAND_PAGE.read_text("utf-8") == fresh.stdout
