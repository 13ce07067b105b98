"""A list that cannot be written, or not any more: what stood in its playlist stands there again.

Or nothing of ours does. Writing lists, and finding out that one cannot be, is ``publish``'s.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from vibe_pipeline.accounts.records import Edition, EditionState, FailureCause, PlaylistAttempt
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.clients.rate_limiter import Sleep
from vibe_pipeline.playlists import ledger_step
from vibe_pipeline.playlists.explicit_tracks import write_former
from vibe_pipeline.playlists.failures import ListRefused
from vibe_pipeline.playlists.mending import ListMender, Mending, recounted
from vibe_pipeline.playlists.missing_playlist import unmake
from vibe_pipeline.playlists.playlist_creation import PlaylistCreation
from vibe_pipeline.playlists.playlist_writes import (
    ItemsClient,
    WordsClient,
    say_on,
    standing_beside,
)
from vibe_pipeline.playlists.read_back import LinesClient
from vibe_pipeline.playlists.wording import Wording, summary_of
from vibe_pipeline.warehouse import WarehouseError

log = logging.getLogger(__name__)


class ClearingClient(ItemsClient, LinesClient, WordsClient, Protocol):
    """The part of Spotify this room asks."""

    async def remove_from_library(self, uris: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedList:
    """Clears up after a list of one publication; ``mending`` is what that found out so far."""

    store: AccountStore
    spotify: ClearingClient
    creation: PlaylistCreation
    mending: Mending
    mender: ListMender | None
    sleep: Sleep

    async def clear_up(self, edition: Edition, refusal: ListRefused) -> None:
        """Leave things as they were before a list that cannot be written, or not any more."""
        former = self._former(edition)
        if refusal.cause is FailureCause.OVERTAKEN:
            if former is not None:
                self._record_again(former)
        elif former is None or not await self._stands_again(former):
            await self._give_up(edition)

    def _former(self, edition: Edition) -> Edition | None:
        """The list as it stood before an operator had it made anew, as far as it is known."""
        waits = edition.state is EditionState.PLAYLIST_MADE and edition.snapshot_id is not None
        if not waits or self.mender is None:
            return None
        tracks = self.mender.published_before(edition)
        if not tracks:
            return None
        return replace(edition, tracks=tracks, summary=recounted(summary_of(edition), tracks))

    async def _stands_again(self, former: Edition) -> bool:
        """Have a list that could not be made anew stand as before; false where nothing is left.

        Behind another list of its playlist, if that came after it: then that one is written.
        """
        stood, behind = standing_beside(self.store, former), self.store.editions.falls_back(former)
        heard = stood if stood is not None and behind else former
        if not await self._write_again(heard):
            return False
        await self._say_what_stands(heard)
        self._record_again(former)
        return True

    def _record_again(self, former: Edition) -> None:
        if self.store.editions.falls_back(former):
            self.store.editions.take_back(former.edition_id)
        ledger_step.advance(
            self.store,
            former,
            EditionState.RECORDED,
            tracks=former.tracks,
            summary=former.summary,
            attempt=PlaylistAttempt.FIRST,
        )
        self.store.considered.forget(former.edition_id)  # the other choice was made among it

    async def _write_again(self, heard: Edition) -> bool:
        """Write what stood in its playlist; whether anything of it stands there now."""
        writes = self.mending.writes_to(self.store, self.spotify, heard)
        marks = self._marks_to_heed(heard)
        tracks, sleep = heard.tracks, self.sleep
        stands = await write_former(self.spotify, writes, tracks, marks=marks, sleep=sleep)
        self.store.editions.note_snapshot(heard.edition_id, writes.snapshot)
        return stands

    async def _give_up(self, edition: Edition) -> None:
        """Leave things as they were: the list that stood there, or no playlist of ours.

        The next list is another one. What was written before stays the playlist's, whatever is in
        it.
        """
        stood = standing_beside(self.store, edition)
        if stood is not None:
            await self._write_again(stood)
        if edition.snapshot_id is not None:
            if stood is not None:
                await self._say_what_stands(stood)
            return
        made = None if stood is not None else await self._made_for(edition)
        if made is not None:
            self._note_as_unheard(edition)
            await self.spotify.remove_from_library([f"spotify:playlist:{made}"])
        unmake(self.store, self.store.editions.required(edition.edition_id))

    def _marks_to_heed(self, stood: Edition) -> Mapping[str, bool] | None:
        """What is known of explicit tracks on a list, where its person wants none of them."""
        if not self.store.people.required(stood.user_id).leaves_out_explicit:
            return None
        try:
            return {} if self.mender is None else self.mender.known_marks(stood)
        except WarehouseError as error:
            log.warning("only what Spotify shows tells what is explicit: %s", error)
            return {}

    async def _say_what_stands(self, stood: Edition) -> None:
        words = Wording(title=stood.title or "", description=stood.description or "")
        try:
            await say_on(self.spotify, stood, words)
        except ServiceError as error:
            log.warning("a playlist keeps the words of a list that is gone: %s", error)

    async def _made_for(self, edition: Edition) -> str | None:
        """The playlist made for this list, heard of or not; none that ever held a list."""
        if not edition.attempt_noted or edition.playlist_id is not None:
            return edition.playlist_id if edition.attempt_noted else None
        account = self.store.people.required(edition.user_id)
        unheard = await self.creation.made_unheard(edition, account)
        if unheard is None or self.store.editions.held_a_list(edition.user_id, unheard.id):
            return None
        return unheard.id

    def _note_as_unheard(self, edition: Edition) -> None:
        """Take back that we know the playlist, and keep the words that it is found by.

        Whoever goes on looks for it among the person's: what was removed meanwhile is not filled.
        """
        ledger_step.advance_with_playlist(
            self.store, edition, EditionState.CHOSEN, playlist_id=None, playlist_url=None
        )
