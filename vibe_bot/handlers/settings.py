"""What a person may set: read kindly, answered with what holds from now on.

Nothing given: ask, with buttons. Something we cannot read: say what we can, with buttons.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time

from telegram import InlineKeyboardButton

from vibe_bot import arguments
from vibe_bot.command_menu import register_commands
from vibe_bot.formatting import Html, button, in_rows
from vibe_bot.handlers.welcome import main_keyboard
from vibe_bot.interactions import Interaction
from vibe_bot.zone_guesses import guessed_zones, offered_zones, zone_label, zone_name
from vibe_pipeline.locales import LANGUAGES, clock, moment, number, percent, say
from vibe_pipeline.nightly import next_night
from vibe_pipeline.records import Mode

SIZES = (10, 20, 30, 50, 75, 100)
SHARES = (0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0)
ADVENTURES = (0, 20, 40, 60, 80, 100)
_OFF_ON = ("off", "on")
NIGHTS = (time(5, 0), time(6, 0), time(7, 0), time(8, 0), time(18, 0), time(22, 0))


async def setsize(interaction: Interaction) -> None:
    """/setsize: how long a list is."""
    size = arguments.size(interaction.args)
    if size is None:
        text = _asked_or(interaction, "size", count=interaction.account.playlist_size)
        choices = [_choice(number(interaction.language, one), "setsize", str(one)) for one in SIZES]
        await _ask(interaction, "setsize", text, in_rows(choices, 3))
        return
    await interaction.change(playlist_size=size)
    await interaction.show(interaction.html("bot.settings.size_set", count=size))


async def setratio(interaction: Interaction) -> None:
    """/setratio: how much is new, at least."""
    share = arguments.share(interaction.args)
    if share is None:
        text = _asked_or(
            interaction,
            "ratio",
            share=percent(interaction.language, interaction.account.min_new_ratio),
        )
        choices = [
            _choice(percent(interaction.language, one), "setratio", str(one)) for one in SHARES
        ]
        await _ask(interaction, "setratio", text, in_rows(choices, 4))
        return
    await interaction.change(min_new_ratio=share)
    await interaction.show(
        interaction.html("bot.settings.ratio_set", share=percent(interaction.language, share))
    )


async def adventure(interaction: Interaction) -> None:
    """/adventure: from familiar to adventurous."""
    value = arguments.adventure(interaction.args)
    if value is None:
        text = _asked_or(interaction, "adventure", value=interaction.account.adventure)
        choices = [
            _choice(number(interaction.language, one), "adventure", str(one)) for one in ADVENTURES
        ]
        await _ask(interaction, "adventure", text, in_rows(choices, 3))
        return
    await interaction.change(adventure=value)
    await interaction.show(interaction.html("bot.settings.adventure_set", value=value))


async def mode(interaction: Interaction) -> None:
    """/mode: one playlist, or one for each day."""
    wanted = arguments.mode(interaction.args)
    if wanted is None:
        choices = [[interaction.button(one.value, f"go:mode:{one.value}")] for one in Mode]
        await _ask(interaction, "mode", _asked_or(interaction, "mode"), choices)
        return
    await interaction.change(mode=wanted)
    await interaction.show(interaction.html(f"bot.settings.mode_{wanted.value}"))


async def explicit(interaction: Interaction) -> None:
    """/explicit: whether tracks that Spotify marks so may be on the lists."""
    leaves_out = interaction.account.leaves_out_explicit
    off, on = arguments.says_off(interaction.args), arguments.says_on(interaction.args)
    if not off and not on:
        said_something = bool(arguments.plain_text(interaction.args))
        text = "wrong" if said_something else "is" if leaves_out else "ask"
        choices = [interaction.button(f"explicit_{one}", f"go:explicit:{one}") for one in _OFF_ON]
        await _ask(
            interaction, "explicit", interaction.html(f"bot.settings.explicit_{text}"), [choices]
        )
        return
    await interaction.change(leaves_out_explicit=off)
    await interaction.show(interaction.html(f"bot.settings.explicit_{'off' if off else 'on'}"))


async def nightly(interaction: Interaction) -> None:
    """/nightly: when the list is made, or never."""
    if arguments.says_off(interaction.args):
        await interaction.change(nightly_at=None)
        await interaction.show(interaction.html("bot.settings.night_off"))
        return
    at = arguments.time_of_day(interaction.args)
    if at is None:
        choices = [
            _choice(clock(interaction.language, one), "nightly", f"{one:%H:%M}") for one in NIGHTS
        ]
        rows = [*in_rows(choices, 3), [interaction.button("off", "go:nightly:off")]]
        await _ask(
            interaction,
            "nightly",
            _asked_or(interaction, "night", now=_night_now(interaction)),
            rows,
        )
        return
    account = (await interaction.change(nightly_at=at)).account
    told = clock(interaction.language, at)
    if not account.connected:
        words = interaction.html("bot.settings.night_set_waits", clock=told)
        await interaction.show(words, [interaction.button("connect", "go:connect")])
        return
    services = interaction.services
    night = next_night(account, services.now(), services.store.editions.of_day)
    when = "" if night is None else moment(interaction.language, night, interaction.zone)
    await interaction.show(interaction.html("bot.settings.night_set", clock=told, when=when))


async def timezone(interaction: Interaction) -> None:
    """/timezone: the person's own clock."""
    zone = arguments.zone(interaction.args)
    if zone is None:
        text = _asked_or(
            interaction,
            "zone",
            zone=zone_name(interaction.account.timezone),
            clock=_clock(interaction),
        )
        language, now = interaction.language, interaction.services.now()
        choices = [
            _choice(zone_label(language, one, now), "timezone", one) for one in _zones(interaction)
        ]
        await _ask(interaction, "timezone", text, in_rows(choices, 2))
        return
    interaction = await interaction.change(timezone=zone)
    await interaction.show(
        interaction.html("bot.settings.zone_set", zone=zone_name(zone), clock=_clock(interaction))
    )


