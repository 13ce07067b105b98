"""Handing out everything kept about a person, as one archive the bot sends.

The job only; what is in the archive says ``personal_data.export``.
"""

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.defs.failures import failures_tagged
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import AccountsResource, ClockResource, WarehouseResource
from vibe_pipeline.personal_data.archives import archive_path
from vibe_pipeline.personal_data.export import everything, throw_away_old, write_archive
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import read_settings


@dg.op(name="export")
def export(
    context: dg.OpExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    clock: ClockResource,
) -> None:
    """Writes the archive named after this run; the bot sends it and deletes it."""
    store, home, now = accounts.open(clock), read_settings().home, clock.now()
    account = store.people.get(UserId(context.partition_key))
    if account is None:
        raise dg.Failure(
            f"Nobody is known as {context.partition_key}: they may have asked to be forgotten.",
            allow_retries=False,
        )
    throw_away_old(home, now=now)
    with failures_tagged(context, store):
        tables = everything(store, warehouse.open(), account.user_id)
    write_archive(archive_path(home, context.run_id), tables, language=account.language, now=now)
    context.add_output_metadata({name: len(rows) for name, rows in tables.items()})


@dg.job(
    name=runs.EXPORT_PERSON,
    partitions_def=users,
    executor_def=dg.in_process_executor,
    description="Puts everything kept about a person into one archive, for the bot to send.",
)
def export_person() -> None:
    """One step; its metadata counts the rows of every table."""
    export()
