"""Whatever comes back in Telegram's place, the bot goes on listening and telling."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.exc import DatabaseError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from structlog.testing import capture_logs
from telegram import Bot, Update
from telegram.error import ChatMigrated, NetworkError, RetryAfter, TimedOut
from telegram.ext import ExtBot
from telegram.request import BaseRequest, HTTPXRequest

from tests.bot.test_manners import MESSAGE, NOON
from tests.support import raw_http
from tests.support.accounts_site import greeting, messages_waiting
from tests.support.bot_world import SPEED, BotWorld, living_bot, saying, until
from vibe_bot import outbox
from vibe_bot.app import build
from vibe_bot.gone_chats import has_left
from vibe_bot.inbox import WrittenQueue, key_of
from vibe_bot.lifecycle import STATUS_NAME, WEBHOOK_SET, Polling, keep_going, serve
from vibe_bot.outbox import OutboxRelay
from vibe_bot.polls import (
    LONGEST_SILENCE,
    LOOK_SECONDS,
    REFUSALS_BELIEVED,
    REFUSED_FOR,
    UNKNOWN_BOT,
    PollingEnded,
    Polls,
    TokenRefused,
)
from vibe_bot.rate_limiter import ChatRateLimiter, pause_seconds
from vibe_bot.services import open_services
from vibe_bot.telegram_answers import (
    LONGEST_REST,
    LONGEST_REST_FROM_POLLING,
    REST_UNTOLD,
    JudgedRequest,
    MayHaveArrived,
    TokenDoubted,
    judged,
)
from vibe_pipeline.accounts.inbox import Inbox
from vibe_pipeline.accounts.store import utc_now
from vibe_pipeline.accounts.tables import accounts
from vibe_pipeline.clients.factory import open_http
from vibe_pipeline.installation.process_status import Troubles
from vibe_pipeline.locales import say
from vibe_pipeline.records import UserId

PORTAL = "<html><body>Please log in. Chat not found. You are not a member.</body></html>"
UNAUTHORIZED = json.dumps({"ok": False, "error_code": 401, "description": "Unauthorized"})
NOT_FOUND = json.dumps({"ok": False, "error_code": 404, "description": "Not Found"})


def ok(result: object) -> str:
    return json.dumps({"ok": True, "result": result})


def refusal(code: int, words: str, **more: object) -> bytes:
    return json.dumps({"ok": False, "error_code": code, "description": words, **more}).encode()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, UNAUTHORIZED),
        (404, NOT_FOUND),
        (404, PORTAL),
        (403, PORTAL),
        (200, PORTAL),
        (200, "null"),
        (200, ok(None)),
        (200, ok({"update_id": 1})),
        (200, ok([{"update_id": "x"}])),
        (200, ok([None])),
    ],
)
async def test_one_odd_answer_to_a_poll_leaves_the_bot_listening(
    place: BotWorld, status: int, body: str
) -> None:
    anna = await place.person()
    place.trouble.next = [("getUpdates", status, body)]
    await anna.types("/start")  # ends the poll that is under way

    await until(lambda: not place.trouble.next)
    asked = await anna.types("/help")

    assert await anna.sees(since=asked)


async def test_an_update_that_cannot_be_read_is_passed_by(place: BotWorld) -> None:
    anna = await place.person()
    odd = {"update_id": 1, "message": {"date": 1e300}}
    place.trouble.next = [("getUpdates", 200, ok([odd]))]
    await anna.types("/start")

    assert await anna.sees()


POLL_OF_OLD = {
    "id": "1",
    "question": "?",
    "options": [],
    "total_voter_count": 0,
    "is_closed": False,
    "is_anonymous": True,
    "type": "regular",
    "allows_multiple_answers": False,
}
"""As Telegram told of polls before it said whether a vote can be taken back."""


def from_anna(**content: object) -> dict[str, Any]:
    """A message of the first person's."""
    anna = {"id": 101, "is_bot": False, "first_name": "Anna"}
    chat = {"id": 101, "type": "private"}
    return {"message_id": 900, "date": int(time.time()), "chat": chat, "from": anna, **content}


