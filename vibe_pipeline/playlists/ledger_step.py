"""One step of the publication ledger: made by this process, or lost to another one.

The compare-and-set itself is the account store's (``accounts.editions``).
"""

from __future__ import annotations

from typing import Unpack

from vibe_pipeline.accounts.messages import Message
from vibe_pipeline.accounts.records import Edition, EditionFacts, EditionState
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.records import Mode


class PublicationLost(Exception):
    """Another process moved the same edition on while this one worked; run the step again."""


def advance(
    store: AccountStore,
    edition: Edition,
    state: EditionState,
    *,
    tell: Message | None = None,
    **facts: Unpack[EditionFacts],
) -> None:
    """Move it on, with what became known and what its person is told; or ``PublicationLost``."""
    moved = store.editions.advance(edition.edition_id, edition.state, state, tell=tell, **facts)
    _must_have_moved(edition, moved=moved)


def advance_with_playlist(
    store: AccountStore, edition: Edition, state: EditionState, **facts: Unpack[EditionFacts]
) -> None:
    """A step that says which playlist it is: the one living playlist is where a list is.

    Raises ``PublicationLost``.
    """
    if edition.mode is Mode.LIVING:
        moved = store.editions.advance_with_playlist(edition, state, **facts)
        _must_have_moved(edition, moved=moved)
    else:
        advance(store, edition, state, **facts)


def _must_have_moved(edition: Edition, *, moved: bool) -> None:
    if not moved:
        raise PublicationLost(f"edition {edition.edition_id} was moved on by somebody else")
