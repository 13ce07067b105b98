"""How many calls to Spotify one list may cost (its quota), and what is left of them.

One list's share only: what the app as a whole may ask in a day is ``accounts.budget``. How a list
splits its calls between sources, checks and lookups is decided in ``playlists.build``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from vibe_pipeline.accounts.budget import JointLimit, StoredBudget
from vibe_pipeline.accounts.budget_shares import AHEAD_PREFIX, LISTENING_PREFIX, share_for
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.records import EditionId, UserId

SPOTIFY = "spotify"
FIRST_LIST = 30
"""What a person's very first list is to cost in all, from connecting to the playlist: who they
are, the library, lookups before and for the list, and publishing it. More lest it be short."""
FIRST_LIST_AT_MOST = 60
"""What a first list may cost, whoever asks for it and however often Spotify had to be asked again.
Only what it cannot do without goes beyond that, after an outage: a library that was never read, and
publishing."""
FIRST_LIST_ITSELF = 8
"""Of a first list's calls so many lookups are the list's own, whatever went before it."""
NEWCOMERS_RESERVE = 24
"""What preparing may cost on a newcomer's first day: little before the list, the rest after it."""
LIST = 8
"""What every later list may cost in all."""
LIST_AT_LEAST = 4
"""With fewer calls than this a list is not begun: listening, two for the playlist, one to spare."""
AHEAD = 3
"""What each step of preparing the next lists may cost, after every list."""
LOOKED_OVER = 12
"""What looking tracks up for the next lists may cost after every list, so that Spotify has shown
each before a list takes it. Less while the day has little left for preparing."""
_OTHERS_TO_PREPARE = 12
"""So many more people's preparing has to find something left in the day."""
PUBLISHING = 2
"""Kept back to the end: making or refreshing the playlist."""
ASKED_AGAIN = 6
"""Of a first list's most, so many are kept for calls of publishing that have to be repeated."""
FIRST_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsSpent:
    """What one person's calls of the last day went for.

    ``listening``: reading their library, and asking who they are. ``preparing``: asking and
    looking up ahead of lists. ``on_list``: everything under the name of the list at hand.
    """

    listening: int = 0
    preparing: int = 0
    on_list: int = 0

    @classmethod
    def of(cls, store: AccountStore, user_id: UserId, edition_id: EditionId | None = None) -> Self:
        """As the account store counts them now; ``edition_id`` is the list at hand."""
        spent = store.budget.spent
        return cls(
            listening=spent(SPOTIFY, listening_of(user_id)),
            preparing=spent(SPOTIFY, preparing_of(user_id)),
            on_list=0 if edition_id is None else spent(SPOTIFY, edition_id),
        )

    @property
    def in_all(self) -> int:
        """What a first list has cost by now."""
        return self.listening + self.preparing + self.on_list