@pytest.mark.parametrize(
    "content",
    [
        {"message": from_anna(text="/setsize 50", reply_to_message=from_anna(poll=POLL_OF_OLD))},
        {"message": from_anna(text="/setsize 50", quote={"text": ["?"]}, gift={"gift": {}})},
        {
            "callback_query": {
                "id": "1",
                "from": from_anna()["from"],
                "chat_instance": "1",
                "data": "go:setsize:50",
                "message": from_anna(poll=POLL_OF_OLD),
            }
        },
    ],
)
async def test_a_wish_beside_something_that_cannot_be_read_is_taken(
    place: BotWorld, content: dict[str, Any]
) -> None:
    anna = await place.person()
    await anna.says("/start")
    place.trouble.next = [("getUpdates", 200, ok([{"update_id": 1, **content}]))]
    await anna.types("/lang")  # ends the poll that is under way

    await until(lambda: anna.account.playlist_size == 50)


@pytest.mark.parametrize(
    "content",
    [{"poll": POLL_OF_OLD}, {"text": "/setsize 50", "forward_origin": {"type": "user"}}],
)
async def test_what_cannot_be_read_is_answered_and_is_no_wish(
    place: BotWorld, content: dict[str, Any]
) -> None:
    anna = await place.person()
    await anna.says("/start")
    odd = {"update_id": 1, "message": from_anna(**content)}
    place.trouble.next = [("getUpdates", 200, ok([odd]))]
    await anna.types("/lang")

    await anna.sees(saying(say("en", "bot.unknown_kind")))

    assert anna.account.playlist_size == 30


@pytest.mark.parametrize(
    "content",
    [
        {"message": from_anna(text="x", date=None)},
        {"message": from_anna(text="x", message_id=["1"])},
        {"message": from_anna(text="x", chat={"id": {}, "type": "private"})},
        {"message": from_anna(text="x", chat={"id": 2**70, "type": "private"})},
        {"my_chat_member": {"chat": {"id": [], "type": "private"}}},
        {
            "callback_query": {
                "id": "1",
                "from": from_anna()["from"],
                "chat_instance": "1",
                "message": from_anna(date=None),
            }
        },
    ],
)
async def test_what_names_nobody_or_no_message_is_passed_by_and_ends_the_listening_to_nobody(
    place: BotWorld, content: dict[str, Any]
) -> None:
    anna = await place.person()
    place.trouble.next = [("getUpdates", 200, ok([{"update_id": 1, **content}]))]
    await anna.types("/start")  # ends the poll that is under way

    with capture_logs() as logs:
        assert await anna.sees()

    assert [one for one in logs if one["log_level"] == "error"] == []


async def test_a_number_that_no_update_of_telegrams_has_makes_the_bot_miss_nothing(
    place: BotWorld,
) -> None:
    anna = await place.person()
    place.trouble.next = [("getUpdates", 200, ok([{"update_id": 2**32}]))]
    await anna.types("/start")  # ends the poll that is under way

    assert await anna.sees()


def pinned_in_a_group(date: int) -> str:
    """The answer to a poll that tells of a pinned message; nobody may see one of date 0."""
    group = {"id": -100_123, "type": "supergroup", "title": "g"}
    mallory = {"id": 999, "is_bot": False, "first_name": "Mallory"}
    message = {"message_id": 6, "date": 1_700_000_000, "chat": group, "from": mallory}
    pinned = {"chat": group, "message_id": 5, "date": date}
    return ok([{"update_id": 1, "message": {**message, "pinned_message": pinned}}])


