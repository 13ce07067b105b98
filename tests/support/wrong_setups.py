"""Installations that are set up wrongly, one thing each, and what the doctor says of them.

``python -m tests.support.wrong_setups`` writes the table in ``docs/wrong-setups.md`` anew, from
what the doctor says; ``tests/commands/test_doctor.py`` compares the two.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from cryptography.fernet import Fernet

from tests.support.accounts_site import connected, opened
from vibe_pipeline.accounts.records import FailureCause
from vibe_pipeline.accounts.store import migrate, open_for, utc_now
from vibe_pipeline.commands.doctor import examine
from vibe_pipeline.commands.supervisor import listening_error
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import examined_settings, read_settings
from vibe_pipeline.simulator.server import running
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

DOCUMENT = Path(__file__).parents[2] / "docs" / "wrong-setups.md"
HOME = "/var/lib/vibe"
OUTSIDE = "http://127.0.0.1:9000"
USUAL_PORTS = frozenset({3000, 8000})
SOMEBODY = "u0123456789ab"


def nothing(_: Path) -> None:
    """Leave the home folder as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongSetup:
    """One mistake: what is set otherwise, what lies in the home folder, how the clock goes."""

    mistake: str
    environment: Mapping[str, str] = field(default_factory=dict)
    env_file: str | None = None
    prepare: Callable[[Path], None] = nothing
    clock_ahead: timedelta = timedelta()
    offline: bool = False


def a_letter(home: Path) -> None:
    home.mkdir()
    (home / "warehouse.duckdb").write_text("Dear listener, this is not a database. " * 200)


def a_letter_for_accounts(home: Path) -> None:
    home.mkdir()
    (home / "accounts.sqlite").write_text("Dear listener, this is not a database. " * 200)


def a_folder_as_env_file(_: Path) -> None:
    Path(".env").mkdir()


def an_env_file_in_utf_16(_: Path) -> None:
    Path(".env").write_text("DEFAULT_PLAYLIST_SIZE=20\n", encoding="utf-16")


def a_file(home: Path) -> None:
    home.write_text("a file where a folder should be")


def a_folder_as_warehouse(home: Path) -> None:
    (home / "warehouse.duckdb").mkdir(parents=True)


def another_key(home: Path) -> None:
    store_with_somebody()
    (home / "secret.key").write_bytes(Fernet.generate_key())


def store_with_somebody(cause: FailureCause | None = None) -> None:
    settings = read_settings()
    migrate(settings.accounts_address)
    store = open_for(settings)
    account = connected(store)
    if cause is not None:
        store.editions.fail(opened(store, account).edition_id, cause)


def no_premium(_: Path) -> None:
    store_with_somebody(FailureCause.OWNER_NOT_PREMIUM)


def a_stranger(_: Path) -> None:
    store_with_somebody(FailureCause.NOT_ALLOWLISTED)


def setups(taken_port: int) -> list[WrongSetup]:
    """Every mistake, in the order of the table."""
    return [
        *_settings(),
        *_keys(),
        *_addresses(taken_port),
        *_machine(),
    ]


