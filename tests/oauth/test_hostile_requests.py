"""Whatever is sent to the OAuth service: no server error, nothing reflected, nothing in the log.

Drawn by hypothesis and sent as bytes to a real port: addresses, methods, headers and bodies of
every kind to every route. Time and size bounds of a single request stand in
``tests/installation/test_bounded_requests.py``.
"""

from __future__ import annotations

import asyncio
import html
import logging
import socket
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.oauth_site import TOKEN, Site, site
from tests.support.raw_http import complaints, exchanged, served, written
from vibe_oauth.app import create_app
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

MARK = b"zq7-mark<b>'\"&-7qz"
"""Stands in whatever is sent; to be seen again nowhere."""
LONGEST_ANSWER = 20_000
ROUTES = (
    *(b"/connect/", b"/confirm", b"/decline", b"/callback", b"/health", b"/health/live"),
    *(b"/internal/jobs/nightly", b"/internal/jobs/dry-run", b"/", b"/health/", b"//health"),
)
METHODS = (*(b"GET", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"), b"TRACE", b"BREW")
NAMES = (
    *(b"Authorization", b"Accept-Language", b"Cookie", b"Content-Type", b"Content-Length"),
    *(b"Transfer-Encoding", b"User-Agent", b"Sec-Fetch-Site", b"Sec-Purpose", b"Origin", b"Host"),
    *(b"X-Forwarded-For", b"X-Forwarded-Host", b"Forwarded", b"Range", b"Expect", b"Upgrade"),
    *(b"X-HTTP-Method-Override", b"If-Modified-Since", b"Accept", b"Referer", b"Content-Encoding"),
)
LIKELY_VALUES = (
    *(b"Bearer " + TOKEN.encode(), b"Bearer ", b"bearer\t" + TOKEN.encode(), b"Basic YTpi"),
    *(b"chunked", b"-1", b"99999999999999999999", b"0", b"uk;q=9,nl;q=0.5,;;", b"cross-site"),
    *(b"application/x-www-form-urlencoded", b"multipart/form-data", b"websocket", b"gzip"),
    *(b"100-continue", b"evil.example", b"bytes=0-", b"\xff\xfe", b"prefetch", MARK),
)

printable = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40).map(str.encode),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40).map(str.encode),
    st.binary(max_size=60).map(
        lambda drawn: bytes(byte for byte in drawn if byte not in b"\r\n\0 ")
    ),
)
pieces = st.one_of(
    st.just(MARK.replace(b" ", b"")),
    st.binary(max_size=12).map(lambda drawn: quote(drawn).encode()),
    st.sampled_from(
        [b"%00", b"%ff", b"..", b"%2e%2e%2f", b"%u0041", b"x" * 3000, b"%", b"\xc3\xa9"]
    ),
    printable,
)
queries = st.lists(
    st.tuples(st.sampled_from([b"state", b"code", b"error", b"token", b"prefix", b"[]"]), pieces),
    max_size=4,
).map(lambda drawn: b"&".join(name + b"=" + value for name, value in drawn))
targets = st.builds(
    lambda route, more, query: route + b"/".join(more) + (b"?" + query if query else b""),
    st.sampled_from(ROUTES),
    st.lists(pieces, max_size=2),
    queries,
)
headers = st.lists(
    st.tuples(st.sampled_from(NAMES), st.one_of(st.sampled_from(LIKELY_VALUES), printable)),
    max_size=5,
)
bodies = st.one_of(
    st.just(b""),
    st.binary(max_size=200),
    pieces.map(lambda drawn: b"token=" + drawn),
    st.sampled_from(
        [b"token=" + b"a" * 5000, b"{" * 900, b"token=%ff%00&token=&&==", b"\0" * 70_000]
    ),
)


@pytest.fixture(scope="module")
def world() -> BuiltInWorld:
    return BuiltInWorld(1, artists=64, listeners=8)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, world: BuiltInWorld) -> Iterator[Site]:
    """A service with two people, one of whom is connected."""
    with asyncio.Runner() as runner:
        opened = site(tmp_path_factory.mktemp("home"), Simulation(world))
        made: Site = runner.run(opened.__aenter__())
        runner.run(made.connect(made.person("Anna")))
        made.person("Bo", chat_id=101)
        yield made
        runner.run(opened.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def port(here: Site) -> Iterator[int]:
    with served(create_app(here.services)) as number:
        yield number


def reflections(answer: bytes) -> list[bytes]:
    """The mark in any of the ways in which it may come back."""
    text = MARK.decode()
    ways = {MARK, html.escape(text).encode(), quote(text).encode(), b"zq7-mark", b"7qz"}
    return [way for way in ways if way in answer]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(method=st.sampled_from(METHODS), target=targets, fields=headers, body=bodies)
@example(
    method=b"POST",
    target=b"/internal/jobs/nightly",
    fields=[(b"Authorization", b"Bearer \xe9")],
    body=b"",
)
@example(method=b"GET", target=b"/callback?state=%00&code=%ff", fields=[], body=b"")
@example(method=b"GET", target=b"/connect/" + b"%f0%9f%98%80" * 300, fields=[], body=b"")
@example(method=b"GET", target=b"/connect/\xed\xa0\x80", fields=[], body=b"")
@example(method=b"GET", target=b"http://evil.example/health", fields=[], body=b"")
@example(method=b"GET", target=b"*", fields=[], body=b"")
@example(
    method=b"POST",
    target=b"/confirm",
    fields=[(b"Content-Length", b"5"), (b"Content-Length", b"6")],
    body=b"token=1",
)
@example(
    method=b"POST", target=b"/confirm", fields=[(b"Transfer-Encoding", b"chunked")], body=b"zz\r\n"
)
@example(
    method=b"POST",
    target=b"/confirm",
    fields=[(b"Content-Length", "²".encode("latin-1"))],
    body=b"x",
)
def test_whatever_is_asked_is_answered_without_a_server_error(
    port: int,
    caplog: pytest.LogCaptureFixture,
    method: bytes,
    target: bytes,
    fields: Sequence[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    caplog.clear()
    with capture_logs() as ours:
        answer = exchanged(port, written(method, target, fields, body))

    assert answer.status is None or answer.status < 500, answer.head
    assert len(answer.whole) < LONGEST_ANSWER
    assert reflections(answer.whole) == []
    assert complaints(caplog.records) == []
    assert [line for line in ours if line["log_level"] in {"error", "critical"}] == []
    assert reflections(repr(ours).encode()) == []


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sent=st.binary(max_size=400), begins=st.sampled_from([b"", b"GET ", b"POST / HTTP/1.1\r\n"]))
@example(sent=b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", begins=b"")
@example(sent=b"A" * 300_000 + b"\r\n\r\n", begins=b"GET /")
def test_what_is_no_http_is_turned_away_without_a_word_in_the_log(
    port: int, caplog: pytest.LogCaptureFixture, sent: bytes, begins: bytes
) -> None:
    caplog.clear()

    answer = exchanged(port, begins + sent + b"\r\n\r\n", all_said=True)

    assert answer.status is None or answer.status < 500
    assert complaints(caplog.records) == []


def test_many_who_hold_half_a_request_keep_nobody_else_waiting(
    here: Site, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(100)]
    for connection in held:
        connection.sendall(b"POST /confirm HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\ntok")

    answer = exchanged(port, written(b"GET", b"/health/live"))
    for connection in held:
        connection.close()

    assert answer.status == 200
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []
