"""Errors in words: the ledger notes why, the run says so, and whoever slept is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.records import Account, Cause, Edition
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import (
    AuthorizationExpired,
    NotAllowlisted,
    OwnerNotPremium,
    RateLimited,
    ServiceError,
    ServiceUnavailable,
)
from vibe_pipeline.warehouse import WarehouseError


class Refused(Exception):
    """We stop here on purpose; ``cause`` says why."""

    def __init__(self, cause: Cause, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An error as the ledger keeps it and the run tells it."""

    cause: Cause
    sentence: str
    until: datetime | None = None


_REFUSALS = {
    Cause.NOT_CONNECTED: "The person has not connected Spotify yet: they write /connect.",
    Cause.CONSENT_EXPIRED: "The person's consent to Spotify has ended: they write /connect again.",
    Cause.NOTHING_TO_CHOOSE: (
        "No source had a single track to offer, and there are no likes to fall back on."
    ),
}


def refusal(cause: Cause) -> Refused:
    """A refusal in its own words."""
    return Refused(cause, _REFUSALS[cause])


def trouble(error: Exception) -> Trouble:
    """What an error means for the list that was being made."""
    known = isinstance(error, Refused | ServiceError | WarehouseError | AccountsUnreadable)
    sentence = str(error) if known else f"{type(error).__name__} in a step"
    until = error.until if isinstance(error, RateLimited) else None
    return Trouble(cause=_cause(error), sentence=sentence, until=until)


def _cause(error: Exception) -> Cause:
    if isinstance(error, Refused):
        return error.cause
    if isinstance(error, RateLimited):
        return Cause.QUOTA if error.quota else Cause.RATE_LIMITED
    return next((cause for kind, cause in _CAUSES if isinstance(error, kind)), Cause.UNEXPECTED)


_CAUSES: tuple[tuple[type[ServiceError], Cause], ...] = (
    (AuthorizationExpired, Cause.CONSENT_EXPIRED),
    (NotAllowlisted, Cause.NOT_ALLOWLISTED),
    (OwnerNotPremium, Cause.OWNER_NOT_PREMIUM),
    (ServiceUnavailable, Cause.SERVICE_UNAVAILABLE),
)


@contextmanager
def explained(
    context: dg.AssetExecutionContext,
    store: AccountStore,
    account: Account,
    edition: Edition | None,
    *,
    nightly: bool,
) -> Iterator[None]:
    """Note an error in the ledger, tell the person who slept, and fail the step in words."""
    try:
        yield
    except (Refused, ServiceError, WarehouseError, AccountsUnreadable) as error:
        told = trouble(error)
        _note(store, account, edition, told, nightly=nightly)
        raise dg.Failure(
            told.sentence, metadata=_shown(told), allow_retries=told.cause in _PASSING
        ) from error
    except Exception as error:
        _note(store, account, edition, trouble(error), nightly=nightly)
        raise


_PASSING = frozenset({Cause.SERVICE_UNAVAILABLE})


def _note(
    store: AccountStore,
    account: Account,
    edition: Edition | None,
    told: Trouble,
    *,
    nightly: bool,
) -> None:
    if edition is None:
        return
    store.editions.fail(edition.edition_id, told.cause, until=told.until, detail=told.sentence)
    if nightly:
        tell_failure(store, account, edition, told.cause, until=told.until)


def tell_failure(
    store: AccountStore,
    account: Account,
    edition: Edition,
    cause: Cause,
    *,
    until: datetime | None = None,
) -> bool:
    """Have the person told why the night brought no list; once per edition and cause."""
    params = {"date": edition.vibe_date.isoformat(), "until": until.isoformat() if until else None}
    return store.outbox.put(
        account.user_id,
        f"bot.failed.{cause}",
        params,
        dedupe_key=f"failed:{edition.edition_id}:{cause}",
    )


def _shown(told: Trouble) -> dict[str, str]:
    shown = {"cause": str(told.cause)}
    if told.until is not None:
        shown["not before"] = told.until.isoformat()
    return shown
