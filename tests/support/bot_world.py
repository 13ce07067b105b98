"""A small town for the bot: Telegram and the pipeline on one port, people who type and look."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.support.blank_accounts import set_up_store
from tests.support.pipeline_stand_in import PipelineStandIn
from vibe_bot.app import build
from vibe_bot.interactions import App
from vibe_bot.lifecycle import serve
from vibe_bot.services import BotServices, open_services
from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionKind,
    EditionState,
    FailureCause,
    PoolSummary,
    Summary,
    Tokens,
)
from vibe_pipeline.accounts.store import AccountStore, open_for, utc_now
from vibe_pipeline.clients.factory import open_http
from vibe_pipeline.records import ChosenTrack, EditionId, Mode, Source
from vibe_pipeline.settings import Settings
from vibe_pipeline.simulator.prompt_server import PromptServer
from vibe_pipeline.simulator.telegram.bot_api import bot_api_routes
from vibe_pipeline.simulator.telegram.control import control_routes
from vibe_pipeline.simulator.telegram.state import TelegramState

SPEED = 20.0
"""How much faster the bot's waits pass."""
WITHIN = 20.0
Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BotWorld:
    """Everything outside the bot."""

    address: str
    telegram: TelegramState
    trouble: TelegramTrouble
    pipeline: PipelineStandIn
    settings: Settings
    store: AccountStore
    http: httpx.AsyncClient

    def services(self, *, now: Callable[[], datetime] = utc_now) -> BotServices:
        """What the bot works with, for tests that need no running bot for it."""
        return open_services(self.settings, self.http, self.store, now=now, sleep=asyncio.sleep)

    async def person(
        self, telegram_id: int = 101, *, name: str = "Anna", language: str = "en"
    ) -> ChatUser:
        """Somebody with a phone, who has not met the bot yet."""
        self.telegram.add_person(
            telegram_id=telegram_id, name=name, username=None, language_code=language
        )
        return ChatUser(bot_world=self, telegram_id=telegram_id)

    def calls(self, method: str) -> int:
        """How often the bot called a method of the Bot API."""
        return sum(call.method == method for call in list(self.telegram.calls))


