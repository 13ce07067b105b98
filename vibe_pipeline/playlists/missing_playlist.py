"""A playlist that Spotify calls absent while we write to it: waited for, then let go of once.

Making another is ``playlist_creation``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from vibe_pipeline.accounts.editions import NO_PLAYLIST
from vibe_pipeline.accounts.records import (
    Edition,
    EditionFacts,
    EditionState,
    PlaylistAttempt,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.rate_limiter import Sleep
from vibe_pipeline.playlists import ledger_step
from vibe_pipeline.playlists.failures import PlaylistMissing
from vibe_pipeline.playlists.own_playlists import LEDGER_LOOKED_THROUGH

SECOND_LOOK_SECONDS = 5.0
"""So long after "no such playlist" it is looked for once more: one answer alone has been wrong."""
MISSING_FOR = timedelta(minutes=10)
"""So long a playlist must be missing before it is let go."""


class LookingClient(Protocol):
    """The part of Spotify that says whether a playlist exists."""

    async def playlist_exists(self, playlist_id: str) -> bool: ...


async def still_there(spotify: LookingClient, playlist_id: str, *, sleep: Sleep) -> bool:
    """Whether it exists after all, asked by its own address after a pause."""
    await sleep(SECOND_LOOK_SECONDS)
    return await spotify.playlist_exists(playlist_id)


class RemovingClient(Protocol):
    """The part of Spotify this room asks."""

    async def remove_from_library(self, uris: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingPlaylist:
    """What becomes of an edition, and of its playlist, that is not there."""

    store: AccountStore
    spotify: RemovingClient

    def see_that_it_stays_away(self, edition: Edition) -> None:
        """Have it be missing for a while before another takes its place.

        People follow it, Spotify shows also a playlist that its person removed, and one just made
        is not everywhere at once: it is hardly ever gone. The ledger keeps the first sight. Raises
        ``PlaylistMissing`` until then.
        """
        now, noted = self.store.editions.now(), PlaylistMissing.noted(edition)
        latest = now + MISSING_FOR
        if noted is None or now < noted:
            raise PlaylistMissing(until=min(noted or latest, latest))

    async def let_go(self, edition: Edition) -> None:
        """Forget it, and be ready to make the one other that an edition gets.

        Where another list that waited for it made one already, this goes there. One that never
        held a list leaves the library, for it may come back. The words it is found by go last:
        killed before, whoever goes on looks for it. Raises ``PublicationLost`` and
        ``ServiceError``.
        """
        attempt = PlaylistAttempt.REPLACEMENT
        forgotten: EditionFacts = {**nothing_made(edition), "attempt": attempt}
        playlist_id, account = edition.playlist_id, self.store.people.get(edition.user_id)
        theirs = account is not None and account.playlist_id == playlist_id
        step_back = ledger_step.advance_with_playlist if theirs else ledger_step.advance
        if playlist_id is None or not self._never_held_a_list(edition):
            step_back(self.store, edition, EditionState.CHOSEN, **forgotten)
            return
        step_back(
            self.store,
            edition,
            EditionState.CHOSEN,
            playlist_id=None,
            playlist_url=None,
            attempt=attempt,
        )
        self.store.editions.let_go_of(edition.user_id, playlist_id)
        await self.spotify.remove_from_library([f"spotify:playlist:{playlist_id}"])
        unheard = self.store.editions.required(edition.edition_id)
        ledger_step.advance(self.store, unheard, EditionState.CHOSEN, **forgotten)

    def _never_held_a_list(self, edition: Edition) -> bool:
        """Whether it was made for one of their lists, and none was ever written to it."""
        if self.store.editions.held_a_list(edition.user_id, edition.playlist_id or ""):
            return False
        history = self.store.editions.history(edition.user_id, limit=LEDGER_LOOKED_THROUGH)
        theirs = (one for one in history if one.playlist_id == edition.playlist_id)
        return any(one.attempt_noted for one in theirs)


def unmake(store: AccountStore, edition: Edition) -> None:
    """Take the list back to its choice, without a playlist; or ``PublicationLost``."""
    ledger_step.advance(store, edition, EditionState.CHOSEN, **nothing_made(edition))


def nothing_made(edition: Edition) -> EditionFacts:
    """What it says without a playlist; what it was last called by Spotify stays known."""
    return {**NO_PLAYLIST, "snapshot_id": edition.snapshot_id}
