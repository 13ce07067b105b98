"""A chat is gone by whichever error Telegram says so, and only then."""

from __future__ import annotations

import pytest
from telegram.error import BadRequest, ChatMigrated, Forbidden, NetworkError, TimedOut

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
