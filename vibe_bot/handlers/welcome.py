"""Meeting people: onboarding, the help, and what is not a command of ours."""

from __future__ import annotations

from telegram import KeyboardButton, ReplyKeyboardMarkup

from vibe_bot.command_menu import LISTED
from vibe_bot.formatting import Html, together
from vibe_bot.handlers.connection import consent_ended, invitation
from vibe_bot.interactions import Interaction
from vibe_pipeline.locales import LANGUAGES, catalogue, say

KEYS = (("generate", "preview"), ("latest", "status"), ("sync", "help"))
"""The reply keyboard, row by row, by command."""


async def start(interaction: Interaction) -> None:
    """/start: who we are, and the one next step."""
    keys = main_keyboard(interaction.language)
    if interaction.account.connected:
        words = interaction.html(
            "bot.hello_back",
            name=interaction.first_name,
            generate=interaction.text("keyboard.generate"),
        )
        await interaction.answer(words, markup=keys)
        return
    hello = interaction.html("bot.hello", name=interaction.first_name)
    if consent_ended(interaction.account):
        await interaction.answer(hello, markup=keys)
        await invitation(interaction)
        return
    await interaction.answer(
        together(hello, "", interaction.html("bot.hello_connect")), markup=keys
    )


async def help_(interaction: Interaction) -> None:
    """/help: what we do, what we need, and every command."""
    lines = [f"/{name} – {interaction.html(f'command.{name}')}" for name in LISTED]
    words = interaction.html("bot.help", commands=Html("\n".join(lines)))
    await interaction.answer(words, markup=main_keyboard(interaction.language))


async def unknown_command(interaction: Interaction) -> None:
    """A command nobody knows."""
    command = interaction.args.split()[0][:60]
    await interaction.answer(interaction.html("bot.unknown_command", command=command))


async def small_talk(interaction: Interaction) -> None:
    """Words that are no command and answer no question of ours."""
    await interaction.answer(
        interaction.html("bot.unknown_text"), markup=main_keyboard(interaction.language)
    )


async def forwarded(interaction: Interaction) -> None:
    """What somebody else wrote: no wish of the person who passed it on."""
    await interaction.answer(interaction.html("bot.forwarded"))


async def unknown_kind(interaction: Interaction) -> None:
    """Pictures, voices, stickers."""
    await interaction.answer(
        interaction.html("bot.unknown_kind"), markup=main_keyboard(interaction.language)
    )


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
