"""Whether nobody can be reached in a chat any more, by whichever error Telegram says so.

Telegram's wrapping differs with how a chat was lost: blocked, deleted, upgraded, never begun. One
such error alone has been wrong before, so it is looked at twice. What else follows is each
caller's own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from telegram import Bot
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, Forbidden, TelegramError

from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.records import UserId

log = structlog.get_logger()

SECOND_LOOK_SECONDS = 2.0
"""So long after a chat seemed to be gone it is tried again."""

BLOCKED = Forbidden("Forbidden: bot was blocked by the user")
"""What Telegram answers to whoever writes to somebody that blocked them."""
_FORBIDDEN = re.compile(r"Forbidden: \S")
"""Telegram's own wording; a proxy that forbids something says it otherwise."""
_NOT_TELEGRAMS = "Parsing the server response"
"""The package's words over an answer that is no JSON, with all that stands in it."""
_GONE = re.compile(
    r"chat not found|user not found|peer_id_invalid|user is deactivated|user_is_deactivated"
    r"|bot was (blocked|kicked)|input_user_deactivated|chat was (deleted|upgraded)"
    r"|chat_id_invalid|not a member|chat_write_forbidden|user_is_blocked|bot_blocked",
    re.IGNORECASE,
)


def chat_is_gone(error: BaseException) -> bool:
    """Whether this says that whoever was written to is not there any more."""
    if isinstance(error, ChatMigrated):
        return True
    if not isinstance(error, Forbidden | BadRequest) or _NOT_TELEGRAMS in error.message:
        return False
    forbidden = isinstance(error, Forbidden) and _FORBIDDEN.match(error.message) is not None
    return forbidden or _GONE.search(error.message) is not None


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


def has_left(store: AccountStore, user_id: UserId) -> None:
    """Write to this person no more until they come back; whoever was forgotten is gone already."""
    with suppress(UnknownPerson):
        store.people.change(user_id, active=False)
    log.info("a person's chat is gone", user=user_id)


def is_back(store: AccountStore, chat_id: int) -> None:
    """Write to this chat's person again, if they are known; what waits for them comes then."""
    account = store.people.by_chat(chat_id)
    if account is None or account.active:
        return
    with suppress(UnknownPerson):
        store.people.change(account.user_id, active=True)
    log.info("a person is back", user=account.user_id)
