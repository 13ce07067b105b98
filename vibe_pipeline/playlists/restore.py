"""Changing a playlist back: a past list put in place again, or the last one taken away.

Each write to Spotify may safely be repeated, and the ledger moves last: killed anywhere and run
again, it ends the same. Only where a playlist leaves the person's library does the ledger first
lead their next lists elsewhere, so that none is put where nobody sees it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionFacts,
    FailureCause,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import BrokenAnswer, NotThere, ServiceError
from vibe_pipeline.clients.rate_limiter import Sleep
from vibe_pipeline.clients.spotify_records import Playlist, PlaylistLine
from vibe_pipeline.playlists import ledger_step
from vibe_pipeline.playlists.explicit_tracks import write_clean, write_former
from vibe_pipeline.playlists.failures import ListRefused, refusal
from vibe_pipeline.playlists.kept_playlist import is_kept
from vibe_pipeline.playlists.missing_playlist import still_there
from vibe_pipeline.playlists.playlist_writes import PlaylistWrites
from vibe_pipeline.playlists.read_back import see_that_it_shows
from vibe_pipeline.playlists.refused_tracks import write_existing
from vibe_pipeline.records import ChosenTrack, EditionId, Mode, UserId, believed

log = logging.getLogger(__name__)

"""What its playlist holds, or held; it may be recorded only later."""


class RestoreClient(Protocol):
    """The part of Spotify this room asks."""

    async def replace_items(
        self, playlist_id: str, uris: Sequence[str], *, former: Collection[str] = ()
    ) -> str: ...
    async def playlist_lines(self, playlist_id: str, *, written: int) -> list[PlaylistLine]: ...
    async def change_details(
        self, playlist_id: str, *, name: str | None = None, description: str | None = None
    ) -> None: ...
    async def save_to_library(self, uris: Sequence[str]) -> None: ...
    async def remove_from_library(self, uris: Sequence[str]) -> None: ...
    async def library_contains(self, uris: Sequence[str]) -> dict[str, bool]: ...
    async def playlist_exists(self, playlist_id: str) -> bool: ...
    def my_playlists(self, *, most: int) -> AsyncIterator[Playlist]: ...


class NotRestorable(Exception):
    """The list named cannot be put in place or taken back; the text says why."""


def edition_to_restore(store: AccountStore, user_id: UserId, edition_id: EditionId) -> Edition:
    """The person's own edition of this id.

    Raises ``NotRestorable`` when Spotify is not connected, or the edition is another's or none.
    """
    account = store.people.get(user_id)
    if account is None or not account.connected:
        raise NotRestorable(f"{user_id} is not connected to Spotify.")
    edition = store.editions.get(edition_id)
    if edition is None or edition.user_id != user_id:
        raise NotRestorable(f"{user_id} has no edition {edition_id}.")
    return edition


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedBack:
    """The edition as it stands now; ``missing`` tracks of what was put in place exist no more."""

    edition: Edition
    missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoration:
    """Moves one person's playlists between their own past states.

    ``remember`` and ``unremember`` keep the recommendation history in step; both may be repeated.
    ``explicit_marks`` gives by Spotify id what is known of a list's tracks being marked explicit.
    It is asked only for whoever wants none; the list is looked at once it is written.
    """

    store: AccountStore
    spotify: RestoreClient
    remember: Callable[[Edition], None]
    unremember: Callable[[Edition], None]
    explicit_marks: Callable[[Edition], Mapping[str, bool]]
    sleep: Sleep = asyncio.sleep

    async def put_back(self, edition: Edition) -> ChangedBack:
        """Have the edition stand in its playlist again; what came after it stays in the past.

        Where nothing is left to write of the list that stands there, it is taken back, and all of
        it is missing. Where its playlist is gone, a living list comes to the present one. Raises
        ``ListRefused`` where there is none, or nothing left of another; then all stays as it was.
        """
        try:
            missing = await self._show(edition)
        except ListRefused as refused:
            if refused.cause is FailureCause.PLAYLIST_GONE:
                return await self.put_back(self._led_elsewhere(edition, refused))
            if not self._stands_before_another(edition):
                raise
            taken_back = await self.take_back(edition)
            return replace(taken_back, missing=len(edition.tracks))
        if edition.undone_at is not None:
            self.remember(edition)
        self.store.editions.put_back(edition.edition_id)
        return self._changed(edition, missing)

    async def take_back(
        self, edition: Edition, *, stood_since: datetime | None = None
    ) -> ChangedBack:
        """Have the playlist hold what it held before this edition; doing it twice is fine.

        ``stood_since``: since when it stood as it was asked for, so that what was merely put back
        is not taken back once more when this is done again. Raises ``ListRefused`` where nothing
        is left of the list before.
        """
        if edition.undone_at is not None or stood_since not in {None, edition.stands_since}:
            return ChangedBack(edition=edition)
        before, missing = before_it(self.store, edition), 0
        removed = edition.playlist_id if before is None else None
        if before is not None:
            missing = await self._show(before)
        elif removed is not None:
            self.store.editions.let_go_of(edition.user_id, removed)
        await self._lead_on(edition, before)
        if removed is not None:
            await self.spotify.remove_from_library([_address(removed)])
        if not self.store.editions.falls_back(edition):
            self.unremember(edition)
        self.store.editions.take_back(edition.edition_id)
        return self._changed(edition, missing)

    def _changed(self, edition: Edition, missing: int) -> ChangedBack:
        now = self.store.editions.required(edition.edition_id)
        return ChangedBack(edition=now, missing=missing)

    def _led_elsewhere(self, edition: Edition, gone: ListRefused) -> Edition:
        """The list, moved from a playlist that is ``gone`` to the one that they have now."""
        account = self.store.people.required(edition.user_id)
        if edition.mode is Mode.DAILY or account.playlist_id in {None, edition.playlist_id}:
            raise gone
        place: EditionFacts = {
            "playlist_id": account.playlist_id,
            "playlist_url": account.playlist_url,
            "snapshot_id": None,
        }
        ledger_step.advance(self.store, edition, edition.state, **place)
        return self.store.editions.required(edition.edition_id)

    async def _show(self, edition: Edition) -> int:
        """Have the list stand where it belongs; gives how many of its tracks exist no more.

        Raises ``ListRefused`` where that playlist exists no more.
        """
        try:
            return await self._shown(edition)
        except (NotThere, BrokenAnswer):
            if await self._is_there(edition):
                raise
        raise refusal(FailureCause.PLAYLIST_GONE)

    async def _is_there(self, edition: Edition) -> bool:
        return await still_there(self.spotify, self._playlist_of(edition), sleep=self.sleep)

    async def _shown(self, edition: Edition) -> int:
        """Write the list, and see that the person has its playlist."""
        playlist_id = self._playlist_of(edition)
        account = self.store.people.required(edition.user_id)
        clean = account.leaves_out_explicit
        if edition.mode is Mode.DAILY:
            missing = await self._fill_clean(edition) if clean else 0
            await self.spotify.save_to_library([_address(playlist_id)])
            return missing
        missing = await (self._fill_clean(edition) if clean else self._fill_whole(edition))
        if account.playlist_id != playlist_id:
            await self.spotify.save_to_library([_address(playlist_id)])
        await self._reword(playlist_id, edition)
        self.store.people.change(
            edition.user_id, playlist_id=playlist_id, playlist_url=edition.playlist_url
        )
        return missing

    async def _reword(self, playlist_id: str, edition: Edition) -> None:
        """Have the playlist say what it holds; its tracks count without that too."""
        try:
            await self.spotify.change_details(
                playlist_id, name=edition.title, description=edition.description
            )
        except ServiceError as error:
            log.warning("a playlist keeps its former words: %s", error)

    async def _fill_whole(self, edition: Edition) -> int:
        """Write the list; gives how many of its tracks exist no more."""
        written = await self._fill(edition, edition.tracks, self._writes(edition))
        return len(edition.tracks) - len(written)

    async def _fill_clean(self, edition: Edition) -> int:
        """Write the list without what is marked explicit; gives how many others exist no more."""
        writes = self._writes(edition)

        async def write(tracks: Sequence[ChosenTrack]) -> list[ChosenTrack]:
            return await self._fill(edition, tracks, writes)

        return await write_clean(
            self.spotify,
            writes.playlist_id,
            edition.tracks,
            marks=self.explicit_marks(edition),
            write=write,
            sleep=self.sleep,
        )

    def _writes(self, edition: Edition) -> PlaylistWrites:
        playlist_id = self._playlist_of(edition)
        return PlaylistWrites.beside(self.store, self.spotify, playlist_id, edition)

    async def _fill(
        self, edition: Edition, tracks: Sequence[ChosenTrack], writes: PlaylistWrites
    ) -> list[ChosenTrack]:
        """Write the tracks; of those that no longer exist nothing comes back. Gives what stands.

        Where none is left, what stood there before does so again.
        """
        stood = self._stood(edition)
        uris = [track.uri for track in tracks]
        try:
            left = await write_existing(writes, uris, stood=_uris_of(stood)) if uris else []
        except NotThere:
            writes.surely_there = await self._is_there(edition)
            if not writes.surely_there:
                raise
            left = await write_existing(writes, uris, stood=_uris_of(stood))
        if not left:
            if stood is not None:
                await self._fill_again(stood, writes)
            raise refusal(FailureCause.TRACKS_GONE if uris else FailureCause.EVERYTHING_LEFT_OUT)
        stands = [track for track in tracks if track.uri in left]
        if writes.snapshot == edition.snapshot_id:
            await see_that_it_shows(self.spotify, writes.playlist_id, stands, sleep=self.sleep)
        self.store.editions.note_snapshot(edition.edition_id, writes.snapshot)
        return stands

    def _stands_before_another(self, edition: Edition) -> bool:
        """Whether it is the one to be heard in its playlist, and another was there before it."""
        standing = self.store.editions.standing(edition.user_id)
        there = next((one for one in standing if one.playlist_id == edition.playlist_id), None)
        stands = there is not None and there.edition_id == edition.edition_id
        return stands and before_it(self.store, edition) is not None

    async def _fill_again(self, stood: Edition, writes: PlaylistWrites) -> None:
        """Have the other list stand there as before."""
        clean = self.store.people.required(stood.user_id).leaves_out_explicit
        marks = self.explicit_marks(stood) if clean else None
        tracks, sleep = stood.tracks, self.sleep
        if await write_former(self.spotify, writes, tracks, marks=marks, sleep=sleep):
            self.store.editions.note_snapshot(stood.edition_id, writes.snapshot)

    def _stood(self, edition: Edition) -> Edition | None:
        """The other list that stands in its playlist."""
        standing = self.store.editions.standing(edition.user_id)
        others = (one for one in standing if one.edition_id != edition.edition_id)
        return next((one for one in others if one.playlist_id == edition.playlist_id), None)

    def _playlist_of(self, edition: Edition) -> str:
        if edition.playlist_id is None or not edition.is_written:
            raise NotRestorable(f"edition {edition.edition_id} never came to a playlist")
        return edition.playlist_id

    async def _lead_on(self, edition: Edition, before: Edition | None) -> None:
        """Have the next list go where the latest other one stands, else into a fresh playlist.

        That may be another playlist than this one's, and its person may have removed it meanwhile.
        """
        account = self.store.people.required(edition.user_id)
        if edition.mode is not Mode.LIVING or account.playlist_id != edition.playlist_id:
            return
        latest = latest_besides(self.store, edition)
        shown = None if before is None else before.edition_id
        if latest is not None and latest.edition_id != shown:
            latest = latest if await self._is_still_theirs(latest, account) else before
        self.store.people.change(
            edition.user_id,
            playlist_id=None if latest is None else latest.playlist_id,
            playlist_url=None if latest is None else latest.playlist_url,
        )

    async def _is_still_theirs(self, other: Edition, account: Account) -> bool:
        """Whether the playlist of that list is the present Spotify account's, and still there.

        What cannot be asked is not believed: the next list gets a playlist of its own.
        """
        consented_at = believed(account.consented_at, now=self.store.editions.now())
        if consented_at is not None and other.created_at < consented_at:
            return False
        try:
            return await is_kept(self.spotify, self._playlist_of(other), sleep=self.sleep)
        except ServiceError as error:
            log.warning("could not ask whether a playlist is still kept: %s", error)
            return False


def before_it(store: AccountStore, edition: Edition) -> Edition | None:
    """The list that stands in the same playlist without this one; a day's own playlist has none."""
    if edition.mode is Mode.DAILY:
        return None
    return latest_besides(store, edition, playlist_id=edition.playlist_id)


def latest_besides(
    store: AccountStore, edition: Edition, *, playlist_id: str | None = None
) -> Edition | None:
    """The latest other list of the person's that stands in a living playlist, or in this one."""
    return next(
        (
            other
            for other in store.editions.standing(edition.user_id)
            if other.edition_id != edition.edition_id
            and other.mode is Mode.LIVING
            and other.is_written
            and playlist_id in {None, other.playlist_id}
        ),
        None,
    )


def _uris_of(edition: Edition | None) -> list[str]:
    return [] if edition is None else [track.uri for track in edition.tracks]


def _address(playlist_id: str) -> str:
    return f"spotify:playlist:{playlist_id}"
