"""Letting go at night of what nobody needs any more; what is let go is decided elsewhere."""

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.defs.nightly_promise import people_without_list
from vibe_pipeline.defs.partitions import run_request
from vibe_pipeline.defs.resources import AccountsResource, ClockResource, WarehouseResource
from vibe_pipeline.personal_data.export import throw_away_old
from vibe_pipeline.personal_data.retention import apply_retention, let_go_of_set_aside
from vibe_pipeline.personal_data.sent_files import drop_old_files
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.settings import read_settings


@dg.op(name="retention")
def retention(
    context: dg.OpExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    clock: ClockResource,
) -> None:
    """Lets go of what old lists were made from, of stale lookups and leftovers, and counts it.

    Counts, too, whose last night brought no list (``nightly_promise``).

    What is left is put in the order of its people, once enough of it lies apart.
    """
    settings, database = read_settings(), warehouse.open()
    days = settings.retention_days
    store, now = accounts.open(clock), clock.now()
    lost = apply_retention(database, store, now=now, days=days)
    moved = database.cluster_by_person()
    files = drop_old_files(settings.home, now=now)
    archives = throw_away_old(settings.home, now=now)
    stores = let_go_of_set_aside(settings, now=now)
    missed = people_without_list(store, now)
    context.add_output_metadata(
        {
            "days kept": days,
            "rows let go": sum(lost.values()),
            "rows moved": moved,
            "sent files let go": files,
            "archives let go": archives,
            "stores set aside let go": stores,
            "people without their list": missed,
            **lost,
        }
    )


@dg.job(
    name=runs.NIGHTLY_RETENTION,
    executor_def=dg.in_process_executor,
    description="Lets go of what lists older than RETENTION_DAYS were made from, of stale answers"
    " of other services, of messages, run trackers and consents that are long done, and of stores"
    " that were set aside more than SET_ASIDE_DAYS ago. Likes, plays, lists, their history and"
    " outcomes stay.",
)
def nightly_retention() -> None:
    """One step; its metadata says how many rows went."""
    retention()


@dg.schedule(
    cron_schedule="50 3 * * *",
    job=nightly_retention,
    name="retention_at_night",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Lets go of what nobody needs any more, every night at 3:50 UTC.",
)
def retaining(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Once a night, behind everybody's list."""
    return run_request(LaunchRequest.retention(context.scheduled_execution_time.date()))