async def test_a_webhook_set_while_the_bot_polls_is_taken_away_and_named(
    place: BotWorld,
) -> None:
    anna = await place.person()
    await anna.says("/start")
    taken_away = place.calls("deleteWebhook")
    words = "Conflict: can't use getUpdates method while webhook is active"

    def deaf(method: str) -> None:
        if method == "getUpdates" and place.calls("deleteWebhook") == taken_away:
            place.trouble.next = [("getUpdates", 409, refusal(409, words).decode())]

    place.trouble.then = deaf
    await anna.types("/help")  # ends the poll that is under way
    await until(lambda: place.calls("deleteWebhook") > taken_away)

    assert await anna.says("/help")
    complaints = Troubles(place.settings.home).current(now=utc_now(), within=timedelta(minutes=9))
    assert complaints == {STATUS_NAME: WEBHOOK_SET}


@pytest.mark.parametrize("levels", [100, 900])
async def test_an_update_nested_without_end_is_passed_by_and_keeps_nobody_waiting(
    place: BotWorld, levels: int
) -> None:
    anna = await place.person()
    message = json.dumps({**MESSAGE, "reply_to_message": 0}).removesuffix("0}")
    nested = message * levels + "null" + "}" * levels
    body = f'{{"ok":true,"result":[{{"update_id":1,"message":{nested}}}]}}'
    place.trouble.next = [("getUpdates", 200, body)]
    await anna.types("/start")  # ends the poll that is under way

    await until(lambda: not place.trouble.next)
    asked = await anna.types("/help")

    assert await anna.sees(since=asked)


@pytest.mark.parametrize("date", [0, 1_700_000_000])
async def test_a_pinned_message_that_nobody_may_see_leaves_the_bot_listening_to_everybody(
    place: BotWorld, date: int
) -> None:
    anna = await place.person()
    place.trouble.next = [("getUpdates", 200, pinned_in_a_group(date))]
    await anna.types("/start")

    await until(lambda: not place.trouble.next)
    asked = await anna.types("/help")

    assert await anna.sees(since=asked)


async def test_an_update_with_a_date_of_nobodys_is_taken_up_by_the_next_bot_as_it_was(
    empty_place: BotWorld,
) -> None:
    given = json.loads(pinned_in_a_group(0))["result"][0]
    queue = WrittenQueue(empty_place.store.inbox)
    async with Bot(
        empty_place.telegram.token, f"{empty_place.settings.telegram_api_url}/bot"
    ) as bot:
        update = Update.de_json(given, bot)
        await queue.put(update)

        taken = await WrittenQueue(empty_place.store.inbox).take_up(bot)

    (entry,) = empty_place.store.inbox.take_up()
    again = Update.de_json(json.loads(entry.payload), None)
    assert (taken, queue.qsize()) == (1, 1)
    assert entry.key == key_of(again) == key_of(update)


