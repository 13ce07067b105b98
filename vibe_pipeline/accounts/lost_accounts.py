"""Whether the account store was lost and made anew, as lists tell that are left in the warehouse.

What looks into the warehouse is its callers', for some of them may not load DuckDB.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.settings import FILE, warehouse_form


def lists_of_nobody(
    store: AccountStore | None, warehouse: Path, lists_in: Callable[[Path], int | None]
) -> int:
    """How many lists are left where nobody is known; 0 also where none can be read just now.

    Whoever is forgotten leaves lists until they are erased, which is promised then.
    Raises: ``AccountsUnreadable``.
    """
    if warehouse_form(warehouse) != FILE or not _holds_anything(warehouse):
        return 0
    if store is not None and (store.people.ids() or store.erasures.waiting()):
        return 0
    return lists_in(warehouse) or 0


def _holds_anything(warehouse: Path) -> bool:
    """Whether there is a file with something in it, which may be replaced at any moment."""
    try:
        return warehouse.is_file() and warehouse.stat().st_size > 0
    except OSError:
        return False


def nobody_left(warehouse: str, lists: int) -> str:
    """The sentence for accounts that are gone while lists of theirs are not."""
    return (
        f"The account store knows nobody, and the warehouse {warehouse} knows people's lists"
        f" ({lists}): if it was lost, stop Vibe and run vibe restore with a backup; without one"
        " everybody has to write to the bot and connect again."
    )
