"""What tells the stories of schedules and sensors: people, runs, and one look at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import cast
from uuid import uuid4

import dagster as dg

from tests.support.warehouse_examples import chosen
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionKind,
    EditionState,
    Tokens,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs import automation
from vibe_pipeline.defs.ended_runs import (
    EndedRun,
    Surroundings,
)
from vibe_pipeline.defs.failures import failures_recorded
from vibe_pipeline.defs.resources import AccountsResource, ClockResource
from vibe_pipeline.records import EditionId
from vibe_pipeline.runs import nightly_occasion

NOW = datetime(2026, 11, 23, 6, 10, tzinfo=UTC)
TODAY = date(2026, 11, 23)
NIGHT = {
    runs.OCCASION: "nightly:2026-11-23",
    runs.VIBE_DATE: "2026-11-23",
    runs.ASKED_BY: "schedule",
}


class StoppedClock(ClockResource):
    """A clock that stands where the test put it."""

    at: str

    def now(self) -> datetime:
        """That moment."""
        return datetime.fromisoformat(self.at)


def sleeper(store: AccountStore, chat_id: int, *, at: time = time(6, 0)) -> Account:
    account = store.people.register(chat_id, f"Person {chat_id}", "en")
    store.people.change(account.user_id, nightly_at=at)
    tokens = tokens_of(NOW - timedelta(hours=12))
    return store.people.connect(account.user_id, f"spotify-{chat_id}", None, tokens)


def tokens_of(consented_at: datetime) -> Tokens:
    return Tokens(
        access_token="a",
        refresh_token="r",
        expires_at=NOW,
        scopes=frozenset(),
        consented_at=consented_at,
    )


def begun_edition(
    store: AccountStore,
    account: Account,
    *,
    recorded: bool = False,
    occasion: str = nightly_occasion(TODAY),
) -> Edition:
    edition_id = EditionId(f"edition-of-{account.user_id}")
    store.editions.open(
        edition_id,
        account.user_id,
        vibe_date=TODAY,
        occasion=occasion,
        kind=EditionKind.DAILY,
        mode=account.mode,
    )
    steps = list(EditionState)
    for before, after in pairwise(steps) if recorded else ():
        assert store.editions.advance(edition_id, before, after)
    return store.editions.required(edition_id)


def run_of(
    instance: dg.DagsterInstance,
    account: Account,
    told: Mapping[str, str],
    status: dg.DagsterRunStatus,
    *,
    job: str = "daily_vibe",
    again_of: str | None = None,
) -> dg.DagsterRun:
    run = dg.DagsterRun(
        job_name=job,
        run_id=str(uuid4()),
        root_run_id=again_of,
        parent_run_id=again_of,
        status=status,
        tags={runs.PARTITION: account.user_id, **told},
    )
    return instance.add_run(run)


def resources_at(now: datetime) -> dict[str, dg.ConfigurableResource[None]]:
    return {"accounts": AccountsResource(), "clock": StoppedClock(at=now.isoformat())}


def tick(instance: dg.DagsterInstance, now: datetime = NOW) -> object:
    return _told(automation.nightly, instance, now)


def left_at(
    store: AccountStore,
    account: Account,
    run: dg.DagsterRun,
    state: EditionState = EditionState.CHOSEN,
    *,
    night: bool = False,
) -> Edition:
    """The run's edition has its tracks, and stands there."""
    edition = store.editions.open(
        EditionId(run.run_id),
        account.user_id,
        vibe_date=TODAY,
        occasion=nightly_occasion(TODAY) if night else runs.occasion_of({}, EditionId(run.run_id)),
        kind=EditionKind.DAILY,
        mode=account.mode,
    )
    for before, after in pairwise(EditionState):
        if before is state:
            break
        assert store.editions.advance(edition.edition_id, before, after, tracks=(chosen(1),))
    return store.editions.required(edition.edition_id)


def fails(
    instance: dg.DagsterInstance,
    store: AccountStore,
    account: Account,
    run: dg.DagsterRun,
    refused: Exception,
) -> None:
    """A step of the night's run ends with this refusal."""
    edition = store.editions.required(EditionId(run.run_id))
    context = SimpleNamespace(instance=instance, run=run)
    with failures_recorded(
        cast("dg.AssetExecutionContext", context), store, account, edition, nightly=True
    ):
        raise refused


def collect(instance: dg.DagsterInstance) -> object:
    return _told(automation.collecting, instance, NOW, scheduled=NOW.replace(minute=5))


def prepare(instance: dg.DagsterInstance, now: datetime = NOW) -> object:
    return _told(automation.preparing_by_day, instance, now)


def ended(
    run: dg.DagsterRun, instance: dg.DagsterInstance, store: AccountStore
) -> tuple[EndedRun, Surroundings]:
    """What a follower is told of a run that was killed, or ended well."""
    record = instance.get_run_record_by_id(run.run_id)
    assert record is not None
    ended = EndedRun(
        run=run, began_at=record.create_timestamp, at=NOW, message="was ended by SIGKILL"
    )
    return ended, Surroundings(instance=instance, store=store, now=NOW)


def requests(answer: object) -> list[dg.RunRequest]:
    assert isinstance(answer, list)
    return answer


def skipped(answer: object) -> str:
    assert isinstance(answer, dg.SkipReason)
    return answer.skip_message or ""


def _told(
    schedule: dg.ScheduleDefinition,
    instance: dg.DagsterInstance,
    now: datetime,
    *,
    scheduled: datetime | None = None,
) -> object:
    """What a schedule answers at its moment."""
    with dg.build_schedule_context(
        instance, scheduled_execution_time=scheduled or now, resources=resources_at(now)
    ) as context:
        return schedule(context)
