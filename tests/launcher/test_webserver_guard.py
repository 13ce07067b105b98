"""The guard in front of Dagster's webserver: who may ask what, request by request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Message

from vibe_pipeline.clients.dagster import DagsterGraphQL
from vibe_pipeline.clients.transport import Transport
from vibe_pipeline.installation.access_token import (
    GUARD_HEADER,
    kept_token,
    lasting_token,
    read_token,
)
from vibe_pipeline.installation.bounded_requests import BoundedRequests
from vibe_pipeline.launcher.webserver_guard import WebserverGuard, host_names

US = "http://127.0.0.1:3000"
TOKEN = "the-token-of-this-installation"
QUERY = json.dumps({"query": "query { runsOrError { __typename } }"})
MUTATION = json.dumps({"query": "mutation { launchRun { __typename } }"})
FRAMED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
JSON = {"Content-Type": "application/json"}
OURS = {"Origin": US}
KNOWN = {"Authorization": f"Bearer {TOKEN}"}


async def seen(request: Request) -> Response:
    body = await request.body()
    return JSONResponse({"seen": True, "bytes": len(body)})


def guarded(*hosts: str, token: str | None = TOKEN) -> BoundedRequests:
    methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
    dagster = Starlette(routes=[Route("/{path:path}", seen, methods=methods)])
    guard = WebserverGuard(app=dagster, token=lambda: token, hosts=frozenset(hosts))
    return BoundedRequests(guard, most_bytes=1000, within_seconds=0.2)


@pytest.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=guarded("ui.example"))
    async with httpx.AsyncClient(transport=transport, base_url=US) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("GET", "/", {}, ""),
        ("GET", "/runs", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, ""),
        ("GET", "/runs", FRAMED | {"Sec-Fetch-Dest": "document"}, ""),
        ("GET", "/graphql", {"Accept": "text/html"}, ""),
        ("GET", "/server_info", {"Host": "localhost:3000"}, ""),
        ("GET", "/", {"Host": "[::1]:3000"}, ""),
        ("GET", "/", {"Host": "ui.example"}, ""),
        ("POST", "/graphql", JSON | OURS, QUERY),
        ("POST", "/graphql", JSON | KNOWN, QUERY),
        ("POST", "/graphql", JSON | OURS, MUTATION),
        ("POST", "/graphql", JSON | KNOWN, MUTATION),
        ("POST", "/graphql", JSON | {"Host": "ui.example", "Origin": "https://ui.example"}, QUERY),
        ("POST", "/graphql", JSON | {"Origin": "https://ui.example"}, MUTATION),
        ("POST", "/report_asset_materialization/x", JSON | KNOWN, "{}"),
    ],
)
async def test_what_the_interface_and_our_own_programs_ask_passes(
    browser: httpx.AsyncClient, method: str, path: str, headers: Mapping[str, str], body: str
) -> None:
    answer = await browser.request(method, path, headers=headers, content=body)

    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.status_code == 200
    assert answer.json()["bytes"] == len(body)
    assert answer.headers[GUARD_HEADER] == "on"


@pytest.mark.parametrize(
    ("status", "method", "path", "headers", "body"),
    [
        (403, "GET", "/", {"Host": "evil.example"}, ""),
        (403, "GET", "/", {"Host": "127.0.0.1.evil.example:3000"}, ""),
        (403, "GET", "/", {"Host": ""}, ""),
        (403, "GET", "/", {"Host": "evil.example@127.0.0.1:3000"}, ""),
        (403, "GET", "/", {"Host": "127.0.0.1/.evil.example"}, ""),
        (403, "GET", "/", {"Host": "127.0.0.1:3000, evil.example"}, ""),
        (403, "GET", "/", {"Host": "127.0.0.1:3000evil.example"}, ""),
        (403, "GET", "/", {"Host": "127.0.0.1:99999"}, ""),
        (403, "GET", "/runs", {"Origin": "https://evil.example"}, ""),
        (403, "GET", "/runs", {"Origin": "null"}, ""),
        (403, "GET", "/logs/x", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, ""),
        (403, "GET", "/runs", FRAMED | {"Sec-Fetch-Dest": "iframe"}, ""),
        (403, "GET", "/runs", FRAMED | {"Sec-Fetch-Dest": "object"}, ""),
        (405, "GET", "/graphql?query=mutation{launchRun{__typename}}", {}, ""),
        (405, "GET", "/graphql?query={version}", KNOWN, ""),
        (405, "GET", "/graphql?%71uery=mutation{launchRun{__typename}}", {}, ""),
        (405, "GET", "/graphql?quer%79=mutation{launchRun{__typename}}", KNOWN, ""),
        (405, "GET", "/graphql/?a=1&query={version}", KNOWN, ""),
        (405, "PUT", "/graphql", JSON | KNOWN, QUERY),
        (405, "DELETE", "/graphql", KNOWN, ""),
        (405, "OPTIONS", "/graphql", OURS, ""),
        (415, "POST", "/graphql", {"Content-Type": "text/plain"} | OURS, MUTATION),
        (415, "POST", "/graphql", {"Content-Type": "application/graphql"} | KNOWN, "{version}"),
        (415, "POST", "/graphql?query=mutation{a}", OURS, ""),
        (403, "POST", "/graphql", JSON | {"Origin": "https://evil.example"}, QUERY),
        (403, "POST", "/graphql", JSON | {"Origin": "http://127.0.0.1:8000"}, MUTATION),
        (403, "POST", "/graphql", JSON | KNOWN | {"Host": "evil.example"}, MUTATION),
        (403, "POST", "/graphql", JSON | {"Sec-Fetch-Site": "same-site"}, MUTATION),
        (401, "POST", "/graphql", JSON, MUTATION),
        (401, "POST", "/graphql", JSON, QUERY),
        (401, "POST", "/graphql", JSON | {"Sec-Fetch-Site": "same-origin"}, QUERY),
        (401, "POST", "/graphql", JSON | {"Authorization": "Bearer wrong"}, MUTATION),
        (401, "POST", "/graphql", JSON | {"Authorization": f"Basic {TOKEN}"}, MUTATION),
        (401, "POST", "/report_asset_materialization/x", JSON, "{}"),
        (400, "POST", "/graphql", JSON | KNOWN, "[]"),
        (400, "POST", "/graphql", JSON | KNOWN, "{"),
        (401, "POST", "/graphql", JSON, "{"),
        (400, "POST", "/graphql", JSON | KNOWN, '{"query": ["mutation {"]}'),
        (400, "POST", "/graphql", JSON | KNOWN, '{"query": "{version}", "variables": NaN}'),
        (400, "POST", "/graphql", JSON | KNOWN, '{"query": "{version}", "variables": [1]}'),
        (413, "POST", "/graphql", JSON | KNOWN, " " * 1001),
    ],
)
async def test_everything_else_is_refused_in_a_sentence(
    browser: httpx.AsyncClient,
    status: int,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: str,
) -> None:
    answer = await browser.request(method, path, headers=headers, content=body)

    assert answer.status_code == status
    assert set(answer.json()) == {"error"}


async def test_without_a_token_file_nobody_shows_the_right_one() -> None:
    transport = httpx.ASGITransport(app=guarded(token=None))
    async with httpx.AsyncClient(transport=transport, base_url=US) as client:
        headers = JSON | {"Authorization": "Bearer "}

        answer = await client.post("/graphql", headers=headers, content=MUTATION)

    assert answer.status_code == 401


async def upgrade(headers: Mapping[str, str]) -> list[str]:
    """What becomes of a websocket that asks in this way: the kinds of what is sent to it."""
    sent: list[str] = []

    async def accepts(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message["type"])

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    guard = WebserverGuard(app=accepts, token=lambda: TOKEN)
    await guard({"type": "websocket", "path": "/graphql", "headers": raw}, receive, send)
    return sent


@pytest.mark.parametrize("known", [{"Origin": US}, KNOWN])
async def test_a_websocket_of_ours_is_accepted(known: Mapping[str, str]) -> None:
    assert await upgrade({"Host": "127.0.0.1:3000", **known}) == ["websocket.accept"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:3000"},
        {"Host": "127.0.0.1:3000", "Origin": "https://evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Host": "127.0.0.1:3000", "Origin": "null"},
    ],
)
async def test_any_other_websocket_is_closed(headers: Mapping[str, str]) -> None:
    assert await upgrade(headers) == ["websocket.close"]


def test_names_are_read_from_the_setting() -> None:
    assert host_names(" UI.example, , other.example") == {"ui.example", "other.example"}
    assert host_names(None) == frozenset()


async def test_a_body_that_never_ends_is_given_up() -> None:
    sent: list[Message] = []

    async def never() -> Message:
        await asyncio.sleep(60)
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/graphql", "headers": []}
    await guarded()(scope, never, send)

    assert sent[0]["status"] == 408


async def test_who_hangs_up_half_way_is_forgotten() -> None:
    sent: list[Message] = []
    messages: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/graphql", "headers": []}
    await guarded()(scope, receive, send)

    assert sent == []


async def test_our_programs_go_on_when_the_token_is_deleted_under_them(tmp_path: Path) -> None:
    async def answered(request: Request) -> Response:
        return JSONResponse({"data": {"said": {"__typename": "Query"}}})

    routes = [Route("/graphql", answered, methods=["POST"])]
    token = partial(lasting_token, tmp_path)
    guard = WebserverGuard(app=Starlette(routes=routes), token=token)
    kept_token(tmp_path)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url=US) as http:
        transport = Transport(http, service="dagster", address=f"{US}/graphql")
        dagster = DagsterGraphQL(transport, token=partial(read_token, tmp_path))
        before = await dagster.reachable()
        (tmp_path / "webserver.token").unlink()
        after = await dagster.reachable()

    assert (before, after) == (True, True)
