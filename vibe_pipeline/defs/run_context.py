"""Which edition a run works on, and for whom: every step asks here first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionKind,
    EditionState,
    FailureCause,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.failures import failures_recorded, refusal
from vibe_pipeline.nightly import local_date
from vibe_pipeline.records import UserId
from vibe_pipeline.warehouse import Slice

SELECTION = dg.AssetKey("ranked_selection")
PUBLISHED = dg.AssetKey("published_playlist")
EDITION_JOBS: Mapping[str, EditionKind] = {
    runs.DAILY_VIBE: EditionKind.DAILY,
    runs.PREVIEW_VIBE: EditionKind.PREVIEW,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What one run makes, and for whom.

    ``edition`` is the ledger's row, for runs that make or publish a list; ``mine`` is false for
    a run that was handed an edition which another run began.
    """

    account: Account
    place: Slice
    edition: Edition | None
    mine: bool
    asked_for: bool
    nightly: bool

    @property
    def user_id(self) -> UserId:
        """Whose list it is."""
        return self.account.user_id

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
    context: dg.AssetExecutionContext, store: AccountStore, *, now: datetime
) -> Iterator[RunContext]:
    """What this run makes; an error inside is noted in the ledger and told in words."""
    user_id = UserId(context.partition_key)
    account = store.people.get(user_id)
    if account is None:
        raise dg.Failure(
            f"Nobody is known as {user_id}: they may have asked to be forgotten. Remove the"
            " partition, or let the person write /start to the bot.",
            allow_retries=False,
        )
    found = _run_context(context, store, account, now=now)
    with failures_recorded(context, store, found.account, found.edition, nightly=found.nightly):
        if not account.connected:
            raise refusal(_why_not_connected(account))
        yield found


def _run_context(
    context: dg.AssetExecutionContext, store: AccountStore, account: Account, *, now: datetime
) -> RunContext:
    run_tags = context.run.tags
    root = runs.root_edition(context.run.run_id, context.run.root_run_id)
    occasion = runs.occasion_of(run_tags, root)
    vibe_date = runs.vibe_date_of(run_tags) or local_date(account, now)
    fresh = Slice(user_id=account.user_id, vibe_date=vibe_date, edition_id=root)
    edition = _edition(context, store, account, fresh, occasion)
    if edition is not None:
        fresh = replace(fresh, vibe_date=edition.vibe_date, edition_id=edition.edition_id)
    nightly = runs.is_nightly(run_tags)
    return RunContext(
        account=account,
        place=fresh,
        edition=edition,
        mine=edition is None or edition.edition_id == root,
        asked_for=not nightly,
        nightly=nightly,
    )


def _edition(
    context: dg.AssetExecutionContext,
    store: AccountStore,
    account: Account,
    fresh: Slice,
    occasion: str,
) -> Edition | None:
    named = runs.named_edition(context.run.tags)
    if named is not None:
        edition = store.editions.get(named)
        if edition is None or edition.user_id != account.user_id:
            raise dg.Failure(f"{account.user_id} has no edition {named}.", allow_retries=False)
        return edition
    kind = kind_of(context.run)
    if kind is None:
        return _standing(context.run, store, account.user_id)
    return store.editions.open(
        fresh.edition_id,
        account.user_id,
        vibe_date=fresh.vibe_date,
        occasion=occasion,
        kind=kind,
        mode=account.mode,
    )


def kind_of(run: dg.DagsterRun) -> EditionKind | None:
    """Whether a run makes a list to publish or to look at, or none."""
    chosen = run.asset_selection
    if not chosen:
        return EDITION_JOBS.get(run.job_name)
    if SELECTION not in chosen:
        return None
    return EditionKind.DAILY if PUBLISHED in chosen else EditionKind.PREVIEW


def _standing(run: dg.DagsterRun, store: AccountStore, user_id: UserId) -> Edition | None:
    """For a run that only publishes: the newest edition that has its tracks chosen."""
    if not run.asset_selection or PUBLISHED not in run.asset_selection:
        return None
    return next((edition for edition in store.editions.history(user_id) if edition.tracks), None)


def _why_not_connected(account: Account) -> FailureCause:
    ended = account.spotify_account_id is not None
    return FailureCause.CONSENT_EXPIRED if ended else FailureCause.NOT_CONNECTED
