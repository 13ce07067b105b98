"""Which unfinished editions go on by themselves, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from tests.support.accounts_site import BEGINNING
from vibe_pipeline.accounts.continuation import (
    LEFT_ALONE_AFTER,
    PAUSES,
    TOLD_IN_CHAT_WITHIN,
    given_up,
    goes_on,
    half_made,
    left_behind,
    may_have_a_playlist,
    next_run_at,
    waited_for_in_chat,
)
from vibe_pipeline.accounts.records import Edition, EditionKind, EditionState, FailureCause
from vibe_pipeline.records import EditionId, Mode, UserId

KILLED = Edition(
    edition_id=EditionId("e1"),
    user_id=UserId("u1"),
    vibe_date=date(2026, 11, 23),
    occasion="asked:e1",
    kind=EditionKind.DAILY,
    mode=Mode.DAILY,
    state=EditionState.STARTED,
    created_at=BEGINNING,
    updated_at=BEGINNING,
)
OVERTAKEN = replace(KILLED, state=EditionState.PLAYLIST_MADE, cause=FailureCause.OVERTAKEN)
LONG_AGO = BEGINNING - LEFT_ALONE_AFTER - timedelta(minutes=1)
UNFINISHED = [state for state in EditionState if state is not EditionState.RECORDED]


@pytest.mark.parametrize("state", UNFINISHED)
def test_what_died_without_a_word_goes_on_at_once_wherever_it_stood(state: EditionState) -> None:
    killed = replace(KILLED, state=state)

    assert goes_on(killed)
    assert next_run_at(killed, runs_made=1, now=BEGINNING) == BEGINNING


@pytest.mark.parametrize("cause", [FailureCause.SERVICE_UNAVAILABLE, FailureCause.UNEXPECTED])
def test_a_chosen_list_that_could_not_be_written_goes_on(cause: FailureCause) -> None:
    assert goes_on(replace(KILLED, state=EditionState.CHOSEN, cause=cause))
    assert not goes_on(replace(KILLED, state=EditionState.STARTED, cause=cause))


@pytest.mark.parametrize("cause", [FailureCause.WRITING_REFUSED, FailureCause.GRANT_REFUSED])
def test_one_refusal_leaves_no_empty_playlist_behind_and_is_told_at_once(
    cause: FailureCause,
) -> None:
    refused = replace(KILLED, state=EditionState.PLAYLIST_MADE, cause=cause)

    assert goes_on(refused)
    assert not waited_for_in_chat(refused, since=BEGINNING, now=BEGINNING)


@pytest.mark.parametrize("cause", [FailureCause.CONSENT_EXPIRED, FailureCause.NOT_ALLOWLISTED])
def test_what_waits_for_the_person_does_not_go_on(cause: FailureCause) -> None:
    assert not goes_on(replace(KILLED, state=EditionState.PLAYLIST_MADE, cause=cause))


@pytest.mark.parametrize("cause", FailureCause)
def test_what_is_written_is_recorded_whatever_it_failed_for(cause: FailureCause) -> None:
    assert goes_on(replace(KILLED, state=EditionState.ITEMS_WRITTEN, cause=cause))


def test_what_a_later_list_has_overtaken_is_over() -> None:
    assert not goes_on(OVERTAKEN)
    assert not may_have_a_playlist(OVERTAKEN)


@pytest.mark.parametrize(
    ("edition", "half"),
    [
        (replace(KILLED, state=EditionState.STARTED), False),
        (replace(KILLED, state=EditionState.CHOSEN), False),
        (replace(KILLED, state=EditionState.CHOSEN, marker="m", title="t"), True),
        (replace(KILLED, state=EditionState.PLAYLIST_MADE), True),
        (replace(KILLED, state=EditionState.PLAYLIST_MADE, mode=Mode.LIVING), False),
        (
            replace(
                KILLED, state=EditionState.PLAYLIST_MADE, mode=Mode.LIVING, marker="m", title="t"
            ),
            True,
        ),
        (replace(KILLED, state=EditionState.ITEMS_WRITTEN, mode=Mode.LIVING), True),
        (
            replace(
                KILLED, state=EditionState.PLAYLIST_MADE, mode=Mode.LIVING, snapshot_id="before"
            ),
            True,
        ),
    ],
)
def test_half_made_is_what_left_something_on_spotify(edition: Edition, *, half: bool) -> None:
    assert half_made(edition) is half


@pytest.mark.parametrize(
    "ended",
    [
        replace(KILLED, state=EditionState.RECORDED),
        replace(KILLED, kind=EditionKind.PREVIEW),
        replace(KILLED, undone_at=BEGINNING),
    ],
)
def test_what_is_there_or_only_looked_at_or_taken_back_is_left_alone(ended: Edition) -> None:
    assert not goes_on(ended)
    assert next_run_at(ended, runs_made=1, now=BEGINNING) is None


def test_it_is_tried_ever_more_rarely_and_not_for_ever() -> None:
    times = [
        next_run_at(KILLED, runs_made=made, now=BEGINNING) for made in range(1, len(PAUSES) + 1)
    ]

    assert times == [BEGINNING + pause for pause in PAUSES]
    assert sorted(PAUSES) == list(PAUSES)
    assert next_run_at(KILLED, runs_made=len(PAUSES) + 1, now=BEGINNING) is None
    assert given_up(KILLED, runs_made=len(PAUSES) + 1)


@pytest.mark.parametrize("until", [None, BEGINNING + timedelta(hours=12)])
def test_no_waiting_is_counted_from_before_the_clock_was_set_back(until: datetime | None) -> None:
    earlier = BEGINNING - timedelta(hours=9)
    limited = replace(
        KILLED, state=EditionState.CHOSEN, cause=FailureCause.RATE_LIMITED, cause_until=until
    )

    assert next_run_at(limited, runs_made=2, now=earlier) == earlier
    assert next_run_at(limited, runs_made=len(PAUSES) + 1, now=earlier) == earlier
    silent = replace(limited, cause=None, cause_until=None)
    assert next_run_at(silent, runs_made=len(PAUSES) + 1, now=earlier) is None


def test_what_says_why_it_failed_goes_on_every_few_hours_however_often_it_was_tried() -> None:
    refused = replace(
        KILLED, state=EditionState.PLAYLIST_MADE, cause=FailureCause.SERVICE_UNAVAILABLE
    )

    at = next_run_at(refused, runs_made=3 * len(PAUSES), now=BEGINNING)

    assert at == BEGINNING + PAUSES[-1]
    assert not given_up(refused, runs_made=3 * len(PAUSES))


@pytest.mark.parametrize("state", [EditionState.CHOSEN, EditionState.PLAYLIST_MADE])
def test_what_is_written_anew_is_given_up_after_as_many_runs_whatever_it_says(
    state: EditionState,
) -> None:
    refused = replace(
        KILLED, state=state, cause=FailureCause.SERVICE_UNAVAILABLE, snapshot_id="before"
    )

    assert not given_up(refused, runs_made=len(PAUSES))
    assert given_up(refused, runs_made=len(PAUSES) + 1)
    written = replace(refused, state=EditionState.ITEMS_WRITTEN)
    assert not given_up(written, runs_made=3 * len(PAUSES))


@pytest.mark.parametrize(
    ("edition", "left"),
    [
        (replace(KILLED, state=EditionState.PLAYLIST_MADE), False),
        (replace(KILLED, state=EditionState.PLAYLIST_MADE, created_at=LONG_AGO), True),
        (
            replace(KILLED, state=EditionState.CHOSEN, marker="m", title="t", created_at=LONG_AGO),
            True,
        ),
        (replace(KILLED, state=EditionState.CHOSEN, created_at=LONG_AGO), False),
        (replace(KILLED, state=EditionState.ITEMS_WRITTEN, created_at=LONG_AGO), False),
        (
            replace(
                KILLED, state=EditionState.PLAYLIST_MADE, created_at=LONG_AGO, snapshot_id="before"
            ),
            False,
        ),
        (
            replace(KILLED, state=EditionState.PLAYLIST_MADE, cause=FailureCause.OWNER_NOT_PREMIUM),
            True,
        ),
        (replace(OVERTAKEN, marker="m", title="t", playlist_id="p"), True),
        (replace(OVERTAKEN, marker="m", title="t", playlist_id="p", undone_at=BEGINNING), False),
        (replace(OVERTAKEN, playlist_id="p"), False),
    ],
)
def test_left_behind_is_what_may_have_a_playlist_and_goes_on_no_more(
    edition: Edition, *, left: bool
) -> None:
    assert left_behind(edition, now=BEGINNING) is left


def test_a_known_end_of_the_trouble_is_waited_for() -> None:
    until = BEGINNING + timedelta(hours=3)
    limited = replace(
        KILLED, state=EditionState.CHOSEN, cause=FailureCause.QUOTA, cause_until=until
    )

    assert next_run_at(limited, runs_made=1, now=BEGINNING) == until


def test_short_rests_that_follow_each_other_are_tried_ever_more_rarely() -> None:
    limited = replace(
        KILLED,
        state=EditionState.PLAYLIST_MADE,
        cause=FailureCause.RATE_LIMITED,
        cause_until=BEGINNING + timedelta(seconds=2),
    )

    times = [next_run_at(limited, runs_made=made, now=BEGINNING) for made in range(1, 30)]

    assert times[:2] == [limited.cause_until, BEGINNING + PAUSES[1]]
    assert set(times[len(PAUSES) :]) == {BEGINNING + PAUSES[-1]}


@pytest.mark.parametrize("minutes", [10, 15])
def test_a_rest_that_says_when_trouble_ends_is_believed_however_often_it_was_tried(
    minutes: int,
) -> None:
    until = BEGINNING + timedelta(minutes=minutes)
    limited = replace(
        KILLED, state=EditionState.CHOSEN, cause=FailureCause.QUOTA, cause_until=until
    )

    assert next_run_at(limited, runs_made=3 * len(PAUSES), now=BEGINNING) == until


@pytest.mark.parametrize(
    ("now", "until", "waits"),
    [
        (BEGINNING, None, True),
        (BEGINNING + TOLD_IN_CHAT_WITHIN, None, False),
        (BEGINNING, BEGINNING + timedelta(hours=3), False),
    ],
)
def test_the_chat_waits_for_minutes_not_for_hours(
    now: datetime, until: datetime | None, *, waits: bool
) -> None:
    edition = replace(
        KILLED, state=EditionState.CHOSEN, cause=FailureCause.RATE_LIMITED, cause_until=until
    )

    assert waited_for_in_chat(edition, since=BEGINNING, now=now) is waits
