"""How many calls to Spotify one list may cost, and what is left of them for its next step."""

from __future__ import annotations

from dataclasses import dataclass

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
PUBLISHING = 2
"""Kept back to the end: making or refreshing the playlist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What an edition may still spend before it is published."""

    first: bool
    left: int

    @classmethod
    def of(
        cls, store: AccountStore, user_id: UserId, edition_id: EditionId, *, asked_for: bool
    ) -> Allowance:
        """As the account store stands now: within the list's own share and everybody's day."""
        first = not any(
            edition.tracks
            for edition in store.editions.history(user_id)
            if edition.edition_id != edition_id
        )
        left = (FIRST_LIST if first else LIST) - store.budget.spent(SPOTIFY, edition_id)
        if first:
            left -= store.budget.spent(SPOTIFY, listening_of(user_id))
        today = store.budget.left(SPOTIFY, asked_for=asked_for)
        if today is not None:
            left = min(left, today)
        return cls(first=first, left=max(0, left - PUBLISHING))


def listening_of(user_id: UserId) -> EditionId:
    """What calls are counted under that read somebody's listening and make no list."""
    return EditionId(f"listening:{user_id}")
