"""What the outbox carries to people: one record per kind of message, in the database as JSON.

A record says which sentence of the catalogues it is, what that sentence is filled with, and what
makes two of its kind the same message. Words, buttons and clocks of the person belong to the bot;
claiming and delivering (the transactional outbox itself) to ``outbox``.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, get_args

from vibe_pipeline.accounts.readable_rows import UNREADABLE
from vibe_pipeline.accounts.records import Edition, FailureCause
from vibe_pipeline.records import EditionId, UserId

_FIRST = datetime.datetime.min.replace(tzinfo=datetime.UTC) + datetime.timedelta(days=1)
_LAST = datetime.datetime.max.replace(tzinfo=datetime.UTC) - datetime.timedelta(days=1)

Params = Mapping[str, Any]
"""A message's blanks as the database holds them: JSON, moments and dates in ISO 8601."""


class MessageUnreadable(Exception):
    """A row of the outbox is of no kind known here, or does not hold what its kind needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connected:
    """A Spotify account was linked."""

    key: ClassVar[str] = "bot.connected"

    spotify_name: str
    dedupe_key: str

    @classmethod
    def after_consent(
        cls, user_id: UserId, *, spotify_name: str, consented_at: datetime.datetime
    ) -> Self:
        """Told once per consent."""
        return cls(
            spotify_name=spotify_name,
            dedupe_key=f"connected:{user_id}:{consented_at.isoformat()}",
        )

    def params(self) -> Params:
        """The blanks, as they are stored."""
        return {"spotify_name": self.spotify_name}

    @classmethod
    def from_params(cls, params: Params, dedupe_key: str) -> Self:
        """Rows of 0.1.0 have the name under ``spotify``."""
        name = params["spotify_name" if "spotify_name" in params else "spotify"]
        return cls(spotify_name=str(name), dedupe_key=dedupe_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class _AboutAList:
    """A sentence without blanks that one list follows; told once per edition."""

    key: ClassVar[str]

    edition_id: EditionId
    dedupe_key: str

    @classmethod
    def of(cls, edition_id: EditionId) -> Self:
        """Told once per edition."""
        name = cls.key.removeprefix("bot.")
        return cls(edition_id=edition_id, dedupe_key=f"{name}:{edition_id}")

    @classmethod
    def of_run(cls, edition_id: EditionId, run_id: str) -> Self:
        """Of a list that stood in its playlist before; told once per run that changed that."""
        once = cls.of(edition_id)
        return cls(edition_id=edition_id, dedupe_key=f"{once.dedupe_key}:{run_id}")

    def params(self) -> Params:
        """Which list is told of, as it is stored."""
        return {"edition_id": self.edition_id}

    @classmethod
    def from_params(cls, params: Params, dedupe_key: str) -> Self:
        """Rows of 0.1.0 also have the list's title, address and counts, which nobody reads."""
        return cls(edition_id=EditionId(str(params["edition_id"])), dedupe_key=dedupe_key)


class NightReady(_AboutAList):
    """The night's list is on Spotify."""

    __slots__ = ()
    key: ClassVar[str] = "bot.night_ready"


class ReadyAfterAll(_AboutAList):
    """A list that was given up in the chat was finished all the same."""

    __slots__ = ()
    key: ClassVar[str] = "bot.ready_after_all"


class ListGivenUp(_AboutAList):
    """A list that was asked for never came about, and is tried no more."""

    __slots__ = ()
    key: ClassVar[str] = "bot.list_given_up"


class MadeByOperator(_AboutAList):
    """Whoever runs the installation had a list made that its person did not ask for."""

    __slots__ = ()
    key: ClassVar[str] = "bot.made_by_operator"


