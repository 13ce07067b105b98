"""Whether nobody can be reached in a chat any more, by whichever error Telegram says so.

Telegram's wrapping differs with how a chat was lost: blocked, deleted, upgraded, never begun. One
such error alone has been wrong before, so it is looked at twice. What follows is each caller's own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import structlog
from telegram import Bot
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, Forbidden, TelegramError

log = structlog.get_logger()

SECOND_LOOK_SECONDS = 2.0
"""So long after a chat seemed to be gone it is tried again."""

_GONE = re.compile(
    r"chat not found|user not found|peer_id_invalid|user is deactivated|user_is_deactivated"
    r"|bot was (blocked|kicked)|input_user_deactivated|chat was (deleted|upgraded)"
    r"|chat_id_invalid|not a member|chat_write_forbidden",
    re.IGNORECASE,
)


def chat_is_gone(error: BaseException) -> bool:
    """Whether this says that whoever was written to is not there any more."""
    if isinstance(error, Forbidden | ChatMigrated):
        return True
    return isinstance(error, BadRequest) and _GONE.search(error.message) is not None


async def surely_gone(
    bot: Bot, chat_id: int, error: BaseException, sleep: Callable[[float], Awaitable[None]]
) -> bool:
    """Whether the chat is gone at a second look too: something small is sent after a pause.

    Whatever else Telegram answers then leaves the chat as it was.
    """
    if not chat_is_gone(error):
        return False
    await sleep(SECOND_LOOK_SECONDS)
    try:
        await bot.send_chat_action(chat_id, ChatAction.TYPING)
    except TelegramError as again:
        return chat_is_gone(again)
    log.warning("a chat that seemed to be gone is there", why=str(error))
    return False
