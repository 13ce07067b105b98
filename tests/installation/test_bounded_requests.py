"""What comes in over HTTP is bounded in time and size, on a real server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vibe_pipeline.installation import bounded_requests
from vibe_pipeline.installation.bounded_requests import BoundedRequests, ImpatientProtocol

WITHIN = 0.3


async def counted(request: Request) -> Response:
    return JSONResponse({"bytes": len(await request.body())})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server that has little patience."""
    monkeypatch.setattr(bounded_requests, "HEADER_SECONDS", WITHIN)
    app = Starlette(routes=[Route("/", counted, methods=["GET", "POST"])])
    bounded = BoundedRequests(app, most_bytes=100, within_seconds=WITHIN)
    config = uvicorn.Config(bounded, http=ImpatientProtocol, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


async def said(port: int, sent: bytes, *, later: bytes = b"", after: float = 0.0) -> bytes:
    """All that the server says until it hangs up, which it must by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    if later:
        await asyncio.sleep(after)
        writer.write(later)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


def posted(body: bytes, *, length: int | None = None) -> bytes:
    announced = len(body) if length is None else length
    head = f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {announced}\r\n\r\n"
    return head.encode() + body


async def test_a_whole_request_is_answered(port: int) -> None:
    assert (await said(port, posted(b"{}"))).endswith(b'{"bytes":2}')


async def test_a_body_that_is_held_back_is_given_up(port: int) -> None:
    assert b" 408 " in await said(port, posted(b"{", length=50))


async def test_a_body_that_is_too_big_is_refused_before_it_comes(port: int) -> None:
    assert b" 413 " in await said(port, posted(b"", length=1_000_000))


async def test_a_body_that_does_not_say_how_big_it_is_is_counted(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert b" 413 " in await said(port, head + b"96\r\n" + b"x" * 150 + b"\r\n")


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: "])
async def test_a_head_that_does_not_come_is_not_waited_for(port: int, begun: bytes) -> None:
    assert await said(port, begun) == b""


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
@pytest.mark.parametrize("begun", [b"GET /?", b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: "])
async def test_a_head_without_end_is_cut_off_long_before_it_fills_the_memory(
    port: int, first: bytes, begun: bytes
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first + begun)

    assert await taken(writer, 10_000_000) < 4_000_000


async def taken(writer: asyncio.StreamWriter, most: int) -> int:
    """How many bytes go through until the server hangs up."""
    for sent in range(0, most, 10_000):
        try:
            writer.write(b"x" * 10_000)
            await writer.drain()
        except ConnectionError:
            return sent
        await asyncio.sleep(0)
    return most


async def test_the_next_head_that_begins_in_what_ends_a_long_body_is_waited_for(port: int) -> None:
    long = posted(b"x" * 100).replace(b"Connection: close\r\n", b"")
    head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"

    answered = await said(port, long * 600 + head, later=b"\r\n", after=0.1)

    assert b" 431 " not in answered
    assert answered.count(b" 200 ") == 601


async def test_a_second_request_begun_and_left_is_not_waited_for(port: int) -> None:
    first = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    answered = await said(port, first, later=b"GET / HTTP/1.1\r\n", after=0.05)

    assert answered.count(b" 200 ") == 1


async def test_who_hangs_up_half_way_leaves_no_traceback(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(posted(b"{", length=50))
    await writer.drain()
    writer.close()
    await asyncio.sleep(0.1)

    assert (await said(port, posted(b"{}"))).endswith(b'{"bytes":2}')
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
