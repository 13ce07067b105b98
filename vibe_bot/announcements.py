"""What the pipeline and the OAuth service have to tell people, put into words and buttons.

One function per kind of outbox message. What a kind holds stands in ``accounts.messages``; answers
to something a person just did belong to the handlers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from telegram import InlineKeyboardMarkup

from vibe_bot.formatting import Html, button, in_rows, keyboard, tell, together
from vibe_bot.jobs import Job
from vibe_bot.results import because, because_then, made, way_out
from vibe_bot.services import BotServices
from vibe_bot.zone_guesses import guessed_zones, zone_label, zone_name
from vibe_pipeline import runs
from vibe_pipeline.accounts.messages import (
    ChangedBackByOperator,
    Connected,
    ConsentEnded,
    ConsentEnds,
    ListGivenUp,
    MadeByOperator,
    Message,
    NightFailed,
    NightLate,
    NightReady,
    PlaylistLetGo,
    ReadyAfterAll,
    ZoneQuestion,
    ZoneUnknown,
)
from vibe_pipeline.accounts.records import Account, Edition
from vibe_pipeline.locales import clock, day, moment, say
from vibe_pipeline.nightly import next_night, waiting_night


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A message nobody asked for just now."""

    text: Html
    markup: InlineKeyboardMarkup | None = None
    corrects: Sequence[tuple[int, int]] = ()
    """By chat and id: the messages that told otherwise, to be put right."""
    correction: Html | None = None
    in_place_of: int | None = None
    """The message in the person's chat that is to say this from now on, if it is still there."""


_GREETINGS = ((23, "_late"), (18, "_evening"), (12, "_afternoon"), (4, ""), (0, "_late"))
"""What a night's list is told with, from which hour of the person's day on."""

_OfAList = NightReady | ReadyAfterAll | MadeByOperator | ChangedBackByOperator

GREETED_WITHIN = timedelta(hours=12)
"""So long after it was begun, a night's list is still that of the day its person is in."""


def announcement(services: BotServices, account: Account, message: Message) -> Announcement:
    """The message in words."""
    match message:
        case Connected():
            return _connected(services, account, message)
        case NightReady() | ReadyAfterAll() | MadeByOperator() | ChangedBackByOperator():
            return _ready(services, account, message)
        case NightFailed() | NightLate():
            return _about_night(services, account, message)
        case ConsentEnds() | ConsentEnded():
            return _about_consent(account, message)
        case ZoneUnknown() | ZoneQuestion():
            return _about_zone(services, account, message)
        case PlaylistLetGo() | ListGivenUp():
            text = tell(account.language, message.key)
            again = button(say(account.language, "button.generate"), "go:generate")
            return Announcement(text=text, markup=keyboard([again]))


def _connected(services: BotServices, account: Account, message: Connected) -> Announcement:
    """With a word of it where the first reading of likes has to wait.

    Whoever had a list before has only renewed their consent.
    """
    language = account.language
    before = services.store.editions.chosen_before(account.user_id)
    wishes = services.store.pending_launches.open(account.user_id)
    waits = any(wish.attempts and wish.job == runs.PREPARE_FIRST_VIBE for wish in wishes)
    text = tell(
        language,
        "bot.connected_again" if before else message.key,
        spotify_name=message.spotify_name,
        generate=say(language, "keyboard.generate"),
    )
    markup = keyboard([button(say(language, "button.generate"), "go:generate")])
    later = tell(language, "bot.likes_wait") if waits else None
    return Announcement(text=together(text, later), markup=markup)


def _ready(services: BotServices, account: Account, message: _OfAList) -> Announcement:
    edition = services.store.editions.get(message.edition_id)
    intro = _greeting(services, account, edition, message)
    if edition is None:
        return Announcement(text=intro)
    result = made(account, edition)
    return Announcement(
        text=together(intro, "", result.text),
        markup=result.markup,
        corrects=_told_otherwise(services, account, edition, message),
        correction=tell(account.language, "bot.mended"),
    )


def _greeting(
    services: BotServices,
    account: Account,
    edition: Edition | None,
    message: _OfAList,
) -> Html:
    """A night's list that comes late is called by its day: a newer one may have been greeted."""
    language, now = account.language, services.now()
    if not isinstance(message, NightReady):
        return tell(language, message.key)
    if edition is not None and now - edition.stands_since > GREETED_WITHIN:
        return tell(language, "bot.night_ready_of_day", day=day(language, edition.vibe_date))
    return tell(language, message.key + night_greeting(now.astimezone(account.zone).hour))


