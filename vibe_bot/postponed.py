"""Lists asked for while Spotify rests: begun by themselves when that ends, once.

A delayed retry. Keeping such a wish is ``accounts.pending_launches``', launching it
``vibe_bot.launches``'; a night waits for the same end by its schedule, and goes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vibe_bot.formatting import Html, tell, together
from vibe_bot.results import because
from vibe_pipeline import nightly as nights
from vibe_pipeline.accounts.call_allowance import LIST_AT_LEAST, budget_for
from vibe_pipeline.accounts.continuation import LEFT_ALONE_AFTER, goes_on
from vibe_pipeline.accounts.records import Account, EditionKind, FailureCause, PendingLaunch
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.records import EditionId, UserId

KEPT_FOR = timedelta(days=3)
"""Whoever asked longer ago than this is asked back."""
OTHERS_FIRST_FOR = timedelta(minutes=20)
"""So long after the rest the night, or a list that goes on, may take: the schedule's next tick."""
LOOKED_AT_AGAIN = timedelta(minutes=1)


class Turn(StrEnum):
    """What a postponed wish comes to now."""

    BEGIN = "begin"
    """Spotify may be asked, and nothing else is on its way."""
    REST = "rest"
    """Spotify rests on."""
    WAIT = "wait"
    """Another list of theirs comes first, and may be all that they waited for."""
    LET_GO = "let go"
    """A list came since they asked, or they are not connected any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The turn, and until when Spotify rests if it does."""

    turn: Turn
    until: datetime | None = None


def rests_until(store: AccountStore, user_id: UserId) -> datetime | None:
    """When a list may be begun for this person, if not now: a pause, or a day that is used up."""
    budget = budget_for(store, user_id, EditionId(""), asked_for=True)
    return budget.blocked_until("spotify") or budget.opens_at("spotify", calls=LIST_AT_LEAST)


def promise(account: Account, until: datetime) -> Html:
    """Why there is no list yet, until when, and that it comes then."""
    why = because(account, FailureCause.QUOTA, until)
    return together(why, tell(account.language, "bot.failed.comes_by_itself"))


def outlook(store: AccountStore, wish: PendingLaunch, now: datetime) -> Outlook:
    """What becomes of a wish whose time has come.

    Raises: ``ValueError`` for a wish that was never postponed.
    """
    if wish.postponed_until is None:
        raise ValueError(f"wish {wish.request_id} waits for nothing")
    account = store.people.get(wish.user_id)
    if account is None or not account.connected or _came_since(store, wish):
        return Outlook(turn=Turn.LET_GO)
    if now - wish.asked_at > KEPT_FOR:
        return Outlook(turn=Turn.BEGIN)
    until = rests_until(store, wish.user_id)
    if until is not None:
        return Outlook(turn=Turn.REST, until=until)
    others_first = now < wish.postponed_until + OTHERS_FIRST_FOR
    if others_first and _another_comes(store, account, now):
        return Outlook(turn=Turn.WAIT)
    return Outlook(turn=Turn.BEGIN)


def _came_since(store: AccountStore, wish: PendingLaunch) -> bool:
    """Whether a list was recorded since it was asked for; one put back is an older one."""
    standing = store.editions.standing(wish.user_id, limit=3)
    return any(one.restored_at is None and one.updated_at >= wish.asked_at for one in standing)


def _another_comes(store: AccountStore, account: Account, now: datetime) -> bool:
    """Whether the night is begun by its schedule, or a list that was left half-way goes on."""
    if nights.due([account], store.editions.of_day, now):
        return True
    latest = store.editions.history(account.user_id, limit=3)
    return any(
        goes_on(one) and one.kind is EditionKind.DAILY and now - one.created_at < LEFT_ALONE_AFTER
        for one in latest
    )
