"""Telling of nights that do not begin since Spotify is to be left alone.

For whatever begins nights, Dagster's schedule or the endpoint; which those are is ``nightly``'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.messages import NightFailed
from vibe_pipeline.accounts.records import FailureCause
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.nightly import SHORT_PAUSE, Due


def tell_of_pause(
    store: AccountStore, waiting: Iterable[Due], *, blocked_until: datetime | None, now: datetime
) -> None:
    """Who gets nothing at their hour hears why, once, and when it goes on.

    A short pause is told to nobody.
    """
    if blocked_until is None or blocked_until - now <= SHORT_PAUSE:
        return
    for item in waiting:
        user_id = item.account.user_id
        paused = NightFailed.before_it_began(
            user_id, item.occasion, FailureCause.QUOTA, day=item.vibe_date, until=blocked_until
        )
        with suppress(UnknownPerson):
            store.outbox.put(user_id, paused)
