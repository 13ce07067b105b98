"""Whose calls a day's quota is for: a fair share for nights, newcomers, wishes and preparing.

Pure: fair-share admission control over one rolling window. Counting and keeping calls is
``accounts.budget``'s, how many one list may cost ``accounts.call_allowance``'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Self

from vibe_pipeline.records import UserId


class Share(StrEnum):
    """What a call is for; stored with it."""

    NIGHT = "night"
    """Somebody's nightly list."""
    ASKED = "asked"
    """What somebody who has had lists asks for in the chat."""
    FIRST = "first"
    """Everything up to somebody's first list, from reading the library on."""
    AHEAD = "ahead"
    """Preparing the next lists of those who had some."""
    LISTENING = "listening"
    """Collecting plays and walking libraries on, while nobody waits."""


A_NIGHT = 8
"""Calls kept for each person's next night: what a later list may cost at most."""
A_PERSON = 100
"""So many calls a day may one person always ask for: a first list and five more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """Calls per rolling day; what is ``reserved``, only somebody who asks may use."""

    calls: int
    reserved: int

    @classmethod
    def of(cls, calls: int) -> Self:
        """So many calls, a sixth of them for those who ask."""
        return cls(calls=calls, reserved=calls // 6)

    def at_most(self, share: Share) -> int:
        """What a share may use in all, however much is free."""
        if share is Share.FIRST:
            return self.calls // 2
        return self.calls // 4 if share in {Share.AHEAD, Share.LISTENING} else self.calls

    def a_night(self, people: int) -> int:
        """What is kept for each night; for all of them together half of the day at most."""
        return min(A_NIGHT, self.calls // 2 // people) if people else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedCalls:
    """Calls that were made for one thing; ``user_id`` is ``None`` where it was for nobody known."""

    share: str
    user_id: UserId | None
    calls: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUsage:
    """The calls of one window."""

    total: int = 0
    by_share: Mapping[str, int] = field(default_factory=dict)
    nights: Mapping[UserId, int] = field(default_factory=dict)
    wishes: Mapping[UserId, int] = field(default_factory=dict)

    @classmethod
    def of(cls, counted: Iterable[CountedCalls]) -> Self:
        """Added up by share, and by person where that matters."""
        by_share: Counter[str] = Counter()
        nights: Counter[UserId] = Counter()
        wishes: Counter[UserId] = Counter()
        for item in counted:
            by_share[item.share] += item.calls
            if item.user_id is not None and item.share == Share.NIGHT:
                nights[item.user_id] += item.calls
            if item.user_id is not None and item.share in {Share.ASKED, Share.FIRST}:
                wishes[item.user_id] += item.calls
        return cls(total=by_share.total(), by_share=by_share, nights=nights, wishes=wishes)


def calls_open(
    ceiling: Ceiling,
    usage: CallUsage,
    share: Share,
    user_id: UserId | None,
    nightly: Collection[UserId],
) -> int:
    """How many more calls a share may make for this person now.

    ``nightly`` are those whose nightly lists are on. Of the ceiling, each of them keeps what a
    night costs (``a_night``) until it is used, and those who ask keep ``reserved``; what is over
    is for whoever comes, within ``at_most``. One person's wishes take no more than an even part
    of what nights leave, or ``A_PERSON``.
    """
    a_night = ceiling.a_night(len(nightly))
    kept = sum(max(0, a_night - usage.nights.get(person, 0)) for person in nightly)
    asked = usage.by_share.get(Share.ASKED, 0)
    free = max(0, ceiling.calls - (usage.total - asked) - kept - max(asked, ceiling.reserved))
    if share is Share.ASKED:
        free += max(0, ceiling.reserved - asked)
    if share is Share.NIGHT and user_id is not None and user_id in nightly:
        free += max(0, a_night - usage.nights.get(user_id, 0))
    limits = [free, ceiling.calls - usage.total]
    limits.append(ceiling.at_most(share) - usage.by_share.get(share, 0))
    if share in {Share.ASKED, Share.FIRST} and user_id is not None:
        even = (ceiling.calls - a_night * len(nightly)) // max(1, len(nightly))
        limits.append(max(A_PERSON, even) - usage.wishes.get(user_id, 0))
    return max(0, min(limits))


def opens_at(
    ceiling: Ceiling,
    window: Iterable[tuple[datetime, CountedCalls]],
    share: Share,
    user_id: UserId | None,
    nightly: Collection[UserId],
    *,
    calls: int = 1,
) -> datetime | None:
    """When so many calls are free; ``window`` has each entry with the moment it leaves, in order.

    ``None`` when even an empty window has not so many.
    """
    entries = list(window)
    for number, (leaves_at, _) in enumerate(entries, start=1):
        rest = CallUsage.of(counted for _, counted in entries[number:])
        if calls_open(ceiling, rest, share, user_id, nightly) >= calls:
            return leaves_at
    return None


def share_for(account: str, *, asked_for: bool, first: bool) -> Share:
    """The share of calls that are counted under this name.

    ``asked_for``: somebody waits in the chat. ``first``: the person never had a list.
    """
    ahead, listening = account.startswith(AHEAD_PREFIX), account.startswith(LISTENING_PREFIX)
    if first and (ahead or listening or asked_for):
        return Share.FIRST
    if ahead:
        return Share.AHEAD
    if asked_for:
        return Share.ASKED
    return Share.LISTENING if listening else Share.NIGHT


AHEAD_PREFIX = "ahead:"
LISTENING_PREFIX = "listening:"


def owner_of_calls(account: str) -> UserId | None:
    """Whose calls are counted under a name that holds no edition."""
    for prefix in (AHEAD_PREFIX, LISTENING_PREFIX):
        if account.startswith(prefix):
            return UserId(account.removeprefix(prefix))
    return None