def _settings() -> list[WrongSetup]:
    wrong = {
        "a length that is no number": {"DEFAULT_PLAYLIST_SIZE": "many"},
        "a zone that is none": {"DEFAULT_TIMEZONE": "Mars/Base"},
        "a share beyond one": {"MIN_NEW_RATIO": "80"},
        "a market written out": {"SPOTIFY_DEFAULT_MARKET": "Germany"},
        "a port that cannot be": {"DAGSTER_GRAPHQL_URL": "http://127.0.0.1:99999/graphql"},
        "`localhost` as redirect": {"SPOTIFY_REDIRECT_URI": "http://localhost:8000/callback"},
        "one policy to compare": {"VIBE_COMPARE_POLICIES": "default"},
        "a token that can be guessed": {"INTERNAL_JOB_TOKEN": "letmein"},
        "a contact without an address": {"METABRAINZ_CONTACT": "me"},
        "a secret key that is none": {"VIBE_SECRET_KEY": "my favourite song"},
        "a database we do not know": {"ACCOUNTS_URL": "delphi://temple"},
        "an @ in a database's password": {
            "ACCOUNTS_URL": "postgresql+psycopg://vibe:s@crt@db/vibe"
        },
        "a misspelt option of a database": {
            "ACCOUNTS_URL": "postgresql+psycopg://vibe@127.0.0.1:9/vibe?connect_timout=2"
        },
        "a driver that Dagster does not use": {
            "DAGSTER_POSTGRES_URL": "postgres://vibe@db/dagster"
        },
    }
    setups = [WrongSetup(mistake=name, environment=values) for name, values in wrong.items()]
    lines = {
        "a misspelt name in .env": "telegram_bot_toekn=1:abc\n",
        "a colon for an equals sign in .env": "# How many\nDEFAULT_PLAYLIST_SIZE: 20\n",
        "a quote left open in .env": "LASTFM_API_KEY='0123\n",
    }
    files = [WrongSetup(mistake=name, env_file=text) for name, text in lines.items()]
    files += [
        WrongSetup(mistake=".env saved as UTF-16", prepare=an_env_file_in_utf_16),
        WrongSetup(mistake="a folder in the place of .env", prepare=a_folder_as_env_file),
    ]
    hurried = WrongSetup(
        mistake="real services hurried",
        environment={"SERVICE_PACE": "10", "SPOTIFY_API_URL": "https://api.spotify.com/v1"},
        offline=True,
    )
    return [*setups, hurried, *files]


def _keys() -> list[WrongSetup]:
    wrong = {
        "no bot token": {"TELEGRAM_BOT_TOKEN": ""},
        "a made-up bot token": {"TELEGRAM_BOT_TOKEN": "12345:not-a-real-token-but-shaped-so-0000"},
        "no client id": {"SPOTIFY_CLIENT_ID": ""},
        "a made-up client id": {"SPOTIFY_CLIENT_ID": "client"},
        "no client secret": {"SPOTIFY_CLIENT_SECRET": ""},
        "a made-up client secret": {"SPOTIFY_CLIENT_SECRET": "secret"},
        "a made-up Last.fm key": {"LASTFM_API_KEY": "0123456789abcdef0123456789abcdef"},
    }
    return [WrongSetup(mistake=name, environment=values) for name, values in wrong.items()]


def _addresses(taken_port: int) -> list[WrongSetup]:
    secure = "https://vibe.example.org"
    wrong = {
        "redirect and address on different hosts": {
            "PUBLIC_URL": secure,
            "SPOTIFY_REDIRECT_URI": "https://music.example.org/callback",
        },
        "redirect and address on different ports": {
            "SPOTIFY_REDIRECT_URI": "http://127.0.0.1:8888/callback"
        },
        "redirect left as it was": {"PUBLIC_URL": secure},
        "redirect without the path": {
            "PUBLIC_URL": f"{secure}/vibe",
            "SPOTIFY_REDIRECT_URI": f"{secure}/callback",
        },
        "redirect without any path": {"SPOTIFY_REDIRECT_URI": "http://127.0.0.1:8000"},
        "the redirect as address": {
            "PUBLIC_URL": f"{secure}/callback",
            "SPOTIFY_REDIRECT_URI": f"{secure}/callback",
        },
        "redirect to a page of ours": {
            "PUBLIC_URL": secure,
            "SPOTIFY_REDIRECT_URI": f"{secure}/health",
        },
        "redirect with a question": {"SPOTIFY_REDIRECT_URI": "http://127.0.0.1:8000/callback?a=1"},
        "an address nobody protects": {
            "PUBLIC_URL": "http://vibe.example.org",
            "SPOTIFY_REDIRECT_URI": f"{secure}/callback",
        },
        "https on the loopback": {
            "PUBLIC_URL": "https://127.0.0.1:8000",
            "SPOTIFY_REDIRECT_URI": "https://127.0.0.1:8000/callback",
        },
        "one port for two": {"DAGSTER_GRAPHQL_URL": "http://127.0.0.1:8000/graphql"},
        "a port that is taken": {"DAGSTER_GRAPHQL_URL": f"http://127.0.0.1:{taken_port}/graphql"},
        "Dagster's page instead of GraphQL": {"DAGSTER_GRAPHQL_URL": "http://127.0.0.1:3000"},
        "an address for a host": {"DAGSTER_HOSTS": "https://dagster.example.org"},
        "Telegram out of reach": {"TELEGRAM_API_URL": "http://127.0.0.1:9"},
        "somebody else at Spotify's address": {"SPOTIFY_API_URL": "{outside}/telegram"},
        "somebody else at Last.fm's address": {"LASTFM_API_URL": "{outside}/chat"},
    }
    return [WrongSetup(mistake=name, environment=values) for name, values in wrong.items()]


