"""What an error means for a list: each that somebody can act on has its own cause."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.accounts_site import connected, made
from vibe_pipeline.accounts.errors import AccountsBusy, SecretKeyWrong
from vibe_pipeline.accounts.records import FailureCause
from vibe_pipeline.clients.errors import (
    AllowanceSpent,
    AuthorizationExpired,
    BrokenAnswer,
    CapabilityAbsent,
    GrantDoubted,
    KeyRefused,
    NotAllowlisted,
    NotThere,
    OwnerNotPremium,
    PermissionMissing,
    RateLimited,
    Redirected,
    ServiceUnavailable,
    UnexpectedResponse,
    WriteRefused,
)
from vibe_pipeline.playlists.failures import failure_of, not_connected, refusal
from vibe_pipeline.warehouse import (
    NotAWarehouse,
    WarehouseFull,
    WarehouseLocked,
    WarehouseReadOnly,
)

FILE = Path("w.duckdb")
LATER = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (AuthorizationExpired("spotify", "x"), FailureCause.CONSENT_EXPIRED),
        (NotAllowlisted("spotify", "x"), FailureCause.NOT_ALLOWLISTED),
        (OwnerNotPremium("spotify", "x"), FailureCause.OWNER_NOT_PREMIUM),
        (ServiceUnavailable("spotify", "x"), FailureCause.SERVICE_UNAVAILABLE),
        (RateLimited("spotify", "x", until=LATER, quota=True), FailureCause.QUOTA),
        (RateLimited("spotify", "x", until=LATER, quota=False), FailureCause.RATE_LIMITED),
        (UnexpectedResponse("spotify", "x"), FailureCause.NOT_UNDERSTOOD),
        (BrokenAnswer("spotify", "x"), FailureCause.SERVICE_UNAVAILABLE),
        (Redirected("spotify", "x"), FailureCause.REDIRECTED),
        (WriteRefused("spotify", "x"), FailureCause.WRITING_REFUSED),
        (GrantDoubted("spotify", "x"), FailureCause.GRANT_REFUSED),
        (PermissionMissing("spotify", "x"), FailureCause.SCOPES_MISSING),
        (KeyRefused("spotify", "x"), FailureCause.APP_REFUSED),
        (
            CapabilityAbsent("spotify", "x", capability="PUT /playlists/{id}/items"),
            FailureCause.WRITING_REFUSED,
        ),
        (
            NotThere("spotify", "x", endpoint="POST /me/playlists"),
            FailureCause.WRITING_REFUSED,
        ),
        (
            NotThere("spotify", "x", endpoint="GET /me/playlists"),
            FailureCause.WRITING_REFUSED,
        ),
        (
            NotThere("spotify", "x", endpoint="GET /me/tracks"),
            FailureCause.LISTENING_CLOSED,
        ),
        (refusal(FailureCause.NOTHING_TO_CHOOSE), FailureCause.NOTHING_TO_CHOOSE),
        (KeyError("secret"), FailureCause.UNEXPECTED),
        (WarehouseLocked(FILE, "x"), FailureCause.STORE_BUSY),
        (AccountsBusy("x"), FailureCause.STORE_BUSY),
        (WarehouseFull(FILE, "x"), FailureCause.STORE_FULL),
        (WarehouseReadOnly(FILE, "x"), FailureCause.STORE_FULL),
        (NotAWarehouse(FILE, "x"), FailureCause.STORE_DAMAGED),
        (SecretKeyWrong("x"), FailureCause.KEY_LOST),
    ],
)
def test_every_error_has_a_cause(error: Exception, cause: FailureCause) -> None:
    assert failure_of(error).cause is cause


def test_a_limit_says_until_when() -> None:
    limited = failure_of(RateLimited("spotify", "slow down", until=LATER, quota=False))
    spent = failure_of(AllowanceSpent("spotify", "spent", until=LATER))

    assert limited.until == LATER
    assert (spent.cause, spent.until) == (FailureCause.QUOTA, LATER)
    assert failure_of(AuthorizationExpired("spotify", "x")).until is None


def test_an_error_nobody_foresaw_shows_its_kind_and_not_its_text() -> None:
    assert failure_of(KeyError("secret")).sentence == "KeyError in a step"


def test_who_never_connected_is_told_otherwise_than_whose_consent_ended(tmp_path: Path) -> None:
    store = made(tmp_path)
    newcomer, former = store.people.register(1, "New", "en"), connected(store, 2)

    causes = [not_connected(account).cause for account in (newcomer, former)]

    assert causes == [FailureCause.NOT_CONNECTED, FailureCause.CONSENT_EXPIRED]
