"""Which rows of the account store do not hold what they should, for ``vibe doctor``.

Rows whose pages are well: the pages themselves are ``Database.look_through``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from vibe_pipeline.accounts.errors import RowUnreadable, SecretKeyWrong
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.records import UserId


def damaged_rows(store: AccountStore) -> Iterator[str]:
    """Each in a few words that name its person; reads all lists, and everything of everybody.

    Tokens only where the key opens somebody's: a wrong key is another trouble.
    """
    for user_id in sorted(store.people.ids()):
        yield from _damaged_of(store, user_id)
    for user_id, edition_id in store.editions.unreadable():
        yield f"the list {edition_id} of {user_id}"


def _damaged_of(store: AccountStore, user_id: UserId) -> Iterator[str]:
    looks: dict[str, Callable[[UserId], object]] = {
        "the account": store.people.get,
        "the tokens": store.tokens.get,
        "what is blocked": store.blocks.list,
        "what is left out": store.exclusions.list,
        "the thumbs": store.thumbs.list,
        "the wishes": store.steering.list,
        "the chosen artists": store.chosen_artists.list,
        "what lists were chosen among": lambda user_id: list(
            store.considered.newest_first(user_id)
        ),
    }
    for what, look in looks.items():
        try:
            look(user_id)
        except (RowUnreadable, SecretKeyWrong):
            yield f"{what} of {user_id}"