def _machine() -> list[WrongSetup]:
    return [
        WrongSetup(mistake="a file in the place of the folder", prepare=a_file),
        WrongSetup(mistake="a warehouse that is none", prepare=a_letter),
        WrongSetup(mistake="a folder as warehouse", prepare=a_folder_as_warehouse),
        WrongSetup(
            mistake="one file for both stores", environment={"DB_PATH": "{home}/accounts.sqlite"}
        ),
        WrongSetup(mistake="an account store that is none", prepare=a_letter_for_accounts),
        WrongSetup(mistake="a lost secret key", prepare=another_key),
        WrongSetup(mistake="a clock two hours ahead", clock_ahead=timedelta(hours=2)),
        WrongSetup(mistake="an owner without Premium", prepare=no_premium),
        WrongSetup(mistake="a listener not under User Management", prepare=a_stranger),
    ]


@contextmanager
def site(folder: Path) -> Iterator[tuple[dict[str, str], int]]:
    """A right environment in an empty folder, the simulator behind it, and a port that is taken.

    Our usual ports count as free, whatever listens there on this machine.
    """
    with (
        running(Simulation(BuiltInWorld(1))) as simulator,
        socket.socket() as listener,
        patch("vibe_pipeline.commands.checks.listening_error", _unless_usual),
    ):
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        usual = {
            **simulator.environment(),
            "VIBE_HOME": str(folder / "home"),
            "INTERNAL_JOB_TOKEN": "a-long-enough-internal-token",
            "SIMULATOR": simulator.address,
        }
        yield usual, listener.getsockname()[1]


def _unless_usual(host: str, port: int) -> int | None:
    return None if port in USUAL_PORTS else listening_error(host, port)


def troubles(setup: WrongSetup, usual: Mapping[str, str], folder: Path) -> list[str]:
    """What the doctor says of this mistake, in a folder of its own, as the table writes it."""
    outside, home = usual["SIMULATOR"], folder / "home"
    told = {**usual, **setup.environment, "VIBE_HOME": str(home)}
    told = {name: value.format(outside=outside, home=home) for name, value in told.items()}
    with _environment(told, folder):
        if setup.env_file is not None:
            Path(".env").write_text(setup.env_file, encoding="utf-8")
        setup.prepare(home)

        def now() -> datetime:
            return utc_now() + setup.clock_ahead

        findings = examine(*examined_settings(), offline=setup.offline, now=now)
        sentences = [finding.trouble for finding in findings if finding.trouble is not None]
        people = _people() if setup.prepare in {no_premium, a_stranger} else []
    for user_id in people:
        sentences = [sentence.replace(user_id, SOMEBODY) for sentence in sentences]
    return [s.replace(str(home), HOME).replace(outside, OUTSIDE) for s in sentences]


def _people() -> list[UserId]:
    return sorted(open_for(read_settings()).people.ids())


@contextmanager
def _environment(told: Mapping[str, str], folder: Path) -> Iterator[None]:
    """The process in this folder and with this environment, for a while."""
    before, here = dict(os.environ), Path.cwd()
    os.environ.update(told)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)


def table_row(setup: WrongSetup, sentence: str, taken_port: int) -> str:
    """One line of the document."""
    return f"| {setup.mistake} | {sentence.replace(str(taken_port), '3000')} |"


def written_rows() -> list[str]:
    """The lines of the table as they stand in the document, without its head."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("| ")][1:]


def main() -> None:
    """Write the table anew."""
    head = DOCUMENT.read_text(encoding="utf-8").partition("| Mistake |")[0]
    rows = ["| Mistake | What the doctor says |", "|---|---|"]
    with tempfile.TemporaryDirectory() as place, site(Path(place)) as (usual, taken_port):
        for number, setup in enumerate(setups(taken_port)):
            folder = Path(place) / str(number)
            folder.mkdir()
            sentences = " ".join(troubles(setup, usual, folder))
            rows.append(table_row(setup, sentences, taken_port))
    DOCUMENT.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
