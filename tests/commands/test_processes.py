"""What every part of an installation is told."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tests.support.raw_http import served
from vibe_pipeline.commands.processes import (
    Ports,
    configured_anew,
    environment,
    managed_processes,
    prepare,
)
from vibe_pipeline.settings import Settings, read_settings

NOBODY = "http://127.0.0.1:9"


async def well(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers everything."""
    if scope["type"] == "http":
        await Response()(scope, receive, send)


@pytest.mark.parametrize("named", [{}, {"no_proxy": "intranet"}, {"NO_PROXY": "intranet,10.0.0.1"}])
def test_our_parts_talk_past_a_proxy_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: dict[str, str]
) -> None:
    settings = Settings(vibe_home=tmp_path)
    outer = {"HTTP_PROXY": NOBODY, "http_proxy": NOBODY, "https_proxy": NOBODY, **named}

    told = environment(outer, settings, Ports.of(settings))

    for name, value in told.items():
        monkeypatch.setenv(name, value)
    for places in (told["no_proxy"], told["NO_PROXY"]):
        assert places.endswith("127.0.0.1,localhost,::1")
        assert all(value in places for value in named.values())
    with served(well) as port, httpx.Client() as client:
        assert client.get(f"http://127.0.0.1:{port}/").status_code == 200
        with pytest.raises(httpx.ConnectError):
            client.get("http://elsewhere.example/")


@pytest.mark.parametrize("harm", [b"", "DB_PATH=/x".encode("utf-16"), b"DB_PATH=/elsewhere/x\n"])
def test_what_an_installation_was_started_with_holds_whatever_becomes_of_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ("DB_PATH=w.duckdb", "VIBE_SECRET_KEY=' a key, another'", "MIN_NEW_RATIO=70%")
    Path(".env").write_text("\n".join([*lines, f"VIBE_HOME={tmp_path}"]), "utf-8")
    monkeypatch.setenv("WAREHOUSE_TLS", "false")
    started_with = read_settings()
    told = environment(os.environ, started_with, Ports.of(started_with))

    Path(".env").write_bytes(harm)
    for name, value in told.items():
        monkeypatch.setenv(name, value)

    asked = {"dagster_graphql_url"}
    assert read_settings().model_dump(exclude=asked) == started_with.model_dump(exclude=asked)


@pytest.mark.parametrize("name", ["dagster.yaml", "workspace.yaml"])
def test_before_each_start_dagster_finds_its_configuration_whatever_was_done_to_it(
    tmp_path: Path, name: str
) -> None:
    settings = Settings(vibe_home=tmp_path)
    ports = Ports.of(settings)
    prepare(settings, ports.code_server)
    file = tmp_path / "dagster" / name
    written = file.read_text("utf-8")
    parts = managed_processes({}, settings.home, tmp_path, ports)

    for harm in (file.unlink, lambda: file.write_bytes(b""), lambda: file.write_bytes(b"\xff:")):
        harm()
        starts = [part.before for part in configured_anew(parts, settings, ports.code_server)]
        for before in filter(None, starts[:1]):
            before()

        assert file.read_text("utf-8") == written
    assert [*file.parent.glob(".*")] == []


@pytest.mark.parametrize(
    "name", ["dagster/dagster.yaml", "dagster/workspace.yaml", "webserver.token"]
)
def test_a_folder_where_a_file_of_the_installation_belongs_is_named(
    tmp_path: Path, name: str
) -> None:
    settings = Settings(vibe_home=tmp_path)
    (tmp_path / name).mkdir(parents=True)

    with pytest.raises(IsADirectoryError) as told:
        prepare(settings, 4000)

    assert told.value.filename == str(tmp_path / name)
