"""What a person may set: read kindly, answered with what holds from now on.

Nothing given: ask, with buttons. Something we cannot read: say what we can, with buttons.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from zoneinfo import ZoneInfo

from telegram import InlineKeyboardButton

from vibe_bot import arguments
from vibe_bot.formatting import Html, button, in_rows
from vibe_bot.handlers.welcome import main_keyboard
from vibe_bot.interactions import Visit
from vibe_bot.menus import register_commands
from vibe_pipeline.locales import LANGUAGES, clock, moment, number, percent, say
from vibe_pipeline.nightly import next_night
from vibe_pipeline.records import Mode

SIZES = (10, 20, 30, 50, 75, 100)
SHARES = (0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0)
ADVENTURES = (0, 20, 40, 60, 80, 100)
NIGHTS = (time(5, 0), time(6, 0), time(7, 0), time(8, 0), time(18, 0), time(22, 0))
ZONES = {
    "en": ("Europe/London", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "UTC"),
    "ru": ("Europe/Moscow", "Asia/Yekaterinburg", "Asia/Almaty", "Europe/Berlin", "UTC"),
    "uk": ("Europe/Kyiv", "Europe/Warsaw", "Europe/Berlin", "Europe/London", "UTC"),
    "nl": ("Europe/Amsterdam", "Europe/Brussels", "America/Paramaribo", "UTC"),
}


async def setsize(visit: Visit) -> None:
    """/setsize: how long a list is."""
    size = arguments.size(visit.said)
    if size is None:
        text = _asked_or(visit, "size", count=visit.account.playlist_size)
        choices = [_choice(number(visit.language, one), "setsize", str(one)) for one in SIZES]
        await _ask(visit, "setsize", text, in_rows(choices, 3))
        return
    visit.change(playlist_size=size)
    await visit.show(visit.html("bot.settings.size_set", count=size))


async def setratio(visit: Visit) -> None:
    """/setratio: how much is new, at least."""
    share = arguments.share(visit.said)
    if share is None:
        text = _asked_or(visit, "ratio", share=percent(visit.language, visit.account.min_new_ratio))
        choices = [_choice(percent(visit.language, one), "setratio", str(one)) for one in SHARES]
        await _ask(visit, "setratio", text, in_rows(choices, 4))
        return
    visit.change(min_new_ratio=share)
    await visit.show(visit.html("bot.settings.ratio_set", share=percent(visit.language, share)))


async def adventure(visit: Visit) -> None:
    """/adventure: from familiar to adventurous."""
    value = arguments.adventure(visit.said)
    if value is None:
        text = _asked_or(visit, "adventure", value=visit.account.adventure)
        choices = [
            _choice(number(visit.language, one), "adventure", str(one)) for one in ADVENTURES
        ]
        await _ask(visit, "adventure", text, in_rows(choices, 3))
        return
    visit.change(adventure=value)
    await visit.show(visit.html("bot.settings.adventure_set", value=value))


async def mode(visit: Visit) -> None:
    """/mode: one playlist, or one for each day."""
    wanted = arguments.mode(visit.said)
    if wanted is None:
        choices = [[visit.button(one.value, f"go:mode:{one.value}")] for one in Mode]
        await _ask(visit, "mode", _asked_or(visit, "mode"), choices)
        return
    visit.change(mode=wanted)
    await visit.show(visit.html(f"bot.settings.mode_{wanted.value}"))


async def nightly(visit: Visit) -> None:
    """/nightly: when the list is made, or never."""
    if arguments.says_off(visit.said):
        visit.change(nightly_at=None)
        await visit.show(visit.html("bot.settings.night_off"))
        return
    at = arguments.time_of_day(visit.said)
    if at is None:
        choices = [_choice(clock(visit.language, one), "nightly", f"{one:%H:%M}") for one in NIGHTS]
        rows = [*in_rows(choices, 3), [visit.button("off", "go:nightly:off")]]
        await _ask(visit, "nightly", _asked_or(visit, "night", now=_night_now(visit)), rows)
        return
    account = visit.change(nightly_at=at).account
    night = next_night(account, visit.services.now())
    when = "" if night is None else moment(visit.language, night, visit.zone)
    words = visit.html("bot.settings.night_set", clock=clock(visit.language, at), when=when)
    await visit.show(words)


async def timezone(visit: Visit) -> None:
    """/timezone: the person's own clock."""
    zone = arguments.zone(visit.said)
    if zone is None:
        text = _asked_or(visit, "zone", zone=visit.account.timezone, clock=_clock(visit))
        choices = [_choice(one, "timezone", one) for one in ZONES[visit.language]]
        await _ask(visit, "timezone", text, in_rows(choices, 2))
        return
    visit = visit.change(timezone=zone)
    await visit.show(visit.html("bot.settings.zone_set", zone=zone, clock=_clock(visit)))


async def lang(visit: Visit) -> None:
    """/lang: the language we speak; the keyboard and the command menu follow."""
    language = arguments.language(visit.said)
    if language is None:
        choices = [
            _choice(say(visit.language, f"language.{one}"), "lang", one) for one in LANGUAGES
        ]
        await _ask(visit, "lang", _asked_or(visit, "language"), in_rows(choices, 2))
        return
    visit = visit.change(language=language)
    words = visit.html("bot.settings.language_set")
    await visit.answer(words, markup=main_keyboard(language))
    await register_commands(visit.bot, language, chat_id=visit.account.chat_id)


async def _ask(
    visit: Visit, command: str, text: Html, rows: Sequence[Sequence[InlineKeyboardButton]]
) -> None:
    visit.ask(command)
    await visit.answer(text, *rows)


def _asked_or(visit: Visit, what: str, **blanks: object) -> Html:
    """The question; or, when something was said that we cannot read, what we can."""
    if arguments.plain_text(visit.said):
        return visit.html(f"bot.settings.{what}_wrong")
    return visit.html(f"bot.settings.{what}_ask", **blanks)


def _choice(words: str, command: str, value: str) -> InlineKeyboardButton:
    return button(words, f"go:{command}:{value}")


def _clock(visit: Visit) -> str:
    return clock(visit.language, visit.services.now(), ZoneInfo(visit.account.timezone))


def _night_now(visit: Visit) -> str:
    at = visit.account.nightly_at
    return visit.text("bot.settings.night_is_off") if at is None else clock(visit.language, at)
