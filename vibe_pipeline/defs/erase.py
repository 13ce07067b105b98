"""Erasing for real: what the warehouse and Dagster itself hold about somebody who asked.

The job and its steps. Counting and erasing rows is ``personal_data.erase``'s, the promise the
account store's.
"""

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Erasure, ErasureKind
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.failures import damage_mended
from vibe_pipeline.defs.partitions import run_request, users
from vibe_pipeline.defs.resources import AccountsResource, ClockResource, WarehouseResource
from vibe_pipeline.launcher.check_history import forget_checks
from vibe_pipeline.personal_data.archives import forget_archive
from vibe_pipeline.personal_data.erase import Sweep, sweep, sweep_files
from vibe_pipeline.records import UserId
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.settings import read_settings
from vibe_pipeline.warehouse import Warehouse, WarehouseLocked


class ForgetConfig(dg.Config):
    """Which promise to keep, by its receipt number.

    A run's configuration outlives the run's work, so it names the receipt and not the person.
    """

    receipt: str


@dg.op(name=runs.FORGET_OP)
def forget(
    context: dg.OpExecutionContext,
    config: ForgetConfig,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    clock: ClockResource,
) -> None:
    """Sweeps warehouse, runs, partition and sent files, and counts what is left."""
    store = accounts.open(clock)
    note = store.erasures.get(config.receipt)
    if note is None or note.swept_at is not None:
        context.add_output_metadata({"receipt": config.receipt, "left": 0, "done before": True})
        return
    if _is_kept_by_runs(store, note):
        context.add_output_metadata({"receipt": config.receipt, "left to": "the person's next run"})
        return
    if is_busy(context.instance, note.user_id):
        raise dg.Failure(
            "A run for this person is still under way; it is swept by itself once that has ended.",
            allow_retries=False,
        )
    with damage_mended(context, store):
        rows = sweep(warehouse.open(), note.user_id, note.kind)
    files = sweep_files(read_settings().home, note.user_id)
    swept = rows.and_of(_sweep_dagster(context.instance, note)).and_of(files)
    counts = {name: count for name, count in swept.erased.items() if count}
    context.add_output_metadata({"receipt": config.receipt, "left": swept.left, **counts})
    if swept.left:
        store.erasures.count(config.receipt, swept.erased)
        raise dg.Failure(f"{swept.left} rows are still there after erasing; this is tried again.")
    store.erasures.swept(config.receipt, swept.erased)


@dg.job(
    name=runs.FORGET_PERSON,
    executor_def=dg.in_process_executor,
    description="Erases what warehouse and Dagster hold about somebody who asked to be forgotten,"
    " or about the listening of somebody who unlinked Spotify, and proves it by counting.",
)
def forget_person() -> None:
    """One step; its metadata is the receipt."""
    forget()


