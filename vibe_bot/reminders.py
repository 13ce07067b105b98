"""Telling people what they had better see to in time: a consent that ends, a clock we do not know.

Only who is due, and a message for each in the outbox; the words are ``announcements``'.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from vibe_bot.late_nights import Late, tell_of_late_nights
from vibe_bot.services import BotServices
from vibe_pipeline.accounts.errors import AccountsUnreadable, UnknownPerson
from vibe_pipeline.accounts.messages import ConsentEnds, ZoneUnknown
from vibe_pipeline.accounts.readable_rows import OF_ONE_PERSON
from vibe_pipeline.accounts.records import Account

log = structlog.get_logger()

LOOK_SECONDS = 1800.0
DAYS_BEFORE = (3, 14, 30)
WAKING_HOURS = range(9, 21)
"""Nobody is woken for this."""


async def remind_forever(services: BotServices) -> None:
    """Until cancelled; what was told is kept in the outbox, so a restart tells nothing twice."""
    late: frozenset[Late] = frozenset()
    while True:
        try:
            await asyncio.to_thread(remind, services)
            late = await asyncio.to_thread(tell_of_late_nights, services, late)
        except AccountsUnreadable as error:
            log.warning("cannot see whom to remind", why=str(error))
        await services.sleep(LOOK_SECONDS)


def remind(services: BotServices) -> int:
    """Put every reminder that is due; gives how many were new."""
    told = 0
    for account in services.store.people.all(active_only=True):
        try:
            told += _remind(services, account)
            told += _ask_for_a_zone(services, account)
        except UnknownPerson:
            log.info("somebody was forgotten meanwhile", user=account.user_id)
        except OF_ONE_PERSON:
            log.exception("cannot tell whether to remind", user=account.user_id)
    return told


def reminder_now(account: Account, now: datetime) -> ConsentEnds | None:
    """The reminder that is true at this moment; ``None`` when the consent's end is not near."""
    ends = account.consent_ends_at
    if not account.connected or ends is None or ends <= now:
        return None
    mark = next((days for days in DAYS_BEFORE if ends - now <= timedelta(days=days)), None)
    if mark is None:
        return None
    return ConsentEnds.in_days(
        account.user_id,
        count=max(1, round((ends - now) / timedelta(days=1))),
        ends_at=ends,
        zone=account.zone,
        reminder=mark,
    )


def _remind(services: BotServices, account: Account) -> bool:
    now, ends, zone = services.now(), account.consent_ends_at, account.zone
    reminder = reminder_now(account, now)
    if reminder is None or ends is None or not (_awake(now, zone) or ends <= _morning(now, zone)):
        return False
    return services.store.outbox.put(account.user_id, reminder)


def _awake(now: datetime, zone: ZoneInfo) -> bool:
    return now.astimezone(zone).hour in WAKING_HOURS


def _morning(now: datetime, zone: ZoneInfo) -> datetime:
    """When people may be written to again, should it be night."""
    local = now.astimezone(zone)
    morning = local.replace(hour=WAKING_HOURS.start, minute=0, second=0, microsecond=0)
    return morning if local < morning else morning + timedelta(days=1)


def _ask_for_a_zone(services: BotServices, account: Account) -> bool:
    """Whoever lives by a clock that this machine lacks gets their lists by UTC until they say."""
    if account.zone_known or not _awake(services.now(), account.zone):
        return False
    question = ZoneUnknown.of(account.user_id, account.timezone)
    return services.store.outbox.put(account.user_id, question)
