"""Errors in words: the ledger notes why, the run says so, and whoever slept is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.messages import NightFailed
from vibe_pipeline.accounts.records import Account, Edition, FailureCause
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


class ListRefused(Exception):
    """We stop here on purpose; ``cause`` says why."""

    def __init__(self, cause: FailureCause, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause
        self.sentence = sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error as the ledger keeps it and the run tells it."""

    cause: FailureCause
    sentence: str
    until: datetime | None = None


_REFUSALS = {
    FailureCause.NOT_CONNECTED: "The person has not connected Spotify yet: they write /connect.",
    FailureCause.CONSENT_EXPIRED: (
        "The person's consent to Spotify has ended: they write /connect again."
    ),
    FailureCause.NOTHING_TO_CHOOSE: (
        "No source had a single track to offer, and there are no likes to fall back on."
    ),
}


def refusal(cause: FailureCause) -> ListRefused:
    """A refusal in its own words."""
    return ListRefused(cause, _REFUSALS[cause])


def failure_of(error: Exception) -> Failure:
    """What an error means for the list that was being made."""
    known = isinstance(error, ListRefused | ServiceError | WarehouseError | AccountsUnreadable)
    sentence = str(error) if known else f"{type(error).__name__} in a step"
    until = error.until if isinstance(error, RateLimited) else None
    return Failure(cause=_cause(error), sentence=sentence, until=until)


def _cause(error: Exception) -> FailureCause:
    if isinstance(error, ListRefused):
        return error.cause
    if isinstance(error, RateLimited):
        return FailureCause.QUOTA if error.quota else FailureCause.RATE_LIMITED
    return next(
        (cause for kind, cause in _CAUSES if isinstance(error, kind)), FailureCause.UNEXPECTED
    )


_CAUSES: tuple[tuple[type[ServiceError], FailureCause], ...] = (
    (AuthorizationExpired, FailureCause.CONSENT_EXPIRED),
    (NotAllowlisted, FailureCause.NOT_ALLOWLISTED),
    (OwnerNotPremium, FailureCause.OWNER_NOT_PREMIUM),
    (ServiceUnavailable, FailureCause.SERVICE_UNAVAILABLE),
)


@contextmanager
def failures_recorded(
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
    except (ListRefused, ServiceError, WarehouseError, AccountsUnreadable) as error:
        told = failure_of(error)
        _note(store, account, edition, told, nightly=nightly)
        raise dg.Failure(
            told.sentence, metadata=_shown(told), allow_retries=told.cause in _PASSING
        ) from error
    except Exception as error:
        _note(store, account, edition, failure_of(error), nightly=nightly)
        raise


_PASSING = frozenset({FailureCause.SERVICE_UNAVAILABLE})


def _note(
    store: AccountStore,
    account: Account,
    edition: Edition | None,
    told: Failure,
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
    cause: FailureCause,
    *,
    until: datetime | None = None,
) -> bool:
    """Have the person told why the night brought no list; once per edition and cause."""
    return store.outbox.put(account.user_id, NightFailed.of(edition, cause, until=until))


def _shown(told: Failure) -> dict[str, str]:
    shown = {"cause": str(told.cause)}
    if told.until is not None:
        shown["not before"] = told.until.isoformat()
    return shown
