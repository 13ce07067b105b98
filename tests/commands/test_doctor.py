"""``vibe doctor``: each mistake in one sentence with its remedy; a right set-up without any."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support import wrong_setups
from tests.support.raw_http import served
from tests.support.wrong_setups import WrongSetup, setups, table_row, troubles
from vibe_pipeline.commands import service_checks
from vibe_pipeline.commands.diagnosis import disk, parts, ports, versions
from vibe_pipeline.commands.doctor import doctor
from vibe_pipeline.installation.process_status import ProcessState, ProcessStatus, StatusFile
from vibe_pipeline.settings import settings_from


def test_each_mistake_is_named_in_one_sentence_as_the_table_has_it(tmp_path: Path) -> None:
    said = []
    with wrong_setups.site(tmp_path) as (usual, taken_port):
        for number, setup in enumerate(setups(taken_port)):
            folder = tmp_path / str(number)
            folder.mkdir()
            said.append((setup, troubles(setup, usual, folder)))

    assert [setup.mistake for setup, sentences in said if len(sentences) != 1] == []
    rows = [table_row(setup, sentence, taken_port) for setup, (sentence,) in said]
    assert len(rows) >= 25
    assert rows == wrong_setups.written_rows()


def test_a_right_set_up_has_no_trouble_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with wrong_setups.site(tmp_path) as (usual, _):
        for name, value in usual.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)

        told = CliRunner().invoke(doctor, ["--json"])
        words = CliRunner().invoke(doctor)

    records = [json.loads(line) for line in told.stdout.splitlines()]
    assert [record for record in records if record["verdict"] == "wrong"] == []
    assert told.exit_code == words.exit_code == 0
    assert words.stdout.endswith("Nothing is wrong.\n")
    assert list(tmp_path.iterdir()) == []


def test_several_mistakes_are_all_named(tmp_path: Path) -> None:
    both = WrongSetup(
        mistake="two at once",
        environment={"DEFAULT_PLAYLIST_SIZE": "many", "TELEGRAM_BOT_TOKEN": ""},
    )

    with wrong_setups.site(tmp_path) as (usual, _):
        sentences = troubles(both, usual, tmp_path)

    assert ["DEFAULT_PLAYLIST_SIZE" in sentences[0], "BOT_TOKEN" in sentences[1]] == [True, True]


def test_while_it_runs_its_own_ports_are_no_trouble_and_each_part_is_named(tmp_path: Path) -> None:
    since = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    well = ProcessStatus(state=ProcessState.RUNNING, since=since)
    ill = ProcessStatus(
        state=ProcessState.FAILING, since=since, restarts=7, reason="ended with exit code 1"
    )
    StatusFile(tmp_path).write({"Telegram bot": well, "Dagster daemon": ill})
    settings = settings_from({"VIBE_HOME": str(tmp_path)})

    bot, daemon = parts(settings)

    assert list(ports(settings)) == []
    assert (bot.what.split(" (")[0], bot.trouble) == ("Telegram bot", None)
    assert daemon.trouble is not None
    assert daemon.trouble.startswith("Dagster daemon ended with exit code 1, again and again")


def test_a_disk_that_is_nearly_full_is_named_with_what_is_left(tmp_path: Path) -> None:
    (finding,) = disk(tmp_path / "not" / "there", free_bytes=lambda _: 42_000_000)

    assert finding.trouble is not None
    assert "Only 42 MB are free" in finding.trouble


def absent(name: str) -> str:
    raise PackageNotFoundError(name)


@pytest.mark.parametrize(
    ("installed", "sentence"),
    [
        (lambda _: "1.12.0", "dagster is 1.12.0 here, and Vibe needs <1.14,>=1.13.27; run: pip"),
        (absent, "The package dagster is not installed; run: pip install"),
    ],
)
def test_a_package_of_another_version_is_named(
    installed: Callable[[str], str], sentence: str
) -> None:
    needed = ["dagster<1.14,>=1.13.27; extra == 'pipeline'", "ruff>=99; extra == 'dev'"]

    troubles = [one.trouble for one in versions(needed, installed) if one.trouble is not None]

    assert len(troubles) == 1
    assert troubles[0].startswith(sentence)


@pytest.mark.parametrize(("status", "known"), [(401, False), (200, True)])
def test_a_webserver_that_does_not_know_our_token_is_named(
    status: int, *, known: bool, tmp_path: Path
) -> None:
    async def webserver(request: Request) -> Response:
        return JSONResponse({}, status)

    app = Starlette(routes=[Route("/graphql", webserver, methods=["POST"])])
    with served(app) as port:
        address = f"http://127.0.0.1:{port}/graphql"
        (finding,) = service_checks.webserver(
            settings_from({"VIBE_HOME": str(tmp_path), "DAGSTER_GRAPHQL_URL": address})
        )

    assert (finding.trouble is None) is known


def test_a_service_that_answers_without_end_and_shape_is_named_as_somebody_else() -> None:
    async def nested(request: Request) -> Response:
        return Response("[" * 100_000, media_type="application/json")

    with served(Starlette(routes=[Route("/{path:path}", nested, methods=["GET", "POST"])])) as port:
        settings = settings_from(
            {
                "TELEGRAM_BOT_TOKEN": "12345:not-a-real-token-but-shaped-like-one-000",
                "TELEGRAM_API_URL": f"http://127.0.0.1:{port}",
                "SPOTIFY_API_URL": f"http://127.0.0.1:{port}",
            }
        )

        found = service_checks.services(settings, now=lambda: datetime.now(UTC))

    assert len([one for one in found if one.trouble]) == 2
