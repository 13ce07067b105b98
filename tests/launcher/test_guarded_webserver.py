"""Dagster's own webserver, as we start it, stands behind the guard."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import httpx
import uvicorn

from vibe_pipeline.commands.supervisor import ManagedProcess, free_port, http_ready, running
from vibe_pipeline.installation.access_token import GUARD_HEADER, bearer, kept_token

ENDS_NOTHING = 'mutation { said: terminateRun(runId: "none") { __typename } }'


def test_dagsters_webserver_is_served_by_the_uvicorn_we_wrap() -> None:
    program = importlib.import_module("dagster_webserver.cli")

    assert vars(program)["uvicorn"] is uvicorn


async def test_a_started_webserver_refuses_what_the_guard_refuses(tmp_path: Path) -> None:
    token, port = kept_token(tmp_path), free_port()
    address = f"http://127.0.0.1:{port}"
    jobs = ("--module-name", "tests.support.launched_jobs")
    webserver = ManagedProcess(
        name="webserver",
        command=("dagster-webserver", "--host", "127.0.0.1", "--port", str(port), *jobs),
        environment={**os.environ, "VIBE_HOME": str(tmp_path), "DAGSTER_HOME": str(tmp_path)},
        folder=Path(__file__).parents[2],
        log=tmp_path / "webserver.log",
        ready=http_ready(f"{address}/server_info"),
        forked=True,
    )

    async with running([webserver]), httpx.AsyncClient(base_url=address, timeout=30) as http:
        page = await http.get("/")
        by_get = await http.get("/graphql", params={"query": ENDS_NOTHING})
        foreign = await http.get("/", headers={"Host": "rebound.example"})
        body = {"query": ENDS_NOTHING}
        unknown = await http.post("/graphql", json=body)
        known = await http.post("/graphql", json=body, headers=bearer(token))
        interface = await http.post("/graphql", json=body, headers={"Origin": address})

    assert page.status_code == 200
    assert page.headers[GUARD_HEADER] == "on"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers.get_list("Content-Security-Policy")
    refused = [answer.status_code for answer in (by_get, foreign, unknown)]
    assert refused == [405, 403, 401]
    assert known.json()["data"]["said"]["__typename"] == "RunNotFoundError"
    assert interface.json() == known.json()
