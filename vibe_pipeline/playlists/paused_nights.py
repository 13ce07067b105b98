"""Telling of nights that wait: since Spotify is to be left alone, or for another try.

For whatever begins nights, Dagster's schedule or the endpoint, and for their runs; which nights
wait is ``nightly``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog

from vibe_pipeline.accounts.errors import AccountsUnreadable, UnknownPerson
from vibe_pipeline.accounts.messages import NightFailed
from vibe_pipeline.accounts.records import FailureCause
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.nightly import SHORT_PAUSE, Due

log = structlog.get_logger()


A_MOMENT = timedelta(minutes=5)
"""A pause that ends before anybody could have read of it."""
MOST_TOLD = 4
"""So often somebody is told of one night when its next try is; then they wait for the list."""


def moves_on(again: datetime, told: Sequence[datetime]) -> bool:
    """Whether a next try lies clearly past every one told, and may be told as well."""
    return len(told) < MOST_TOLD and all(again - one > SHORT_PAUSE for one in told)


def tell_of_pause(
    store: AccountStore, waiting: Iterable[Due], *, blocked_until: datetime | None
) -> None:
    """Who gets nothing at their hour hears why, and when it goes on; again where that moves on.

    Nobody is told of a night that waits for a short while, by one pause or by several, nor of one
    that goes on in a moment.
    """
    if blocked_until is None or blocked_until - store.editions.now() <= A_MOMENT:
        return
    for item in waiting:
        if blocked_until - item.night <= SHORT_PAUSE:
            continue
        try:
            _tell(store, item, blocked_until)
        except (AccountsUnreadable, UnknownPerson):
            log.exception("cannot tell of a night that waits", user=item.account.user_id)


def _tell(store: AccountStore, waiting: Due, again: datetime) -> None:
    user_id, occasion = waiting.account.user_id, waiting.occasion
    begun = store.editions.of_occasion(user_id, occasion)
    told = store.outbox.next_tries(user_id, occasion, begun)
    if moves_on(again, told):
        paused = NightFailed.before_it_began(
            user_id, occasion, FailureCause.QUOTA, day=waiting.vibe_date, until=again
        )
        store.outbox.put(user_id, paused.again(len(told)))
