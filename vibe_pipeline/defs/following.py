"""What follows when a person's run has ended, by its job: preparing, reading on, another try.

Two sensors, one for each way of ending. How they find the runs is in ``ended_runs``; what goes on
from the publication ledger is in ``continuing``.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.accounts.continuation import goes_on
from vibe_pipeline.accounts.messages import NightReady
from vibe_pipeline.accounts.records import Account, Edition, EditionState, FailureCause
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.candidates import pool_key
from vibe_pipeline.defs.ended_runs import (
    EVERY_SECONDS,
    EndedRun,
    Follower,
    Surroundings,
    followed,
)
from vibe_pipeline.defs.export import export_person
from vibe_pipeline.defs.importing import import_history
from vibe_pipeline.defs.jobs import prepare_vibe, preview_vibe, sync_library, walk_library
from vibe_pipeline.defs.partitions import run_request
from vibe_pipeline.defs.repeating import begin_again
from vibe_pipeline.defs.reserve import RESERVE
from vibe_pipeline.defs.resources import AccountsResource, ClockResource
from vibe_pipeline.defs.restore import restore_edition
from vibe_pipeline.defs.run_context import identity_of
from vibe_pipeline.playlists.run_edition import silently_failed
from vibe_pipeline.runs import LaunchRequest


def prepare_next_list(ended: EndedRun, around: Surroundings) -> dg.RunRequest | str:
    """After a list was published or years of plays came, prepare the next while nobody waits."""
    owner = _connected_owner(ended, around)
    if owner is None:
        return "Nobody is connected whose run this was."
    launch = LaunchRequest.preparing(owner.user_id, ended.run.run_id)
    return run_request(launch, job=prepare_vibe.name)


def walk_on(ended: EndedRun, around: Surroundings) -> dg.RunRequest | str:
    """Read on in a library too long for one reading, to its end or as far as a day's calls go."""
    owner = _connected_owner(ended, around)
    if owner is None or runs.STILL_TO_WALK not in ended.run.tags:
        return "The library was read to its end, or no further for today."
    launch = LaunchRequest.walking(owner.user_id, ended.run.run_id)
    return run_request(launch, job=walk_library.name)


def finish_asking(ended: EndedRun, around: Surroundings) -> dg.RunRequest | str:
    """Ask again just the sources that a deadline cut off, and look up what they bring."""
    owner, sources = _connected_owner(ended, around), runs.cut_off_sources(ended.run.tags)
    if owner is None or not sources:
        return "No source was cut off."
    launch = LaunchRequest.preparing(owner.user_id, ended.run.run_id)
    return dg.RunRequest(
        job_name=prepare_vibe.name,
        run_key=launch.run_key,
        partition_key=launch.partition_key,
        tags=dict(launch.tags),
        asset_selection=[*map(pool_key, sources), RESERVE],
    )


def explain(ended: EndedRun, around: Surroundings) -> str:
    """Make sure that a run which ended without a word has an edition.

    A list goes on by itself (``unfinished_lists``), and so does a preview at first
    (``begin_again``); after that it is noted as an unexpected failure.
    What already says why, or was finished by another run, is left alone.
    """
    run, store = ended.run, around.store
    owner = runs.owner_of(run.tags)
    account = None if owner is None else store.people.get(owner)
    if account and (night := _recorded_night(store, account, run)):
        store.outbox.put(account.user_id, NightReady.of(night.edition_id))
        return f"Its list {night.edition_id} is there, and told."
    edition = account and silently_failed(store, account, identity_of(run), now=around.now)
    if not edition:
        return "It said why itself."
    if not goes_on(edition) and not runs.is_repeated(run.job_name, run.tags):
        detail = ended.message or "The run ended without a word."
        store.editions.fail(edition.edition_id, FailureCause.UNEXPECTED, detail=detail)
    return f"Noted for edition {edition.edition_id}."


def _recorded_night(store: AccountStore, account: Account, run: dg.DagsterRun) -> Edition | None:
    """The night's list that a run recorded before it died, perhaps without a word to its person.

    A message is put once, however often it is asked for.
    """
    if not runs.is_nightly(run.tags) or run.job_name not in runs.LIST_JOBS:
        return None
    root = identity_of(run).root
    edition = store.editions.known(
        runs.named_edition(run.tags) or root, account.user_id, runs.occasion_of(run.tags, root)
    )
    if edition is None or edition.state is not EditionState.RECORDED or edition.undone_at:
        return None
    return None if store.editions.later_stands(edition) else edition


def after_success(job: str) -> Sequence[Follower]:
    """What follows a run of this job that did what it should."""
    followers: dict[str, Sequence[Follower]] = {
        runs.DAILY_VIBE: (prepare_next_list, walk_on),
        runs.PUBLISH_PREVIEW: (prepare_next_list,),
        runs.PREVIEW_VIBE: (finish_asking,),
        runs.IMPORT_HISTORY: (prepare_next_list,),
        runs.SYNC_LIBRARY: (walk_on,),
        runs.WALK_LIBRARY: (walk_on,),
    }
    return followers.get(job, ())


def after_failure(job: str) -> Sequence[Follower]:
    """What follows a run of this job that failed."""
    asking = (finish_asking,) if job in {runs.DAILY_VIBE, runs.PREVIEW_VIBE} else ()
    again = (begin_again,) if job in runs.REPEATED_JOBS else ()
    return explain, *asking, *again


@dg.sensor(
    jobs=[prepare_vibe, walk_library],
    minimum_interval_seconds=EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="After a list, or a history that was sent, prepares the next list while nobody"
    " waits, and reads on in a library that is too long to be read at once; after a preview,"
    " finishes what its deadline cut off.",
)
def succeeded_runs(
    context: dg.SensorEvaluationContext, accounts: AccountsResource, clock: ClockResource
) -> dg.SensorResult:
    """What follows from runs that did what they should."""
    around = Surroundings(instance=context.instance, store=accounts.open(clock), now=clock.now())
    return followed(context, around, dg.DagsterEventType.RUN_SUCCESS, after_success)


@dg.sensor(
    jobs=[prepare_vibe, preview_vibe, sync_library, restore_edition, export_person, import_history],
    minimum_interval_seconds=EVERY_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Finds runs that ended without saying why (killed, out of memory) and notes it, or"
    " has them go on; begins again what somebody waits for; after a list that came to nothing,"
    " finishes asking what its deadline cut off.",
)
def failed_runs(
    context: dg.SensorEvaluationContext, accounts: AccountsResource, clock: ClockResource
) -> dg.SensorResult:
    """What follows from runs that failed."""
    around = Surroundings(instance=context.instance, store=accounts.open(clock), now=clock.now())
    return followed(context, around, dg.DagsterEventType.RUN_FAILURE, after_failure)


def _connected_owner(ended: EndedRun, around: Surroundings) -> Account | None:
    """Whose run it was, unless they are gone or have taken their consent back."""
    user_id = runs.owner_of(ended.run.tags)
    account = None if user_id is None else around.store.people.get(user_id)
    return account if account is not None and account.connected else None
