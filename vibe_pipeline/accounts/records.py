"""What the account store keeps, as records: accounts, tokens, editions, messages, feedback.

Nothing here talks to anybody. Every moment is aware and in UTC; no secret is part of a ``repr``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import NamedTuple, TypedDict
from zoneinfo import ZoneInfo

from vibe_pipeline.records import (
    ChosenTrack,
    EditionId,
    Mode,
    Source,
    UserId,
    known_zone,
    zone_or_utc,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """How a person's settings stand until they change them."""

    timezone: str = "UTC"
    nightly_at: time | None = time(6, 0)
    playlist_size: int = 30
    min_new_ratio: float = 0.8
    adventure: int = 40
    mode: Mode = Mode.LIVING


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One listener: their chat, their settings, their link to Spotify.

    ``active`` is false while the person has blocked the bot. ``connected``: we hold tokens for
    them; a consent that ended leaves the name of the Spotify account behind, tokens gone.
    """

    user_id: UserId
    chat_id: int
    telegram_name: str
    language: str
    timezone: str
    nightly_at: time | None
    playlist_size: int
    min_new_ratio: float
    adventure: int
    mode: Mode
    active: bool
    created_at: datetime
    connected: bool = False
    spotify_account_id: str | None = None
    spotify_name: str | None = None
    market: str | None = None
    consented_at: datetime | None = None
    consent_ends_at: datetime | None = None
    playlist_id: str | None = None
    playlist_url: str | None = None
    likes_cached: int | None = None
    likes_total: int | None = None
    """How many likes Spotify counts, while a long library is still being read; ``None`` once it
    was read to its end."""
    likes_synced_at: datetime | None = None
    sources_off: frozenset[Source] = frozenset()
    own_title: str | None = None
    """The playlist's name, where the person fixed one."""
    covers: bool = False
    covered_on: date | None = None
    """The day of the person's last list that a cover was tried for."""
    leaves_out_explicit: bool = False
    """Whether the person wants no track that Spotify marks as explicit."""
    nightly_set_at: datetime | None = None
    """When ``nightly_at`` was last changed; ``None`` while it is as it was at first."""

    @property
    def zone(self) -> ZoneInfo:
        """The person's own clock; UTC while their zone is none that this machine knows."""
        return zone_or_utc(self.timezone)

    @property
    def zone_known(self) -> bool:
        """Whether the clock is theirs; otherwise they are to be asked."""
        return known_zone(self.timezone) is not None


class AccountChanges(TypedDict, total=False):
    """What ``People.change`` may set."""

    telegram_name: str
    language: str
    timezone: str
    nightly_at: time | None
    playlist_size: int
    min_new_ratio: float
    adventure: int
    mode: Mode
    active: bool
    spotify_name: str | None
    market: str | None
    playlist_id: str | None
    playlist_url: str | None
    likes_cached: int | None
    likes_total: int | None
    likes_synced_at: datetime | None
    sources_off: frozenset[Source]
    own_title: str | None
    covers: bool
    covered_on: date | None
    leaves_out_explicit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A person's Spotify tokens; ``consented_at`` is when they themselves last agreed.

    ``former_refresh_token``: the one that was replaced, while the new one has renewed nothing yet.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: datetime
    scopes: frozenset[str]
    consented_at: datetime
    former_refresh_token: str | None = field(default=None, repr=False)


