"""A part that cannot be asked just now is not one that is silent."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import httpx
import pytest

from vibe_pipeline.clients.errors import ServiceUnavailable
from vibe_pipeline.commands import liveness
from vibe_pipeline.commands.liveness import (
    NO_LOOK,
    grpc_alive,
    heartbeats_alive,
    http_alive,
    is_stopped,
)
from vibe_pipeline.commands.supervisor import Start, free_port, http_ready

FEW_FILES = 512
grpc = pytest.importorskip("grpc")


@asynccontextmanager
async def answering() -> AsyncIterator[str]:
    """The address of somebody who answers."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@contextmanager
def no_file_left() -> Iterator[None]:
    """This process may open none more meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, hard))
    taken: list[int] = []
    try:
        while len(taken) < FEW_FILES:
            try:
                taken.append(os.dup(0))
            except OSError:
                break
        yield
    finally:
        for one in taken:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_who_answers_is_alive_and_who_does_not_is_silent() -> None:
    async with answering() as address:
        assert await http_alive(address)()

    assert not await http_alive(f"http://127.0.0.1:{free_port()}/")()


async def test_with_no_file_left_nobody_is_called_silent() -> None:
    async with answering() as address:
        alive = http_alive(address)
        with no_file_left():
            with pytest.raises(NO_LOOK):
                await alive()
            with pytest.raises(NO_LOOK):
                is_stopped(os.getpid())

        assert await alive()


async def test_on_the_loopback_no_certificates_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certifi.where", lambda: str(tmp_path / "gone.pem"))
    with pytest.raises(FileNotFoundError):
        httpx.AsyncClient(trust_env=False)

    async with answering() as address:
        assert await http_alive(address)()
        assert await http_ready(address)(Start(log=tmp_path / "log", offset=0))


@contextmanager
def grpc_server() -> Iterator[tuple[int, ThreadPoolExecutor]]:
    """The port of one that tells of its health, and the one thread that serves its calls."""
    serving = b"\x08\x01"
    check = grpc.unary_unary_rpc_method_handler(lambda _request, _context: serving)
    health = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check})
    threads = ThreadPoolExecutor(1)
    server = grpc.server(threads, handlers=[health])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port, threads
    finally:
        server.stop(0).wait()


async def test_a_grpc_server_is_silent_once_nobody_serves_its_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = Event()
    with grpc_server() as (port, threads):
        well = await grpc_alive(port)()
        monkeypatch.setattr(liveness, "_ANSWERS_WITHIN_SECONDS", 0.1)
        threads.submit(released.wait)
        hanging = await grpc_alive(port)()
        released.set()

    assert (well, hanging) == (True, False)
    assert not await grpc_alive(free_port())()


async def test_who_answers_no_grpc_call_is_no_living_grpc_server() -> None:
    async with answering() as address:
        assert not await grpc_alive(httpx.URL(address).port or 0)()


@pytest.mark.parametrize(
    ("minutes", "alive"), [(0.5, True), (3, False), (-60, True), (None, False)]
)
async def test_dagsters_daemon_lives_as_long_as_all_its_loops_tell_so(
    minutes: float | None, *, alive: bool
) -> None:
    now = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)

    async def oldest_heartbeat() -> datetime | None:
        return None if minutes is None else now - timedelta(minutes=minutes)

    assert await heartbeats_alive(oldest_heartbeat, now=lambda: now)() is alive


async def test_heartbeats_that_cannot_be_read_are_no_silence() -> None:
    async def unread() -> datetime | None:
        raise ServiceUnavailable("dagster", "cannot be reached")

    with pytest.raises(NO_LOOK):
        await heartbeats_alive(unread, now=lambda: datetime.now(UTC))()