@dg.sensor(
    name="promised_erasures",
    job=forget_person,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Keeps the promises to erase that could not be kept at once.",
)
def promises(
    context: dg.SensorEvaluationContext, accounts: AccountsResource, clock: ClockResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Begin each waiting erasure, unless one is under way or the person still has a run."""
    store = accounts.open(clock)
    waiting = [note for note in store.erasures.waiting() if not _is_kept_by_runs(store, note)]
    requests = [
        request for note in waiting if (request := _request(context.instance, note)) is not None
    ]
    if not requests:
        return dg.SkipReason(f"{len(waiting)} wait for a run to end.")
    return requests


def _request(instance: dg.DagsterInstance, note: Erasure) -> dg.RunRequest | None:
    begun = instance.get_runs(dg.RunsFilter(tags=runs.receipt_tags(note.receipt)))
    if any(not run.is_finished for run in begun) or is_busy(instance, note.user_id):
        return None
    attempt = runs.next_attempt([run.tags for run in begun])
    return run_request(
        LaunchRequest.forgetting(note.receipt, asked_by=runs.SCHEDULE, attempt=attempt)
    )


_WRITING = frozenset(
    {dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING}
)
"""A run that waits in the queue has read nothing yet, and comes here before it does."""


def _is_kept_by_runs(store: AccountStore, note: Erasure) -> bool:
    """Whether its person has connected again: sweeping late would take what was read since."""
    if note.kind is not ErasureKind.SPOTIFY:
        return False
    account = store.people.some([note.user_id]).get(note.user_id)
    return account is not None and account.active and account.connected


def erase_former_listening(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    store: AccountStore,
    warehouse: Warehouse,
    user_id: UserId,
) -> None:
    """Keep what was promised to somebody who has connected again, before their run reads anything.

    Raises: ``WarehouseLocked`` while a run of before still may write.
    """
    for note in store.erasures.waiting():
        if note.user_id == user_id and _is_kept_by_runs(store, note):
            _erase_what_was_before(context, store, warehouse, note)


def _erase_what_was_before(
    context: dg.AssetExecutionContext | dg.OpExecutionContext,
    store: AccountStore,
    warehouse: Warehouse,
    note: Erasure,
) -> None:
    instance, home = context.instance, read_settings().home
    before = dg.RunsFilter(tags=runs.owner_tags(note.user_id), created_before=note.asked_at)
    earlier = [run for run in instance.get_runs(before) if run.run_id != context.run.run_id]
    if any(run.status in _WRITING for run in earlier):
        sentence = "A run from before Spotify was connected anew is still under way."
        raise WarehouseLocked(warehouse.path, sentence)
    swept = sweep(warehouse, note.user_id, note.kind).and_of(
        sweep_files(home, note.user_id, before=note.asked_at)
    )
    if swept.left:
        sentence = f"{swept.left} rows of a former connection are still there."
        raise WarehouseLocked(warehouse.path, sentence)
    gone = _erase_runs(instance, {run.run_id for run in earlier if run.is_finished})
    store.erasures.swept(note.receipt, {**swept.erased, "dagster.runs": gone})


def is_busy(instance: dg.DagsterInstance, user_id: UserId) -> bool:
    """Whether a run of this person's may still write."""
    own_runs = instance.get_runs(dg.RunsFilter(tags=runs.owner_tags(user_id)))
    return any(not run.is_finished for run in own_runs)


def _sweep_dagster(instance: dg.DagsterInstance, note: Erasure) -> Sweep:
    """Erase the person's runs and partition, then count what Dagster still holds of them."""
    own_runs = instance.get_runs(dg.RunsFilter(tags=runs.owner_tags(note.user_id)))
    erased_runs = _erase_runs(instance, {run.run_id for run in own_runs})
    partitions = _erase_partition(instance, note)
    return Sweep(
        erased={"dagster.runs": erased_runs, "dagster.partitions": partitions},
        left=_left_in_dagster(instance, note),
    )


def _erase_runs(instance: dg.DagsterInstance, gone: set[str]) -> int:
    """Delete these runs with all their events and archives; says how many there were."""
    home = read_settings().home
    for run_id in gone:
        forget_archive(home, run_id)
        instance.delete_run(run_id)
    forget_checks(instance, run_ids=gone)
    _blank_latest(instance, gone)
    return len(gone)


def _blank_latest(instance: dg.DagsterInstance, gone: set[str]) -> None:
    """Dagster keeps a copy of each asset's last event, tables and all: put an empty one there."""
    for key in instance.all_asset_keys():
        latest = instance.get_latest_materialization_event(key)
        if latest is not None and latest.run_id in gone:
            instance.report_runless_asset_event(
                dg.AssetMaterialization(key, description="Somebody's rows were erased.")
            )


def _erase_partition(instance: dg.DagsterInstance, note: Erasure) -> int:
    name = users.name or ""
    if note.kind is not ErasureKind.PERSON or not instance.has_dynamic_partition(
        name, note.user_id
    ):
        return 0
    instance.delete_dynamic_partition(name, note.user_id)
    return 1


def _left_in_dagster(instance: dg.DagsterInstance, note: Erasure) -> int:
    left = len(instance.get_runs(dg.RunsFilter(tags=runs.owner_tags(note.user_id))))
    if note.kind is ErasureKind.PERSON:
        left += instance.has_dynamic_partition(users.name or "", note.user_id)
    return left