@dataclass(slots=True)
class TelegramTrouble:
    """Answers that the bot gets instead of Telegram's: ``next`` has them, oldest first.

    ``then`` is called with each method's name before Telegram sees it.
    """

    next: list[tuple[str, int, str]] = field(default_factory=list)
    """The method, the status, the body."""
    then: Callable[[str], None] | None = None

    def around(self, app: ASGIApp) -> ASGIApp:
        """The same Telegram, with this trouble on the way to it."""

        async def troubled(scope: Scope, receive: Receive, send: Send) -> None:
            method = str(scope.get("path", "")).rsplit("/", 1)[-1]
            if scope["type"] == "http" and "/bot" in scope["path"]:
                if self.then is not None:
                    self.then(method)
                if self.next and self.next[0][0] == method:
                    _, status, body = self.next.pop(0)
                    await Response(body, status)(scope, receive, send)
                    return
            await app(scope, receive, send)

        return troubled


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatUser:
    """A person of the town at their phone."""

    bot_world: BotWorld
    telegram_id: int

    @property
    def account(self) -> Account:
        """What the bot knows of them."""
        account = self.bot_world.store.people.by_chat(self.telegram_id)
        assert account is not None
        return account

    async def types(self, text: str) -> int:
        """Send a message; gives its id."""
        sent = await self._post("messages", text=text)
        return int(sent["message_id"])

    async def forwards(self, text: str, *, author: str) -> Message:
        """Pass on what somebody else wrote and read the bot's answer."""
        sent = await self._post("messages", text=text, forwarded_from=author)
        return await self.sees(since=int(sent["message_id"]))

    async def sends(self, name: str, content: bytes) -> int:
        """Send a file; gives its message's id."""
        sent = await self._post("files", name=name, content=b64encode(content).decode())
        return int(sent["message_id"])

    async def taps(self, data: str) -> None:
        """Tap the newest button with this data."""
        await self._post("taps", data=data)

    async def taps_forged(self, data: str) -> None:
        """Tap a button that only a tampered client could show, under our newest buttons."""
        newest = next(one for one in reversed(await self.said_by_bot()) if one["buttons"])
        stored = self.bot_world.telegram.chat(self.telegram_id).messages[newest["message_id"]]
        rows = stored.inline_keyboard
        rows[0][0]["callback_data"] = data
        rows[0][0].pop("url", None)
        await self.taps(data)

    async def notices(self, words: str) -> None:
        """Wait for these words over a tapped button."""
        deadline, texts = time.monotonic() + WITHIN, []
        while time.monotonic() < deadline:
            texts = [one["text"] for one in (await self.chat())["notices"]]
            if words in texts:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"no such notice, only {texts}")

    async def says(self, text: str) -> Message:
        """Send a message and read the bot's first new message after it."""
        sent = await self.types(text)
        return await self.sees(since=sent)

    async def sees(
        self,
        wanted: Callable[[Message], bool] = lambda message: True,
        *,
        since: int = 0,
        within: float = WITHIN,
    ) -> Message:
        """The first message of the bot after ``since`` that is wanted, as soon as it is there."""
        deadline, revision, seen = time.monotonic() + within, 0, []
        while (left := deadline - time.monotonic()) > 0:
            chat = await self.chat(after=revision, wait=min(left, 5.0))
            revision = chat["revision"]
            for message in chat["messages"]:
                if message["from"] == "bot" and message["message_id"] > since:
                    seen.append(message["text"])
                    if wanted(message):
                        return dict(message)
        raise AssertionError(f"waited {within} s, saw only {seen}")

    async def chat(self, *, after: int = 0, wait: float = 0.0) -> dict[str, Any]:
        """The chat as the phone shows it."""
        answer = await self.bot_world.http.get(
            f"{self.bot_world.address}/control/telegram/chats/{self.telegram_id}",
            params={"after": after, "wait": wait},
            timeout=wait + 10,
        )
        chat: dict[str, Any] = answer.raise_for_status().json()
        return chat

    async def said_by_bot(self) -> list[Message]:
        """All the bot's messages that are there to be read, oldest first."""
        messages = (await self.chat())["messages"]
        return [one for one in messages if one["from"] == "bot" and not one["deleted"]]

    def connected(self, *, ago: timedelta = timedelta(), **settings: Any) -> Account:
        """Let the account be linked to Spotify, as if they had agreed so long ago."""
        people, user_id = self.bot_world.store.people, self.account.user_id
        now = utc_now()
        tokens = Tokens(
            access_token="secret-access",
            refresh_token="secret-refresh",
            expires_at=now + timedelta(hours=1),
            scopes=frozenset({"user-library-read"}),
            consented_at=now - ago,
        )
        people.connect(user_id, f"spotify-{user_id}", "anna.music", tokens)
        return people.change(user_id, **settings) if settings else self.account

    def edition(
        self,
        edition_id: str = "00000000-0000-4000-8000-00000000abcd",
        *,
        tracks: int = 12,
        kind: EditionKind = EditionKind.DAILY,
        mode: Mode = Mode.LIVING,
        recorded: bool = True,
        vibe_date: date = date(2026, 11, 20),
        notes: tuple[str, ...] = (),
        loved_in: Mapping[str, int] | None = None,
        wished: int | None = None,
        missing: str = "timed out",
        asked: str | None = None,
    ) -> Edition:
        """A list in the ledger, as a finished run leaves it; made for the wish ``asked``."""
        editions = self.bot_world.store.editions
        found = editions.open(
            EditionId(edition_id),
            self.account.user_id,
            vibe_date=vibe_date,
            occasion=f"asked:{asked or edition_id}",
            kind=kind,
            mode=mode,
        )
        chosen = tuple(track(number) for number in range(1, tracks + 1))
        new = sum(one.is_new for one in chosen)
        summary = Summary(
            new=new,
            familiar=tracks - new,
            wished_new=new,
            sources={
                "lastfm_similar_artists": new,
                "rediscovered_likes": tracks - new,
            },
            pools=(PoolSummary(source="listenbrainz", state="failed", reason=missing),),
            notes=notes,
            loved_in=loved_in or {},
            wished=wished,
        )
        editions.advance(
            found.edition_id,
            EditionState.STARTED,
            EditionState.CHOSEN,
            tracks=chosen,
            summary=summary,
            title="Anna's day <3",
        )
        if recorded and kind is EditionKind.DAILY:
            self._publish(found.edition_id)
        return editions.required(found.edition_id)

    def failed_edition(
        self,
        edition_id: str,
        cause: FailureCause,
        *,
        until: datetime | None = None,
        state: EditionState = EditionState.STARTED,
    ) -> None:
        """An edition that did not come about."""
        editions = self.bot_world.store.editions
        editions.open(
            EditionId(edition_id),
            self.account.user_id,
            vibe_date=date(2026, 11, 20),
            occasion=f"asked:{edition_id}",
            kind=EditionKind.DAILY,
            mode=Mode.LIVING,
        )
        if state is not EditionState.STARTED:
            editions.advance(EditionId(edition_id), EditionState.STARTED, state)
        editions.fail(EditionId(edition_id), cause, until=until)

    def _publish(self, edition_id: EditionId) -> None:
        states = list(EditionState)[1:]
        for before, after in itertools.pairwise(states):
            self.bot_world.store.editions.advance(
                edition_id,
                before,
                after,
                playlist_id="pl1",
                playlist_url="https://open.spotify.com/playlist/pl1",
            )

    async def _post(self, what: str, **body: Any) -> dict[str, Any]:
        address = f"{self.bot_world.address}/control/telegram/{what}"
        given = {"telegram_id": self.telegram_id, **body}
        answer = await self.bot_world.http.post(address, json=given)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said