def _told_otherwise(
    services: BotServices,
    account: Account,
    edition: Edition,
    message: _OfAList,
) -> list[tuple[int, int]]:
    """Where the chat says that this list failed: at the end of a run, or after its night."""
    store, failed = services.store, services.store.watches.get(edition.edition_id)
    told = [(account.chat_id, one) for one in store.outbox.failures_told(edition)]
    if isinstance(message, ReadyAfterAll) and failed is not None and failed.done:
        told.append((failed.chat_id, failed.message_id))
    return told


def night_greeting(hour: int) -> str:
    """How a night's list is greeted at this hour of the person's day: the end of a key."""
    return next(words for begins, words in _GREETINGS if hour >= begins)


def _about_night(
    services: BotServices, account: Account, message: NightFailed | NightLate
) -> Announcement:
    if isinstance(message, NightFailed):
        return _night_failed(services, account, message)
    language = account.language
    return Announcement(text=tell(language, message.key, day=day(language, message.day)))


def _night_failed(services: BotServices, account: Account, message: NightFailed) -> Announcement:
    """Why the night brought no list, and when the next try is: never a silent night.

    Who is reached only after that try reads of no moment that has passed, and of the one to come.
    Another next try is said where the one before it was: nobody is woken for that.
    """
    language, now = account.language, services.now()
    intro = tell(language, "bot.failed.night", day=day(language, message.day))
    until = message.until if message.until is not None and message.until > now else None
    passed = message.until is not None and until is None
    why = because_then(account, message.cause) if passed else because(account, message.cause, until)
    night = until or _to_come(services, account, message)
    again = None
    if night is not None and account.connected:
        when = moment(language, night, account.zone)
        again = tell(language, "bot.failed.next_night", until=when)
    earlier = None
    if message.until is not None:
        earlier = services.store.outbox.said_already(account.user_id, message)
    return Announcement(
        text=together(intro, "", why, again),
        markup=keyboard([way_out(language, message.cause, Job.daily, {})]),
        in_place_of=earlier,
    )


def _to_come(services: BotServices, account: Account, message: NightFailed) -> datetime | None:
    """The next night; or the next try of this one, where that was told and has moved on."""
    store, now = services.store, services.now()
    night = next_night(account, now, store.editions.of_day)
    if message.until is None:
        return night
    blocked_until = store.budget.blocked_until("spotify")
    waiting = waiting_night(account, store.editions.of_day, now, blocked_until=blocked_until)
    if waiting is None or waiting.until <= now:
        return night
    return waiting.until if night is None else min(night, waiting.until)


def _about_consent(account: Account, message: ConsentEnds | ConsentEnded) -> Announcement:
    language = account.language
    if isinstance(message, ConsentEnded):
        agreed = message.consented_at.astimezone(account.zone).date()
        text = tell(language, message.key, day=day(language, agreed))
        again = button(say(language, "button.connect_again"), "go:connect")
        return Announcement(text=text, markup=keyboard([again]))
    text = tell(language, message.key, count=message.count, date=day(language, message.date))
    renew = button(say(language, "button.renew"), "go:connect")
    return Announcement(text=text, markup=keyboard([renew]))


def _about_zone(
    services: BotServices, account: Account, message: ZoneUnknown | ZoneQuestion
) -> Announcement:
    if isinstance(message, ZoneQuestion):
        return _zone_question(services, account, message)
    return _zone_unknown(account, message)


def _zone_question(services: BotServices, account: Account, message: ZoneQuestion) -> Announcement:
    """Likely places, each with what its clocks say; another one, or none."""
    language, now = account.language, services.now()
    choices = [
        button(zone_label(language, zone, now), f"go:timezone:{zone}")
        for zone in guessed_zones(language, account.market)
    ]
    other = button(say(language, "button.zone_other"), "go:timezone")
    here, at = zone_name(account.timezone), clock(language, now, account.zone)
    keep = button(say(language, "button.zone_keep", zone=here), "zk")
    text = tell(language, message.key, zone=here, clock=at)
    return Announcement(text=text, markup=keyboard(*in_rows(choices, 2), [other, keep]))


def _zone_unknown(account: Account, message: ZoneUnknown) -> Announcement:
    text = tell(account.language, message.key, zone=message.zone)
    choose = button(say(account.language, "button.timezone"), "go:timezone")
    return Announcement(text=text, markup=keyboard([choose]))
