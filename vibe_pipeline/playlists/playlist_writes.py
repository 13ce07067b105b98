"""Writing lists and words to one playlist, answers held against its snapshots (version ids) so far.

Which tracks are written is ``publish``'s and ``restore``'s to say; finding out which of them are
to blame for a refusal is ``refused_tracks``'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, Self

from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import BrokenAnswer, NotThere, WriteRefused
from vibe_pipeline.playlists.read_back import LinesClient
from vibe_pipeline.playlists.wording import Wording

WRITTEN_UNHEARD = "unheard"
"""What the ledger has for the snapshot of a list that was written though nobody heard of it."""


class ItemsClient(LinesClient, Protocol):
    """The part of Spotify that fills playlists, and shows what is in them."""

    async def replace_items(
        self, playlist_id: str, uris: Sequence[str], *, former: Collection[str] = ()
    ) -> str: ...


class WordsClient(Protocol):
    """The part of Spotify that changes what playlists say."""

    async def change_details(
        self, playlist_id: str, *, name: str | None = None, description: str | None = None
    ) -> None: ...


class PlaylistWrites:
    """One playlist, and what it held under each snapshot that we know of.

    Each write yields another snapshot: an answer that names one of a different content was given
    by somebody who wrote nothing, unless the playlist shows what was written. ``snapshot`` is of
    the last write made here. ``surely_there``: the playlist was seen, so that "no such thing" is
    said of what was to be written.
    """

    def __init__(
        self, spotify: ItemsClient, playlist_id: str, lists: Iterable[Edition] = ()
    ) -> None:
        self.snapshot: str | None = None
        self.surely_there = False
        self.playlist_id = playlist_id
        self._spotify = spotify
        self._held = {
            edition.snapshot_id: [track.uri for track in edition.tracks]
            for edition in lists
            if edition.snapshot_id is not None
        }

    @classmethod
    def beside(
        cls, store: AccountStore, spotify: ItemsClient, playlist_id: str, edition: Edition
    ) -> Self:
        """Writes of this edition to a playlist, with what the ledger knows of the others' there."""
        written = store.editions.written_to(edition.user_id, playlist_id)
        others = (one for one in written if one.edition_id != edition.edition_id)
        return cls(spotify, playlist_id, others)

    async def write(self, uris: Sequence[str]) -> str:
        """Make these the playlist's items; gives the snapshot.

        Raises ``WriteRefused`` when one of them does not exist.
        """
        held = list(uris)
        former = frozenset(snapshot for snapshot, then in self._held.items() if then != held)
        try:
            snapshot = await self._spotify.replace_items(self.playlist_id, uris, former=former)
        except BrokenAnswer:
            if not await self._shows(held):
                raise
            snapshot = WRITTEN_UNHEARD
        except NotThere as error:
            if not self.surely_there:
                raise
            raise WriteRefused(error.service, error.sentence) from error
        self._held[snapshot] = held
        self.snapshot = snapshot
        return snapshot

    async def _shows(self, uris: Sequence[str]) -> bool:
        """Whether just these stand there, whatever was said of their writing."""
        lines = await self._spotify.playlist_lines(self.playlist_id, written=len(uris))
        return [line.track and line.track.uri for line in lines] == list(uris)


async def say_on(spotify: WordsClient, edition: Edition, words: Wording) -> None:
    """Have the playlist of this list say these words. Raises ``ServiceError``."""
    await spotify.change_details(
        playlist_of(edition), name=words.title, description=words.description
    )


def playlist_of(edition: Edition) -> str:
    """The playlist of an edition that has one, by the ledger."""
    if edition.playlist_id is None:
        raise ValueError("the ledger says the playlist is made and does not name it")
    return edition.playlist_id


def standing_beside(store: AccountStore, edition: Edition) -> Edition | None:
    """The other list that stands in its playlist, as far as the ledger knows."""
    if edition.playlist_id is None:
        return None
    standing = store.editions.standing(edition.user_id)
    others = (one for one in standing if one.edition_id != edition.edition_id)
    return next((one for one in others if one.playlist_id == edition.playlist_id), None)
