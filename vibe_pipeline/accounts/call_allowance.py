"""How many calls to Spotify one list may cost (its quota), and what is left of them.

One list's share only: what the app as a whole may ask in a day is ``accounts.budget``. How a list
splits its calls between sources, checks and lookups is decided in ``playlists.build``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from vibe_pipeline.accounts.budget import JointLimit, StoredBudget
from vibe_pipeline.accounts.budget_shares import AHEAD_PREFIX, LISTENING_PREFIX, share_for
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.records import EditionId, UserId

SPOTIFY = "spotify"
FIRST_LIST = 57
"""What a person's very first list may cost, from connecting to the playlist: the library, the
list, and a stock of music. With who they are, asked while connecting, and a repeated call or two
it stays within sixty.
"""
LIST = 8
"""What every later list may cost in all."""
LIST_AT_LEAST = 4
"""With fewer calls than this a list is not begun: listening, two for the playlist, one to spare."""
AHEAD = 3
"""What each step of preparing the next lists may cost, after every list."""
FIRST_LIST_ITSELF = 12
"""Of a first list's calls, so many are kept for the list when tracks are looked up before it."""
PUBLISHING = 2
"""Kept back to the end: making or refreshing the playlist."""


@dataclass(slots=True, kw_only=True)
class CallAllowance:
    """Calls that a list may still spend before it is published; whoever spends takes from it.

    ``first``: the person never had a list.
    """

    first: bool = False
    left: int = 0

    @classmethod
    def after(cls, spent: int, *, first: bool, today: int | None = None) -> Self:
        """What so many calls leave of a list's share; ``today`` is what the app has left."""
        left = (FIRST_LIST if first else LIST) - spent
        if today is not None:
            left = min(left, today)
        return cls(first=first, left=max(0, left - PUBLISHING))

    @classmethod
    def of(
        cls, store: AccountStore, user_id: UserId, edition_id: EditionId, *, asked_for: bool
    ) -> Self:
        """As the account store stands now: within the list's own share and everybody's day."""
        first = not store.editions.chosen_before(user_id, besides=edition_id)
        spent = store.budget.spent(SPOTIFY, edition_id)
        if first:
            spent += _spent_before(store, user_id)
        budget = budget_for(store, user_id, edition_id, asked_for=asked_for)
        return cls.after(spent, first=first, today=budget.left(SPOTIFY))

    @classmethod
    def ahead_of_time(cls, store: AccountStore, user_id: UserId) -> Self:
        """For preparing lists: little each time, most of a first list's share before the first."""
        first = not store.editions.chosen_before(user_id)
        spent = _spent_before(store, user_id) if first else 0
        budget = budget_for(store, user_id, preparing_of(user_id), asked_for=False)
        return cls.before_a_list(spent, first=first, today=budget.left(SPOTIFY))

    @classmethod
    def before_a_list(cls, spent: int, *, first: bool, today: int | None = None) -> Self:
        """What preparing may cost; before a first list, ``spent`` calls have gone already."""
        left = FIRST_LIST - FIRST_LIST_ITSELF - spent if first else AHEAD
        if today is not None:
            left = min(left, today)
        return cls(first=first, left=max(0, left))

    def take(self, most: int) -> int:
        """As many calls as are wanted and left; they count as spent."""
        taken = max(0, min(most, self.left))
        self.left -= taken
        return taken

    def give_back(self, calls: int) -> None:
        """What was taken and not used."""
        self.left += calls


def budget_for(
    store: AccountStore,
    user_id: UserId,
    account: EditionId,
    *,
    asked_for: bool,
    looking_up: bool = False,
) -> StoredBudget:
    """Everybody's budget, asked for one person: out of the share this work belongs to.

    ``account`` is what its calls are counted under: an edition, ``preparing_of``,
    ``listening_of``. ``looking_up``: its calls make a list better and are not needed to publish
    one, so a newcomer's end where their first list's share does, also when preparing and the list
    spend at the same time.
    """
    first = not store.editions.chosen_before(user_id, besides=account)
    share = share_for(account, asked_for=asked_for, first=first)
    limit = _first_list_limit(user_id, account) if first and looking_up else None
    return store.budget.of(account, share=share, user_id=user_id, limit=limit)


def _first_list_limit(user_id: UserId, account: EditionId) -> JointLimit:
    """Where lookups for a first list end: those made ahead of it leave the list's own part."""
    before = (listening_of(user_id), preparing_of(user_id))
    if account == preparing_of(user_id):
        kept = FIRST_LIST_ITSELF
        return JointLimit(calls=FIRST_LIST - kept, accounts=before, lists_of=user_id)
    return JointLimit(calls=FIRST_LIST - PUBLISHING, accounts=(*before, account))


def _spent_before(store: AccountStore, user_id: UserId) -> int:
    """What reading a newcomer's library and preparing their first list has cost."""
    accounts = (listening_of(user_id), preparing_of(user_id))
    return sum(store.budget.spent(SPOTIFY, account) for account in accounts)


def preparing_of(user_id: UserId) -> EditionId:
    """What calls are counted under that prepare somebody's next lists."""
    return EditionId(f"{AHEAD_PREFIX}{user_id}")


def listening_of(user_id: UserId) -> EditionId:
    """What calls are counted under that read somebody's listening and make no list."""
    return EditionId(f"{LISTENING_PREFIX}{user_id}")
