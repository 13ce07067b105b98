"""An account as the store gives it, for tests of what decides by people and needs no store."""

from __future__ import annotations

from datetime import UTC, datetime, time

from vibe_pipeline.accounts.records import Account
from vibe_pipeline.records import Mode, UserId

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def account(
    zone: str = "UTC",
    at: time | None = time(6, 0),
    *,
    user_id: str = "u1",
    connected: bool = True,
    active: bool = True,
    consented_at: datetime = LONG_AGO,
) -> Account:
    """Somebody who has been here since long ago, with a list every night at this hour."""
    return Account(
        user_id=UserId(user_id),
        chat_id=1,
        telegram_name="Anna",
        language="en",
        timezone=zone,
        nightly_at=at,
        playlist_size=30,
        min_new_ratio=0.8,
        adventure=40,
        mode=Mode.LIVING,
        active=active,
        created_at=LONG_AGO,
        connected=connected,
        consented_at=consented_at,
    )
