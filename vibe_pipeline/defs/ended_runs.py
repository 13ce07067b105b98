"""Runs that have ended since the last look, each handed on to what follows from a run of its job.

One sensor looks for all that follows, for each look costs an idle machine about 30 ms of a core;
and it takes several runs at once, where Dagster's own run status sensors take one a tick. What
follows is in ``following``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import dagster as dg

from vibe_pipeline.accounts.store import AccountStore

EVERY_SECONDS = 15
MOST_AT_ONCE = 8
"""So many runs are followed at each look, so that a night's end does not fill the queue at once."""
MOST_AT_FIRST = 100
LOOKS_BACK = timedelta(hours=1)
"""A first look follows what has ended in this time: an installation's very first list, and not
the history of one that was brought up to date."""
TRIED_AGAIN_FOR = timedelta(minutes=10)
"""A run whose following failed is taken up again for so long, and then passed over."""


RunEnd = Literal[dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What following a run may look at."""

    instance: dg.DagsterInstance
    store: AccountStore
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedRun:
    """A run that has ended, and what Dagster noted at its end."""

    run: dg.DagsterRun
    began_at: datetime
    at: datetime
    message: str = ""


Follower = Callable[[EndedRun, Surroundings], dg.RunRequest | str]
"""What comes after a run: another, or in words why none does."""


def followed(
    context: dg.SensorEvaluationContext,
    around: Surroundings,
    kind: RunEnd,
    followers: Callable[[str], Sequence[Follower]],
) -> dg.SensorResult:
    """One look: what follows from each run that ended this way; ``followers`` by the job's name."""
    cursor = int(context.cursor or _beginning(around, kind))
    answers: list[dg.RunRequest | str] = []
    for storage_id, ended in _ended_since(around.instance, kind, cursor):
        if ended is None:
            cursor = storage_id
            continue
        try:
            answers += [follow(ended, around) for follow in followers(ended.run.job_name)]
        except Exception:
            context.log.exception("Run %s could not be followed.", ended.run.run_id)
            if abs(around.now - ended.at) < TRIED_AGAIN_FOR:
                break
        cursor = storage_id
    requests = [answer for answer in answers if isinstance(answer, dg.RunRequest)]
    reasons = dict.fromkeys(answer for answer in answers if isinstance(answer, str))
    return dg.SensorResult(
        run_requests=requests,
        cursor=str(cursor),
        skip_reason=None if requests else " ".join(reasons) or "Nothing has ended.",
    )


def _beginning(around: Surroundings, kind: RunEnd) -> int:
    """Before what ended within the last hour: where a sensor begins that has never looked."""
    latest = around.instance.fetch_run_status_changes(kind, limit=MOST_AT_FIRST).records
    since = (around.now - LOOKS_BACK).timestamp()
    before = [record.storage_id for record in latest if record.timestamp < since]
    return max(before, default=min((record.storage_id for record in latest), default=1) - 1)


def _ended_since(
    instance: dg.DagsterInstance, kind: RunEnd, cursor: int
) -> Iterator[tuple[int, EndedRun | None]]:
    """The next few with their places in the event log, the oldest first; ``None`` for a run that
    somebody deleted since.
    """
    wanted = dg.RunStatusChangeRecordsFilter(event_type=kind, after_storage_id=cursor)
    changes = instance.fetch_run_status_changes(wanted, limit=MOST_AT_ONCE, ascending=True).records
    run_ids = [change.event_log_entry.run_id for change in changes]
    records = instance.get_run_records(dg.RunsFilter(run_ids=run_ids)) if run_ids else ()
    by_id = {record.dagster_run.run_id: record for record in records}
    for change in changes:
        record = by_id.get(change.event_log_entry.run_id)
        yield change.storage_id, None if record is None else _ended(change, record)


def _ended(change: dg.EventLogRecord, record: dg.RunRecord) -> EndedRun:
    event = change.event_log_entry.dagster_event
    return EndedRun(
        run=record.dagster_run,
        began_at=record.create_timestamp,
        at=datetime.fromtimestamp(change.timestamp, tz=UTC),
        message=(event and event.message) or "",
    )