class StateKind(StrEnum):
    """What a one-time state is good for; one kind never stands in for another."""

    LINK = "link"
    """The link the bot sends: opening it leads to Spotify's consent page."""
    CONSENT = "consent"
    """What Spotify hands back with the code."""
    EXCHANGED = "exchanged"
    """The same once it was handed back: gone when its person parts before we have their tokens."""
    CONFIRM = "confirm"
    """The answer on the page that names both accounts."""
    CONFIRMED = "confirmed"
    """The same once it was given: what came of it can be told again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthState:
    """A state that was just used up: whose it was, and the PKCE verifier kept with it."""

    user_id: UserId
    kind: StateKind
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingConnection:
    """A Spotify account waiting for its person to confirm it."""

    user_id: UserId
    spotify_account_id: str
    spotify_name: str | None
    market: str | None
    tokens: Tokens


class EditionKind(StrEnum):
    """Whether an edition is written to Spotify or only shown."""

    DAILY = "daily"
    PREVIEW = "preview"


class EditionState(StrEnum):
    """How far an edition has come; it only ever moves forward, one step at a time."""

    STARTED = "started"
    CHOSEN = "chosen"
    PLAYLIST_MADE = "playlist_made"
    ITEMS_WRITTEN = "items_written"
    RECORDED = "recorded"


WRITTEN = frozenset({EditionState.ITEMS_WRITTEN, EditionState.RECORDED})
"""Where an edition's tracks stand, or stood, in a playlist."""


class FailureCause(StrEnum):
    """Why an edition did not come about; each has its sentence in the catalogues."""

    CONSENT_EXPIRED = "consent_expired"
    NOT_ALLOWLISTED = "not_allowlisted"
    OWNER_NOT_PREMIUM = "owner_not_premium"
    RATE_LIMITED = "rate_limited"
    QUOTA = "quota"
    SERVICE_UNAVAILABLE = "service_unavailable"
    NOTHING_TO_CHOOSE = "nothing_to_choose"
    EVERYTHING_LEFT_OUT = "everything_left_out"
    TRACKS_GONE = "tracks_gone"
    PLAYLIST_GONE = "playlist_gone"
    NOT_CONNECTED = "not_connected"
    STORE_BUSY = "store_busy"
    STORE_FULL = "store_full"
    STORE_DAMAGED = "store_damaged"
    KEY_LOST = "key_lost"
    SCOPES_MISSING = "scopes_missing"
    GRANT_REFUSED = "grant_refused"
    WRITING_REFUSED = "writing_refused"
    NOT_UNDERSTOOD = "not_understood"
    LISTENING_CLOSED = "listening_closed"
    REDIRECTED = "redirected"
    APP_REFUSED = "app_refused"
    PLAYLIST_MISSING = "playlist_missing"
    OVERTAKEN = "overtaken"
    CANCELED = "canceled"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSummary:
    """What became of one source in an edition."""

    source: str
    state: str
    reason: str | None = None
    offered: int = 0
    chosen: int = 0


STALE_NOTE = "stale_"
"""How a note begins that a part of the library is as it was before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The honest counts of an edition: ``sources`` maps a source to the tracks chosen from it.

    ``styles`` and ``moods``: what the list sounds like (``ranking.flavour``), strongest first.
    ``loved_in``: for seeds that years long past speak for, by name as tracks bear it, the year.
    ``wished``: how many tracks it was to have, where it has fewer; lists of before do not know it.
    """

    new: int
    familiar: int
    wished_new: int
    sources: Mapping[str, int] = field(default_factory=dict)
    pools: tuple[PoolSummary, ...] = ()
    notes: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    moods: tuple[str, ...] = ()
    loved_in: Mapping[str, int] = field(default_factory=dict)
    wished: int | None = None


