"""Sensors that follow people's runs, each with the same head: what ended, and whose it was.

Run status sensors that begin with the first run there is. What follows from a run is in
``automation``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.resources import AccountsResource, ClockResource
from vibe_pipeline.launcher.dagster_internals import (
    RunStatusSensorCursor,
    UnresolvedAssetJobDefinition,
)

Following = Callable[[dg.DagsterRun, Account], dg.RunRequest | dg.SkipReason]
"""What comes after a run of this connected person's."""

EVERY_SECONDS = 15


class RunFollower(dg.RunStatusSensorDefinition):
    """A run status sensor that misses no run of a fresh installation.

    Dagster's own only marks the spot at its first tick, some twenty seconds after the start, and
    looks at what ends after it; an installation's very first list would be among what it misses.
    """

    def evaluate_tick(self, context: dg.SensorEvaluationContext) -> dg.SensorExecutionData:
        """One tick; without a cursor, everything that has ended is looked at."""
        if context.cursor is None:
            beginning = RunStatusSensorCursor(record_id=-1)  # type: ignore[no-untyped-call]
            context.update_cursor(beginning.to_json())
        return super().evaluate_tick(context)


def follows(
    status: dg.DagsterRunStatus,
    jobs: Sequence[UnresolvedAssetJobDefinition],
    *,
    begins: UnresolvedAssetJobDefinition,
    about: str,
) -> Callable[[Following], RunFollower]:
    """Make a sensor of a function: it is asked once for each run of these jobs that ends so.

    ``begins`` is the job that it may ask for. The run of somebody who is gone, or has taken their
    consent back, is passed over.
    """

    def follower(following: Following) -> RunFollower:
        def evaluate(
            context: dg.RunStatusSensorContext, accounts: AccountsResource, clock: ClockResource
        ) -> dg.RunRequest | dg.SkipReason:
            owner = _owner(accounts.open(clock), context.dagster_run)
            if owner is None:
                return dg.SkipReason("Nobody is connected whose run this was.")
            return following(context.dagster_run, owner)

        return RunFollower(
            name=following.__name__,
            run_status=status,
            run_status_sensor_fn=evaluate,
            monitored_jobs=jobs,
            request_job=begins,
            minimum_interval_seconds=EVERY_SECONDS,
            default_status=dg.DefaultSensorStatus.RUNNING,
            description=about,
        )

    return follower


def _owner(store: AccountStore, run: dg.DagsterRun) -> Account | None:
    """The connected person whose run it was."""
    user_id = runs.owner_of(run.tags)
    account = None if user_id is None else store.people.get(user_id)
    return account if account is not None and account.connected else None
