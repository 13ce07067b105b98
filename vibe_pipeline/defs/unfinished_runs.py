"""Which runs are under way, as schedules ask before they begin more.

What is begun, and when, is each schedule's own.
"""

from __future__ import annotations

import dagster as dg

from vibe_pipeline import runs

UNFINISHED = tuple(map(dg.DagsterRunStatus, runs.UNFINISHED))


def somebody_waits(instance: dg.DagsterInstance) -> bool:
    """Whether a run that somebody watches in the chat is under way or in the queue."""
    waited_for = dg.RunsFilter(statuses=list(UNFINISHED), tags=runs.waiting_tags())
    return instance.get_runs_count(waited_for) > 0


def owners_at_work(instance: dg.DagsterInstance, *, job: str | None = None) -> set[str]:
    """Whose runs are under way, of any job or of one."""
    unfinished = instance.get_runs(dg.RunsFilter(job_name=job, statuses=list(UNFINISHED)))
    owners = (runs.owner_of(run.tags) for run in unfinished)
    return {owner for owner in owners if owner is not None}
