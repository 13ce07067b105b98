"""The way back into the chat: the bot's own address, asked of Telegram once.

Nothing is sent to anybody from here; messages go through the outbox.
"""

from __future__ import annotations

import asyncio
import re
import time

import httpx
import structlog
from pydantic import SecretStr

from vibe_pipeline.clients.call_counter import TELEGRAM
from vibe_pipeline.clients.factory import Observer
from vibe_pipeline.clients.transport import CallRecord, no_observer

log = structlog.get_logger()

ASK_AGAIN_AFTER_SECONDS = 300.0
WAIT_SECONDS = 2.0
"""From the question to the last byte: the page waits for it."""
_MISSHAPEN = (ValueError, LookupError, TypeError, RecursionError)
"""What an answer of any other shape comes to, one that is nested without end included."""
_USERNAME = re.compile(r"[A-Za-z0-9_]{3,64}")


class BotName:
    """Knows the bot's username; a page does without it when Telegram does not answer."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        address: str,
        token: SecretStr | None,
        *,
        observer: Observer = no_observer,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._wait_seconds = wait_seconds
        self._observer = observer
        self._http = http
        self._address = address.rstrip("/")
        self._token = token
        self._url: str | None = None
        self._not_before = 0.0

    async def url(self) -> str | None:
        """Where the chat with the bot opens, if known."""
        if self._url is None and self._token is not None and time.monotonic() >= self._not_before:
            self._not_before = time.monotonic() + ASK_AGAIN_AFTER_SECONDS
            username = await self._username(self._token)
            self._url = None if username is None else f"https://t.me/{username}"
        return self._url

    async def _username(self, token: SecretStr) -> str | None:
        address = f"{self._address}/bot{token.get_secret_value()}/getMe"
        started, status = time.monotonic(), None
        try:
            async with asyncio.timeout(self._wait_seconds):
                answer = await self._http.get(address)
            status = answer.status_code
            username = answer.json()["result"]["username"]
        except (httpx.HTTPError, TimeoutError, *_MISSHAPEN) as error:
            # The error's text may hold the address, and that holds the token.
            log.warning("telegram did not say the bot's name", error=type(error).__name__)
            return None
        finally:
            seconds = time.monotonic() - started
            self._observer(
                CallRecord(service=TELEGRAM, endpoint="getMe", status=status, seconds=seconds)
            )
        return username if _USERNAME.fullmatch(str(username)) else None
