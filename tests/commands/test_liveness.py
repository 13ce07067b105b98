"""A part that cannot be asked just now is not one that is silent."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest

from vibe_pipeline.commands.liveness import NO_LOOK, http_alive, is_stopped
from vibe_pipeline.commands.supervisor import Start, free_port, http_ready

FEW_FILES = 512


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
