"""Playlists of lists that ended without being recorded: counted as theirs, or taken away if empty.

And those that show only after another was made in their place. An orphan sweep, best effort, by
whatever run is its person's only one. Which lists go on by themselves is
``accounts.continuation``'s, writing them ``publish``'s; a playlist that another list stands in, or
that holds what we did not write, is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vibe_pipeline.accounts.continuation import left_behind
from vibe_pipeline.accounts.editions import NO_PLAYLIST
from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionState,
    PlaylistAttempt,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import NotThere, ServiceError
from vibe_pipeline.clients.spotify import LOOKED_THROUGH
from vibe_pipeline.clients.spotify_records import Playlist, PlaylistLine
from vibe_pipeline.playlists import ledger_step
from vibe_pipeline.playlists.failures import ListRefused
from vibe_pipeline.playlists.ledger_step import PublicationLost
from vibe_pipeline.playlists.own_playlists import CreationAttempts, PlaylistOwner
from vibe_pipeline.playlists.playlist_writes import WRITTEN_UNHEARD
from vibe_pipeline.playlists.publish import Publication
from vibe_pipeline.playlists.read_back import ANOTHER_LOOK_SECONDS, shows_mostly
from vibe_pipeline.records import EditionId, Mode
from vibe_pipeline.warehouse import WarehouseError

log = logging.getLogger(__name__)

AT_ONCE = 3
"""So many are put in order by one run; the next one goes on."""
MAY_LAG_FOR = timedelta(hours=1)
"""So long after an attempt the person's playlists may not show yet what it made."""
_LEDGER_LOOKED_THROUGH = 300
"""So many of a person's latest editions say which playlists are known."""


def leftovers(
    store: AccountStore,
    account: Account,
    *,
    now: datetime,
    besides: EditionId | None = None,
) -> list[Edition]:
    """The person's lists that are to be looked at, the latest first; none as a rule.

    ``besides``: the list that is made now, which may take the place of what stands in the living
    playlist though nobody heard; what is to go there is looked at before, also while it goes on.
    """
    waiting = [one for one in store.editions.half_way(account.user_id) if one.edition_id != besides]
    left = [one for one in waiting if _is_left(one, account, now, list_follows=besides is not None)]
    return left + store.editions.made_twice(account.user_id)


