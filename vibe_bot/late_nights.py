"""Telling people that their night's list is late, where nobody else could: liveness seen from here.

What begins nights tells of those it holds back; this is for when that stands still itself. Whose
night is late is ``nightly``'s; the words are ``announcements``'.
"""

from __future__ import annotations

import structlog

from vibe_bot.services import BotServices
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.messages import NightLate
from vibe_pipeline.accounts.records import Account
from vibe_pipeline.nightly import late_night

log = structlog.get_logger()


def tell_of_late_nights(services: BotServices) -> int:
    """Put a word for each night that is late without one; gives how many were new."""
    told = 0
    for account in services.store.people.all(active_only=True):
        try:
            told += _tell(services, account)
        except UnknownPerson:
            log.info("somebody was forgotten meanwhile", user=account.user_id)
        except (ArithmeticError, LookupError, TypeError, ValueError):
            log.exception("cannot tell whether a night is late", user=account.user_id)
    return told


def _tell(services: BotServices, account: Account) -> bool:
    """Who was promised a next try waits for that one."""
    store = services.store
    late = late_night(account, store.editions.of_day, services.now())
    if late is None or store.outbox.next_tries(account.user_id, late.occasion, None):
        return False
    message = NightLate.of(account.user_id, late.occasion, late.vibe_date)
    return store.outbox.put(account.user_id, message)
