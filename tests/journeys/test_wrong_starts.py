"""Starting with something wrong: one sentence, exit code 2, nothing half-started."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.vibe_command import processes_that_mention, vibe

KEYS = {
    "TELEGRAM_BOT_TOKEN": "12345:not-a-real-token-but-shaped-like-one-000",
    "SPOTIFY_CLIENT_ID": "client",
    "SPOTIFY_CLIENT_SECRET": "not-a-real-secret",
}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def one_sentence(said: str) -> str:
    (line,) = said.strip().splitlines()
    assert line.startswith("vibe: ")
    return line


def test_wrong_values_in_the_env_file_are_all_named_at_once(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DEFAULT_PLAYLIST_SIZE=many\nDEFAULT_TIMEZONE=Mars/Base\n")

    ended = vibe("demo", "--once", folder=tmp_path)

    line = one_sentence(ended.stderr)
    assert ended.returncode == 2
    assert "DEFAULT_PLAYLIST_SIZE" in line
    assert "DEFAULT_TIMEZONE" in line


def test_a_folder_in_place_of_the_env_file_is_named_beside_what_is_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()

    ended = vibe("up", folder=tmp_path)

    assert ended.returncode == 2
    assert ".env is a folder" in ended.stderr


@pytest.mark.parametrize("command", [("demo", "--once"), ("up",)])
def test_a_db_path_that_is_no_duckdb_file_is_named(tmp_path: Path, command: list[str]) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear listener, this is not a database. " * 200)

    ended = vibe(
        *command,
        folder=tmp_path,
        environment={**KEYS, "DB_PATH": str(letter), "VIBE_HOME": str(tmp_path / "home")},
    )

    assert ended.returncode == 2
    assert str(letter) in one_sentence(ended.stderr)
    assert letter.read_text().startswith("Dear listener")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "home"
    blocked.write_text("a file where a folder should be")

    ended = vibe("up", folder=tmp_path, environment={**KEYS, "VIBE_HOME": str(blocked)})

    assert ended.returncode == 2
    assert str(blocked) in one_sentence(ended.stderr)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)

    ended = vibe("up", folder=tmp_path, environment={**KEYS, "VIBE_HOME": str(locked / "home")})

    assert ended.returncode == 2
    assert str(locked) in one_sentence(ended.stderr)


def test_an_occupied_port_is_named_with_the_setting_that_moves_it(
    tmp_path: Path, taken_port: int
) -> None:
    ended = vibe(
        "up",
        folder=tmp_path,
        environment={
            **KEYS,
            "VIBE_HOME": str(tmp_path / "home"),
            "DAGSTER_GRAPHQL_URL": f"http://127.0.0.1:{taken_port}/graphql",
        },
    )

    line = one_sentence(ended.stderr)
    assert ended.returncode == 2
    assert str(taken_port) in line
    assert "DAGSTER_GRAPHQL_URL" in line


def test_a_simulator_on_an_occupied_port_says_so(tmp_path: Path, taken_port: int) -> None:
    ended = vibe("simulator", "--port", str(taken_port), folder=tmp_path)

    assert ended.returncode == 2
    assert str(taken_port) in one_sentence(ended.stderr)


@pytest.mark.parametrize("command", [("demo", "--once"), ("up",)])
def test_a_service_out_of_reach_is_named_before_anything_starts(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    ended = vibe(
        *command,
        folder=tmp_path,
        environment={
            **KEYS,
            "VIBE_HOME": str(tmp_path / "home"),
            "TELEGRAM_API_URL": "http://127.0.0.1:9",
        },
    )

    line = one_sentence(ended.stderr)
    assert ended.returncode == 2
    assert "Telegram does not answer" in line
    assert processes_that_mention(str(tmp_path)) == []


def test_a_missing_token_says_where_to_get_one(tmp_path: Path) -> None:
    keys = {**KEYS, "TELEGRAM_BOT_TOKEN": "", "VIBE_HOME": str(tmp_path / "home")}

    ended = vibe("up", folder=tmp_path, environment=keys)

    assert ended.returncode == 2
    assert "@BotFather" in one_sentence(ended.stderr)


def test_all_that_is_wrong_with_the_set_up_is_said_at_once(tmp_path: Path) -> None:
    ended = vibe(
        "up",
        folder=tmp_path,
        environment={
            "VIBE_HOME": str(tmp_path / "home"),
            "PUBLIC_URL": "https://vibe.example.org",
            "DAGSTER_GRAPHQL_URL": "http://127.0.0.1:3000",
        },
    )

    assert ended.returncode == 2
    first, *troubles = ended.stderr.strip().splitlines()
    assert first == "vibe: 5 things have to be put right first:"
    for name in ("TELEGRAM_BOT_TOKEN", "SPOTIFY_CLIENT_ID", "SPOTIFY_CLIENT_SECRET"):
        assert any(f"{name} is not set" in trouble for trouble in troubles)
    assert any("SPOTIFY_REDIRECT_URI" in trouble for trouble in troubles)
    assert any("must end with /graphql" in trouble for trouble in troubles)


def test_a_world_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    ended = vibe("demo", "--once", "--world", str(tmp_path / "nowhere"), folder=tmp_path)

    assert ended.returncode == 2
    assert "nowhere" in ended.stderr


def test_a_world_without_listening_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    ended = vibe("demo", "--once", "--world", str(tmp_path / "empty"), folder=tmp_path)

    assert ended.returncode == 2
    assert "listens.csv" in one_sentence(ended.stderr)
