"""However a question is written: without the token or the page itself, Dagster never sees it.

Behind the guard stands an app that reads requests as Dagster's webserver does; what it would
have carried out is compared with who asked. Sent as bytes to a real port.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.raw_http import complaints, exchanged, served, written
from vibe_pipeline.installation.bounded_requests import BoundedRequests
from vibe_pipeline.launcher.webserver_guard import WebserverGuard

TOKEN = b"the-token-of-this-installation"
MUTATIONS = (
    "mutation { launchRun { __typename } }",
    "# mutation\nmutation{launchRun{__typename}}",
    "query A { a } mutation B { launchRun { __typename } }",
    "\ufeffmutation { launchRun { __typename } }",
    ",,, mutation , { a }",
    "subscription { pipelineRunLogs { __typename } }",
    "fragment F on X { a } mutation { ...F }",
)
QUESTIONS = ("{ version }", "query { runsOrError { __typename } }", "mutation", "", "{" * 400)
WRITINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be")


@dataclass(slots=True)
class Dagster:
    """What would have been carried out, as its webserver reads requests."""

    carried_out: list[str] = field(default_factory=list)

    async def graphql(self, request: Request) -> Response:
        query = await _query_of(request)
        if isinstance(query, str):
            self.carried_out.append(query)
        return JSONResponse({})

    async def report(self, request: Request) -> Response:
        if request.method == "POST":
            self.carried_out.append(request.url.path)
        return JSONResponse({})


async def _query_of(request: Request) -> Any:
    """As ``dagster_webserver.graphql`` takes it from a request."""
    kind = request.headers.get("Content-Type", "")
    if request.method == "POST" and "application/json" in kind:
        asked = json.loads(await request.body())
        return asked.get("query") if isinstance(asked, dict) else None
    if request.method == "POST" and "application/graphql" in kind:
        return (await request.body()).decode(errors="replace")
    return request.query_params.get("query")


@pytest.fixture(scope="module")
def dagster() -> Dagster:
    return Dagster()


@pytest.fixture(scope="module")
def port(dagster: Dagster) -> Iterator[int]:
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    app = Starlette(
        routes=[
            Route("/graphql", dagster.graphql, methods=methods),
            Route("/report_asset_materialization/{key:path}", dagster.report, methods=methods),
        ]
    )
    guard = WebserverGuard(app=app, token=TOKEN.decode)
    with served(BoundedRequests(guard, most_bytes=100_000)) as number:
        yield number


queries = st.sampled_from([*MUTATIONS, *QUESTIONS])


@st.composite
def names(draw: st.DrawFn) -> str:
    """The word "query", some of its letters in percent signs."""
    return "".join(draw(st.sampled_from([one, f"%{ord(one):02x}"])) for one in "query")


@st.composite
def targets(draw: st.DrawFn) -> bytes:
    path = draw(
        st.sampled_from(
            [
                *("/graphql", "/graphql/", "/%67raphql", "//graphql", "/graphql%0A"),
                *("/graphql%0A/", "/graphql/%0a", "/graphql%0D%0A", "/report_asset_check/x"),
            ]
        )
    )
    if draw(st.booleans()):
        path += f"?a=1&{draw(names())}={quote(draw(queries))}"
    return path.encode()


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    query = json.dumps(draw(queries), ensure_ascii=draw(st.booleans()))
    shape = draw(
        st.sampled_from(
            [
                '{"query": %s}',
                '{"query": "{a}", "query": %s}',
                '{"\\u0071uery": %s}',
                '[{"query": %s}]',
                '{"query": {"query": %s}}',
                '{"operationName": "A", "query": %s}',
                "%s",
            ]
        )
    )
    return (shape % query).encode(draw(st.sampled_from(WRITINGS)), errors="replace")


senders = st.lists(
    st.sampled_from(
        [
            (b"Authorization", b"Bearer " + TOKEN),
            (b"Authorization", b"Bearer wrong"),
            (b"Authorization", b"Bearer \xff"),
            (b"Origin", b"http://127.0.0.1"),
            (b"Origin", b"http://127.0.0.1:1"),
            (b"Origin", b"https://evil.example"),
            (b"Origin", b"null"),
            (b"Origin", b"http://[::1"),
            (b"Host", b"evil.example"),
            (b"Host", b"127.0.0.1.evil.example"),
            (b"Host", b"[::1"),
            (b"Content-Type", b"application/json"),
            (b"Content-Type", b"application/json; charset=utf-16"),
            (b"Content-Type", b"text/plain; application/json"),
            (b"Content-Type", b"application/graphql"),
            (b"Sec-Fetch-Site", b"cross-site"),
            (b"Sec-Fetch-Mode", b"navigate"),
            (b"X-HTTP-Method-Override", b"POST"),
        ]
    ),
    max_size=5,
)


def entitled(fields: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether the token is shown, or the page itself asks."""
    return (b"Authorization", b"Bearer " + TOKEN) in fields or (
        (b"Origin", b"http://127.0.0.1") in fields
    )


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    method=st.sampled_from([b"GET", b"HEAD", b"POST", b"POST", b"PUT", b"OPTIONS", b"PATCH"]),
    target=targets(),
    fields=senders,
    body=bodies(),
)
@example(
    method=b"GET",
    target=b"/graphql?%71uery=mutation{launchRun{__typename}}",
    fields=[(b"Sec-Fetch-Site", b"cross-site"), (b"Sec-Fetch-Mode", b"navigate")],
    body=b"",
)
@example(
    method=b"GET", target=b"/graphql%0A?query=mutation{launchRun{__typename}}", fields=[], body=b""
)
def test_nobody_else_asks_anything_however_it_is_written(
    port: int,
    dagster: Dagster,
    caplog: pytest.LogCaptureFixture,
    method: bytes,
    target: bytes,
    fields: Sequence[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    caplog.clear()
    dagster.carried_out.clear()

    with caplog.at_level(logging.ERROR):
        answer = exchanged(port, written(method, target, fields, body))

    assert answer.status is None or answer.status < 500, answer.head
    assert complaints(caplog.records) == []
    assert dagster.carried_out == [] or (entitled(fields) and method == b"POST")