class PlaylistAttempt(StrEnum):
    """Which playlist of an edition an attempt is to make.

    ``ANOTHER``: the one before was not found, and may be there after all. ``REPLACEMENT``: the one
    other that it gets in the place of one that is gone.
    """

    FIRST = "first"
    ANOTHER = "another"
    REPLACEMENT = "replacement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One making of a list for one person, as the publication ledger knows it.

    ``cause`` is set while the edition stands failed; the next step forward clears it.
    ``detail`` is a sentence for the operator and holds no secret. ``undone_at``: the person took
    it back. ``restored_at``: it was put back into the playlist, after later ones. ``marker``,
    ``attempt`` and ``attempted_at``: what the making of its playlist was last noted under.
    """

    edition_id: EditionId
    user_id: UserId
    vibe_date: date
    occasion: str
    kind: EditionKind
    mode: Mode
    state: EditionState
    created_at: datetime
    updated_at: datetime
    title: str | None = None
    description: str | None = None
    tracks: tuple[ChosenTrack, ...] = ()
    summary: Summary | None = None
    playlist_id: str | None = None
    playlist_url: str | None = None
    snapshot_id: str | None = None
    marker: str | None = None
    attempt: PlaylistAttempt = PlaylistAttempt.FIRST
    attempted_at: datetime | None = None
    cause: FailureCause | None = None
    cause_until: datetime | None = None
    detail: str | None = None
    undone_at: datetime | None = None
    restored_at: datetime | None = None

    @property
    def stands_since(self) -> datetime:
        """When it last became the list to listen to."""
        return self.restored_at or self.created_at

    @property
    def is_written(self) -> bool:
        """Whether its tracks were written to a playlist."""
        return self.state in WRITTEN

    @property
    def attempt_noted(self) -> bool:
        """Whether it notes what a playlist made for it says: Spotify may hold one."""
        return self.marker is not None and self.title is not None


class EditionFacts(TypedDict, total=False):
    """What may be written down together with a step forward."""

    kind: EditionKind
    mode: Mode
    title: str | None
    description: str | None
    tracks: tuple[ChosenTrack, ...]
    summary: Summary | None
    playlist_id: str | None
    playlist_url: str | None
    snapshot_id: str | None
    marker: str | None
    attempt: PlaylistAttempt
    attempted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """Something this app may not call before ``until``; found closed so many times in a row."""

    name: str
    until: datetime
    reason: str
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceBlock:
    """A service that must not be asked anything before ``until``."""

    service: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """A message in a chat that follows a run."""

    run_id: str
    user_id: UserId
    chat_id: int
    message_id: int
    job: str
    done: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLaunch:
    """A run somebody asked for, from the moment it was written down until it is followed.

    ``message_id`` is the message that answers it, once there is one. ``attempts`` counts the
    launches that came to nothing. ``postponed_until``: it was asked for while Spotify rested, and
    is begun when that ends: at ``begun_at``, once its turn has come. ``tries`` counts the runs of
    it that met such a rest before.
    """

    request_id: str
    user_id: UserId
    message_id: int | None
    job: str
    tags: Mapping[str, str]
    asked_at: datetime
    not_before: datetime
    attempts: int
    done: bool
    postponed_until: datetime | None = None
    begun_at: datetime | None = None
    tries: int = 0

    @property
    def wanted_at(self) -> datetime:
        """When it was or is to be begun: at once, or when Spotify's rest ends."""
        return self.begun_at or self.postponed_until or self.asked_at

    @property
    def rests(self) -> bool:
        """Whether it was postponed, and its turn has not come: nothing was begun of it."""
        return self.postponed_until is not None and self.begun_at is None and not self.done

    def came_before(self, other: PendingLaunch) -> bool:
        """Whether it was asked for first, and so is served first."""
        return (self.asked_at, self.request_id) < (other.asked_at, other.request_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEntry:
    """What somebody sent us, as it came, still to be handled."""

    key: str
    payload: str = field(repr=False)
    attempts: int


class BlockKind(StrEnum):
    """What is never to be offered again."""

    ARTIST = "artist"
    TRACK = "track"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """An artist or track somebody does not want; ``key`` as in ``ranking.identity``."""

    kind: BlockKind
    key: str
    name: str
    created_at: datetime


class ExclusionKind(StrEnum):
    """What may be left out when a person's taste is read."""

    ARTIST = "artist"
    HOURS = "hours"
    DATES = "dates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Listening that says nothing about taste.

    ``key`` is an artist's key, hours such as ``22:00-07:00`` on the person's clock, or dates such
    as ``2026-11-01..2026-11-14``; see ``hygiene``.
    """

    kind: ExclusionKind
    key: str
    name: str
    created_at: datetime


class WishKind(StrEnum):
    """Which way a person steers their lists."""

    MORE = "more"
    LESS = "less"
    MOOD = "mood"


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeringWish:
    """What a person asks their lists for: ``key`` names a style, a mood or a tag.

    As in ``style:shoegaze``, ``mood:calm``, ``tag:zeuhl``. ``name`` is what they wrote;
    ``only_on``: for the lists of that day alone.
    """

    kind: WishKind
    key: str
    name: str
    only_on: date | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """A message of ours that asks for what ``command`` lacks.

    ``answered``: words that follow are no answer any more, unless they reply to it.
    """

    chat_id: int
    message_id: int
    command: str
    asked_at: datetime
    answered: bool


class HistoryService(StrEnum):
    """Whom people tell in public what they play."""

    LASTFM = "lastfm"
    LISTENBRAINZ = "listenbrainz"


class HistoryTrouble(StrEnum):
    """Why a history could not be read; each has its sentence under ``bot.history_from``."""

    UNKNOWN = "unknown"
    """The service knows nobody of this name."""
    HIDDEN = "hidden"
    """They show their listening to nobody."""
    NOT_SET_UP = "not_set_up"
    """The operator gave no key or contact for the service."""
    AWAY = "away"
    """The service does not answer, or asks for patience."""


class UnreadStretch(NamedTuple):
    """A time whose plays are still to be read; without ``since`` from the very beginning on."""

    since: datetime | None
    until: datetime


class CountedBefore(NamedTuple):
    """How many plays of before a moment a service counted."""

    total: int
    moment: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySource:
    """A name under which somebody's plays stand in public, and how far they were read.

    ``unread`` are the gaps, latest first. ``plays`` counts what was read, ``total`` what the
    service counted: all when it was named, later those that were played before
    ``counted_before``. ``read_at`` is when an answer last came, ``tried_at`` when one was last
    asked for. ``leaving``: not read any more, and what was read is to count no more.
    """

    service: HistoryService
    name: str
    added_at: datetime
    unread: tuple[UnreadStretch, ...]
    plays: int = 0
    total: int | None = None
    counted_before: datetime | None = None
    read_at: datetime | None = None
    tried_at: datetime | None = None
    trouble: HistoryTrouble | None = None
    leaving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenArtist:
    """An artist somebody named to start from; ``key`` as in ``ranking.identity``."""

    key: str
    name: str
    spotify_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumb:
    """A thumb up (+1) or down (-1) for one recording."""

    key: str
    value: int
    artist_key: str
    artist: str
    title: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """One recording an edition was chosen among: ``fate`` says what became of it.

    ``fate`` is ``chosen`` or a reason of ``records.Dropped``; ``rank`` and ``position`` count from
    1. What spoke for and against it are names of terms of its score, the weightiest first.
    """

    artist: str
    title: str
    fate: str
    rank: int
    is_new: bool
    position: int | None = None
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsideredList:
    """Everything one edition was chosen among, best first."""

    edition_id: EditionId
    vibe_date: date
    items: tuple[Considered, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOutcome:
    """What became of a source's tracks in all of a person's lists."""

    source: str
    chosen: int
    liked: int
    replayed: int


class ErasureKind(StrEnum):
    """What is to be erased: the whole person, or what came from their Spotify account."""

    PERSON = "person"
    SPOTIFY = "spotify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """A promise to erase, kept until its receipt is delivered; then it is erased itself.

    ``counts`` are the rows erased so far, by store and table; ``swept_at`` is when the pipeline's
    stores were found empty.
    """

    receipt: str
    user_id: UserId
    kind: ErasureKind
    chat_id: int
    language: str
    counts: Mapping[str, int]
    asked_at: datetime
    swept_at: datetime | None = None
