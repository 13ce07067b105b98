"""What people asked for and a killed run did not come to is begun again: previews, restores ...

A run status sensor. Lists have a row in the ledger and go on from there (``continuing``); what is
here has none, or may as well be made anew. Which runs count, ``vibe_pipeline.runs`` says.
"""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.export import export_person
from vibe_pipeline.defs.jobs import preview_vibe, sync_library
from vibe_pipeline.defs.partitions import run_request
from vibe_pipeline.defs.resources import AccountsResource, ClockResource
from vibe_pipeline.defs.restore import restore_edition
from vibe_pipeline.defs.run_context import identity_of
from vibe_pipeline.defs.run_followers import EVERY_SECONDS, RunFollower
from vibe_pipeline.records import EditionId, UserId
from vibe_pipeline.runs import LaunchRequest

STILL_WAITED_FOR = timedelta(minutes=10)
"""Of what was killed longer ago than this, its person was told that it failed."""


def killed_runs(
    context: dg.RunStatusSensorContext, accounts: AccountsResource, clock: ClockResource
) -> dg.RunRequest | dg.SkipReason:
    """Begin again what a killed run was asked for, unless its person went on to something else."""
    run, store = context.dagster_run, accounts.open(clock)
    owner = runs.owner_of(run.tags)
    if owner is None or not runs.is_repeated(run.job_name, run.tags):
        return dg.SkipReason("It said itself why it failed, or was tried often enough.")
    account = store.people.get(owner)
    if account is None or not account.active:
        return dg.SkipReason("Nobody is there any more whose run this was.")
    record = context.instance.get_run_record_by_id(run.run_id)
    if record is None or clock.now() - record.update_timestamp > STILL_WAITED_FOR:
        return dg.SkipReason("It ended too long ago.")
    if _asked_since(context.instance, run, record):
        return dg.SkipReason("Its person has asked for another list since.")
    launch = LaunchRequest.repetition(
        run.job_name, owner, run.tags, run.run_id, edition_id=_begun(store, run)
    )
    return run_request(launch, job=run.job_name)


def _asked_since(instance: dg.DagsterInstance, run: dg.DagsterRun, record: dg.RunRecord) -> bool:
    """Whether a later run changes this person's list: an older wish must not undo it."""
    if run.job_name not in runs.LIST_JOBS:
        return False
    tags = runs.owner_tags(UserId(run.tags[runs.PARTITION]))
    later = dg.RunsFilter(tags=tags, created_after=record.create_timestamp)
    return any(
        other.run_id != run.run_id and other.job_name in runs.LIST_JOBS
        for other in instance.get_runs(later)
    )


def _begun(store: AccountStore, run: dg.DagsterRun) -> EditionId | None:
    """The preview that the run had begun, for which the ledger has a row."""
    edition = store.editions.get(identity_of(run).root)
    return None if edition is None else edition.edition_id


repeating = RunFollower(
    name="killed_runs",
    run_status=dg.DagsterRunStatus.FAILURE,
    run_status_sensor_fn=killed_runs,
    monitored_jobs=[preview_vibe, sync_library, restore_edition, export_person],
    request_jobs=[preview_vibe, sync_library, restore_edition, export_person],
    minimum_interval_seconds=EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Begins again what somebody asked for and waits for, when its run was killed: a"
    " preview, a refresh of the library, a list put back or taken back, an export.",
)
