"""A message that went out twice, since a bot died between sending it and noting that it had.

Telegram shows a bot no history (there is no "get message"). But what a message replies to comes
back with it: so the few places before the second message are looked at by short-lived replies.
"""

from __future__ import annotations

from contextlib import suppress

import structlog
from telegram import Bot, Message, ReplyParameters
from telegram.error import TelegramError

log = structlog.get_logger()

LOOKED_AT = 4
"""So many numbers before the second message are looked at; a bot counts over all its chats."""
_PROBE = "…"


async def twin_of(bot: Bot, message: Message) -> Message | None:
    """An earlier message of ours that says the same, a few numbers before this one.

    What cannot be found out counts as none.
    """
    nearest = message.message_id - 1
    try:
        for message_id in range(nearest, max(nearest - LOOKED_AT, 0), -1):
            seen = await _seen(bot, message.chat_id, message_id)
            ours = seen is not None and seen.from_user is not None and seen.from_user.id == bot.id
            if seen is not None and ours and seen.text == message.text:
                log.info("found a message that was sent before", message=message_id)
                return seen
    except TelegramError as error:
        log.warning("cannot look for an earlier message", why=type(error).__name__)
    return None


async def only_one_of(bot: Bot, message: Message) -> int:
    """The number of the message that stays: the earlier one, where there was one."""
    twin = await twin_of(bot, message)
    if twin is None:
        return message.message_id
    with suppress(TelegramError):
        await bot.delete_message(message.chat_id, message.message_id)
    return twin.message_id


async def _seen(bot: Bot, chat_id: int, message_id: int) -> Message | None:
    probe = await bot.send_message(
        chat_id,
        _PROBE,
        disable_notification=True,
        reply_parameters=ReplyParameters(message_id, allow_sending_without_reply=True),
    )
    with suppress(TelegramError):
        await bot.delete_message(chat_id, probe.message_id)
    return probe.reply_to_message