async def keep_timezone(interaction: Interaction) -> None:
    """A tap: the clock stays as it is."""
    await interaction.ask_no_more()
    zone, at = zone_name(interaction.account.timezone), _clock(interaction)
    await interaction.show(interaction.html("bot.zone_kept", zone=zone, clock=at))


async def lang(interaction: Interaction) -> None:
    """/lang: the language we speak; the keyboard and the command menu follow."""
    language = arguments.language(interaction.args)
    if language is None:
        choices = [
            _choice(say(interaction.language, f"language.{one}"), "lang", one) for one in LANGUAGES
        ]
        await _ask(interaction, "lang", _asked_or(interaction, "language"), in_rows(choices, 2))
        return
    interaction = await interaction.change(language=language)
    words = interaction.html("bot.settings.language_set")
    await interaction.answer(words, markup=main_keyboard(language))
    await register_commands(interaction.bot, language, chat_id=interaction.account.chat_id)


async def _ask(
    interaction: Interaction,
    command: str,
    text: Html,
    rows: Sequence[Sequence[InlineKeyboardButton]],
) -> None:
    interaction.ask(command)
    await interaction.answer(text, *rows)


def _asked_or(interaction: Interaction, what: str, **blanks: object) -> Html:
    """The question; or, when something was said that we cannot read, what we can."""
    if arguments.plain_text(interaction.args):
        return interaction.html(f"bot.settings.{what}_wrong")
    return interaction.html(f"bot.settings.{what}_ask", **blanks)


def _choice(words: str, command: str, value: str) -> InlineKeyboardButton:
    return button(words, f"go:{command}:{value}")


def _zones(interaction: Interaction) -> list[str]:
    account = interaction.account
    guessed = guessed_zones(account.language, account.market)
    return list(dict.fromkeys((*guessed, *offered_zones(account.language))))


def _clock(interaction: Interaction) -> str:
    return clock(interaction.language, interaction.services.now(), interaction.zone)


def _night_now(interaction: Interaction) -> str:
    at = interaction.account.nightly_at
    return (
        interaction.text("bot.settings.night_is_off")
        if at is None
        else clock(interaction.language, at)
    )
