"""Which edition a run works on, and what is noted of one that ended without a word."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from tests.support.accounts_site import BEGINNING, DAY, connected, made, opened
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import EditionKind, FailureCause
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.playlists.run_edition import (
    EditionUnknown,
    RunIdentity,
    edition_for,
    note_silent_failure,
    slice_for,
)


@pytest.fixture
def store(tmp_path: Path) -> AccountStore:
    return made(tmp_path)


def run(
    name: str = "r1",
    *,
    tags: Mapping[str, str] | None = None,
    kind: EditionKind | None = EditionKind.DAILY,
    publishes: bool = False,
    root: str | None = None,
) -> RunIdentity:
    return RunIdentity(
        run_id=name, root_run_id=root, tags=tags or {}, kind=kind, publishes=publishes
    )


def test_a_retried_run_goes_on_with_the_edition_of_the_first(store: AccountStore) -> None:
    anna = connected(store)
    first = edition_for(store, anna, run("r1"), now=BEGINNING)

    again = edition_for(store, anna, run("r2", root="r1"), now=BEGINNING)

    assert again == first


def test_the_date_is_the_one_the_run_is_for_else_the_persons_own(store: AccountStore) -> None:
    anna = store.people.change(connected(store).user_id, timezone="Pacific/Kiritimati")
    tagged = run(tags={runs.VIBE_DATE: "2026-11-20"}, kind=None)

    dates = [
        slice_for(anna, identity, None, now=BEGINNING.replace(hour=12)).vibe_date
        for identity in (tagged, run(kind=None))
    ]

    assert dates == [date(2026, 11, 20), date(2026, 11, 24)]


def test_a_run_that_makes_no_list_opens_none(store: AccountStore) -> None:
    anna = connected(store)

    edition = edition_for(store, anna, run(kind=None), now=BEGINNING)

    assert edition is None
    assert store.editions.history(anna.user_id) == []


def test_somebody_elses_edition_is_refused(store: AccountStore) -> None:
    anna, boris = connected(store, 1), connected(store, 2)
    hers = opened(store, anna)

    with pytest.raises(EditionUnknown, match=hers.edition_id):
        edition_for(store, boris, run(tags={runs.EDITION: hers.edition_id}), now=BEGINNING)


def test_a_silent_failure_is_noted_once_even_for_an_edition_never_opened(
    store: AccountStore,
) -> None:
    anna = connected(store)

    noted = note_silent_failure(store, anna, run(), detail="SIGKILL", now=BEGINNING)
    again = note_silent_failure(store, anna, run(), detail="again", now=BEGINNING)

    assert noted is not None
    assert (noted.cause, noted.vibe_date) == (FailureCause.UNEXPECTED, DAY)
    assert again is None


def test_a_run_that_makes_no_list_leaves_no_note(store: AccountStore) -> None:
    anna = connected(store)

    assert note_silent_failure(store, anna, run(kind=None), detail="x", now=BEGINNING) is None
