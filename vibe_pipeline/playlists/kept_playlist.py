"""Whether the living playlist is still in its person's library: "deleting" one only unfollows it.

Spotify goes on taking writes into an unfollowed list, which nobody sees. Looked at once a week
while nobody waits; what was removed on purpose is not brought back, the next list is a new one.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from vibe_pipeline.accounts.messages import PlaylistLetGo
from vibe_pipeline.accounts.records import Account
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.clients.rate_limiter import Sleep
from vibe_pipeline.clients.spotify import LOOKED_THROUGH
from vibe_pipeline.clients.spotify_records import Playlist
from vibe_pipeline.nightly import local_date
from vibe_pipeline.playlists.missing_playlist import SECOND_LOOK_SECONDS
from vibe_pipeline.records import Mode

log = logging.getLogger(__name__)

EVERY_DAYS = 7


class SavedPlaylistsClient(Protocol):
    """The part of Spotify this room asks."""

    async def library_contains(self, uris: Sequence[str]) -> dict[str, bool]: ...
    def my_playlists(self, *, most: int) -> AsyncIterator[Playlist]: ...


def is_due(account: Account, now: datetime) -> bool:
    """Whether this is the person's day of the week to look; people have different ones."""
    if account.mode is not Mode.LIVING or account.playlist_id is None:
        return False
    own_day = zlib.crc32(account.user_id.encode()) % EVERY_DAYS
    return local_date(account, now).toordinal() % EVERY_DAYS == own_day


async def let_go_if_removed(
    store: AccountStore,
    spotify: SavedPlaylistsClient,
    account: Account,
    *,
    sleep: Sleep = asyncio.sleep,
) -> bool:
    """Forget a playlist that its person removed, and have the bot say so; says whether it did.

    What Spotify does not answer changes nothing.
    """
    playlist_id = account.playlist_id
    if playlist_id is None:
        return False
    try:
        if await is_kept(spotify, playlist_id, sleep=sleep):
            return False
    except ServiceError as error:
        log.warning("could not ask whether a playlist is still kept: %s", error)
        return False
    store.people.let_go_of(account.user_id, playlist_id, tell=PlaylistLetGo.of(playlist_id))
    return True


async def is_kept(spotify: SavedPlaylistsClient, playlist_id: str, *, sleep: Sleep) -> bool:
    """Whether the person has this playlist.

    One call, and when it says no another, and a look at the person's playlists themselves.
    """
    if await _kept(spotify, playlist_id):
        return True
    await sleep(SECOND_LOOK_SECONDS)
    return await _kept(spotify, playlist_id) or await _listed(spotify, playlist_id)


async def _kept(spotify: SavedPlaylistsClient, playlist_id: str) -> bool:
    address = f"spotify:playlist:{playlist_id}"
    return (await spotify.library_contains([address]))[address]


async def _listed(spotify: SavedPlaylistsClient, playlist_id: str) -> bool:
    """Whether it is among the person's, whatever the library says of it."""
    async for playlist in spotify.my_playlists(most=LOOKED_THROUGH):
        if playlist.id == playlist_id:
            return True
    return False
