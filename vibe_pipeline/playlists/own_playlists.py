"""Telling a playlist of ours among a person's newest, when nobody heard that it was made.

By the words that were noted before the attempt. Making and writing playlists is ``publish``'s.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import product
from typing import Protocol, Self

from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.clients.spotify_records import Playlist, SpotifyProfile
from vibe_pipeline.locales import LANGUAGES, day, say
from vibe_pipeline.records import Mode

LEDGER_LOOKED_THROUGH = 300
"""So many of a person's latest editions say which playlists are known."""


def marker(edition: Edition) -> str:
    """A short sign that an attempt to make this playlist was noted under.

    Per person when living, else per edition. Playlists made by former releases bear it in their
    description; those made now are told by all their words (``CreationAttempts``).
    """
    owner = edition.user_id if edition.mode is Mode.LIVING else edition.edition_id
    return "vibe-" + hashlib.sha256(f"{edition.mode}:{owner}".encode()).hexdigest()[:10]


class OwnerClient(Protocol):
    """The part of Spotify that says who somebody is."""

    async def me(self) -> SpotifyProfile: ...


class PlaylistOwner:
    """The person themself: a library holds playlists of others too, which may say the same words.

    Friends who follow each other's lists mostly have as many new tracks of the same day.
    """

    def __init__(self, spotify: OwnerClient) -> None:
        self._spotify = spotify
        self._profile: SpotifyProfile | None = None

    async def user_id(self) -> str | None:
        """How Spotify names them as an owner, where it tells; asked once."""
        self._profile = self._profile or await self._spotify.me()
        return self._profile.user_id

    async def owns(self, playlist: Playlist) -> bool:
        """Whether it is theirs; where nobody is named, it may be."""
        if playlist.owner_id is None:
            return True
        return playlist.owner_id == (await self.user_id() or playlist.owner_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationAttempts:
    """What tells a playlist that we made without hearing of it, among the person's newest.

    Its description is word for word what was noted before the attempt, and no list of the ledger
    is in it; that it is the person's own, ``PlaylistOwner`` tells. Its name does not count: a
    person may have another playlist of that name.
    ``lost``: what was noted may be gone with the stores, so that a playlist of this ``owner``'s
    which says what only ours say counts as well: of any day, or of ``of_day`` alone where each list
    has a playlist of its own.
    """

    sign: str
    descriptions: frozenset[str]
    known: frozenset[str]
    lost: bool = False
    owner: str | None = None
    of_day: date | None = None

    @classmethod
    def noted(
        cls, edition: Edition, history: Iterable[Edition], *, lost: bool, owner: str | None
    ) -> Self:
        """The attempts noted under the sign of this one among the person's latest editions."""
        sign, editions = marker(edition), list(history)
        theirs = (one for one in editions if one.marker == sign)
        noted = (one.description for one in theirs if one.description)
        return cls(
            sign=sign,
            of_day=None if edition.mode is Mode.LIVING else edition.vibe_date,
            descriptions=frozenset(map(_read, noted)),
            known=frozenset(one.playlist_id for one in editions if one.playlist_id),
            lost=lost,
            owner=owner,
        )

    def made(self, playlist: Playlist) -> bool:
        """Whether this playlist came of one of the attempts."""
        description = playlist.description or ""
        if self.sign in description:
            return True
        if playlist.id in self.known:
            return False
        theirs = self.lost and playlist.owner_id in {None, self.owner}
        said = _read(description)
        return said in self.descriptions or (theirs and _says_what_ours_say(said, self.of_day))

    def left_behind(self, playlist: Playlist) -> bool:
        """Whether it came of an attempt, and neither holds anything nor is known to the ledger."""
        return playlist.total == 0 and playlist.id not in self.known and self.made(playlist)


def _says_what_ours_say(description: str, of_day: date | None) -> bool:
    """Whether these are the words of a list of ours, of that day or any, in any language."""
    return any(form.fullmatch(description) for form in _forms(of_day))


@cache
def _forms(of_day: date | None) -> tuple[re.Pattern[str], ...]:
    forms = []
    for language, key in product(LANGUAGES, ("description", "description_stale")):
        named = ".{1,60}" if of_day is None else re.escape(_read(day(language, of_day)))
        blanks = {"date": named, "new": r"\d+", "familiar": r"\d+"}
        words = say(language, f"playlist.{key}", **{name: f"_{name}_" for name in blanks})
        form = re.escape(_read(words))
        for name, pattern in blanks.items():
            form = form.replace(f"_{name}_", pattern)
        forms.append(re.compile(form))
    return tuple(forms)


def _read(description: str) -> str:
    """A description as a reader sees it: Spotify gives it back escaped, once or twice."""
    return " ".join(html.unescape(html.unescape(description)).split()).casefold()
