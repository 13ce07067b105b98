"""Taking in the streaming history that somebody sent in the chat: the job only.

The file waits in the home until then. What is read of it, and what is refused, decides
``taste.streaming_archive``; how it is kept, ``taste.import_history``.
"""

from pathlib import Path

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.defs.erase import erase_former_listening
from vibe_pipeline.defs.failures import failures_tagged
from vibe_pipeline.defs.listening_history import LISTENING_HISTORY
from vibe_pipeline.defs.partitions import users
from vibe_pipeline.defs.resources import AccountsResource, ClockResource, WarehouseResource
from vibe_pipeline.personal_data.sent_files import sent_file
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import read_settings
from vibe_pipeline.taste.import_history import ImportedHistory
from vibe_pipeline.taste.import_history import import_history as take_in
from vibe_pipeline.taste.streaming_archive import ArchiveRefused

GONE = "gone"
"""Why nothing was read: the file is no longer here. The other reasons are ``ArchiveTrouble``'s."""


@dg.op(name="sent_history")
def import_sent_file(
    context: dg.OpExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    clock: ClockResource,
) -> None:
    """Reads the plays of the file named by the run, and deletes the file.

    A file that cannot be read is no failure of the run: its tags say why, to whoever sent it.
    Killed, or failed for what may pass, it is begun again: the file stays until then, and what was
    read adds nothing twice.
    """
    store = accounts.open(clock)
    account = store.people.get(UserId(context.partition_key))
    if account is None:
        raise dg.Failure(
            f"Nobody is known as {context.partition_key}: they may have asked to be forgotten.",
            allow_retries=False,
        )
    name = context.run.tags.get(runs.FILE, "")
    path = sent_file(read_settings().home, account.user_id, name)
    imported = ImportedHistory()
    try:
        with failures_tagged(context, store):
            erase_former_listening(context, store, warehouse.open(), account.user_id)
            take_in(
                path,
                warehouse.open(),
                account.user_id,
                now=clock.now(),
                progress=imported.files.append,
            )
    except (ArchiveRefused, FileNotFoundError) as error:
        _refuse(context, error)
    path.unlink(missing_ok=True)
    _report(context, imported, path)


def _refuse(context: dg.OpExecutionContext, error: ArchiveRefused | FileNotFoundError) -> None:
    reason = GONE if isinstance(error, FileNotFoundError) else str(error.trouble)
    context.log.warning("The file was not taken in, or not all of it: %s.", reason)
    context.instance.add_run_tags(context.run.run_id, runs.failure_tags(reason, None))


def _report(context: dg.OpExecutionContext, imported: ImportedHistory, path: Path) -> None:
    """Tell Dagster, and through it the bot, what was added to the person's history."""
    years = imported.years
    context.log_event(
        dg.AssetMaterialization(
            LISTENING_HISTORY,
            partition=context.partition_key,
            description=f"Taken in from {path.name.partition('-')[2]}, which was sent in the chat.",
            metadata={
                "files": len(imported.files),
                "plays": imported.plays,
                "added": imported.added,
                **({"first year": years[0], "last year": years[1]} if years else {}),
            },
        )
    )


@dg.job(
    name=runs.IMPORT_HISTORY,
    partitions_def=users,
    executor_def=dg.in_process_executor,
    description="Reads Spotify's archive of somebody's streaming history, which they sent in the"
    " chat, into what they played; the file is deleted then.",
)
def import_history() -> None:
    """One step; what it added stands with the asset."""
    import_sent_file()
