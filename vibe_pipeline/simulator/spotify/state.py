"""What Spotify remembers: accounts with libraries and playlists, and who was granted what."""

from __future__ import annotations

import base64
import hashlib
import itertools
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vibe_pipeline.simulator.people import PersonUnknown
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.catalogue import Listener, Track

_COUNTS_LAG = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file on somebody's own disk, which Spotify lists without an id."""

    artist: str
    title: str
    seconds: int

    @property
    def uri(self) -> str:
        """Spotify writes the name of a local file into its URI."""
        artist, title = self.artist.replace(" ", "+"), self.title.replace(" ", "+")
        return f"spotify:local:{artist}::{title}:{self.seconds}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Something in a library or on a playlist: a track, a local file, or what is left of one."""

    track: Track | None
    local: LocalFile | None = None
    added_at: datetime

    @property
    def uri(self) -> str | None:
        """The URI it is written with, ``None`` for what vanished without a trace."""
        if self.track is not None:
            return self.track.uri
        return None if self.local is None else self.local.uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A track somebody heard, and from which playlist, if from any."""

    track: Track
    played_at: datetime
    playlist_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Playlist:
    """A playlist and its whole content; ``snapshots`` counts the writes."""

    id: str
    owner: str
    name: str
    description: str | None
    collaborative: bool
    created_at: datetime
    snapshot_id: str = ""
    items: list[Saved] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    writes: int = 0
    counted_before: int = 0
    written_at: datetime | None = None

    def counted(self, now: datetime) -> int:
        """How many entries lists say it has: for some seconds after a write, the old count."""
        if self.written_at is not None and now - self.written_at < _COUNTS_LAG:
            return self.counted_before
        return len(self.items)

    def write(self, items: list[Saved], now: datetime) -> str:
        """Give it this content; the new snapshot's id."""
        self.counted_before, self.written_at = len(self.items), now
        self.items = items
        self.writes += 1
        digest = hashlib.sha256(f"{self.id} {self.writes}".encode()).digest()
        self.snapshot_id = base64.b64encode(self.writes.to_bytes(4, "big") + digest[:20]).decode()
        return self.snapshot_id


@dataclass(slots=True, kw_only=True)
class Account:
    """One Spotify account, both lists newest first."""

    listener: Listener
    name: str
    account_id: str
    saved: list[Saved]
    played: list[Played]
    playlists: list[Playlist] = field(default_factory=list)
    saved_albums: list[str] = field(default_factory=list)
    followed_artists: list[str] = field(default_factory=list)
    other_things: list[str] = field(default_factory=list)

    def heard(self, now: datetime) -> list[Played]:
        """Plays up to now, newest first; a real listener's later ones are still to come."""
        return [play for play in self.played if play.played_at <= now]


@dataclass(slots=True, kw_only=True)
class Grant:
    """What one listener allowed the app, from their consent on."""

    listener_id: str
    scopes: frozenset[str]
    consented_at: datetime
    refresh_token: str
    with_pkce: bool
    ended: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An authorization code that waits to be exchanged."""

    listener_id: str
    scopes: frozenset[str]
    redirect_uri: str
    challenge: str | None
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A bearer token and until when it is good."""

    grant: Grant
    expires_at: datetime


