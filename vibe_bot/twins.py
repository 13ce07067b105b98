"""A message that went out twice, since a bot died between sending it and noting that it had.

Telegram shows a bot no history (there is no "get message"). But what a message replies to comes
back with it: so the few places before the second message are looked at by short-lived replies.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import structlog
from telegram import Bot, Message, ReplyParameters
from telegram.error import TelegramError

log = structlog.get_logger()

LOOKED_AT = 4
"""So many numbers before a message are looked at; a bot counts over all its chats."""
MOST_TWINS = 8
_PROBE = "…"


async def twins_of(bot: Bot, message: Message, *, past_theirs: bool = True) -> list[Message]:
    """Earlier messages of ours that say the same, few numbers before one another, newest first.

    ``past_theirs``: also such as stand before the person's own last words. What cannot be found
    out counts as none.
    """
    twins: list[Message] = []
    number, left = message.message_id - 1, LOOKED_AT
    try:
        while number > 0 and left > 0 and len(twins) < MOST_TWINS:
            seen = await _seen(bot, message.chat_id, number)
            left -= 1
            if seen is not None and not (_ours(bot, seen) or past_theirs):
                break
            if seen is not None and _ours(bot, seen) and _said(seen) == _said(message):
                log.info("found a message that was sent before", message=number)
                twins.append(seen)
                left = LOOKED_AT
            number -= 1
    except TelegramError as error:
        log.warning("cannot look for an earlier message", why=type(error).__name__)
    return twins


async def only_one_of(bot: Bot, message: Message) -> int:
    """The number of the message that stays: the earliest one, where there were some."""
    *others, stays = [message, *await twins_of(bot, message)]
    await _delete(bot, others)
    return stays.message_id


async def only_one_numbered(bot: Bot, chat_id: int, message_id: int) -> int:
    """The same for a message of ours that a former bot sent; one that is gone has no twins.

    Raises: ``TelegramError`` when that cannot be found out now.
    """
    message = await _seen(bot, chat_id, message_id)
    return message_id if message is None else await only_one_of(bot, message)


class SentAnew:
    """Takes away what a message that went out again had been before, should it have arrived."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._looking: set[int] = set()
        """Chats that are looked at; looking sends too, whose answer may be lost as well."""

    async def __call__(self, answer: dict[str, Any]) -> None:
        """The newest stays, for its number is what its sender is told."""
        message = Message.de_json(answer, self._bot)
        if message.chat_id in self._looking:
            return
        self._looking.add(message.chat_id)
        try:
            await _delete(self._bot, await twins_of(self._bot, message, past_theirs=False))
        finally:
            self._looking.discard(message.chat_id)


async def _delete(bot: Bot, messages: Iterable[Message]) -> None:
    for message in messages:
        with suppress(TelegramError):
            await bot.delete_message(message.chat_id, message.message_id)


def _ours(bot: Bot, message: Message) -> bool:
    return message.from_user is not None and message.from_user.id == bot.id


def _said(message: Message) -> tuple[str | None, ...]:
    file_name = message.document.file_name if message.document else None
    return message.text, message.caption, file_name


async def _seen(bot: Bot, chat_id: int, message_id: int) -> Message | None:
    """The message of this number; a bot that ends meanwhile still takes away what it looked by."""
    look = asyncio.create_task(_looked_at(bot, chat_id, message_id))
    try:
        return await asyncio.shield(look)
    except asyncio.CancelledError:
        with suppress(TelegramError):
            await look
        raise


async def _looked_at(bot: Bot, chat_id: int, message_id: int) -> Message | None:
    probe = await bot.send_message(
        chat_id,
        _PROBE,
        disable_notification=True,
        reply_parameters=ReplyParameters(message_id, allow_sending_without_reply=True),
    )
    with suppress(TelegramError):
        await bot.delete_message(chat_id, probe.message_id)
    return probe.reply_to_message
