"""What an error means for the list that was being made: its cause, a sentence, when to try again.

Nothing is noted or told here: the ledger and the messages are written by whoever caught it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from vibe_pipeline.accounts.errors import (
    AccountsBusy,
    AccountsNotADatabase,
    AccountsNotPermitted,
    AccountsNotSetUp,
    AccountsTooNew,
    AccountsUnreachable,
    AccountsUnreadable,
    SecretKeyInvalid,
    SecretKeyWrong,
)
from vibe_pipeline.accounts.records import Account, Edition, FailureCause
from vibe_pipeline.clients.errors import (
    AllowanceSpent,
    AuthorizationExpired,
    CapabilityAbsent,
    GrantDoubted,
    KeyRefused,
    NotAllowlisted,
    NotThere,
    OwnerNotPremium,
    PermissionMissing,
    RateLimited,
    Redirected,
    ServiceError,
    ServiceUnavailable,
    UnexpectedResponse,
    WriteRefused,
)
from vibe_pipeline.warehouse import (
    NotAWarehouse,
    WarehouseError,
    WarehouseFolderMissing,
    WarehouseFull,
    WarehouseLocked,
    WarehouseNewerThanUs,
    WarehouseReadOnly,
    WarehouseUnreachable,
)


class ListRefused(Exception):
    """We stop here on purpose; ``cause`` says why."""

    def __init__(self, cause: FailureCause, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause
        self.sentence = sentence


class PlaylistMissing(ServiceUnavailable):
    """The playlist that people have is not there, which mostly passes: believed when it is missing
    ``until`` then.
    """

    def __init__(self, *, until: datetime) -> None:
        super().__init__("spotify", "the playlist is not there at the moment")
        self.until = until

    @staticmethod
    def noted(edition: Edition) -> datetime | None:
        """Until when it is to be missing, where that is what the edition stands failed for."""
        missing = edition.cause is FailureCause.PLAYLIST_MISSING
        return edition.cause_until if missing else None


_WITH_AN_END = (RateLimited, PlaylistMissing, AllowanceSpent)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFailure:
    """An error as the ledger keeps it and the run tells it.

    ``service`` and ``endpoint``: whose answer it was, where it was one.
    """

    cause: FailureCause
    sentence: str
    until: datetime | None = None
    service: str | None = None
    endpoint: str | None = None


_REFUSALS = {
    FailureCause.NOT_CONNECTED: "The person has not connected Spotify yet: they write /connect.",
    FailureCause.CONSENT_EXPIRED: (
        "The person's consent to Spotify has ended: they write /connect again."
    ),
    FailureCause.NOTHING_TO_CHOOSE: (
        "No source had a single track to offer, and there are no likes to fall back on."
    ),
    FailureCause.EVERYTHING_LEFT_OUT: (
        "There was music to choose from, and all of it is left out: blocked, explicit where the"
        " person wants none of that, or not on Spotify any more."
    ),
    FailureCause.TRACKS_GONE: (
        "Spotify has none of the tracks any more of the list that was to be put in place."
    ),
    FailureCause.PLAYLIST_GONE: (
        "Spotify has no longer the playlist of the list that was to be put in place."
    ),
    FailureCause.OVERTAKEN: (
        "A later list takes the place of this one, which is not written any more."
    ),
}


def refusal(cause: FailureCause) -> ListRefused:
    """A refusal in its own words."""
    return ListRefused(cause, _REFUSALS[cause])


def nothing_to_choose(*, left_out: bool) -> ListRefused:
    """The refusal of an empty list: there was nothing, or it was ``left_out`` altogether."""
    left, nothing = FailureCause.EVERYTHING_LEFT_OUT, FailureCause.NOTHING_TO_CHOOSE
    return refusal(left if left_out else nothing)


def not_connected(account: Account) -> ListRefused:
    """The refusal for somebody without a consent: it has ended, or was never given."""
    ended = account.spotify_account_id is not None
    return refusal(FailureCause.CONSENT_EXPIRED if ended else FailureCause.NOT_CONNECTED)


def failure_of(error: Exception) -> ListFailure:
    """What an error means for the list that was being made."""
    known = isinstance(error, ListRefused | ServiceError | WarehouseError | AccountsUnreadable)
    sentence = str(error) if known else f"{type(error).__name__} in a step"
    answered = error if isinstance(error, ServiceError) else None
    return ListFailure(
        cause=_cause(error),
        sentence=sentence,
        until=error.until if isinstance(error, _WITH_AN_END) else None,
        service=None if answered is None else answered.service,
        endpoint=None if answered is None else answered.endpoint,
    )


def _cause(error: Exception) -> FailureCause:
    if isinstance(error, ListRefused):
        return error.cause
    if isinstance(error, RateLimited):
        return FailureCause.QUOTA if error.quota else FailureCause.RATE_LIMITED
    if isinstance(error, CapabilityAbsent | NotThere):
        return _closed(error.capability if isinstance(error, CapabilityAbsent) else error.endpoint)
    return next(
        (cause for kind, cause in _CAUSES if isinstance(error, kind)), FailureCause.UNEXPECTED
    )


def _closed(endpoint: str | None) -> FailureCause:
    """What a shut endpoint means for a list: nothing can be read, or nothing written.

    Playlists are looked at in order to write them.
    """
    writes = endpoint is not None and ("/playlists" in endpoint or not endpoint.startswith("GET"))
    return FailureCause.WRITING_REFUSED if writes else FailureCause.LISTENING_CLOSED


_CAUSES: tuple[tuple[type[Exception], FailureCause], ...] = (
    (GrantDoubted, FailureCause.GRANT_REFUSED),
    (AuthorizationExpired, FailureCause.CONSENT_EXPIRED),
    (PermissionMissing, FailureCause.SCOPES_MISSING),
    (KeyRefused, FailureCause.APP_REFUSED),
    (NotAllowlisted, FailureCause.NOT_ALLOWLISTED),
    (OwnerNotPremium, FailureCause.OWNER_NOT_PREMIUM),
    (Redirected, FailureCause.REDIRECTED),
    (WriteRefused, FailureCause.WRITING_REFUSED),
    (UnexpectedResponse, FailureCause.NOT_UNDERSTOOD),
    (PlaylistMissing, FailureCause.PLAYLIST_MISSING),
    (AllowanceSpent, FailureCause.QUOTA),
    (ServiceUnavailable, FailureCause.SERVICE_UNAVAILABLE),
    (WarehouseLocked, FailureCause.STORE_BUSY),
    (WarehouseUnreachable, FailureCause.STORE_BUSY),
    (AccountsBusy, FailureCause.STORE_BUSY),
    (WarehouseFull, FailureCause.STORE_FULL),
    (WarehouseReadOnly, FailureCause.STORE_FULL),
    (WarehouseFolderMissing, FailureCause.STORE_FULL),
    (AccountsNotPermitted, FailureCause.STORE_FULL),
    (AccountsUnreachable, FailureCause.STORE_FULL),
    (NotAWarehouse, FailureCause.STORE_DAMAGED),
    (WarehouseNewerThanUs, FailureCause.STORE_DAMAGED),
    (AccountsNotADatabase, FailureCause.STORE_DAMAGED),
    (AccountsNotSetUp, FailureCause.STORE_DAMAGED),
    (AccountsTooNew, FailureCause.STORE_DAMAGED),
    (SecretKeyWrong, FailureCause.KEY_LOST),
    (SecretKeyInvalid, FailureCause.KEY_LOST),
)
