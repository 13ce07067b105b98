"""A person of the simulated world, acting by HTTP as their phone and their browser would."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import httpx

from vibe_pipeline.demo.forms import buttons_of
from vibe_pipeline.errors import CommandFailed

_LINK = re.compile(r"https?://\S+/connect/\S+")
_POLL_SECONDS = 20.0

Message = Mapping[str, Any]


class NothingHappened(CommandFailed):
    """What should have come did not come in time, or came otherwise; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoUser:
    """Somebody who has never met the bot."""

    http: httpx.AsyncClient
    simulator: str
    telegram_id: int
    name: str
    listener: str

    @classmethod
    async def arrive(cls, http: httpx.AsyncClient, simulator: str, **wishes: str) -> DemoUser:
        """A new person with a phone and a Spotify account."""
        answer = await http.post(f"{simulator}/control/people", json=wishes)
        answer.raise_for_status()
        person = answer.json()
        return cls(
            http=http,
            simulator=simulator,
            telegram_id=person["telegram_id"],
            name=person["name"],
            listener=person["listener"],
        )

    async def types(self, text: str) -> int:
        """Send a message; gives its id."""
        answer = await self.http.post(
            f"{self.simulator}/control/telegram/messages",
            json={"telegram_id": self.telegram_id, "text": text},
        )
        answer.raise_for_status()
        return int(answer.json()["message_id"])

    async def chat(self, *, after: int = 0, wait: float = 0) -> Mapping[str, Any]:
        """The chat as the phone shows it, at once or when it has changed after a revision."""
        answer = await self.http.get(
            f"{self.simulator}/control/telegram/chats/{self.telegram_id}",
            params={"after": after, "wait": wait},
            timeout=wait + 10,
        )
        answer.raise_for_status()
        chat: Mapping[str, Any] = answer.json()
        return chat

    async def sees(
        self,
        what: str,
        wanted: Callable[[Message], bool],
        *,
        since: int,
        within: float,
    ) -> Message:
        """The first message of the bot after message ``since`` that is ``wanted``."""
        deadline = time.monotonic() + within
        revision = 0
        while (left := deadline - time.monotonic()) > 0:
            chat = await self.chat(after=revision, wait=min(left, _POLL_SECONDS))
            revision = chat["revision"]
            messages: list[Message] = chat["messages"]
            for message in messages:
                theirs = message["from"] == "bot" and message["message_id"] > since
                if theirs and wanted(message):
                    return message
        raise NothingHappened(f"{self.name} waited {within:.0f} s for {what} and saw none.")

    async def consents(self, link: str) -> str:
        """Open the link, agree on Spotify's page, confirm both accounts; gives the last page."""
        page = await self._opened(await self.http.get(link))
        page = await self._pressed(page, "/decision", "agree", listener=self.listener)
        page = await self._pressed(page, "/confirm")
        return page.text

    async def _pressed(
        self, page: httpx.Response, action: str, value: str = "", **more: str
    ) -> httpx.Response:
        for button in buttons_of(page.text):
            if button.action.endswith(action) and button.value == value:
                address = urljoin(str(page.url), button.action)
                return await self._opened(
                    await self.http.post(address, data={**button.fields, **more})
                )
        raise NothingHappened(f"The page at {page.url.path} has no button that leads to {action}.")

    async def _opened(self, answer: httpx.Response) -> httpx.Response:
        while answer.next_request is not None:
            answer = await self.http.send(answer.next_request)
        if answer.is_error:
            raise NothingHappened(f"{answer.url.path} answered {answer.status_code}.")
        return answer


def connect_link(message: Message) -> str | None:
    """The link to Spotify's consent in a message, on a button or in the text."""
    for row in message["buttons"]:
        for button in row:
            if found := _LINK.match(button.get("url", "")):
                return found.group()
    found = _LINK.search(message["text"])
    return found.group() if found else None