class SpotifyAccounts:
    """All accounts, grants and tokens of the simulated Spotify."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._accounts: dict[str, Account] = {}
        self.codes: dict[str, Code] = {}
        self.grants: dict[str, Grant] = {}
        self.tokens: dict[str, AccessToken] = {}
        self.allowlist: list[str] = []
        self.dismissed: set[str] = set()
        self.playlists: dict[str, Playlist] = {}
        self._numbers = itertools.count()

    def account(self, listener_id: str) -> Account:
        """A listener's account; their library is made when first looked at."""
        made = self._accounts.get(listener_id)
        if made is None:
            made = self._accounts[listener_id] = self._make(listener_id)
        return made

    def _make(self, listener_id: str) -> Account:
        simulation = self._simulation
        for listener in simulation.world.listeners:
            if listener.id == listener_id:
                break
        else:
            raise PersonUnknown(f"this world has no listener {listener_id}")
        wanted = simulation.rules.likes_per_person or None
        library = simulation.world.library(listener, simulation.clock.now(), likes=wanted)
        person = simulation.people.listening_as(listener_id)
        return Account(
            listener=listener,
            name=listener.name if person is None else person.name,
            account_id=simulation.world.ids.spotify("account", listener.number),
            saved=_with_oddities(
                [Saved(track=track, added_at=added_at) for track, added_at in library.likes]
            ),
            played=[Played(track=track, played_at=at) for track, at in library.plays],
        )

    def admit(self, listener_id: str) -> bool:
        """Put a listener on the app's allowlist while there is room; whether they are on it."""
        if listener_id in self.allowlist:
            return True
        if listener_id in self.dismissed:
            return False
        if len(self.allowlist) >= self._simulation.rules.allowlist_limit:
            return False
        self.allowlist.append(listener_id)
        return True

    def dismiss(self, listener_id: str) -> None:
        """Take a listener off the allowlist; a new consent does not bring them back."""
        self.dismissed.add(listener_id)
        if listener_id in self.allowlist:
            self.allowlist.remove(listener_id)

    def create_playlist(
        self, account: Account, *, name: str, description: str | None, collaborative: bool
    ) -> Playlist:
        """A new, empty playlist, first in its owner's list."""
        number = next(self._numbers)
        playlist = Playlist(
            id=self._simulation.world.ids.spotify("own playlist", number, account.listener.id),
            owner=account.listener.id,
            name=name,
            description=description,
            collaborative=collaborative,
            created_at=self._simulation.clock.now(),
        )
        playlist.write([], self._simulation.clock.now())
        self.playlists[playlist.id] = playlist
        account.playlists.insert(0, playlist)
        return playlist

    def consent(
        self, listener_id: str, scopes: frozenset[str], redirect_uri: str, challenge: str | None
    ) -> str:
        """A code for somebody who agreed."""
        self.admit(listener_id)
        code = secrets.token_urlsafe(48)
        self.codes[code] = Code(
            listener_id=listener_id,
            scopes=scopes,
            redirect_uri=redirect_uri,
            challenge=challenge,
            made_at=self._simulation.clock.now(),
        )
        return code

    def grant(self, listener_id: str, scopes: frozenset[str], *, with_pkce: bool = False) -> Grant:
        """A new grant, as of now."""
        grant = Grant(
            listener_id=listener_id,
            scopes=scopes,
            consented_at=self._simulation.clock.now(),
            refresh_token=f"AQ{secrets.token_urlsafe(72)}",
            with_pkce=with_pkce,
        )
        self.grants[grant.refresh_token] = grant
        return grant

    def rotate(self, grant: Grant) -> Grant:
        """The same consent under a new refresh token; the old one is spent."""
        del self.grants[grant.refresh_token]
        grant.refresh_token = f"AQ{secrets.token_urlsafe(72)}"
        self.grants[grant.refresh_token] = grant
        return grant

    def access_token(self, grant: Grant) -> str:
        """A fresh bearer token under a grant."""
        token = f"BQ{secrets.token_urlsafe(96)}"
        seconds = self._simulation.rules.access_token_seconds
        self.tokens[token] = AccessToken(
            grant=grant, expires_at=self._simulation.clock.now() + timedelta(seconds=seconds)
        )
        return token

    def grant_of_token(self, token: str) -> Grant | None:
        """The grant behind a bearer token that is still good."""
        found = self.tokens.get(token)
        if found is None or found.expires_at <= self._simulation.clock.now():
            return None
        return found.grant

    def listener_of_token(self, token: str) -> str | None:
        """Whose token this is or was, for the request log."""
        found = self.tokens.get(token)
        return None if found is None else found.grant.listener_id

    def end_grants(self, listener_id: str, why: str) -> int:
        """Revoke or expire what a listener granted; access tokens go with it. How many ended."""
        ended = 0
        for grant in self.grants.values():
            if grant.listener_id == listener_id and grant.ended is None:
                grant.ended = why
                ended += 1
        self.expire_access(listener_id)
        return ended

    def expire_access(self, listener_id: str) -> int:
        """Let a listener's access tokens run out now; the grants stay. How many ended."""
        mine = [
            token for token, found in self.tokens.items() if found.grant.listener_id == listener_id
        ]
        now = self._simulation.clock.now()
        for token in mine:
            self.tokens[token] = AccessToken(grant=self.tokens[token].grant, expires_at=now)
        return len(mine)


def _with_oddities(saved: list[Saved]) -> list[Saved]:
    """Every long library holds a file from somebody's disk and the ghost of a track."""
    if len(saved) < 40:
        return saved
    local = LocalFile(artist="A Friend's Band", title="Rehearsal Tape", seconds=251)
    ghost = Saved(track=None, added_at=saved[30].added_at)
    file = Saved(track=None, local=local, added_at=saved[12].added_at)
    return [*saved[:12], file, *saved[12:30], ghost, *saved[30:]]
