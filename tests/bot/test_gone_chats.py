"""A chat is gone by whichever error Telegram says so, and only then."""

from __future__ import annotations

import pytest
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, TimedOut

from tests.support.accounts_site import greeting
from tests.support.bot_world import BotWorld, saying, until
from vibe_bot.gone_chats import chat_is_gone


@pytest.mark.parametrize(
    "error",
    [
        Forbidden("Forbidden: bot was blocked by the user"),
        Forbidden("Forbidden: user is deactivated"),
        ChatMigrated(-100_123),
        BadRequest("Chat not found"),
        BadRequest("Bad Request: user not found"),
        BadRequest("PEER_ID_INVALID"),
        BadRequest("group chat was upgraded to a supergroup chat"),
        BadRequest("Bad Request: the group chat was deleted"),
        BadRequest("USER_IS_BLOCKED"),
        BadRequest("Bad Request: BOT_BLOCKED"),
        Forbidden("Gone: user is deactivated"),
        Forbidden("USER_IS_BLOCKED"),
    ],
)
def test_a_lost_chat_is_known_by_any_error(error: Exception) -> None:
    assert chat_is_gone(error)


@pytest.mark.parametrize(
    "error",
    [
        BadRequest("Message is not modified"),
        BadRequest("can't parse entities"),
        BadRequest("message to edit not found"),
        NetworkError("Bad Gateway"),
        TimedOut(),
        ValueError("chat not found"),
        Forbidden("Forbidden (403)"),
        Forbidden("Forbidden (403). Parsing the server response b'not a member' failed"),
        Forbidden("Access denied by the proxy"),
        BadRequest("Bad Request (400). Parsing the server response b'chat not found' failed"),
    ],
)
def test_other_trouble_loses_nobody(error: Exception) -> None:
    assert not chat_is_gone(error)


async def test_whoever_lets_the_bot_in_again_without_a_word_gets_what_waited(
    place: BotWorld,
) -> None:
    anna = await place.person()
    await anna.says("/start")
    place.telegram.block(anna.telegram_id)
    await until(lambda: not anna.account.active)
    place.store.outbox.put(anna.account.user_id, greeting("c:1", "Zebra"))

    place.telegram.unblock(anna.telegram_id)

    assert await anna.sees(saying("Zebra"))
    assert anna.account.active


async def test_a_block_that_was_lifted_at_once_leaves_the_person_active(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")

    place.telegram.block(anna.telegram_id)
    place.telegram.unblock(anna.telegram_id)
    await until(lambda: place.calls("sendChatAction") == 1)
    await anna.says("/help")

    assert anna.account.active


async def test_whoever_was_forgotten_and_lets_the_bot_in_again_is_not_made_anew(
    place: BotWorld,
) -> None:
    anna, bob = await place.person(101), await place.person(102, name="Bob")
    place.telegram.block(anna.telegram_id)
    place.telegram.unblock(anna.telegram_id)
    await until(lambda: place.calls("sendChatAction") == 1)

    await bob.says("/start")

    assert place.store.people.by_chat(anna.telegram_id) is None
