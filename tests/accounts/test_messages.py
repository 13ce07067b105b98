"""Messages come out of the outbox as they were put, also those that 0.1.0 left waiting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from tests.support.accounts_site import BEGINNING, DAY, connected, made, opened, put_as_stored
from vibe_pipeline.accounts.messages import (
    ChangedBackByOperator,
    Connected,
    ConsentEnded,
    ConsentEnds,
    ListGivenUp,
    MadeByOperator,
    Message,
    MessageUnreadable,
    NightFailed,
    NightLate,
    NightReady,
    PlaylistLetGo,
    ReadyAfterAll,
    ZoneQuestion,
    ZoneUnknown,
)
from vibe_pipeline.accounts.records import FailureCause
from vibe_pipeline.records import EditionId, UserId

ANNA = UserId("anna")
UNTIL = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
OF_EACH_KIND: tuple[Message, ...] = (
    Connected.after_consent(ANNA, spotify_name="Ö & <B>", consented_at=BEGINNING),
    NightReady.of(EditionId("run-1")),
    ReadyAfterAll.of(EditionId("run-1")),
    ListGivenUp.of(EditionId("run-1")),
    MadeByOperator.of(EditionId("run-1")),
    ChangedBackByOperator.of(EditionId("run-1")),
    ZoneUnknown.of(ANNA, "Mars/Olympus"),
    PlaylistLetGo.of("p1"),
    NightLate.of(ANNA, "nightly:2026-11-23", DAY),
    ZoneQuestion.of(ANNA),
    ConsentEnded.of(ANNA, UNTIL),
    NightFailed.before_it_began(
        ANNA, "nightly:2026-11-23", FailureCause.QUOTA, day=DAY, until=UNTIL
    ),
    ConsentEnds.in_days(
        ANNA, count=3, ends_at=UNTIL, zone=ZoneInfo("America/New_York"), reminder=3
    ),
)
AS_0_1_0_STORED_THEM: tuple[tuple[str, Mapping[str, Any], str, Message], ...] = (
    (
        "bot.connected",
        {"spotify": "Anna S."},
        "connected:anna:2026-11-23T06:00:00+00:00",
        Connected.after_consent(ANNA, spotify_name="Anna S.", consented_at=BEGINNING),
    ),
    (
        "bot.night_ready",
        {
            "edition_id": "run-1",
            "title": "Monday",
            "url": "https://open.spotify.com/playlist/p",
            "count": 30,
            "new": 24,
            "familiar": 6,
        },
        "night_ready:run-1",
        NightReady.of(EditionId("run-1")),
    ),
    (
        "bot.failed.quota",
        {"date": "2026-11-23", "until": "2026-11-24T04:00:00+00:00"},
        "paused:anna:nightly:2026-11-23",
        NightFailed.before_it_began(
            ANNA, "nightly:2026-11-23", FailureCause.QUOTA, day=DAY, until=UNTIL
        ),
    ),
    (
        "bot.failed.service_unavailable",
        {"date": "2026-11-23", "until": None},
        "failed:run-1:service_unavailable",
        NightFailed(
            cause=FailureCause.SERVICE_UNAVAILABLE,
            day=DAY,
            until=None,
            dedupe_key="failed:run-1:service_unavailable",
        ),
    ),
    (
        "bot.consent_ends",
        {"count": 3, "date": "2026-11-23"},
        "consent_ends:anna:2026-11-24T04:00:00+00:00:3",
        ConsentEnds.in_days(
            ANNA, count=3, ends_at=UNTIL, zone=ZoneInfo("America/New_York"), reminder=3
        ),
    ),
)


def test_each_kind_comes_out_as_it_was_put(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)

    for message in OF_EACH_KIND:
        assert store.outbox.put(account.user_id, message)

    assert tuple(row.content() for row in store.outbox.take_due()) == OF_EACH_KIND
    assert {type(message) for message in OF_EACH_KIND} == set(get_args(Message))


@pytest.mark.parametrize(("key", "params", "dedupe_key", "message"), AS_0_1_0_STORED_THEM)
def test_what_0_1_0_left_waiting_is_read_and_keeps_its_double_out(
    tmp_path: Path, key: str, params: Mapping[str, Any], dedupe_key: str, message: Message
) -> None:
    store = made(tmp_path)
    account = connected(store)
    put_as_stored(store, account.user_id, key, params, dedupe_key)

    put_again = store.outbox.put(account.user_id, message)

    (row,) = store.outbox.take_due()
    assert row.content() == message
    assert not put_again


def test_a_failed_night_is_told_once_per_edition_and_cause(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)
    edition = opened(store, account)

    told = [
        store.outbox.put(account.user_id, NightFailed.of(edition, cause))
        for cause in (FailureCause.QUOTA, FailureCause.QUOTA, FailureCause.UNEXPECTED)
    ]

    assert told == [True, False, True]


def test_the_end_of_a_nights_tries_is_told_once_whether_or_not_its_cause_was(
    tmp_path: Path,
) -> None:
    store = made(tmp_path)
    account = connected(store)
    edition = opened(store, account)

    told = [
        store.outbox.put(account.user_id, NightFailed.of(edition, cause, until=until))
        for cause, until in (
            (FailureCause.QUOTA, UNTIL),
            (FailureCause.QUOTA, None),
            (FailureCause.QUOTA, None),
            (FailureCause.CANCELED, None),
            (FailureCause.CANCELED, None),
        )
    ]

    assert told == [True, True, False, True, False]


def test_the_day_a_consent_ends_is_that_of_the_persons_calendar() -> None:
    at = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)

    days = {
        zone: ConsentEnds.in_days(ANNA, count=3, ends_at=at, zone=ZoneInfo(zone), reminder=3).date
        for zone in ("Europe/Kyiv", "America/New_York")
    }

    assert days == {"Europe/Kyiv": date(2026, 11, 24), "America/New_York": date(2026, 11, 23)}


@pytest.mark.parametrize(
    ("key", "params"),
    [
        ("bot.hello", {}),
        ("bot.failed.night", {"date": "2026-11-23", "until": None}),
        ("bot.connected", {}),
        ("bot.night_ready", {"title": "Monday"}),
        ("bot.failed.quota", {"date": "2026-11-23", "until": "2026-11-24T04:00:00"}),
        ("bot.consent_ends", {"count": "soon", "date": "2026-11-23"}),
    ],
)
def test_a_row_that_fits_no_kind_is_refused_when_its_turn_comes(
    tmp_path: Path, key: str, params: Mapping[str, Any]
) -> None:
    store = made(tmp_path)
    put_as_stored(store, connected(store).user_id, key, params, "k")

    (row,) = store.outbox.take_due()

    with pytest.raises(MessageUnreadable):
        row.content()
