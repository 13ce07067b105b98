"""Putting a cover on a playlist: for those who want one, once a day, and never at a list's cost.

What is on it is ``playlists.cover``'s. Whether a person wants covers, and agreed to them on
Spotify, is the account store's.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vibe_pipeline.accounts.records import Account, Edition, EditionState, Summary
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.spotify_accounts import COVER_SCOPE
from vibe_pipeline.nightly import local_date
from vibe_pipeline.playlists.cover import Cover, drawn, legible
from vibe_pipeline.playlists.title import flavour_words, mood_of_edition, season_of

log = logging.getLogger(__name__)

LONGEST_SECONDS = 12.0
"""A run waits no longer than this for a picture."""


class CoverClient(Protocol):
    """The part of Spotify this room asks."""

    async def upload_cover(self, playlist_id: str, jpeg: bytes) -> None: ...


def cover_of(account: Account, edition: Edition) -> Cover:
    """What the cover of an edition shows: the name a person fixed, or what the list sounds like.

    A name of emoji alone, or in letters that we have no font for, gives way too.
    """
    summary = edition.summary
    words = legible(account.own_title or "") or (
        flavour_words(account, edition, summary) if summary is not None else edition.title or ""
    )
    return Cover(
        words=words,
        day=edition.vibe_date,
        language=account.language,
        mood=None if summary is None else _colouring(account, edition, summary),
        seed=edition.edition_id,
    )


def _colouring(account: Account, edition: Edition, summary: Summary) -> str:
    return mood_of_edition(account, edition, summary) or season_of(account, edition)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverUpload:
    """One more call after a list is in its playlist."""

    store: AccountStore
    spotify: CoverClient
    now: datetime

    async def upload(self, edition: Edition) -> bool:
        """Whether the playlist has a new cover now; it raises nothing.

        The day counts as done before the call, so that a refusal is not repeated that day.
        """
        account = self.store.people.get(edition.user_id)
        if account is None or edition.playlist_id is None or not self._due(account, edition):
            return False
        self.store.people.change(edition.user_id, covered_on=local_date(account, self.now))
        return await self._uploaded(account, edition)

    async def change_back(self, edition: Edition) -> bool:
        """Whether the playlist bears this list's cover again, in the place of a later one's.

        It is not the day's one: a list that is made later today still gets its own, if that is due.
        """
        account = self.store.people.get(edition.user_id)
        if account is None or account.covered_on is None or not self._wanted(account, edition):
            return False
        return await self._uploaded(account, edition)

    async def _uploaded(self, account: Account, edition: Edition) -> bool:
        if edition.playlist_id is None:
            return False
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                picture = await asyncio.to_thread(drawn, cover_of(account, edition))
                await self.spotify.upload_cover(edition.playlist_id, picture)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the list is there
            log.warning("a playlist keeps its former cover: %s", error)
            return False
        return True

    def _due(self, account: Account, edition: Edition) -> bool:
        if account.covered_on == local_date(account, self.now):
            return False
        return self._wanted(account, edition)

    def _wanted(self, account: Account, edition: Edition) -> bool:
        if not account.covers or edition.state is not EditionState.RECORDED:
            return False
        tokens = self.store.tokens.get(account.user_id)
        return tokens is not None and COVER_SCOPE in tokens.scopes
