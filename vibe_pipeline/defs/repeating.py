"""What people asked for and a killed run did not come to is begun again: previews, restores ...

Lists have a row in the ledger and go on from there (``continuing``); what is
here has none, or may as well be made anew. Which runs count, ``vibe_pipeline.runs`` says.
"""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.ended_runs import EndedRun, Surroundings
from vibe_pipeline.defs.partitions import run_request
from vibe_pipeline.defs.run_context import identity_of
from vibe_pipeline.records import EditionId, UserId
from vibe_pipeline.runs import LaunchRequest

STILL_WAITED_FOR = timedelta(minutes=10)
"""Of what was killed longer ago than this, its person was told that it failed."""


def begin_again(ended: EndedRun, around: Surroundings) -> dg.RunRequest | str:
    """Begin again what a killed run was asked for, unless its person went on to something else."""
    run, owner = ended.run, runs.owner_of(ended.run.tags)
    if owner is None or not runs.is_repeated(run.job_name, run.tags):
        return "It said itself why it failed, or was tried often enough."
    account = around.store.people.get(owner)
    if account is None or not account.active:
        return "Nobody is there any more whose run this was."
    if around.now - ended.at > STILL_WAITED_FOR:
        return "It ended too long ago."
    if _asked_since(around.instance, ended):
        return "Its person has asked for another list since."
    launch = LaunchRequest.repetition(
        run.job_name, owner, run.tags, run.run_id, edition_id=_begun(around.store, run)
    )
    return run_request(launch, job=run.job_name)


def _asked_since(instance: dg.DagsterInstance, ended: EndedRun) -> bool:
    """Whether a later run changes this person's list: an older wish must not undo it."""
    run = ended.run
    if run.job_name not in runs.LIST_JOBS:
        return False
    tags = runs.owner_tags(UserId(run.tags[runs.PARTITION]))
    later = dg.RunsFilter(tags=tags, created_after=ended.began_at)
    return any(
        other.run_id != run.run_id and other.job_name in runs.LIST_JOBS
        for other in instance.get_runs(later)
    )


def _begun(store: AccountStore, run: dg.DagsterRun) -> EditionId | None:
    """The preview that the run had begun, for which the ledger has a row."""
    edition = store.editions.get(identity_of(run).root)
    return None if edition is None else edition.edition_id
