"""How the bot behaves when Telegram refuses, slows it down, or somebody else polls."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, Conflict, Forbidden, NetworkError, RetryAfter
from telegram.ext import ExtBot
from telegram.request import BaseRequest, RequestData

from vibe_bot.formatting import button, keyboard
from vibe_bot.lifecycle import OTHER_POLLER, Polling
from vibe_bot.rate_limiter import CHAT_BURST, CHAT_INTERVAL, CHAT_PROGRESS_BURST, ChatRateLimiter
from vibe_bot.sending import Edited, edit, send
from vibe_pipeline.clients.transport import CallRecord
from vibe_pipeline.installation.process_status import Troubles

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
Refusal = tuple[int, str]
MESSAGE = {"message_id": 7, "date": 0, "chat": {"id": 1, "type": "private"}, "text": "x"}


class Wire(BaseRequest):
    """Answers from a list of refusals, then with success; remembers what was sent."""

    def __init__(self, *refusals: Refusal) -> None:
        self.refusals = list(refusals)
        self.sent: list[dict[str, Any]] = []

    @property
    def read_timeout(self) -> float | None:
        return 5.0

    async def initialize(self) -> None:
        """Nothing to open."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        self.sent.append(dict(request_data.parameters) if request_data else {})
        if not self.refusals:
            return 200, json.dumps({"ok": True, "result": MESSAGE}).encode()
        code, words = self.refusals.pop(0)
        body: dict[str, Any] = {"ok": False, "error_code": code, "description": words}
        if code == 429:
            body["parameters"] = {"retry_after": int(words.split()[-1])}
        return code, json.dumps(body).encode()


def bot(wire: Wire) -> Bot:
    return Bot("1:x", request=wire, get_updates_request=wire)


def links() -> InlineKeyboardMarkup:
    markup = keyboard([button("tap", "go:status")])
    assert markup is not None
    return markup


async def test_html_telegram_cannot_read_is_sent_as_plain_text() -> None:
    wire = Wire((400, "Bad Request: can't parse entities: unexpected end tag"))

    await send(bot(wire), 1, "<b>a &amp; b</b>", links())

    first, second = wire.sent
    assert first["parse_mode"] == "HTML"
    assert second["text"] == "a & b"
    assert "parse_mode" not in second
    assert "go:status" in str(second["reply_markup"])


@pytest.mark.parametrize(
    "words", ["ENTITY_BOUNDS_INVALID", "can't find end of the entity starting at byte offset 3"]
)
async def test_markup_that_does_not_fit_is_sent_as_plain_text(words: str) -> None:
    wire = Wire((400, f"Bad Request: {words}"))

    await send(bot(wire), 1, "<b>a &amp; b</b>")

    assert wire.sent[1]["text"] == "a & b"


async def test_each_page_of_a_long_message_is_sent_as_plain_text_where_it_must_be() -> None:
    wire = Wire((400, "Bad Request: can't parse entities: unexpected end tag"))

    await send(bot(wire), 1, "\n".join(["<b>a &amp; b</b>"] * 500))

    assert [sent.get("parse_mode") for sent in wire.sent[:3]] == ["HTML", None, "HTML"]


async def test_a_refused_link_button_becomes_text() -> None:
    wire = Wire((400, "Bad Request: BUTTON_URL_INVALID"))
    markup = InlineKeyboardMarkup(
        [
            [*links().inline_keyboard[0]],
            [InlineKeyboardButton("open", url="https://vibe.example.org/x")],
        ]
    )

    await send(bot(wire), 1, "hello", markup)

    assert '<a href="https://vibe.example.org/x">open</a>' in wire.sent[1]["text"]
    assert "vibe.example.org" not in str(wire.sent[1]["reply_markup"])


@pytest.mark.parametrize(
    "words",
    ["message is not modified: specified new message content ...", "MESSAGE_NOT_MODIFIED"],
)
async def test_an_edit_that_changes_nothing_is_fine(words: str) -> None:
    wire = Wire((400, f"Bad Request: {words}"))

    assert await edit(bot(wire), 1, 7, "same") is Edited.DONE


@pytest.mark.parametrize(
    "words",
    [
        "message to edit not found",
        "message can't be edited",
        "message can\N{RIGHT SINGLE QUOTATION MARK}t be edited",
        "MESSAGE_ID_INVALID",
        "MESSAGE_EDIT_TIME_EXPIRED",
    ],
)
async def test_a_message_that_is_gone_is_reported(words: str) -> None:
    wire = Wire((400, f"Bad Request: {words}"))

    assert await edit(bot(wire), 1, 7, "x") is Edited.GONE


@pytest.mark.parametrize(
    ("words", "ended"),
    [("message is not modified", Edited.DONE), ("message to edit not found", Edited.GONE)],
)
async def test_an_edit_in_a_simpler_form_is_judged_like_the_first(
    words: str, ended: Edited
) -> None:
    wire = Wire((400, "Bad Request: can't parse entities"), (400, f"Bad Request: {words}"))

    assert await edit(bot(wire), 1, 7, "<b>x</b>") is ended