async def test_whatever_cannot_be_written_down_is_answered_all_the_same_and_its_words_not_logged(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(_: Inbox, __: str, payload: str) -> bool:
        raise ValueError(payload)

    monkeypatch.setattr(Inbox, "add", add)
    anna = await place.person()
    with capture_logs() as logs:
        await anna.says("/why Zebra")
        answer = await anna.says("/help")

    assert answer["text"]
    assert {"ValueError"} == {one["why"] for one in logs if "written down" in one["event"]}
    assert "Zebra" not in str(logs)


@pytest.mark.parametrize("trouble", [RuntimeError("Zebra"), DatabaseError("Zebra", {}, OSError())])
async def test_whatever_keeps_us_from_looking_an_update_up_ends_the_listening_to_nobody(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def knows(*_: object) -> bool:
        raise trouble

    anna = await place.person()
    with capture_logs() as logs, monkeypatch.context() as patched:
        patched.setattr(Inbox, "knows", knows)
        first = await anna.says("/help")
        again = await anna.says("/help")

    assert first["text"] == again["text"]
    assert {type(trouble).__name__} == {one["why"] for one in logs if "looked up" in one["event"]}
    assert "Zebra" not in str(logs)


async def test_what_was_written_down_and_cannot_be_read_again_keeps_no_bot_from_starting(
    empty_place: BotWorld,
) -> None:
    empty_place.store.inbox.add("odd", json.dumps({"update_id": 1, "message": {"date": 1e300}}))
    anna = await empty_place.person()

    async with living_bot(empty_place):
        assert await anna.says("/start")


async def test_one_passing_refusal_of_the_token_does_not_keep_the_bot_from_starting(
    empty_place: BotWorld,
) -> None:
    empty_place.trouble.next = [("getMe", 401, UNAUTHORIZED), ("getMe", 404, NOT_FOUND)]

    async with living_bot(empty_place):
        anna = await empty_place.person()
        assert await anna.says("/start")


@pytest.mark.parametrize("name", [{}, {"username": None}, {"username": 5}])
async def test_a_bot_that_is_not_told_its_name_asks_again_before_it_listens(
    empty_place: BotWorld, name: dict[str, object]
) -> None:
    me = {"id": 1, "is_bot": True, "first_name": "Vibe", **name}
    empty_place.trouble.next = [("getMe", 200, ok(me))]

    async with living_bot(empty_place):
        anna = await empty_place.person()
        answer = await anna.says("/status")

    assert answer["text"] != say("en", "bot.trouble")


async def test_a_token_taken_back_while_the_bot_polls_is_told_to_the_operator(
    tmp_path: Path,
) -> None:
    polling = Polling(Troubles(tmp_path), lambda: NOON)

    polling.trouble(TokenDoubted("telegram does not know the token (401)"))

    complaints = Troubles(tmp_path).current(now=NOON, within=timedelta(minutes=2))
    assert complaints == {STATUS_NAME: UNKNOWN_BOT}


@pytest.mark.parametrize(
    "odd",
    [
        ok({}),
        ok([]),
        ok(None),
        ok(True),
        ok({**MESSAGE, "chat": 7}),
        ok({**MESSAGE, "date": 1e300}),
    ],
)
async def test_a_message_that_telegram_took_and_tells_oddly_is_told_once_and_the_next_one_comes(
    place: BotWorld, odd: object
) -> None:
    anna = await place.person()
    await anna.says("/start")
    place.trouble.next = [("sendMessage", 200, ok(odd))]

    place.store.outbox.put(anna.account.user_id, greeting("c:1", "Zebra"))
    await until(lambda: not place.trouble.next and messages_waiting(place.store) == 0)
    place.store.outbox.put(anna.account.user_id, greeting("c:2", "Okapi"))

    assert await anna.sees(lambda one: "Okapi" in one["text"])
    assert not [one for one in await anna.said_by_bot() if "Zebra" in one["text"]]


@contextmanager
def out_of_reach() -> Iterator[str]:
    """The address of a machine that takes no more connections, and does not say so."""
    with ExitStack() as sockets:
        server = sockets.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(3):
            client = sockets.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


async def test_a_message_that_could_not_be_sent_at_all_waits_until_telegram_is_reached(
    empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RETRY", timedelta(seconds=0.1))
    async with living_bot(empty_place):
        anna = await empty_place.person()
        await anna.says("/start")
    empty_place.store.outbox.put(anna.account.user_id, greeting("c:1", "Zebra"))
    services = empty_place.services()
    with out_of_reach() as address:
        wire = JudgedRequest(HTTPXRequest(connect_timeout=0.3), Polls(services.clock))
        async with wire:
            telegram = ExtBot(empty_place.telegram.token, f"{address}/bot", request=wire)
            claimed = await OutboxRelay(services, telegram).deliver_due()

    assert (claimed, messages_waiting(empty_place.store)) == (1, 1)
    async with living_bot(empty_place):
        assert await anna.sees(lambda one: "Zebra" in one["text"])


class Late(BaseRequest):
    """Times out in a given way so many times, then asks Telegram."""

    def __init__(self, inner: BaseRequest, cause: Exception, times: int) -> None:
        self._inner, self.cause, self.left = inner, cause, times

    @property
    def read_timeout(self) -> float | None:
        return self._inner.read_timeout

    async def initialize(self) -> None:
        await self._inner.initialize()

    async def shutdown(self) -> None:
        await self._inner.shutdown()

    async def do_request(self, url: str, *rest: Any, **more: Any) -> tuple[int, bytes]:
        if url.endswith("/sendMessage") and self.left:
            self.left -= 1
            raise TimedOut from self.cause
        return await self._inner.do_request(url, *rest, **more)


@pytest.mark.parametrize(
    ("cause", "sent"),
    [
        (httpx.ConnectTimeout("x"), 1),
        (httpx.PoolTimeout("x"), 1),
        (httpx.WriteTimeout("x"), 1),
        (httpx.ReadTimeout("x"), 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_only_what_cannot_have_arrived_is_sent_again(
    empty_place: BotWorld, cause: Exception, sent: int
) -> None:
    async with living_bot(empty_place):
        anna = await empty_place.person()
        await anna.says("/start")
    before, services = empty_place.calls("sendMessage"), empty_place.services()
    wire = JudgedRequest(Late(HTTPXRequest(), cause, times=2), Polls(services.clock))
    limiter = ChatRateLimiter(sleep=partial(asyncio.sleep, 0))
    address = f"{empty_place.settings.telegram_api_url}/bot"

    async with wire:
        telegram = ExtBot(empty_place.telegram.token, address, request=wire, rate_limiter=limiter)
        with suppress(TimedOut):
            await telegram.send_message(anna.telegram_id, "Zebra")

    assert empty_place.calls("sendMessage") - before == sent


async def letter_by_letter(request: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"ok":'
        while not await request.is_disconnected():
            yield b" "
            await asyncio.sleep(0.02)

    return StreamingResponse(body())


@pytest.mark.parametrize("method", ["getUpdates", "sendMessage", "getMe"])
async def test_an_answer_that_comes_letter_by_letter_is_not_waited_for_without_end(
    method: str,
) -> None:
    routes = [Route("/{path:path}", letter_by_letter, methods=["POST"])]
    with raw_http.served(Starlette(routes=routes)) as port:
        async with JudgedRequest(HTTPXRequest(), Polls(time.monotonic), within=0.3) as wire:
            address = f"http://127.0.0.1:{port}/bot1:x/{method}"
            async with asyncio.timeout(5):
                with pytest.raises(TimedOut, match=r"within 0\.3 s"):
                    await wire.post(address)


@pytest.mark.parametrize("body", [PORTAL, '{"error": "proxy"}', "", '{"ok": false}'])
async def test_a_proxy_that_forbids_loses_neither_the_person_nor_the_message(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(outbox, "RETRY", timedelta(seconds=0.1))
    anna = await place.person()
    await anna.says("/start")
    place.trouble.next = [("sendMessage", 403, body)] * 9

    place.store.outbox.put(anna.account.user_id, greeting("c:1", "still here"))
    assert await anna.sees(lambda one: "still here" in one["text"])

    assert place.trouble.next == []
    assert anna.account.active


async def test_one_persons_row_that_cannot_be_read_holds_up_no_other_message(
    place: BotWorld,
) -> None:
    anna, bob = await place.person(101), await place.person(102, name="Bob")
    await anna.says("/start")
    await bob.says("/start")
    unreadable, reading = anna.account.user_id, bob.account.user_id
    with place.store.database.writing() as connection:
        odd = update(accounts).where(accounts.c.user_id == unreadable).values(mode="odd")
        connection.execute(odd)

    place.store.outbox.put(unreadable, greeting("c:1", "for Anna"))
    place.store.outbox.put(reading, greeting("c:2", "for Bob"))

    assert await bob.sees(lambda one: "for Bob" in one["text"])


def test_whoever_was_forgotten_meanwhile_has_left_already(empty_place: BotWorld) -> None:
    has_left(empty_place.store, UserId("nobody"))

    assert empty_place.store.people.get(UserId("nobody")) is None


async def test_side_work_that_breaks_is_told_to_the_operator_and_begins_again(
    empty_place: BotWorld,
) -> None:
    services, begun = empty_place.services(), list[int]()
    troubles = Troubles(services.settings.home)

    async def work() -> None:
        begun.append(1)
        if len(begun) == 1:
            raise KeyError("date")

    await keep_going(work, "outbox", troubles=troubles, services=services)

    assert len(begun) == 2
    complaints = troubles.current(now=services.now(), within=timedelta(minutes=2))
    assert "outbox" in complaints[STATUS_NAME]


@asynccontextmanager
async def served(place: BotWorld) -> AsyncIterator[tuple[asyncio.Task[None], asyncio.Event]]:
    """The bot from its start order on, however far it comes; and what tells it to stop."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)

    async with open_http() as http:
        services = open_services(
            place.settings,
            http,
            place.store,
            now=utc_now,
            sleep=sleep,
            clock=lambda: time.monotonic() * SPEED,
        )
        stopping = asyncio.Event()
        app = build(services, place.telegram.token)
        life = asyncio.create_task(serve(app, services, stopping))
        yield life, stopping
        stopping.set()
        await asyncio.wait([life], timeout=15)
        assert not app.running


async def test_a_token_that_stays_refused_ends_the_bot_with_a_sentence(
    empty_place: BotWorld,
) -> None:
    empty_place.trouble.next = [("getUpdates", 401, UNAUTHORIZED)] * 99
    async with served(empty_place) as (life, _):
        with pytest.raises(TokenRefused, match="does not know this TELEGRAM_BOT_TOKEN"):
            await asyncio.wait_for(life, 20)


async def test_it_stops_when_told_while_telegram_does_not_let_it_begin_to_poll(
    empty_place: BotWorld,
) -> None:
    empty_place.trouble.next = [("deleteWebhook", 502, PORTAL)] * 99
    async with served(empty_place) as (life, stopping):
        await until(lambda: len(empty_place.trouble.next) < 99)
        stopping.set()
        await asyncio.wait_for(life, 10)

    assert life.done()
    assert life.exception() is None


class Hands:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def read(self) -> float:
        return self.seconds


def test_a_token_is_given_up_after_refusals_in_a_row_over_a_while() -> None:
    hands = Hands()
    polls = Polls(hands.read)
    for _ in range(REFUSALS_BELIEVED):
        polls.refused()
    polls.check()

    hands.seconds += REFUSED_FOR
    with pytest.raises(TokenRefused):
        polls.check()

    polls.known()
    polls.refused()
    polls.check()


def test_a_bot_that_polls_no_more_ends_so_that_it_is_started_anew() -> None:
    hands = Hands()
    polls = Polls(hands.read)
    hands.seconds += LONGEST_SILENCE
    with polls.one():
        polls.check()
    hands.seconds += LONGEST_SILENCE + 1

    with pytest.raises(PollingEnded):
        polls.check()


async def test_a_bot_that_was_frozen_waits_for_its_polling_to_wake_up_too() -> None:
    hands = Hands()
    polls = Polls(hands.read)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        hands.seconds += LONGEST_SILENCE + 1 if len(slept) == 1 else seconds

    with pytest.raises(PollingEnded):
        await polls.watch(sleep)

    assert len(slept) > LONGEST_SILENCE / LOOK_SECONDS


def test_what_is_asked_before_polling_and_told_oddly_is_a_network_that_fails() -> None:
    with pytest.raises(NetworkError) as raised:
        judged("deleteWebhook", 200, b'{"ok": true}')

    assert type(raised.value) is NetworkError


@pytest.mark.parametrize("status", [200, 401, 403, 404, 409, 410])
@pytest.mark.parametrize(
    "body",
    [PORTAL, "", "null", "[]", '{"error": "proxy"}', '{"ok": false}', "[" * 100_000],
    ids=range(7),
)
def test_what_is_not_telegrams_is_a_network_that_fails(status: int, body: str) -> None:
    with pytest.raises(NetworkError) as raised:
        judged("sendMessage", status, body.encode())

    assert type(raised.value) is NetworkError


@pytest.mark.parametrize(
    "result",
    [
        {},
        [],
        None,
        True,
        "sent",
        {**MESSAGE, "message_id": "7"},
        {**MESSAGE, "message_id": None},
        {**MESSAGE, "chat": 7},
        {**MESSAGE, "chat": {"id": "x", "type": "private"}},
        {**MESSAGE, "date": 1e300},
        {**MESSAGE, "date": "noon"},
    ],
)
def test_what_telegram_took_and_tells_oddly_may_have_arrived(result: object) -> None:
    with pytest.raises(MayHaveArrived):
        judged("sendMessage", 200, ok(result).encode())


def test_sound_answers_pass_as_they_are() -> None:
    for endpoint, result in (
        ("sendMessage", MESSAGE),
        ("editMessageText", MESSAGE),
        ("editMessageText", True),
        ("deleteMessage", True),
        ("getMe", {"id": 1, "is_bot": True, "first_name": "Vibe", "username": "vibe_bot"}),
        ("getFile", {"file_id": "a", "file_unique_id": "b", "file_path": "documents/a.zip"}),
    ):
        body = ok(result).encode()
        assert judged(endpoint, 200, body) == (200, body)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, refusal(403, "Forbidden: bot was blocked by the user"), 403),
        (200, refusal(403, "Forbidden: bot was blocked by the user"), 403),
        (410, refusal(410, "Gone: user is deactivated"), 403),
        (200, refusal(400, "Bad Request: chat not found"), 400),
        (400, refusal(400, "Bad Request: x", parameters=[1]), 400),
        (200, json.dumps({"ok": False, "description": "x"}).encode(), 502),
        (200, refusal(200, "x"), 502),
        (200, json.dumps({"ok": False, "description": "x", "error_code": [1]}).encode(), 502),
        (500, refusal(500, "Internal Server Error"), 500),
    ],
)
def test_a_refusal_counts_by_telegrams_own_code(status: int, body: bytes, code: int) -> None:
    judged_code, _ = judged("sendMessage", status, body)

    assert judged_code == code


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (refusal(429, "x", parameters={"retry_after": 7}), 7.0),
        (refusal(429, "x", parameters={"retry_after": "7"}), 7.0),
        (refusal(429, "Too Many Requests: retry after 5"), 5.0),
        (refusal(429, "Too Many Requests: retry after 5", parameters={"retry_after": 1e300}), 5.0),
        (refusal(429, "x", parameters={"retry_after": 90_000}), LONGEST_REST),
        (refusal(429, "x", parameters={"retry_after": -1}), REST_UNTOLD),
        (refusal(429, "x", parameters={"retry_after": True}), REST_UNTOLD),
        (b"", REST_UNTOLD),
        (PORTAL.encode(), REST_UNTOLD),
    ],
)
def test_a_pause_is_read_however_telegram_tells_it(body: bytes, seconds: float) -> None:
    with pytest.raises(RetryAfter) as raised:
        judged("sendMessage", 429, body)

    assert pause_seconds(raised.value) == seconds


def test_polling_never_rests_for_long() -> None:
    with pytest.raises(RetryAfter) as raised:
        judged("getUpdates", 429, refusal(429, "x", parameters={"retry_after": 40_000}))

    assert pause_seconds(raised.value) == LONGEST_REST_FROM_POLLING


def test_a_chat_that_moved_says_where_to() -> None:
    with pytest.raises(ChatMigrated) as raised:
        judged("sendMessage", 400, refusal(400, "x", parameters={"migrate_to_chat_id": -7}))

    assert raised.value.new_chat_id == -7
