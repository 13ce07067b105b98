"""Which edition a run works on, and for whom: every step asks here first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import dagster as dg
from structlog.contextvars import bound_contextvars

from vibe_pipeline import runs
from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionKind,
    EditionState,
    FailureCause,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.erase import erase_former_listening
from vibe_pipeline.defs.failures import failures_recorded
from vibe_pipeline.playlists.failures import not_connected, refusal
from vibe_pipeline.playlists.run_edition import (
    EditionUnknown,
    RunIdentity,
    as_preview,
    begun_too_late,
    edition_for,
    is_only_looked_at,
    slice_for,
    unfinished_before,
)
from vibe_pipeline.records import UserId
from vibe_pipeline.warehouse import Slice, Warehouse

SELECTION = dg.AssetKey("ranked_selection")
PUBLISHED = dg.AssetKey("published_playlist")
PUBLISHING_STEP = "playlist"
_PUBLISHING_JOBS = frozenset({runs.DAILY_VIBE, runs.PUBLISH_PREVIEW})
EDITION_JOBS: Mapping[str, EditionKind] = {
    runs.DAILY_VIBE: EditionKind.DAILY,
    runs.PREVIEW_VIBE: EditionKind.PREVIEW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What one run makes, and for whom.

    ``edition`` is the ledger's row, for runs that make or publish a list; ``mine`` is false for
    a run that was handed an edition which another run began. ``continued``: by itself, after
    that one had come to nothing. ``repeated``: as a rerun of another run. ``by_hand``: by an
    operator, from the UI or in a backfill; its person asked for nothing. ``wanted``: its person
    asked to have exactly this list published. ``publishes``: it writes the list to a playlist.
    """

    run_id: str
    account: Account
    place: Slice
    edition: Edition | None
    mine: bool
    asked_for: bool
    nightly: bool
    continued: bool
    repeated: bool
    by_hand: bool
    wanted: bool
    publishes: bool

    @property
    def user_id(self) -> UserId:
        """Whose list it is."""
        return self.account.user_id

    @property
    def makes_a_list(self) -> bool:
        """Whether it makes a list, rather than preparing what lists are made of."""
        return self.edition is not None

    @property
    def on_purpose(self) -> bool:
        """Whether an operator has it made now, whatever was made since it was begun."""
        return self.repeated or self.by_hand

    @property
    def makes_anew(self) -> bool:
        """Whether the list stood in its playlist before, and an operator had it chosen again."""
        edition = self.edition
        if edition is None or edition.state is EditionState.RECORDED:
            return False
        waits = edition.state is EditionState.PLAYLIST_MADE and edition.snapshot_id is not None
        stood = waits or edition.undone_at is not None
        return stood and (self.on_purpose or self.continued)

    @property
    def done_before(self) -> bool:
        """Whether another run has made the list of this occasion already."""
        return (
            not self.mine
            and self.edition is not None
            and self.edition.state is EditionState.RECORDED
        )


@contextmanager
def run_context(
    context: dg.AssetExecutionContext, store: AccountStore, warehouse: Warehouse, *, now: datetime
) -> Iterator[RunContext]:
    """What this run makes; an error inside is noted in the ledger and told in words.

    What was to be erased of a former connection is erased before anything is read or made.
    """
    _version_by_run(context)
    user_id = UserId(context.partition_key)
    account = store.people.get(user_id)
    if account is None:
        raise dg.Failure(
            f"Nobody is known as {user_id}: they may have asked to be forgotten. Remove the"
            " partition, or let the person write /start to the bot.",
            allow_retries=False,
        )
    run = _run_context(context, store, account, now=now)
    with (
        bound_contextvars(
            run=context.run.run_id,
            job=context.run.job_name,
            edition=run.place.edition_id,
            user=user_id,
        ),
        failures_recorded(context, store, run.account, run.edition, nightly=run.nightly),
    ):
        _refuse_what_comes_to_nothing(store, run)
        erase_former_listening(context, store, warehouse, user_id)
        yield run


def _refuse_what_comes_to_nothing(store: AccountStore, run: RunContext) -> None:
    by_itself = run.nightly and not run.on_purpose
    if by_itself and run.edition and begun_too_late(store, run.account, run.edition):
        raise refusal(FailureCause.OVERTAKEN)
    if not run.account.connected:
        raise not_connected(run.account)


def _version_by_run(context: dg.AssetExecutionContext) -> None:
    """Each run's data are a version of their own, for they come from services and the clock.

    Without it Dagster takes rows made by the same code out of the same assets for the same rows.
    """
    for key in context.selected_asset_keys:
        context.set_data_version(key, dg.DataVersion(context.run.run_id))


def _run_context(
    context: dg.AssetExecutionContext, store: AccountStore, account: Account, *, now: datetime
) -> RunContext:
    run = _going_on(context, store, account, identity_of(context.run), now=now)
    try:
        edition = edition_for(store, account, run, now=now)
        if edition is not None and is_only_looked_at(run, edition):
            run = as_preview(run, edition)
            edition = edition_for(store, account, run, now=now)
    except EditionUnknown as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    nightly = runs.is_nightly(run.tags)
    return RunContext(
        run_id=run.run_id,
        account=account,
        place=slice_for(account, run, edition, now=now),
        edition=edition,
        mine=edition is None or edition.edition_id == run.root,
        asked_for=runs.somebody_waits(run.tags),
        nightly=nightly,
        continued=runs.is_continuation(run.tags),
        repeated=run.root_run_id not in {None, run.run_id},
        by_hand=runs.ASKED_BY not in run.tags,
        wanted=runs.is_wanted(context.run.job_name, run.tags),
        publishes=run.publishes,
    )


def _going_on(
    context: dg.AssetExecutionContext,
    store: AccountStore,
    account: Account,
    run: RunIdentity,
    *,
    now: datetime,
) -> RunIdentity:
    """The run, told which unfinished edition it goes on with, if with one.

    Decided by its first step; a tag tells the later ones, and whoever watches the run.
    """
    begins = run.kind is not None and runs.EDITION not in run.tags
    if not begins or store.editions.get(run.root) is not None:
        return run
    stored = context.instance.get_run_by_id(run.run_id)
    edition_id = None if stored is None else runs.named_edition(stored.tags)
    if edition_id is None:
        edition = unfinished_before(store, account, run, now=now)
        if edition is None:
            return run
        edition_id = edition.edition_id
        context.instance.add_run_tags(run.run_id, {runs.EDITION: edition_id})
    return replace(run, tags={**run.tags, runs.EDITION: edition_id})


def identity_of(run: dg.DagsterRun) -> RunIdentity:
    """What a run of Dagster's tells of itself."""
    return RunIdentity(
        run_id=run.run_id,
        root_run_id=run.root_run_id,
        tags=run.tags,
        kind=_kind_of(run),
        publishes=_publishes(run),
    )


def _publishes(run: dg.DagsterRun) -> bool:
    """Whether the step that writes playlists is among those it was launched with."""
    assets, steps = run.asset_selection, run.step_keys_to_execute
    written = PUBLISHED in assets if assets else run.job_name in _PUBLISHING_JOBS
    return written and (not steps or PUBLISHING_STEP in steps)


def _kind_of(run: dg.DagsterRun) -> EditionKind | None:
    """Whether a run makes a list to publish or to look at, or none."""
    assets = run.asset_selection
    if not assets:
        return EDITION_JOBS.get(run.job_name)
    if SELECTION not in assets:
        return None
    return EditionKind.DAILY if PUBLISHED in assets else EditionKind.PREVIEW
