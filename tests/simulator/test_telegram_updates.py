"""Fetching updates, one poller at a time, and pressing buttons."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.telegram_site import TelegramSite, eventually, telegram_site

ANNA = 101


@pytest.fixture
def site() -> Iterator[TelegramSite]:
    with telegram_site() as running:
        yield running


def _texts(answer: dict[str, Any]) -> list[str]:
    return [update["message"]["text"] for update in answer["result"]]


async def _poll(site: TelegramSite, **parameters: Any) -> dict[str, Any]:
    url = f"{site.base_url}{site.state.token}/getUpdates"
    async with httpx.AsyncClient(timeout=60) as client:
        answer: dict[str, Any] = (await client.post(url, json=parameters)).json()
        return answer


async def _until_somebody_waits(site: TelegramSite) -> None:
    await eventually(lambda: site.state.changed.waiting > 0)


def test_updates_wait_until_an_offset_confirms_them(site: TelegramSite) -> None:
    for words in ("one", "two", "three"):
        site.state.type_text(ANNA, words)

    first = site.call("getUpdates", limit=2)
    site.time.advance(10)
    again = site.call("getUpdates", limit=2)
    rest = site.call("getUpdates", offset=first["result"][-1]["update_id"] + 1)

    assert (_texts(first), _texts(again), _texts(rest)) == (
        ["one", "two"],
        ["one", "two"],
        ["three"],
    )


def test_a_negative_offset_keeps_the_last(site: TelegramSite) -> None:
    for words in ("one", "two", "three"):
        site.state.type_text(ANNA, words)

    assert _texts(site.call("getUpdates", offset=-1)) == ["three"]


def test_updates_wait_a_day_at_most(site: TelegramSite) -> None:
    site.state.type_text(ANNA, "yesterday")
    site.time.advance(25 * 3600)
    site.state.type_text(ANNA, "today")

    assert _texts(site.call("getUpdates")) == ["today"]


async def test_a_long_poll_ends_as_soon_as_somebody_writes(site: TelegramSite) -> None:
    poll = asyncio.create_task(_poll(site, timeout=30))
    await _until_somebody_waits(site)
    before = time.monotonic()

    site.state.type_text(ANNA, "hello")

    assert _texts(await poll) == ["hello"]
    assert time.monotonic() - before < 1


async def test_a_second_poller_ends_the_first_with_a_conflict(site: TelegramSite) -> None:
    older = asyncio.create_task(_poll(site, timeout=30))
    await _until_somebody_waits(site)
    newer = asyncio.create_task(_poll(site, timeout=30, offset=1))

    refused = await older
    site.state.type_text(ANNA, "for the newer one")

    assert refused["error_code"] == 409
    assert refused["description"] == (
        "Conflict: terminated by other getUpdates request;"
        " make sure that only one bot instance is running"
    )
    assert _texts(await newer) == ["for the newer one"]


async def test_a_poller_that_hung_up_is_no_conflict(site: TelegramSite) -> None:
    with pytest.raises(httpx.ReadTimeout):
        async with httpx.AsyncClient(timeout=httpx.Timeout(30, read=0.2)) as client:
            await client.get(f"{site.base_url}{site.state.token}/getUpdates?timeout=30")
    await eventually(lambda: site.state.changed.waiting == 0)
    site.state.type_text(ANNA, "still here")

    assert _texts(await _poll(site)) == ["still here"]


async def test_quick_repeats_are_slowed(site: TelegramSite) -> None:
    for words in ("one", "two"):
        site.state.type_text(ANNA, words)
    await _poll(site)

    hasty = await _poll(site)
    site.time.advance(1)
    less_hasty = await _poll(site)

    assert (_texts(hasty), _texts(less_hasty)) == (["one"], ["one", "two"])


async def test_a_webhook_and_polling_exclude_each_other(site: TelegramSite) -> None:
    poll = asyncio.create_task(_poll(site, timeout=30))
    await _until_somebody_waits(site)

    site.call("setWebhook", url="https://vibe.example.org/hook")

    assert (await poll)["description"] == "Conflict: terminated by setWebhook request"
    assert site.refusal("getUpdates").startswith(
        "Conflict: can't use getUpdates method while webhook is active"
    )
    site.call("deleteWebhook", drop_pending_updates=True)
    assert site.call("getWebhookInfo")["result"]["url"] == ""
    assert site.call("getUpdates", offset=1)["result"] == []


@pytest.mark.parametrize("url", ["http://vibe.example.org", "https://vibe.example.org:9000/x"])
def test_a_wrong_webhook_is_refused(site: TelegramSite, url: str) -> None:
    assert site.refusal("setWebhook", url=url).startswith("Bad Request: bad webhook: ")


def test_only_wanted_kinds_are_kept_and_the_wish_is_remembered(site: TelegramSite) -> None:
    site.call("getUpdates", allowed_updates=["message"])
    number = site.say(
        "x", reply_markup={"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
    )
    site.state.tap(ANNA, number["message_id"], "a")
    site.state.type_text(ANNA, "hello")
    site.state.block(ANNA)

    kept = site.call("getUpdates", offset=1)["result"]

    assert [set(update) - {"update_id"} for update in kept] == [{"message"}]


def test_blocking_tells_the_bot(site: TelegramSite) -> None:
    site.state.block(ANNA)
    site.state.unblock(ANNA)

    changes = [update["my_chat_member"] for update in site.call("getUpdates")["result"]]

    assert [change["new_chat_member"]["status"] for change in changes] == ["kicked", "member"]


def test_a_tap_reaches_the_bot_and_spins_until_it_is_answered(site: TelegramSite) -> None:
    buttons = {"inline_keyboard": [[{"text": "Why?", "callback_data": "why:1"}]]}
    message = site.say("List", reply_markup=buttons)
    tapped = site.http.post(
        f"{site.address}/control/telegram/taps",
        json={"telegram_id": ANNA, "message_id": message["message_id"], "data": "why:1"},
    ).json()
    query = site.call("getUpdates")["result"][0]["callback_query"]
    waiting = _chat(site)["waiting_taps"]

    answered = site.call("answerCallbackQuery", callback_query_id=query["id"], text="Because")

    assert (query["id"], query["data"]) == (tapped["query_id"], "why:1")
    assert query["message"]["reply_markup"] == buttons
    assert [tap["data"] for tap in waiting] == ["why:1"]
    assert answered["result"] is True
    assert _chat(site)["waiting_taps"] == []
    assert [(notice["text"], notice["alert"]) for notice in _chat(site)["notices"]] == [
        ("Because", False)
    ]


def test_a_tap_is_answered_once_in_time_and_briefly(site: TelegramSite) -> None:
    buttons = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
    number = site.say("x", reply_markup=buttons)["message_id"]
    once = site.state.tap(ANNA, number, "a").query_id
    late = site.state.tap(ANNA, number, "a").query_id
    too_old = "Bad Request: query is too old and response timeout expired or query ID is invalid"

    long = site.refusal("answerCallbackQuery", callback_query_id=once, text="x" * 201)
    site.call("answerCallbackQuery", callback_query_id=once)
    site.time.advance(300)

    assert long == "Bad Request: MESSAGE_TOO_LONG"
    assert site.refusal("answerCallbackQuery", callback_query_id=once) == too_old
    assert site.refusal("answerCallbackQuery", callback_query_id=late) == too_old
    assert site.refusal("answerCallbackQuery", callback_query_id="unknown") == too_old


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("messages", {"telegram_id": 5, "text": "x"}, 409, "nobody has the Telegram id 5"),
        (
            "messages",
            {"telegram_id": "101", "text": "x"},
            400,
            "telegram_id must be a whole number",
        ),
        ("messages", {"telegram_id": 101}, 400, "text must be a text"),
        ("messages", {"telegram_id": 101, "text": ""}, 409, "a message has 1 to 4096 characters"),
        (
            "taps",
            {"telegram_id": 101, "message_id": 1, "data": "a"},
            409,
            "message 1 has no button with the data 'a'",
        ),
        (
            "taps",
            {"telegram_id": 101, "data": "a"},
            409,
            "no message of this chat has a button with the data 'a'",
        ),
        ("block", [], 400, "the body is not a JSON object"),
    ],
)
def test_what_a_person_cannot_do_is_said_in_a_sentence(
    site: TelegramSite, path: str, body: object, status: int, error: str
) -> None:
    answer = site.http.post(f"{site.address}/control/telegram/{path}", json=body)

    assert (answer.status_code, answer.json()) == (status, {"error": error})


def test_somebody_who_blocked_the_bot_cannot_write_to_it(site: TelegramSite) -> None:
    control = f"{site.address}/control/telegram"
    site.http.post(f"{control}/block", json={"telegram_id": ANNA})

    shut = site.http.post(f"{control}/messages", json={"telegram_id": ANNA, "text": "x"})
    site.http.post(f"{control}/block", json={"telegram_id": ANNA, "blocked": False})
    open_ = site.http.post(f"{control}/messages", json={"telegram_id": ANNA, "text": "x"})

    assert shut.json() == {"error": "Anna has blocked the bot and must unblock it first"}
    assert open_.status_code == 200


def test_a_chat_is_told_whole_with_edits_buttons_and_what_is_typed(site: TelegramSite) -> None:
    number = site.say("one")["message_id"]
    site.call("editMessageText", chat_id=ANNA, message_id=number, text="<b>two</b>")
    site.call("sendChatAction", chat_id=ANNA, action="typing")
    chat = _chat(site)
    site.time.advance(6)

    edited = chat["messages"][-1]
    assert (edited["text"], edited["versions"]) == ("<b>two</b>", ["one"])
    assert edited["edited_at"] is not None
    assert chat["action"] == {"name": "typing", "seconds": 5.0}
    assert _chat(site)["action"] is None


async def test_a_watcher_of_a_chat_waits_for_news(site: TelegramSite) -> None:
    revision = _chat(site)["revision"]
    url = f"{site.address}/control/telegram/chats/{ANNA}?after={revision}&wait=20"
    async with httpx.AsyncClient(timeout=30) as client:
        watching = asyncio.create_task(client.get(url))
        await _until_somebody_waits(site)
        site.state.type_text(ANNA, "news")

        news = (await watching).json()

    assert [message["text"] for message in news["messages"]] == ["news"]


def test_people_see_when_the_bot_has_taken_their_words(site: TelegramSite) -> None:
    number = site.state.type_text(ANNA, "hello").message_id
    before = _chat(site)["read_up_to"]
    update = site.call("getUpdates")["result"][-1]["update_id"]
    site.call("getUpdates", offset=update + 1)

    assert before < number == _chat(site)["read_up_to"]


def test_the_command_menu_follows_scope_and_language(site: TelegramSite) -> None:
    def menu(language: str) -> list[str]:
        site.state.add_person(telegram_id=ANNA, name="Anna", language_code=language)
        return [item["description"] for item in _chat(site)["bot"]["commands"]]

    def offer(description: str, **where: Any) -> None:
        commands = [{"command": "start", "description": description}]
        assert site.call("setMyCommands", commands=commands, **where)["ok"]

    offer("everybody")
    offer("українською", language_code="uk")
    offer("in private", scope={"type": "all_private_chats"})
    assert (menu("uk"), menu("nl")) == (["in private"], ["in private"])
    offer("приватно", scope={"type": "all_private_chats"}, language_code="uk")
    assert (menu("uk-UA"), menu("nl")) == (["приватно"], ["in private"])
    offer("just Anna", scope={"type": "chat", "chat_id": ANNA})
    assert menu("uk") == ["just Anna"]
    site.call("deleteMyCommands", scope={"type": "chat", "chat_id": ANNA})
    assert menu("uk") == ["приватно"]


@pytest.mark.parametrize(
    ("command", "description", "refusal"),
    [
        ("Start", "x", "BOT_COMMAND_INVALID"),
        ("почати", "x", "BOT_COMMAND_INVALID"),
        ("", "x", "command must be non-empty"),
        ("a" * 33, "x", "command length must not exceed 32"),
        ("start", " ", "command description must be non-empty"),
        ("start", "x" * 257, "command description length must not exceed 256"),
    ],
)
def test_wrong_commands_are_refused(
    site: TelegramSite, command: str, description: str, refusal: str
) -> None:
    commands = [{"command": command, "description": description}]

    assert site.refusal("setMyCommands", commands=commands) == f"Bad Request: {refusal}"


def test_more_than_a_hundred_commands_are_refused(site: TelegramSite) -> None:
    commands = [{"command": f"c{number}", "description": "x"} for number in range(101)]

    assert site.refusal("setMyCommands", commands=commands) == (
        "Bad Request: there can be at most 100 bot commands"
    )
    assert site.refusal("setMyCommands", commands=[], language_code="english") == (
        "Bad Request: invalid language code specified"
    )


def test_texts_about_the_bot_differ_by_language(site: TelegramSite) -> None:
    site.call("setMyDescription", description="A list a day")
    site.call("setMyDescription", description="Elke dag een lijst", language_code="nl")

    def described(language: str) -> str:
        answer = site.call("getMyDescription", language_code=language)
        return str(answer["result"]["description"])

    assert (described("nl"), described("ru")) == ("Elke dag een lijst", "A list a day")
    assert site.refusal("setMyName", name="x" * 65) == "Bad Request: bot name is too long"


def test_after_logging_out_nothing_is_answered(site: TelegramSite) -> None:
    assert site.call("logOut")["result"] is True

    assert site.refusal("getMe") == "Logged out"


def test_two_plays_of_the_same_script_are_equal() -> None:
    def play() -> list[str]:
        with telegram_site() as site:
            buttons = {"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]}
            number = site.say("x", reply_markup=buttons)["message_id"]
            site.state.tap(ANNA, number, "a")
            site.state.type_text(ANNA, "hello")
            return [str(site.call("getUpdates")), str(_chat(site))]

    assert play() == play()


def _chat(site: TelegramSite) -> dict[str, Any]:
    answer = site.http.get(f"{site.address}/control/telegram/chats/{ANNA}")
    chat: dict[str, Any] = answer.json()
    return chat