class ChangedBackByOperator(_AboutAList):
    """Whoever runs the installation put an earlier list in place; which, unasked by its person."""

    __slots__ = ()
    key: ClassVar[str] = "bot.changed_back_by_operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class NightFailed:
    """A night brought no list; ``until`` is its next try, ``None`` when there is none by itself."""

    prefix: ClassVar[str] = "bot.failed."

    cause: FailureCause
    day: datetime.date
    until: datetime.datetime | None
    dedupe_key: str

    @classmethod
    def of(
        cls, edition: Edition, cause: FailureCause, *, until: datetime.datetime | None = None
    ) -> Self:
        """Told once per edition and cause while it goes on, and once when it is given up.

        Who read of a next try is not to wait for another.
        """
        key = f"{cls.told_of(edition)}{cause}"
        return cls(
            cause=cause,
            day=edition.vibe_date,
            until=until,
            dedupe_key=f"{key}:last" if until is None else key,
        )

    @staticmethod
    def told_of(edition: Edition) -> str:
        """How the keys begin of all that told of this edition's failures."""
        return f"failed:{edition.edition_id}:"

    @staticmethod
    def told_before(user_id: UserId, occasion: str) -> str:
        """How the keys begin of all that told that this night could not begin."""
        return f"paused:{user_id}:{occasion}"

    def tells_of(self, edition: Edition) -> bool:
        """Whether it is this edition's night that failed."""
        before = self.told_before(edition.user_id, edition.occasion)
        return self.dedupe_key.startswith((self.told_of(edition), before))

    def again(self, times: int) -> Self:
        """The same, to be told beside what was told so often: its next try is another."""
        return self if not times else replace(self, dedupe_key=f"{self.dedupe_key}:{times}")

    @property
    def of_its_night(self) -> str:
        """How the keys begin of all that told the same or another failure of this night."""
        first, _, times = self.dedupe_key.rpartition(":")
        first = first if times.isdigit() else self.dedupe_key
        return first.removesuffix(f"{self.cause}")

    @classmethod
    def before_it_began(
        cls,
        user_id: UserId,
        occasion: str,
        cause: FailureCause,
        *,
        day: datetime.date,
        until: datetime.datetime,
    ) -> Self:
        """Told once per night that nothing was begun in; there is no edition to name."""
        return cls(cause=cause, day=day, until=until, dedupe_key=cls.told_before(user_id, occasion))

    @property
    def key(self) -> str:
        """The sentence of the cause."""
        return f"{self.prefix}{self.cause}"

    def params(self) -> Params:
        """The day and the end, as they are stored; the cause is in the key."""
        until = None if self.until is None else self.until.isoformat()
        return {"date": self.day.isoformat(), "until": until}

    @classmethod
    def from_params(cls, cause: str, params: Params, dedupe_key: str) -> Self:
        """``ValueError`` for a cause that is none."""
        until = params["until"]
        return cls(
            cause=FailureCause(cause),
            day=datetime.date.fromisoformat(params["date"]),
            until=None if until is None else _aware(until),
            dedupe_key=dedupe_key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NightLate:
    """A night's list was not begun long after its hour, and nobody said why."""

    key: ClassVar[str] = "bot.night_late"

    day: datetime.date
    occasion: str
    dedupe_key: str

    @classmethod
    def of(cls, user_id: UserId, occasion: str, day: datetime.date) -> Self:
        """Told once per night; put right, as any word that it failed, once its list is there."""
        once = f"{NightFailed.told_before(user_id, occasion)}:late"
        return cls(day=day, occasion=occasion, dedupe_key=once)

    def params(self) -> Params:
        """Which night it is, as it is stored."""
        return {"date": self.day.isoformat(), "occasion": self.occasion}

    @classmethod
    def from_params(cls, params: Params, dedupe_key: str) -> Self:
        """As ``params`` gave it."""
        return cls(
            day=datetime.date.fromisoformat(params["date"]),
            occasion=str(params["occasion"]),
            dedupe_key=dedupe_key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEnds:
    """Spotify ends the person's consent in ``count`` days, on ``date`` by their own calendar."""

    key: ClassVar[str] = "bot.consent_ends"

    count: int
    date: datetime.date
    dedupe_key: str

    @classmethod
    def in_days(
        cls,
        user_id: UserId,
        *,
        count: int,
        ends_at: datetime.datetime,
        zone: datetime.tzinfo,
        reminder: int,
    ) -> Self:
        """Told once per consent and ``reminder``, the days before its end that this one is for."""
        return cls(
            count=count,
            date=ends_at.astimezone(zone).date(),
            dedupe_key=f"consent_ends:{user_id}:{ends_at.isoformat()}:{reminder}",
        )

    def params(self) -> Params:
        """The blanks, as they are stored."""
        return {"count": self.count, "date": self.date.isoformat()}

    @classmethod
    def from_params(cls, params: Params, dedupe_key: str) -> Self:
        """As ``params`` gave it."""
        return cls(
            count=int(params["count"]),
            date=datetime.date.fromisoformat(params["date"]),
            dedupe_key=dedupe_key,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEnded:
    """Spotify takes the person's consent of ``consented_at`` no longer."""

    key: ClassVar[str] = "bot.connect.expired"

    consented_at: datetime.datetime
    dedupe_key: str

    @classmethod
    def of(cls, user_id: UserId, consented_at: datetime.datetime) -> Self:
        """Told once per consent."""
        return cls(
            consented_at=consented_at,
            dedupe_key=f"consent_ended:{user_id}:{consented_at.isoformat()}",
        )

    def params(self) -> Params:
        """The moment, as it is stored."""
        return {"consented_at": self.consented_at.isoformat()}

    @classmethod
    def from_params(cls, params: Params, dedupe_key: str) -> Self:
        """As ``params`` gave it."""
        return cls(consented_at=_aware(params["consented_at"]), dedupe_key=dedupe_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneUnknown:
    """The person's time zone is none known here: UTC counts until they name another."""

    key: ClassVar[str] = "bot.zone_unknown"

    zone: str
    dedupe_key: str

    @classmethod
    def of(cls, user_id: UserId, zone: str) -> Self:
        """Asked once per name."""
        return cls(zone=zone, dedupe_key=f"zone_unknown:{user_id}:{zone}")

    def params(self) -> Params:
        """The name, as it is stored."""
        return {"zone": self.zone}

    @classmethod
    def from_params(cls, params: Params, dedupe_key: str) -> Self:
        """As ``params`` gave it."""
        return cls(zone=str(params["zone"]), dedupe_key=dedupe_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneQuestion:
    """Where somebody is who never said so."""

    key: ClassVar[str] = "bot.zone_question"

    dedupe_key: str

    @classmethod
    def of(cls, user_id: UserId) -> Self:
        """Asked once."""
        return cls(dedupe_key=f"zone_question:{user_id}")

    def params(self) -> Params:
        """Nothing to fill in."""
        return {}

    @classmethod
    def from_params(cls, _params: Params, dedupe_key: str) -> Self:
        """As ``params`` gave it."""
        return cls(dedupe_key=dedupe_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaylistLetGo:
    """The person removed the living playlist from their library: the next list is a new one."""

    key: ClassVar[str] = "bot.playlist_let_go"

    dedupe_key: str

    @classmethod
    def of(cls, playlist_id: str) -> Self:
        """Told once per playlist."""
        return cls(dedupe_key=f"playlist_let_go:{playlist_id}")

    def params(self) -> Params:
        """Nothing to fill in."""
        return {}

    @classmethod
    def from_params(cls, _params: Params, dedupe_key: str) -> Self:
        """As ``params`` gave it."""
        return cls(dedupe_key=dedupe_key)


_OneSentence = (
    Connected
    | NightReady
    | ReadyAfterAll
    | ListGivenUp
    | MadeByOperator
    | NightLate
    | ChangedBackByOperator
    | ConsentEnds
    | ConsentEnded
    | ZoneUnknown
    | ZoneQuestion
    | PlaylistLetGo
)
Message = _OneSentence | NightFailed
_OF_ONE_SENTENCE: tuple[type[_OneSentence], ...] = get_args(_OneSentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxMessage:
    """A row of the outbox, claimed for sending."""

    id: int
    user_id: UserId
    chat_id: int
    language: str
    key: str
    params: Params
    dedupe_key: str
    attempts: int
    created_at: datetime.datetime
    sent_as: int | None = None
    """What the chat calls it, where it is there and only its doubles were not looked for yet."""

    def content(self) -> Message:
        """What is to be told.

        Raises: ``MessageUnreadable``; read only when it is this row's turn, so that a row nobody
        can say does not hold up the others.
        """
        try:
            return _read(self.key, self.params, self.dedupe_key)
        except UNREADABLE as error:
            raise MessageUnreadable(self.key) from error


def _read(key: str, params: Params, dedupe_key: str) -> Message:
    for kind in _OF_ONE_SENTENCE:
        if key == kind.key:
            return kind.from_params(params, dedupe_key)
    if key.startswith(NightFailed.prefix):
        cause = key.removeprefix(NightFailed.prefix)
        return NightFailed.from_params(cause, params, dedupe_key)
    raise MessageUnreadable(key)


def _aware(text: str) -> datetime.datetime:
    moment = datetime.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without its zone")
    if not _FIRST < moment < _LAST:
        raise ValueError("a moment that some clocks have no date for")
    return moment