async def test_other_refusals_reach_the_caller() -> None:
    with pytest.raises(BadRequest):
        await send(bot(Wire((400, "Bad Request: chat not found"))), 1, "x")
    with pytest.raises(Forbidden):
        await send(bot(Wire((403, "Forbidden: bot was blocked by the user"))), 1, "x")


async def test_a_message_is_sent_once_more_after_a_refusal_that_may_pass() -> None:
    odd = (400, "Bad Request: something odd")
    passing, lasting = Wire(odd), Wire(odd, odd)

    await send(bot(passing), 1, "x")
    with pytest.raises(BadRequest):
        await send(bot(lasting), 1, "x")

    assert len(passing.sent) == len(lasting.sent) == 2


class Naps:
    """Remembers sleeps and moves the clock by them."""

    def __init__(self) -> None:
        self.taken: list[float] = []
        self.now = 0.0

    async def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)
        self.now += seconds


def paced(wire: Wire) -> tuple[ExtBot[int], Naps]:
    naps = Naps()
    pacing = ChatRateLimiter(sleep=naps.sleep, clock=lambda: naps.now)
    return ExtBot("1:x", request=wire, get_updates_request=wire, rate_limiter=pacing), naps


async def test_a_short_pause_is_waited_out_and_the_message_sent() -> None:
    wire = Wire((429, "Too Many Requests: retry after 3"))
    telegram, naps = paced(wire)

    await telegram.send_message(1, "x")

    assert naps.taken == [3.0]
    assert len(wire.sent) == 2


async def test_a_long_pause_is_given_back_and_not_asked_again() -> None:
    wire = Wire((429, "Too Many Requests: retry after 3600"))
    telegram, naps = paced(wire)

    for _ in range(2):
        with pytest.raises(RetryAfter):
            await telegram.send_message(1, "x")

    assert naps.taken == []
    assert len(wire.sent) == 1


async def test_a_pause_in_one_chat_holds_up_no_other() -> None:
    wire = Wire((429, "Too Many Requests: retry after 3600"))
    telegram, naps = paced(wire)
    with pytest.raises(RetryAfter):
        await telegram.send_message(1, "x")

    await telegram.send_message(2, "x")

    assert naps.taken == []


async def test_every_call_is_told_to_the_figures_as_it_ended() -> None:
    calls: list[CallRecord] = []
    wire = Wire(
        (429, "Too Many Requests: retry after 1"),
        (403, "Forbidden: bot was blocked by the user"),
        (502, "Bad Gateway"),
    )
    limiter = ChatRateLimiter(sleep=Naps().sleep, observer=calls.append)
    telegram = ExtBot("1:x", request=wire, get_updates_request=wire, rate_limiter=limiter)

    with pytest.raises(Forbidden):
        await telegram.send_message(1, "x")
    await telegram.send_message(2, "x")

    assert {call.service for call in calls} == {"telegram"}
    assert [call.status for call in calls] == [429, 403, 502, 200]


async def test_progress_leaves_room_for_an_answer_in_its_chat() -> None:
    naps = Naps()
    limiter = ChatRateLimiter(sleep=naps.sleep, clock=lambda: naps.now)
    wire = Wire()
    telegram = ExtBot("1:x", request=wire, get_updates_request=wire, rate_limiter=limiter)
    for _ in range(CHAT_PROGRESS_BURST):
        assert limiter.has_room(1)
        await telegram.send_message(1, "x")

    assert not limiter.has_room(1)
    assert limiter.has_room(2)
    assert naps.taken == []
    naps.now += CHAT_INTERVAL
    assert limiter.has_room(1)


async def test_no_chat_gets_more_than_a_burst_and_one_message_a_second() -> None:
    naps = Naps()
    limiter = ChatRateLimiter(sleep=naps.sleep, clock=lambda: naps.now)

    async def done() -> bool:
        return True

    for _ in range(CHAT_BURST + 5):
        await limiter.process_request(done, (), {}, "sendMessage", {"chat_id": 1}, None)

    assert naps.now == pytest.approx(5 * CHAT_INTERVAL)


async def test_all_chats_together_stay_below_what_telegram_takes_from_a_bot() -> None:
    naps = Naps()
    limiter = ChatRateLimiter(sleep=naps.sleep, clock=lambda: naps.now)

    async def done() -> bool:
        return True

    for chat in range(200):
        await limiter.process_request(done, (), {}, "sendMessage", {"chat_id": chat}, None)

    assert 30 + 30 * naps.now >= 200


async def test_another_poller_is_complained_of_and_outlasted(tmp_path: Path) -> None:
    polling = Polling(Troubles(tmp_path), lambda: NOON)

    for _ in range(100):
        polling.trouble(Conflict("terminated by other getUpdates request"))

    complaints = Troubles(tmp_path).current(now=NOON, within=timedelta(minutes=2))
    assert complaints == {"Telegram bot": OTHER_POLLER}


async def test_other_trouble_while_polling_is_only_noted(tmp_path: Path) -> None:
    polling = Polling(Troubles(tmp_path), lambda: NOON)

    polling.trouble(NetworkError("no route"))

    assert Troubles(tmp_path).current(now=NOON, within=timedelta(minutes=2)) == {}
