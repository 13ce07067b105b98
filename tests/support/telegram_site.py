"""A simulated Telegram on a port, for tests that need nothing else of the outside world."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from vibe_pipeline.simulator.prompt_server import PromptServer
from vibe_pipeline.simulator.telegram.bot_api import bot_api_routes
from vibe_pipeline.simulator.telegram.chat import chat_routes
from vibe_pipeline.simulator.telegram.control import control_routes
from vibe_pipeline.simulator.telegram.records import Person
from vibe_pipeline.simulator.telegram.state import TelegramState


class MovableTime:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self.seconds += seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramSite:
    """A running Telegram with one person who has opened the chat."""

    address: str
    state: TelegramState
    time: MovableTime
    anna: Person
    http: httpx.Client

    @property
    def base_url(self) -> str:
        """What python-telegram-bot puts the token after."""
        return f"{self.address}/telegram/bot"

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One Bot API call in JSON, answered as JSON whatever the status."""
        url = f"{self.base_url}{self.state.token}/{method}"
        answer: dict[str, Any] = self.http.post(url, json=parameters).json()
        return answer

    def refusal(self, method: str, **parameters: Any) -> str:
        """The description of a call that must fail."""
        answer = self.call(method, **parameters)
        assert answer["ok"] is False, answer
        return str(answer["description"])

    def say(self, text: str, **parameters: Any) -> dict[str, Any]:
        """A message of the bot to Anna, which must succeed."""
        answer = self.call("sendMessage", chat_id=self.anna.telegram_id, text=text, **parameters)
        assert answer["ok"], answer
        result: dict[str, Any] = answer["result"]
        return result


async def eventually(holds: Callable[[], bool]) -> None:
    """Return when something has come true, which must be soon."""
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come true within ten seconds")


@contextmanager
def telegram_site() -> Iterator[TelegramSite]:
    """Serve a simulated Telegram from a thread for as long as the block lasts."""
    time_, listener = MovableTime(), socket.create_server(("127.0.0.1", 0))
    state = TelegramState(clock=time_.now, monotonic=time_.monotonic)
    anna = state.add_person(telegram_id=101, name="Anna", username="anna", language_code="en")
    routes = [*bot_api_routes(state), *control_routes(state), *chat_routes(state)]
    config = uvicorn.Config(
        Starlette(routes=routes), log_level="error", lifespan="off", timeout_graceful_shutdown=1
    )
    server = PromptServer(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    state.type_text(anna.telegram_id, "/start")
    state.updates.drop()
    try:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with httpx.Client(base_url=address, timeout=60) as http:
            yield TelegramSite(address=address, state=state, time=time_, anna=anna, http=http)
    finally:
        state.close()
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
