"""Lists asked for while Spotify rests: begun by themselves when that ends, once, one by one.

A delayed retry. Keeping such a wish is ``accounts.pending_launches``', launching it
``vibe_bot.launches``'; a night waits for the same end by its schedule, and goes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vibe_pipeline import nightly as nights
from vibe_pipeline.accounts.call_allowance import LIST, LIST_AT_LEAST, SPOTIFY, budget_for
from vibe_pipeline.accounts.continuation import LEFT_ALONE_AFTER, goes_on
from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionKind,
    EditionState,
    PendingLaunch,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.records import EditionId, UserId
from vibe_pipeline.runs import LIST_JOBS

KEPT_FOR = timedelta(days=3)
"""Whoever asked longer ago than this is asked back."""
OTHERS_FIRST_FOR = timedelta(minutes=20)
"""So long after the rest the night, a list that goes on or others who asked before may take."""
LOOKED_AT_AGAIN = timedelta(minutes=1)
MOST_TRIES = 5
"""So often a run may meet Spotify's rest before its person is asked back."""
FIRST_PAUSE = timedelta(minutes=5)
"""Between such a run and the next one at least, doubling: the day's calls come back bit by bit."""


class Turn(StrEnum):
    """What a postponed wish comes to now."""

    BEGIN = "begin"
    """Spotify may be asked, and nothing else is on its way."""
    REST = "rest"
    """Spotify rests on."""
    WAIT = "wait"
    """Another list comes first: their own, which may be all they waited for, or others'."""
    ASK_BACK = "ask back"
    """It was too long ago, or would be by then."""
    LET_GO = "let go"
    """A list came since they asked, or they are not connected any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The turn, and until when Spotify rests if it does."""

    turn: Turn
    until: datetime | None = None


def rests_until(store: AccountStore, user_id: UserId, *, ahead: int = 0) -> datetime | None:
    """When a list may be begun for this person, if not now: a pause, or a day that is used up.

    ``ahead`` of them so many wait for the same: as calls come back, each of these takes some.
    """
    budget = budget_for(store, user_id, EditionId(""), asked_for=True)
    blocked_until = budget.blocked_until(SPOTIFY)
    if blocked_until is not None or budget.opens_at(SPOTIFY, calls=LIST_AT_LEAST) is None:
        return blocked_until
    wanted = LIST_AT_LEAST * (ahead + 1)
    most = budget.most(SPOTIFY)
    return budget.opens_at(SPOTIFY, calls=wanted if most is None else min(wanted, most))


def waiting_before(store: AccountStore, user_id: UserId, wish: PendingLaunch | None = None) -> int:
    """How many others wait for Spotify's rest to end, and asked before; before a new wish, all."""
    return sum(
        one.rests and one.user_id != user_id and (wish is None or one.came_before(wish))
        for one in store.pending_launches.open()
    )


def begun_again(run_id: str) -> str:
    """The wish under which what this run did not make is begun once more."""
    return f"again:{run_id}"


def list_came_since(
    store: AccountStore, user_id: UserId, asked_at: datetime, now: datetime
) -> bool:
    """Whether a list of theirs was recorded since they asked."""
    return any(_came_since(asked_at, one, now) for one in _latest(store, user_id))


def next_try(wish: PendingLaunch | None, until: datetime, now: datetime) -> datetime | None:
    """When a list whose run met the rest is begun again; ``None`` when its person is asked back.

    ``wish`` is what that run was launched for, as far as it is known.
    """
    tries, asked_at = (0, now) if wish is None else (wish.tries, wish.asked_at)
    again = max(until, now + FIRST_PAUSE * 2 ** min(tries, MOST_TRIES))
    return None if tries >= MOST_TRIES or again - asked_at > KEPT_FOR else again


def outlook(store: AccountStore, wish: PendingLaunch, now: datetime) -> Outlook:
    """What becomes of a wish whose time has come.

    Raises: ``ValueError`` for a wish that was never postponed, or is begun already.
    """
    if wish.postponed_until is None or not wish.rests:
        raise ValueError(f"wish {wish.request_id} waits for nothing")
    account = store.people.get(wish.user_id)
    if account is None or not account.connected:
        return Outlook(turn=Turn.LET_GO)
    if list_came_since(store, wish.user_id, wish.asked_at, now):
        return Outlook(turn=Turn.LET_GO)
    until = rests_until(store, wish.user_id, ahead=waiting_before(store, wish.user_id, wish))
    if (until or now) - wish.asked_at > KEPT_FOR:
        return Outlook(turn=Turn.ASK_BACK)
    if until is not None:
        return Outlook(turn=Turn.REST, until=until)
    waits = _another_comes(store, account, now) or _others_need(store, wish)
    if waits and wish.postponed_until <= now < wish.postponed_until + OTHERS_FIRST_FOR:
        return Outlook(turn=Turn.WAIT)
    return Outlook(turn=Turn.BEGIN)


def _came_since(asked_at: datetime, edition: Edition, now: datetime) -> bool:
    """Whether this list came since they asked, undone or not; one put back is an older one.

    One dated in the future came before this machine's clock was set back.
    """
    if edition.kind is not EditionKind.DAILY or edition.state is not EditionState.RECORDED:
        return False
    finished_since = edition.restored_at is None and edition.undone_at is None
    begun_since = asked_at <= edition.created_at <= now
    return begun_since or (finished_since and asked_at <= edition.updated_at <= now)


def _another_comes(store: AccountStore, account: Account, now: datetime) -> bool:
    """Whether the night is begun by its schedule, or a list that was left half-way goes on."""
    if nights.due([account], store.editions.of_day, now):
        return True
    return any(
        goes_on(one) and now - one.created_at < LEFT_ALONE_AFTER
        for one in _latest(store, account.user_id)
    )


def _latest(store: AccountStore, user_id: UserId) -> list[Edition]:
    """Enough of their lists to hold every one that may be meant."""
    return store.editions.history(user_id, limit=10)


def _others_need(store: AccountStore, wish: PendingLaunch) -> bool:
    """Whether the calls there are may be wanted by those before them, or by lists being made.

    Whoever waited for the same moment would else be begun on the same few calls.
    """
    budget = budget_for(store, wish.user_id, EditionId(""), asked_for=True)
    left = budget.left(SPOTIFY)
    being_made = sum(one.job in LIST_JOBS for one in store.watches.open())
    due_before = sum(
        one.postponed_until is not None and one.came_before(wish)
        for one in store.pending_launches.due()
    )
    return left is not None and left < LIST_AT_LEAST + LIST * (being_made + due_before)
