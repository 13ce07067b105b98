"""The connections and clients that every program gets from the one factory."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.outside_world import answering, said, unmetered
from vibe_pipeline.clients.budget import FixedToken
from vibe_pipeline.clients.factory import AHEAD_TAKES, open_http
from vibe_pipeline.settings import Settings


async def test_every_program_names_itself_by_the_installed_version() -> None:
    async with open_http() as http:
        assert http.headers["User-Agent"] == f"Vibe/{version('vibe')}"


async def test_connections_go_through_the_proxy_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        async with open_http() as http:
            await http.get("http://spotify.invalid/v1/me")

    assert asked == [b"GET http://spotify.invalid/v1/me HTTP/1.1\r\n"]


async def test_a_cookie_of_one_call_goes_out_with_no_other() -> None:
    heads: list[bytes] = []

    async def service(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\nSet-Cookie: of=anna; Path=/\r\n")
        writer.write(b"Connection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(service, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with open_http() as http:
            for _ in ("of Anna's", "of Bob's"):
                await http.get(address)

    assert len(heads) == 2
    assert b"cookie" not in heads[1].lower()


async def test_a_profile_is_asked_for_with_the_token_in_hand() -> None:
    http, received = answering(said({"id": "anna", "display_name": "Anna"}))

    profile = await unmetered(http, Settings(service_pace=100)).profile("t")

    assert profile.account_id == "anna"
    assert received[0].url.path == "/v1/me"
    assert received[0].headers["Authorization"] == "Bearer t"


async def test_what_nobody_waits_for_leaves_room_for_whoever_asks_meanwhile(
    tmp_path: Path,
) -> None:
    http, _ = answering(said({"id": "anna", "display_name": "Anna"}))
    waited_for = unmetered(http, Settings(vibe_home=tmp_path, service_pace=1))
    ahead = replace(waited_for, asked_for=False).spotify(access=FixedToken("ahead"))
    under_way = [asyncio.create_task(ahead.me()) for _ in range(40)]
    await asyncio.wait(under_way[: round(AHEAD_TAKES * waited_for.settings.spotify_burst)])

    await waited_for.profile("asked")

    assert not all(task.done() for task in under_way)
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
