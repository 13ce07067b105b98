"""What Telegram takes only after a long pause is said when the pause ends."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial

import pytest

from tests.bot.test_generate import connected
from tests.bot.test_lost_answers import told_once
from tests.bot.test_manners import Wire, bot, links
from tests.support.bot_world import BotWorld, data_of, living_bot, saying, until
from vibe_bot.held_answers import MOST_IN_A_CHAT, HeldAnswers
from vibe_bot.sending import Unsent, edit, send
from vibe_pipeline.locales import say

PAUSE = 40
LONG_PAUSE = json.dumps(
    {
        "ok": False,
        "error_code": 429,
        "description": f"Too Many Requests: retry after {PAUSE}",
        "parameters": {"retry_after": PAUSE},
    }
)
REFUSED = (429, f"Too Many Requests: retry after {PAUSE}")


async def test_answers_are_said_in_their_order_when_a_long_pause_ends(place: BotWorld) -> None:
    anna = await connected(place)
    place.trouble.next = [("sendMessage", 429, LONG_PAUSE)]

    asked = await anna.types("/setsize 50")
    await until(lambda: place.trouble.next == [])
    await anna.types("/setsize 20")
    await until(lambda: anna.account.playlist_size == 20)

    last = await anna.sees(saying("20 "), since=asked)
    told = [one["text"] for one in await anna.said_by_bot() if one["message_id"] > asked]
    assert ["50 " in told[0], told[-1]] == [True, last["text"]]
    assert len(told) == 2


async def test_what_a_tap_was_to_show_is_shown_when_the_pause_ends(place: BotWorld) -> None:
    anna = await connected(place)
    anna.edition()
    shown = await anna.says("/latest")
    tracks = next(one for one in data_of(shown) if one.startswith("tr:"))
    place.trouble.next = [("sendMessage", 429, LONG_PAUSE)]

    await anna.taps(tracks)

    listed = await anna.sees(lambda one: any(data.startswith("th:") for data in data_of(one)))
    assert listed["text"]
    assert place.trouble.next == []


async def test_the_rest_of_a_long_answer_and_its_buttons_are_kept() -> None:
    wire = Wire(REFUSED)
    telegram = bot(wire)

    with pytest.raises(Unsent) as raised:
        await send(telegram, 1, "\n".join(["<b>word</b>"] * 500), links())
    tried = len(wire.sent)
    await raised.value.again()

    assert tried == 1
    assert wire.sent[1]["text"] == wire.sent[0]["text"]
    assert ["reply_markup" in sent for sent in wire.sent[1:]] == [False, True]


async def test_an_edit_that_was_kept_is_sent_anew_where_its_message_is_gone_by_then() -> None:
    wire = Wire(REFUSED, (400, "Bad Request: message to edit not found"))

    with pytest.raises(Unsent) as raised:
        await edit(bot(wire), 1, 7, "hello", links())
    await raised.value.again()

    assert ["message_id" in sent for sent in wire.sent] == [True, True, False]
    assert "go:status" in str(wire.sent[2]["reply_markup"])


async def test_no_more_than_the_newest_answers_are_kept_for_a_chat(
    empty_place: BotWorld,
) -> None:
    said: list[int] = []
    held = HeldAnswers(empty_place.services())

    async def tell(number: int) -> None:
        said.append(number)

    for number in range(MOST_IN_A_CHAT + 3):
        held.keep(1, Unsent(timedelta(), partial(tell, number)))
    await held.deliver_due()

    assert said == list(range(3, MOST_IN_A_CHAT + 3))


async def test_of_one_message_only_what_it_says_last_is_kept(empty_place: BotWorld) -> None:
    said: list[str] = []
    held = HeldAnswers(empty_place.services())

    async def tell(words: str) -> None:
        said.append(words)

    for message_id, words in [(7, "off"), (8, "other"), (7, "on"), (None, "new")]:
        held.keep(1, Unsent(timedelta(), partial(tell, words), message_id=message_id))
    held.drop(1, 8)
    await held.deliver_due()

    assert said == ["on", "new"]


async def test_a_refused_file_is_told_so_when_a_long_pause_ends(place: BotWorld) -> None:
    anna = await connected(place)
    place.trouble.next = [("editMessageText", 429, LONG_PAUSE)]

    asked = await anna.sends("history.zip", b"PK no archive")
    await until(lambda: place.trouble.next == [])

    fetching = say("en", "bot.import.fetching")
    assert await anna.sees(lambda one: fetching not in one["text"], since=asked)


def trouble(status: int, words: str, **parameters: int) -> str:
    return json.dumps(
        {"ok": False, "error_code": status, "description": words, "parameters": parameters}
    )


@pytest.mark.parametrize(
    ("status", "body", "times"),
    [
        (502, "<html>Bad Gateway</html>", 6),
        (500, trouble(500, "Internal Server Error"), 4),
        (401, trouble(401, "Unauthorized"), 1),
        (404, trouble(404, "Not Found"), 5),
        (409, trouble(409, "Conflict: x"), 1),
        (403, trouble(403, "Forbidden: bot was blocked by the user"), 1),
        (400, trouble(400, "Bad Request: chat not found"), 1),
        (400, trouble(400, "Bad Request: upgraded", migrate_to_chat_id=-1001), 1),
    ],
)
async def test_an_answer_that_telegram_does_not_take_for_a_moment_is_said_afterwards(
    place: BotWorld, status: int, body: str, times: int
) -> None:
    anna = await connected(place)
    place.trouble.next = [("sendMessage", status, body)] * times

    asked = await anna.types("/setsize 20")
    await anna.sees(saying("20 "), since=asked)

    await told_once(anna, "20 ", since=asked)
    assert place.trouble.next == []
    assert anna.account.active


async def test_an_answer_held_as_the_bot_ends_is_given_by_the_next_one(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
        empty_place.trouble.next = [("sendMessage", 502, "")] * 99
        asked = await anna.types("/setsize 20")
        await until(lambda: len(empty_place.trouble.next) < 95)
    empty_place.trouble.next = []

    async with living_bot(empty_place):
        await anna.sees(saying("20 "), since=asked)
        await told_once(anna, "20 ", since=asked)


async def test_a_tap_is_answered_though_its_spinner_and_its_message_take_nothing(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    asked = await anna.says("/setsize")
    no_text = trouble(400, "Bad Request: there is no text in the message to edit")
    place.trouble.next = [
        ("editMessageText", 400, no_text),
        ("answerCallbackQuery", 400, trouble(400, "Bad Request: query is too old")),
    ]

    await anna.taps("go:setsize:20")
    await anna.sees(saying("20 "), since=asked["message_id"])
    await until(lambda: place.trouble.next == [])

    assert say("en", "bot.trouble") not in [one["text"] for one in await anna.said_by_bot()]


async def test_what_cannot_be_shown_over_a_button_any_more_is_said_in_a_message(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    await anna.says("/setsize")
    place.trouble.next = [
        ("answerCallbackQuery", 400, trouble(400, "Bad Request: query is too old"))
    ]

    await anna.taps_forged("nothing:known")

    await anna.sees(saying(say("en", "bot.stale_button")))


async def test_a_language_is_changed_though_the_menu_cannot_be_and_nothing_is_said_of_that(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    refused = trouble(400, "Bad Request: BOT_COMMANDS_TOO_MUCH")
    place.trouble.next = [("setMyCommands", 400, refused)]

    told = await anna.says("/lang nl")
    await until(lambda: place.trouble.next == [])
    await anna.says("/latest")

    assert say("nl", "bot.settings.language_set") in told["text"]
    assert say("nl", "bot.trouble") not in [one["text"] for one in await anna.said_by_bot()]
