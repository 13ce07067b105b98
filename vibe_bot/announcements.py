"""What the pipeline and the OAuth service have to tell people, put into words and buttons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from telegram import InlineKeyboardMarkup

from vibe_bot.formatting import Html, button, keyboard, tell, together
from vibe_bot.jobs import Job
from vibe_bot.results import Obstacle, because, made, way_out
from vibe_bot.services import BotServices
from vibe_pipeline.accounts.records import Account, FailureCause, OutboxMessage
from vibe_pipeline.locales import day, knows, moment, say
from vibe_pipeline.nightly import next_night
from vibe_pipeline.records import EditionId

_FAILED = "bot.failed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A message nobody asked for just now."""

    text: Html
    markup: InlineKeyboardMarkup | None = None


def announcement(
    services: BotServices, account: Account, message: OutboxMessage
) -> Announcement | None:
    """The message in words; ``None`` when the catalogues hold none for its key."""
    if message.key == "bot.connected":
        return _connected(account, message.params)
    if message.key == "bot.night_ready":
        return _night_ready(services, account, message.params)
    if message.key.startswith(_FAILED):
        return _night_failed(services, account, message)
    if message.key == "bot.consent_ends":
        renew = button(say(account.language, "button.renew"), "go:connect")
        return Announcement(text=_plainly(account, message), markup=keyboard([renew]))
    if not knows(message.key):
        return None
    return Announcement(text=_plainly(account, message))


def _connected(account: Account, params: Mapping[str, Any]) -> Announcement:
    language = account.language
    text = tell(
        language,
        "bot.connected",
        spotify_name=str(params.get("spotify_name") or account.spotify_name or "Spotify"),
        generate=say(language, "keyboard.generate"),
    )
    markup = keyboard([button(say(language, "button.generate"), "go:generate")])
    return Announcement(text=text, markup=markup)


def _night_ready(
    services: BotServices, account: Account, params: Mapping[str, Any]
) -> Announcement:
    intro = tell(account.language, "bot.night_ready")
    edition = services.store.editions.get(EditionId(str(params.get("edition_id", ""))))
    if edition is None:
        return Announcement(text=intro)
    result = made(account, edition)
    return Announcement(text=together(intro, "", result.text), markup=result.markup)


def _night_failed(
    services: BotServices, account: Account, message: OutboxMessage
) -> Announcement | None:
    """Why the night brought no list, and when the next try is: never a silent night."""
    name = message.key.removeprefix(_FAILED)
    if name not in {cause.value for cause in FailureCause}:
        return None
    obstacle = Obstacle(cause=FailureCause(name), until=_moment(message.params.get("until")))
    language, told_day = account.language, _day(message.params.get("date"))
    intro = (
        None
        if told_day is None
        else tell(language, "bot.failed.night", day=day(language, told_day))
    )
    night = obstacle.until or next_night(account, services.now())
    again = None
    if night is not None and account.connected:
        when = moment(language, night, ZoneInfo(account.timezone))
        again = tell(language, "bot.failed.next_night", until=when)
    text = together(intro, "", because(account, obstacle.cause, obstacle.until), again)
    return Announcement(text=text, markup=keyboard([way_out(language, obstacle.cause, Job.daily)]))


def _plainly(account: Account, message: OutboxMessage) -> Html:
    """Any other sentence: its moments are told on the person's own clock."""
    zone = ZoneInfo(account.timezone)
    blanks: dict[str, object] = {}
    for name, value in message.params.items():
        when = _moment(value) if name == "until" or name.endswith("_at") else None
        told = _day(value) if name in {"date", "day"} else None
        if when is not None:
            blanks[name] = moment(account.language, when, zone)
        else:
            blanks[name] = value if told is None else day(account.language, told)
    return tell(account.language, message.key, **blanks)


def _moment(value: object) -> datetime | None:
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return when if when is None or when.tzinfo is not None else None


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
