"""The command menu Telegram shows beside the input field, in each person's language.

Which commands there are is ``vibe_bot.handlers``'; their descriptions stand in the catalogues.
"""

from __future__ import annotations

import structlog
from telegram import Bot, BotCommand, BotCommandScopeChat, BotCommandScopeDefault
from telegram.error import TelegramError

from vibe_pipeline.locales import FALLBACK, LANGUAGES, say

log = structlog.get_logger()

LISTED = (
    *("generate", "preview", "latest", "why", "whynot", "history", "day", "undo"),
    *("status", "connect", "sync"),
    *("setsize", "setratio", "adventure", "mode", "title", "cover", "explicit"),
    *("nightly", "timezone", "lang"),
    *("artists", "more", "less", "mood"),
    *("block", "unblock", "blocked", "leaveout"),
    *("notify", "sources", "history_from", "export", "disconnect", "forget", "help"),
)
"""Every command, in the order people are shown them."""


def commands(language: str) -> list[BotCommand]:
    """The menu in this language."""
    return [BotCommand(name, say(language, f"command.{name}")) for name in LISTED]


async def register_all(bot: Bot) -> None:
    """Tell Telegram the menu in every language; English for everybody else."""
    everywhere = BotCommandScopeDefault()
    for language in LANGUAGES:
        await bot.set_my_commands(commands(language), scope=everywhere, language_code=language)
    await bot.set_my_commands(commands(FALLBACK), scope=everywhere)


async def register_commands(bot: Bot, language: str, *, chat_id: int) -> None:
    """The menu of one chat, for somebody who chose another language than their phone's.

    A comfort: what came before it was done and said.
    """
    try:
        await bot.set_my_commands(commands(language), scope=BotCommandScopeChat(chat_id))
    except TelegramError as error:
        log.warning("a chat's menu is not set", why=error.message)