def track(number: int) -> ChosenTrack:
    """One line of a list; every fourth is familiar, and names try to break HTML."""
    familiar = number % 4 == 0
    return ChosenTrack(
        position=number,
        artist=f"Artist & Sons {number}",
        title=f"Song <b>{number}",
        spotify_id=f"id{number}",
        uri=f"spotify:track:id{number}",
        isrc=None,
        is_new=not familiar,
        source=Source.REDISCOVERED_LIKES if familiar else Source.LASTFM_SIMILAR_ARTISTS,
        seed="Seed Artist",
        reason="because Seed Artist",
        key=f"artist sons {number}|song {number}",
        artist_key=f"artist sons {number}",
    )


def saying(words: str) -> Callable[[Message], bool]:
    """Whether a message says this."""
    return lambda message: words in message["text"]


async def until(claim: Callable[[], bool], *, within: float = WITHIN) -> None:
    """Wait for something that no message tells."""
    deadline = time.monotonic() + within
    while not claim():
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {within} s")
        await asyncio.sleep(0.01)


def data_of(message: Message) -> list[str]:
    """What the buttons under a message send."""
    return [
        one["callback_data"] for row in message["buttons"] for one in row if "callback_data" in one
    ]


def urls_of(message: Message) -> list[str]:
    """Where the buttons under a message lead."""
    return [one["url"] for row in message["buttons"] for one in row if "url" in one]


@asynccontextmanager
async def bot_world(
    folder: Path, *, flood: bool = False, **settings: Any
) -> AsyncIterator[BotWorld]:
    """Telegram and the pipeline behind a real port."""
    telegram = TelegramState(clock=utc_now, monotonic=time.monotonic)
    telegram.flood.switched_on = flood
    pipeline = PipelineStandIn()
    trouble = TelegramTrouble()
    with _served(telegram, pipeline, trouble) as address:
        given: dict[str, Any] = {
            "telegram_api_url": f"{address}/telegram",
            "telegram_bot_token": telegram.token,
            "dagster_graphql_url": f"{address}/graphql",
            "vibe_home": folder / "home",
            "spotify_client_id": "client",
            "public_url": "http://127.0.0.1:8000",
        }
        made = Settings(**given | settings)
        made.home.mkdir(parents=True, exist_ok=True)
        set_up_store(made.accounts_address)
        async with httpx.AsyncClient() as http:
            yield BotWorld(
                address=address,
                telegram=telegram,
                trouble=trouble,
                pipeline=pipeline,
                settings=made,
                store=open_for(made),
                http=http,
            )


@asynccontextmanager
async def living_bot(
    place: BotWorld, *, now: Callable[[], datetime] = utc_now, speed: float = SPEED
) -> AsyncIterator[App]:
    """The real bot, from its start order to its clean stop."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / speed)

    async with open_http() as http:
        services = open_services(
            place.settings,
            http,
            place.store,
            now=now,
            sleep=sleep,
            clock=lambda: time.monotonic() * speed,
        )
        app = build(services, place.telegram.token)
        stopping = asyncio.Event()
        life = asyncio.create_task(serve(app, services, stopping))
        try:
            while not (app.updater and app.updater.running):
                assert not life.done(), life.exception()
                await asyncio.sleep(0.01)
            yield app
        finally:
            stopping.set()
            async with asyncio.timeout(15):
                await life


@contextmanager
def _served(
    telegram: TelegramState, pipeline: PipelineStandIn, trouble: TelegramTrouble
) -> Iterator[str]:
    routes = [*bot_api_routes(telegram), *control_routes(telegram), *pipeline.routes()]
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        trouble.around(Starlette(routes=routes)),
        log_level="error",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = PromptServer(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        telegram.close()
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
