"""Every command, whatever follows it, is answered in the person's language and breaks nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from telegram import Chat, Message, Update, User
from telegram.constants import ChatType

from tests.support.bot_world import BotWorld, living_bot, until
from vibe_bot.handlers import COMMANDS
from vibe_bot.interactions import display_name
from vibe_pipeline.locales import LANGUAGES, say

HOSTILE = (
    "<b>bold</b> <a href='tg://user?id=1'>x</a> & < >",
    "x" * 4000,
    "🎧👩‍🎤" * 200,
    "\u202eדניאל\u202c שלום עולם \u2067",
    "../../../etc/passwd",
    "'; DROP TABLE accounts; --",
    "\x01\x02\x1b[31m\x7f\u200b",
    "{count} {0.__class__.__mro__} %s ${HOME}",
    "\n\n\n- \n*_`[",
    "nul\x00in the middle",
)

KEEPING = (
    *("title", "cover", "explicit", "more", "less", "mood", "artists"),
    *("notify", "history_from", "timezone", "sources"),
)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_hostile_arguments_are_answered(place: BotWorld, language: str) -> None:
    """Texts after every command, in each language others; with all languages all of them."""
    turn = LANGUAGES.index(language)
    anna = await place.person(language=language, name="<i>Anna</i> & \u202eco")
    await anna.says("/start")
    before = anna.account
    trouble = {say(language, key) for key in ("bot.trouble", "bot.busy_store")}

    for at, command in enumerate(COMMANDS):
        for hostile in HOSTILE[(turn + at) % len(LANGUAGES) :: len(LANGUAGES)]:
            message = await anna.says(f"/{command} {hostile}")
            assert message["text"] not in trouble, (command, hostile)
            assert len(message["text"]) <= 4096, (command, hostile)

    named = anna.account.own_title
    assert named is None or named.isprintable()
    assert replace(anna.account, own_title=None) == before
    assert [replace(one, own_title=None) for one in place.store.people.all()] == [before]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_whoever_has_lists_is_answered_whatever_follows_a_command_that_keeps_words(
    place: BotWorld, language: str
) -> None:
    """Those that keep what is said or send it on; in each language another part of the texts."""
    turn = LANGUAGES.index(language)
    anna = await place.person(language=language)
    await anna.says("/start")
    anna.connected()
    anna.edition()
    trouble = {say(language, key) for key in ("bot.trouble", "bot.busy_store")}

    for at, command in enumerate(KEEPING):
        for hostile in HOSTILE[(turn + at) % len(LANGUAGES) :: len(LANGUAGES)]:
            message = await anna.says(f"/{command} {hostile}")
            assert message["text"] not in trouble, (command, hostile)
            assert len(message["text"]) <= 4096, (command, hostile)
    status = await anna.says("/status")

    assert len(status["text"]) <= 4096
    assert not anna.account.covers
    assert anna.account.sources_off == frozenset()
    assert place.store.notice_targets.get(anna.account.user_id) is None
    assert place.store.history_sources.list(anna.account.user_id) == []


@pytest.mark.parametrize(
    "data",
    [
        "tr:",
        "tr:nothing:0",
        "tp:00000000-0000-4000-8000-00000000abcd:-1",
        "tp:00000000-0000-4000-8000-00000000abcd:999999",
        "th:00000000-0000-4000-8000-00000000abcd:999:u",
        "th:u",
        "bl:x:y:z",
        "wy:::",
        "pb:nothing",
        "sure:forget:0",
        "sure:forget:²",
        "sure::",
        "go:",
        "go:nothing",
        "go:setsize:<b>",
        "zz",
        "🎧",
    ],
)
async def test_tampered_buttons_change_nothing_and_are_answered(place: BotWorld, data: str) -> None:
    anna = await place.person()
    await anna.says("/start")
    anna.connected()
    anna.edition()
    await anna.says("/latest")
    before = anna.account

    await anna.taps_forged(data)
    await until(lambda: place.calls("answerCallbackQuery") == 1)

    assert anna.account == before
    assert place.store.thumbs.list(before.user_id) == []
    assert place.store.blocks.list(before.user_id) == []
    assert not any(say("en", "bot.trouble") in one["text"] for one in await anna.said_by_bot())


def test_a_name_that_no_store_could_hold_is_cleaned_before_it_is_kept() -> None:
    user = User(1, "\ud83dAn\x00na", False, last_name="\u202eon\nthe Wall", username="anna")

    name = display_name(user)

    assert name == "Anna on the Wall (@anna)"
    assert name.encode("utf-8")


@pytest.mark.parametrize("unseen", ["", "\u200b", "\ud800"])
async def test_whoever_has_no_name_that_is_seen_is_served_all_the_same(
    empty_place: BotWorld, unseen: str
) -> None:
    async with living_bot(empty_place) as app:
        anna = await empty_place.person()
        met = await anna.says("/start")
        user, chat = User(101, unseen, is_bot=False), Chat(101, ChatType.PRIVATE)
        message = Message(900, datetime.now(UTC), chat, from_user=user, text="/start")
        message.set_bot(app.bot)
        await app.process_update(Update(900, message=message))
        answer = await anna.sees(since=met["message_id"])

    assert answer["text"].startswith("Hi 🙂!")
    assert display_name(user) == "101"


async def test_a_moving_picture_is_a_picture_and_no_file_of_plays(empty_place: BotWorld) -> None:
    async with living_bot(empty_place) as app:
        anna = await empty_place.person()
        sent = await anna.says("/start")
        picture = {"file_id": "a", "file_unique_id": "b"}
        message = {
            "message_id": 900,
            "date": int(time.time()),
            "chat": {"id": anna.telegram_id, "type": "private"},
            "from": {"id": anna.telegram_id, "is_bot": False, "first_name": "Anna"},
            "animation": {**picture, "duration": 1, "width": 1, "height": 1},
            "document": {**picture, "file_name": "cat.mp4"},
        }
        update = Update.de_json({"update_id": 900, "message": message}, app.bot)
        await app.update_queue.put(update)
        answer = await anna.sees(since=sent["message_id"])

    assert answer["text"] == say("en", "bot.unknown_kind")