def _is_left(edition: Edition, account: Account, now: datetime, *, list_follows: bool) -> bool:
    if edition.mode is Mode.LIVING and edition.state is EditionState.CHOSEN:
        searched_for = account.mode is Mode.LIVING  # the next list looks for it and fills it
        return left_behind(edition, now=now) and not searched_for
    in_danger = edition.mode is Mode.LIVING and list_follows and edition.snapshot_id is None
    return in_danger or left_behind(edition, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverPlaylists:
    """Puts in order what lists left on Spotify; ``publication`` records what is found there."""

    publication: Publication
    now: datetime
    _theirs: dict[str, Playlist] = field(init=False, default_factory=dict)

    async def put_in_order(self, editions: Sequence[Edition]) -> None:
        """Look at each; what Spotify or a store refuses now is left to a later run."""
        for edition in editions[:AT_ONCE]:
            try:
                await self._put_in_order(edition)
            except (ServiceError, ListRefused, PublicationLost, WarehouseError) as error:
                log.warning("what list %s left behind stays: %s", edition.edition_id, error)

    async def _put_in_order(self, edition: Edition) -> None:
        if edition.state is EditionState.RECORDED:
            await self._take_away_what_shows_late(edition)
            return
        past = self._store.editions.later_stands(edition)
        if past and not self._has_one_of_its_own(edition):
            self._forget(edition)
            return
        playlist_id = edition.playlist_id or await self._made_unheard(edition)
        lines = None if playlist_id is None else await self._lines(edition, playlist_id)
        stands = edition.playlist_id is not None and not past
        if lines and stands and shows_mostly(lines, edition.tracks):
            await self._count_as_written(edition)
            return
        if not left_behind(edition, now=self.now):
            return
        if playlist_id is not None and lines == [] and self._is_for_nothing_else(edition):
            await self._remove(edition, playlist_id)
        self._forget(edition)

    async def _take_away_what_shows_late(self, edition: Edition) -> None:
        """The playlist that was made before its own; looked for until it would show."""
        attempted_at = edition.attempted_at or edition.created_at
        removed = await self.publication.remove_left_behind(edition)
        if removed or self.now - attempted_at > MAY_LAG_FOR:
            first = PlaylistAttempt.FIRST
            ledger_step.advance(self._store, edition, edition.state, attempt=first)

    @property
    def _store(self) -> AccountStore:
        return self.publication.store

    async def _made_unheard(self, edition: Edition) -> str | None:
        """The playlist whose making nobody heard of; none that another list ever stood in."""
        history = self._store.editions.history(edition.user_id, limit=_LEDGER_LOOKED_THROUGH)
        attempts = CreationAttempts.noted(edition, history, lost=False, owner=None)
        found = await self._made_by(attempts)
        if found is None and self.now - edition.updated_at <= MAY_LAG_FOR:
            await self.publication.sleep(ANOTHER_LOOK_SECONDS)
            self._theirs.clear()
            found = await self._made_by(attempts)
        if found is None or self._is_anothers(edition, found.id):
            return None
        return found.id

    async def _made_by(self, attempts: CreationAttempts) -> Playlist | None:
        person = PlaylistOwner(self.publication.spotify)
        for playlist in await self._library():
            if attempts.made(playlist) and await person.owns(playlist):
                return playlist
        return None

    async def _library(self) -> list[Playlist]:
        """The person's playlists, the newest first: read once for all that is looked for."""
        if not self._theirs:
            read = self.publication.spotify.my_playlists(most=LOOKED_THROUGH)
            self._theirs.update({one.id: one async for one in read})
        return list(self._theirs.values())

    async def _lines(self, edition: Edition, playlist_id: str) -> list[PlaylistLine] | None:
        """What stands in it; ``None`` where it is gone. One sight of nothing is not believed."""
        spotify, size = self.publication.spotify, len(edition.tracks)
        try:
            lines = await spotify.playlist_lines(playlist_id, written=size)
            if lines:
                return lines
            await self.publication.sleep(ANOTHER_LOOK_SECONDS)
            return await spotify.playlist_lines(playlist_id, written=size)
        except NotThere:
            if await spotify.playlist_exists(playlist_id):
                raise
            return None

    async def _count_as_written(self, edition: Edition) -> None:
        """It stands there though nobody heard: from now on the history knows of it."""
        ledger_step.advance(
            self._store,
            edition,
            EditionState.ITEMS_WRITTEN,
            description=None if edition.marker is None else edition.description,
            snapshot_id=WRITTEN_UNHEARD,
        )
        await self.publication.publish(edition.edition_id)

    def _has_one_of_its_own(self, edition: Edition) -> bool:
        """Whether a living playlist was made for it that it left behind when another took over."""
        made = edition.attempt_noted and edition.playlist_id is not None
        return made and left_behind(edition, now=self.now) and self._is_for_nothing_else(edition)

    def _is_for_nothing_else(self, edition: Edition) -> bool:
        playlist_id = edition.playlist_id
        return playlist_id is None or not self._is_anothers(edition, playlist_id)

    def _is_anothers(self, edition: Edition, playlist_id: str) -> bool:
        """Whether lists stand in it, ever stood there, or are to be."""
        account = self._store.people.required(edition.user_id)
        if account.mode is Mode.LIVING and account.playlist_id == playlist_id:
            return True
        return self._store.editions.held_a_list(edition.user_id, playlist_id)

    async def _remove(self, edition: Edition, playlist_id: str) -> None:
        """Take it out of the library; first nobody is to fill it any more.

        The words that it is found by are kept until it is gone; where a later list stands, nobody
        looks for it by these, so that its id is.
        """
        store = self._store
        if self._store.people.required(edition.user_id).playlist_id == playlist_id:
            store.people.change(edition.user_id, playlist_id=None, playlist_url=None)
        if edition.attempt_noted and not store.editions.later_stands(edition):
            store.editions.step_back(edition.edition_id, playlist_id=None, playlist_url=None)
        await self.publication.spotify.remove_from_library([f"spotify:playlist:{playlist_id}"])
        self._theirs.pop(playlist_id, None)
        log.info("the empty playlist of list %s is taken away", edition.edition_id)

    def _forget(self, edition: Edition) -> None:
        """Nothing more is to be looked for; what goes on by itself goes on as it was."""
        if left_behind(edition, now=self.now):
            self._store.editions.step_back(edition.edition_id, **NO_PLAYLIST)
