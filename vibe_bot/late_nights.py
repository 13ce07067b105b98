"""Telling people that their night's list is late, where nobody else could: liveness seen from here.

What begins nights tells of those it holds back; this is for when that stands still itself. Whose
night is late is ``nightly``'s; the words are ``announcements``'.
"""

from __future__ import annotations

from collections.abc import Collection

import structlog

from vibe_bot.services import BotServices
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.messages import NightLate
from vibe_pipeline.accounts.readable_rows import OF_ONE_PERSON
from vibe_pipeline.accounts.records import Account
from vibe_pipeline.nightly import Due, late_night
from vibe_pipeline.records import UserId

log = structlog.get_logger()

Late = tuple[UserId, str]
"""Whose night, and which."""


def tell_of_late_nights(services: BotServices, late_before: Collection[Late]) -> frozenset[Late]:
    """Put a word for each night that was late at the look before too; gives all that are late.

    One look tells little: this machine may just have woken, or somebody come back or moved zone.
    """
    late = {}
    for account in services.store.people.all(active_only=True):
        try:
            night = _late(services, account)
        except OF_ONE_PERSON:
            log.exception("cannot tell whether a night is late", user=account.user_id)
            continue
        if night is not None:
            late[account.user_id, night.occasion] = night
    for user_id, occasion in late.keys() & late_before:
        message = NightLate.of(user_id, occasion, late[user_id, occasion].vibe_date)
        try:
            services.store.outbox.put(user_id, message)
        except UnknownPerson:
            log.info("somebody was forgotten meanwhile", user=user_id)
    return frozenset(late)


def _late(services: BotServices, account: Account) -> Due | None:
    """Who was promised a next try waits for that one."""
    store = services.store
    late = late_night(account, store.editions.of_day, services.now())
    if late is None or store.outbox.next_tries(account.user_id, late.occasion, None):
        return None
    return late
