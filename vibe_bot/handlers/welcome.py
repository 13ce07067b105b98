"""Meeting people: the greeting, the help, and what is not a command of ours."""

from __future__ import annotations

from telegram import KeyboardButton, ReplyKeyboardMarkup

from vibe_bot.formatting import Html, together
from vibe_bot.handlers.connection import consent_ended, invitation
from vibe_bot.interactions import Visit
from vibe_bot.menus import LISTED
from vibe_pipeline.locales import LANGUAGES, catalogue, say

KEYS = (("generate", "preview"), ("latest", "status"), ("sync", "help"))
"""The reply keyboard, row by row, by command."""


async def start(visit: Visit) -> None:
    """/start: who we are, and the one next step."""
    keys = main_keyboard(visit.language)
    if visit.account.connected:
        words = visit.html(
            "bot.hello_back", name=visit.first_name, generate=visit.text("keyboard.generate")
        )
        await visit.answer(words, markup=keys)
        return
    hello = visit.html("bot.hello", name=visit.first_name)
    if consent_ended(visit.account):
        await visit.answer(hello, markup=keys)
        await invitation(visit)
        return
    await visit.answer(together(hello, "", visit.html("bot.hello_connect")), markup=keys)


async def help_(visit: Visit) -> None:
    """/help: what we do, what we need, and every command."""
    lines = [f"/{name} – {visit.html(f'command.{name}')}" for name in LISTED]
    words = visit.html("bot.help", commands=Html("\n".join(lines)))
    await visit.answer(words, markup=main_keyboard(visit.language))


async def unknown_command(visit: Visit) -> None:
    """A command nobody knows."""
    command = visit.said.split()[0].split("@")[0][:40]
    await visit.answer(visit.html("bot.unknown_command", command=command))


async def small_talk(visit: Visit) -> None:
    """Words that are no command and answer no question of ours."""
    await visit.answer(visit.html("bot.unknown_text"), markup=main_keyboard(visit.language))


async def unknown_kind(visit: Visit) -> None:
    """Pictures, voices, stickers."""
    await visit.answer(visit.html("bot.unknown_kind"), markup=main_keyboard(visit.language))


def main_keyboard(language: str) -> ReplyKeyboardMarkup:
    """The buttons below the chat."""
    rows = [[KeyboardButton(say(language, f"keyboard.{name}")) for name in row] for row in KEYS]
    return ReplyKeyboardMarkup(
        rows,
        resize_keyboard=True,
        is_persistent=True,
        input_field_placeholder=say(language, "keyboard.hint"),
    )


def command_of_key(words: str) -> str | None:
    """The command a key of the reply keyboard stands for, in whatever language it was sent."""
    for row in KEYS:
        for name in row:
            if any(catalogue(one)[f"keyboard.{name}"] == words for one in LANGUAGES):
                return name
    return None
