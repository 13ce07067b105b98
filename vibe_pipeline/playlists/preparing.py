"""Whose next lists are to be prepared now: spread over the day, and later after a failure.

Pure scheduling with backoff; what preparing does is in the sources and in ``build.stock_up``, how
long pools are good is ``pools_at_hand``'s. Launching is the schedule's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vibe_pipeline.accounts.records import Account
from vibe_pipeline.nightly import next_night
from vibe_pipeline.playlists.pools_at_hand import FRESH_FOR
from vibe_pipeline.records import UserId, believed

SETTLING = timedelta(minutes=15)
"""What follows a list or a consent by itself has this long to begin."""
FIRST_PAUSE = timedelta(hours=1)
LONGEST_PAUSE = timedelta(hours=8)
"""After a failure the next try waits for the first pause; twice as long after each more."""
LATELY = timedelta(days=7)
"""Who has no nightly lists and asked for none in so long is not prepared for."""
AT_ONCE = 2
"""So many are begun in one tick, so that a day's preparing does not come in one heap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparations:
    """What was done ahead of a person's lists lately.

    ``prepared_at`` is when the last that succeeded began, ``tried_at`` when the last of all was
    launched; ``failures`` counts those since the last that succeeded.
    """

    prepared_at: datetime | None = None
    tried_at: datetime | None = None
    failures: int = 0
    under_way: bool = False


NONE = Preparations()


def preparing_due(
    accounts: Iterable[Account],
    preparations: Mapping[UserId, Preparations],
    last_list_at: Mapping[UserId, datetime],
    now: datetime,
    *,
    at_once: int = AT_ONCE,
) -> list[Account]:
    """Those to prepare for now, whose next night is nearest first, and no more than ``at_once``."""
    due = [
        account
        for account in accounts
        if is_due(
            account,
            preparations.get(account.user_id, NONE),
            last_list_at.get(account.user_id),
            now,
        )
    ]
    never = datetime.max.replace(tzinfo=UTC)
    due.sort(key=lambda account: (next_night(account, now) or never, account.user_id))
    return due[:at_once]


def is_due(
    account: Account, before: Preparations, last_list_at: datetime | None, now: datetime
) -> bool:
    """Whether the next list would find nothing prepared, and it is time to do something about it.

    That is so after a list that nothing was prepared after, and when pools will be too old at the
    next night, or are by now for who gets none at night but asked for a list lately.
    """
    if not account.connected or not account.active or before.under_way:
        return False
    list_at, agreed_at, tried_at, prepared_at = (
        believed(moment, now=now)
        for moment in (last_list_at, account.consented_at, before.tried_at, before.prepared_at)
    )
    lately = max((at for at in (list_at, agreed_at) if at), default=None)
    if lately is not None and now - lately < SETTLING:
        return False
    if tried_at is not None and now < tried_at + pause_after(before.failures):
        return False
    night = next_night(account, now)
    if night is None and (lately is None or now - lately > LATELY):
        return False
    if prepared_at is None or (list_at and prepared_at < list_at):
        return True
    return prepared_at + FRESH_FOR < (night or now)


def pause_after(failures: int) -> timedelta:
    """How long nothing is tried again after so many failures in a row."""
    if failures == 0:
        return SETTLING
    pause = FIRST_PAUSE
    for _ in range(min(failures - 1, 10)):
        pause *= 2
    return min(LONGEST_PAUSE, pause)
