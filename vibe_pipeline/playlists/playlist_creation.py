"""Making a playlist once: the answer may be lost, so what it will say of itself is noted first.

Telling ours among a person's playlists is ``own_playlists``'; writing to it is ``publish``'s.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionFacts,
    EditionState,
    PlaylistAttempt,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import (
    BrokenAnswer,
    PassinglyRefused,
    ServiceError,
    ServiceUnavailable,
    UnexpectedResponse,
)
from vibe_pipeline.clients.rate_limiter import Sleep
from vibe_pipeline.clients.spotify import LOOKED_THROUGH
from vibe_pipeline.clients.spotify_records import Playlist
from vibe_pipeline.nightly import local_date
from vibe_pipeline.playlists import ledger_step
from vibe_pipeline.playlists.missing_playlist import SECOND_LOOK_SECONDS
from vibe_pipeline.playlists.own_playlists import (
    LEDGER_LOOKED_THROUGH,
    CreationAttempts,
    OwnerClient,
    PlaylistOwner,
    marker,
)
from vibe_pipeline.playlists.wording import Wording, plain_wording, summary_of, wording
from vibe_pipeline.records import Mode
from vibe_pipeline.runs import nightly_occasion

log = logging.getLogger(__name__)

DOUBT_FOR = timedelta(seconds=30)
"""So long after an attempt a playlist is looked for once more before another is made."""
_PASSING_REFUSALS = 6
"""So often a playlist is asked for, looking each time whether it was made."""
_NEWEST = 50
"""So many playlists are looked through for one just made."""


class CreatingClient(OwnerClient, Protocol):
    """The part of Spotify this room asks."""

    async def create_playlist(self, name: str, *, description: str, public: bool) -> Playlist: ...
    def my_playlists(self, *, most: int) -> AsyncIterator[Playlist]: ...
    async def remove_from_library(self, uris: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistCreation:
    """Finds the playlist that an attempt made unheard, or makes it.

    ``public`` is passed on, and Spotify may ignore it. ``restored_at``: a backup took the place of
    the stores then, so that who was known before may have a playlist that the account store knows
    nothing of.
    """

    store: AccountStore
    spotify: CreatingClient
    public: bool
    sleep: Sleep
    restored_at: datetime | None

    async def playlist_for(self, edition: Edition, account: Account) -> Playlist:
        """The playlist of this edition, which has none yet as far as the ledger knows.

        One call, more where there may be one already. Raises ``ServiceError``, with the attempt
        noted in the ledger, and ``PublicationLost``.
        """
        attempts = self._attempts(edition)
        if attempts or self._forgotten(account, edition):
            ours_already = await self.made_unheard(edition, account)
            if ours_already is None and (rest := self._in_doubt_for(attempts)):
                await self.sleep(rest)
                ours_already = await self._among_theirs(edition, account, most=_NEWEST)
            if ours_already is not None:
                return ours_already
        return await self._create(edition, account, attempt=_next_attempt(edition, attempts))

    def _in_doubt_for(self, attempts: Sequence[Edition]) -> float:
        """How many seconds the latest attempt may still be on its way into Spotify's lists."""
        now = self.store.editions.now()
        doubted = (one.attempted_at for one in attempts if one.attempted_at is not None)
        latest = max(doubted, default=now - DOUBT_FOR)
        return max(timedelta(), min(latest + DOUBT_FOR - now, DOUBT_FOR)).total_seconds()

    async def _create(
        self, edition: Edition, account: Account, *, attempt: PlaylistAttempt
    ) -> Playlist:
        """The new playlist, also when only Spotify's answer about it, or its words, went wrong.

        Plainer words are tried only once it is seen that the first ones made none: they take the
        place of what was noted, and with it the only way back to what those may have made.
        """
        for words in (
            wording(account, edition, summary_of(edition)),
            plain_wording(account, edition),
        ):
            self._note_attempt(edition, words, attempt)
            made = await self._made_or_doubted(edition, account, words)
            if isinstance(made, Playlist):
                return made
            if isinstance(made, ServiceUnavailable):
                raise made
            doubt = made
            log.warning("a playlist is to have plainer words: %s", doubt)
        raise doubt

    async def _made_or_doubted(
        self, edition: Edition, account: Account, words: Wording
    ) -> Playlist | ServiceError:
        """The new playlist, heard of or found; else what came in its place.

        Asked for again after a passing refusal, for it is seen by then that none was made.
        """
        for _ in range(_PASSING_REFUSALS):
            try:
                return await self._made_now(words)
            except (ServiceUnavailable, UnexpectedResponse) as error:
                doubt: ServiceError = error
            if (found := await self._looked_for(edition, account, most=_NEWEST)) is not None:
                return found
            if not isinstance(doubt, PassinglyRefused):
                break
        return doubt

    async def _made_now(self, words: Wording) -> Playlist:
        """The new playlist; one that the ledger knows already is none, whatever the answer says."""
        made = await self.spotify.create_playlist(
            words.title, description=words.description, public=self.public
        )
        if self.store.editions.led_to(made.id):
            sentence = "POST /me/playlists named a playlist that was there before"
            raise BrokenAnswer("spotify", sentence, may_have_happened=True)
        return made

    def _attempts(self, edition: Edition) -> list[Edition]:
        """The lists for which this playlist may have been made already without our knowing."""
        own = [edition] if edition.attempt_noted else []
        if edition.mode is not Mode.LIVING:
            return own
        sign, history = marker(edition), self.store.editions.history(edition.user_id)
        others = (one for one in history if one.edition_id != edition.edition_id)
        chosen = (one for one in others if one.state is EditionState.CHOSEN)
        return own + [one for one in chosen if one.attempt_noted and one.marker == sign]

    async def made_unheard(self, edition: Edition, account: Account) -> Playlist | None:
        """The playlist that an attempt made and nobody heard of, by what it says of itself.

        It may lie behind others by now, which its person made since.
        """
        return await self._looked_for(edition, account, most=LOOKED_THROUGH)

    async def remove_left_behind(self, edition: Edition) -> bool:
        """Take what an earlier attempt made, and nobody filled, out of its person's library.

        False while there is nothing of the kind to be seen.
        """
        attempts = self._noted(edition, lost=False, owner=None)
        newest, person = self.spotify.my_playlists(most=_NEWEST), PlaylistOwner(self.spotify)
        empty = [one async for one in newest if attempts.left_behind(one)]
        left = [one for one in empty if await person.owns(one)]
        if left:
            await self.spotify.remove_from_library([f"spotify:playlist:{one.id}" for one in left])
        return bool(left)

    async def _looked_for(
        self, edition: Edition, account: Account, *, most: int
    ) -> Playlist | None:
        """The playlist among theirs; looked for twice, as a list of them may lag behind.

        Only with one just made, which is among the newest then.
        """
        found = await self._among_theirs(edition, account, most=most)
        if found is None:
            await self.sleep(SECOND_LOOK_SECONDS)
            found = await self._among_theirs(edition, account, most=_NEWEST)
        return found

    async def _among_theirs(
        self, edition: Edition, account: Account, *, most: int
    ) -> Playlist | None:
        lost = self._forgotten(account, edition)
        person = PlaylistOwner(self.spotify)
        owner = await person.user_id() if lost else None
        attempts = self._noted(edition, lost=lost, owner=owner)
        async for playlist in self.spotify.my_playlists(most=most):
            if attempts.made(playlist) and await person.owns(playlist):
                return playlist
        return None

    def _noted(self, edition: Edition, *, lost: bool, owner: str | None) -> CreationAttempts:
        history = self.store.editions.history(edition.user_id, limit=LEDGER_LOOKED_THROUGH)
        return CreationAttempts.noted(edition, history, lost=lost, owner=owner)

    def _forgotten(self, account: Account, edition: Edition) -> bool:
        """Whether its playlist may have been made after the backup that we go on from.

        A living one, or the night's of a day that had begun when the backup was restored. A list
        that is asked for in daily mode is another one, whatever was made before.
        """
        if self.restored_at is None or account.created_at > self.restored_at:
            return False
        if edition.mode is Mode.LIVING:
            return account.playlist_id is None
        night = edition.occasion == nightly_occasion(edition.vibe_date)
        return night and edition.vibe_date <= local_date(account, self.restored_at)

    def _note_attempt(self, edition: Edition, words: Wording, attempt: PlaylistAttempt) -> None:
        noted: EditionFacts = {
            "marker": marker(edition),
            "attempt": attempt,
            "attempted_at": self.store.editions.now(),
            "title": words.title,
            "description": words.description,
        }
        ledger_step.advance(self.store, edition, EditionState.CHOSEN, **noted)


def _next_attempt(edition: Edition, attempts: Sequence[Edition]) -> PlaylistAttempt:
    """What comes after these, none of whose playlists was found."""
    first = edition.attempt is PlaylistAttempt.FIRST
    return PlaylistAttempt.ANOTHER if first and attempts else edition.attempt