@dataclass(slots=True, kw_only=True)
class CallAllowance:
    """Calls that a list may still spend before it is published; whoever spends takes from it.

    ``lest_short`` is how many it may be, if with fewer the list would be short.
    ``first``: it is for the person's first list, or lays in music for the days after it.
    """

    first: bool = False
    left: int = 0
    lest_short: int = 0

    @classmethod
    def for_list(cls, spent: CallsSpent, *, first: bool, today: int | None = None) -> Self:
        """What so many calls leave of a list's share; ``today`` is what the app has left.

        Publishing is kept back of both. A first list shares its calls with what was done ahead of
        it, and has some of its own.
        """
        today = None if today is None else today - PUBLISHING
        if first:
            shared = FIRST_LIST - PUBLISHING - spent.in_all
            own = max(shared, FIRST_LIST_ITSELF - spent.on_list)
            lest_short = FIRST_LIST_AT_MOST - PUBLISHING - ASKED_AGAIN - spent.in_all
            return cls._within(today, own, first=True, lest_short=lest_short)
        return cls._within(today, LIST - PUBLISHING - spent.on_list)

    @classmethod
    def of(
        cls, store: AccountStore, user_id: UserId, edition_id: EditionId, *, asked_for: bool
    ) -> Self:
        """As the account store stands now: within the list's own share and everybody's day."""
        first = not store.editions.chosen_before(user_id, besides=edition_id)
        budget = budget_for(store, user_id, edition_id, asked_for=asked_for, looking_up=True)
        spent = CallsSpent.of(store, user_id, edition_id)
        return cls.for_list(spent, first=first, today=budget.left(SPOTIFY))

    @classmethod
    def ahead_of_time(
        cls, store: AccountStore, user_id: UserId, *, looking_over: bool = False
    ) -> Self:
        """For preparing lists: little each time, more on the day of the first list.

        ``looking_over``: for the tracks that the next lists are made of.
        """
        before_first = not store.editions.chosen_before(user_id)
        day_ago = store.budget.now() - FIRST_DAY
        newcomer = before_first or not store.editions.chosen_before(user_id, before=day_ago)
        account = preparing_of(user_id)
        budget = budget_for(store, user_id, account, asked_for=False, looking_up=True)
        return cls.ahead(
            CallsSpent.of(store, user_id),
            before_first=before_first,
            newcomer=newcomer,
            looking_over=looking_over,
            today=budget.left(SPOTIFY),
        )

    @classmethod
    def ahead(
        cls,
        spent: CallsSpent,
        *,
        before_first: bool,
        newcomer: bool,
        looking_over: bool = False,
        today: int | None = None,
    ) -> Self:
        """What preparing may cost.

        Before a first list it leaves the list its own part; what a newcomer's reserve still lacks
        is laid in once that list is there.
        """
        if before_first:
            left = FIRST_LIST - PUBLISHING - FIRST_LIST_ITSELF - spent.in_all
        else:
            usual = _looked_over(today) if looking_over else AHEAD
            left = max(usual, NEWCOMERS_RESERVE - spent.preparing) if newcomer else usual
        return cls._within(today, left, first=newcomer)

    @classmethod
    def _within(
        cls, today: int | None, left: int, *, first: bool = False, lest_short: int = 0
    ) -> Self:
        most = max(left, lest_short, 0) if today is None else max(0, today)
        return cls(first=first, left=max(0, min(left, most)), lest_short=min(lest_short, most))

    def take(self, most: int) -> int:
        """As many calls as are wanted and left; they count as spent."""
        taken = max(0, min(most, self.left))
        self.left -= taken
        return taken

    def give_back(self, calls: int) -> None:
        """What was taken and not used."""
        self.left += calls


def _looked_over(today: int | None) -> int:
    """What one person's looking over may take of what the day has left for preparing."""
    if today is None:
        return LOOKED_OVER
    return max(AHEAD, min(LOOKED_OVER, today // _OTHERS_TO_PREPARE))


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
    ``listening_of``; empty for a look at what is left. ``looking_up``: its calls make a list
    better and are not needed to publish one. Whatever is spent before a first list is counted
    together, also by what spends at the same time, and ends where that list's share does; what
    there is no list without ends only with the day's share.
    """
    first = not store.editions.chosen_before(user_id, besides=account)
    share = share_for(account, asked_for=asked_for, first=first)
    limited = first and account and not _needed(store, user_id, account, looking_up=looking_up)
    limit = _first_list_limit(user_id, account) if limited else None
    return store.budget.of(account, share=share, user_id=user_id, limit=limit)


def _needed(store: AccountStore, user_id: UserId, account: EditionId, *, looking_up: bool) -> bool:
    """Whether there is no first list without it: reading likes never read, or publishing."""
    if account == listening_of(user_id):
        person = store.people.get(user_id)
        return person is not None and person.likes_synced_at is None
    return account != preparing_of(user_id) and not looking_up


def _first_list_limit(user_id: UserId, account: EditionId) -> JointLimit:
    """Where calls for a first list end: the less they are needed, the sooner."""
    before = (listening_of(user_id), preparing_of(user_id))
    if account == preparing_of(user_id):
        kept = PUBLISHING + FIRST_LIST_ITSELF
        return JointLimit(calls=FIRST_LIST - kept, accounts=before, lists_of=user_id)
    if account == listening_of(user_id):
        kept = PUBLISHING + ASKED_AGAIN + FIRST_LIST_ITSELF
        return JointLimit(calls=FIRST_LIST_AT_MOST - kept, accounts=before, lists_of=user_id)
    kept = PUBLISHING + ASKED_AGAIN
    return JointLimit(calls=FIRST_LIST_AT_MOST - kept, accounts=(*before, account))


def preparing_of(user_id: UserId) -> EditionId:
    """What calls are counted under that prepare somebody's next lists."""
    return EditionId(f"{AHEAD_PREFIX}{user_id}")


def listening_of(user_id: UserId) -> EditionId:
    """What calls are counted under that read somebody's listening and make no list."""
    return EditionId(f"{LISTENING_PREFIX}{user_id}")
