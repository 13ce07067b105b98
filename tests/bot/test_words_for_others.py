"""Words meant for others are left to them; where we may not write, nothing is tried twice."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest
from telegram import Chat, Message, MessageEntity, Update, User
from telegram.constants import ChatType

from tests.support.bot_world import BotWorld, living_bot
from vibe_bot.interactions import App
from vibe_pipeline.locales import LANGUAGES, say

GROUP = -1001
_numbers = itertools.count(1)


def in_a_group(
    app: App, text: str, *, is_bot: bool = False, topic: int | None = None, unnamed: bool = False
) -> Update:
    """Somebody says this in a group that the bot was added to; ``unnamed``: as the group itself."""
    head = text.split(maxsplit=1)[0]
    group = Chat(GROUP, ChatType.SUPERGROUP)
    message = Message(
        message_id=next(_numbers),
        date=datetime(2026, 11, 23, tzinfo=UTC),
        chat=group,
        sender_chat=group if unnamed else None,
        from_user=User(7, "Boris", is_bot, language_code="en"),
        text=text,
        message_thread_id=topic,
        is_topic_message=topic is not None,
        entities=[MessageEntity(MessageEntity.BOT_COMMAND, 0, len(head))],
    )
    message.set_bot(app.bot)
    return Update(update_id=next(_numbers), message=message)


@pytest.mark.parametrize(
    "text", ["/ban@OtherBot spammer", "/ban spammer", "/generate@OtherBot", "/42", "/help@"]
)
async def test_in_a_group_other_bots_words_are_left_to_them(
    empty_place: BotWorld, text: str
) -> None:
    async with living_bot(empty_place) as app:
        us = f"@{app.bot.username}"
        await app.process_update(in_a_group(app, text if text != "/help@" else f"/nothing{us}"))

        assert empty_place.calls("sendMessage") == 0


@pytest.mark.parametrize("text", ["/generate", "/generate@{us}", "/START@{us} now"])
async def test_in_a_group_whoever_calls_us_is_sent_to_the_private_chat_once(
    empty_place: BotWorld, text: str
) -> None:
    async with living_bot(empty_place) as app:
        await app.process_update(in_a_group(app, text.format(us=app.bot.username)))

        (call,) = [one for one in empty_place.telegram.calls if one.method == "sendMessage"]

    assert call.code == 400, "the group takes no words of ours, and is not asked again"
    assert empty_place.store.people.all() == []


async def test_in_a_forum_the_answer_stays_in_the_topic_it_was_asked_in(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place) as app:
        await app.process_update(in_a_group(app, "/generate", topic=42))

        (call,) = [one for one in empty_place.telegram.calls if one.method == "sendMessage"]

    assert call.thread_id == 42


async def test_another_bots_call_is_not_answered(empty_place: BotWorld) -> None:
    async with living_bot(empty_place) as app:
        await app.process_update(in_a_group(app, "/generate", is_bot=True))

        assert empty_place.calls("sendMessage") == 0


async def test_an_administrator_who_is_not_named_is_answered_too(empty_place: BotWorld) -> None:
    async with living_bot(empty_place) as app:
        await app.process_update(in_a_group(app, "/generate", is_bot=True, unnamed=True))

        assert empty_place.calls("sendMessage") == 1


async def test_in_private_another_bots_command_is_not_carried_out(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")

    answer = await anna.says("/setsize@OtherBot 50")

    assert anna.account.playlist_size == 30
    assert answer["text"] == say("en", "bot.unknown_command", command="/setsize@OtherBot")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_somebody_else_wrote_is_no_wish_of_who_passes_it_on(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)
    await anna.says("/start")
    before = anna.account
    await anna.says("/setsize")

    for words in ("/setsize 100", "/undo", "/nonsense", say(language, "keyboard.generate"), "100"):
        answer = await anna.forwards(words, author="Boris")
        assert answer["text"] == say(language, "bot.forwarded"), words

    assert anna.account == before
    assert place.pipeline.launched == []
    await anna.says("50")
    assert anna.account.playlist_size == 50
