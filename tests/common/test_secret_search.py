"""The search for secrets finds them, however they are written."""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.secret_search import SecretSearch

SECRET = "5pot/ify+secret?&x"


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET, safe=""),
        *(
            base64.b64encode(f"{'i' * length}:{SECRET}".encode()).decode()
            for length in (1, 2, 3, 4, 5, 6)
        ),
        base64.urlsafe_b64encode(f"id:{SECRET}:more".encode()).decode(),
        SECRET.encode().hex(),
    ],
)
def test_a_secret_is_met_in_any_writing(tmp_path: Path, written: str) -> None:
    (tmp_path / "bot.log").write_text(f"one line\nAuthorization: Basic {written}\n")
    search = SecretSearch.of({"client secret": SECRET})

    search.home(tmp_path)

    assert search.met == {("client secret", "bot.log")}
    assert search.lines >= 2


def test_rows_are_read_and_named_files_left_out(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "runs.db")) as database, database:
        database.execute("CREATE TABLE run_tags (value TEXT)")
        database.execute("INSERT INTO run_tags VALUES (?)", (SECRET,))
    (tmp_path / "secret.key").write_text(SECRET)
    search = SecretSearch.of({"key": SECRET})

    search.home(tmp_path, leaving_out=["secret.key"])

    assert ("key", "runs.db run_tags") in search.met
    assert search.rows == 1
    assert not any(where == "secret.key" for _, where in search.met)
