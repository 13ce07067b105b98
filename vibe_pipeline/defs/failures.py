"""Errors in words: the ledger notes why, the run says so, and whoever slept is told."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import dagster as dg

from vibe_pipeline import nightly as nights
from vibe_pipeline import runs
from vibe_pipeline.accounts.continuation import RESTING, next_run_at
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.messages import ConsentEnded, NightFailed
from vibe_pipeline.accounts.records import Account, Edition, FailureCause
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.playlists.failures import ListFailure, ListRefused, failure_of
from vibe_pipeline.playlists.ledger_step import PublicationLost
from vibe_pipeline.playlists.paused_nights import moves_on
from vibe_pipeline.playlists.warehouse_recovery import Recovery, mend
from vibe_pipeline.taste.library_refresh import LibraryLost
from vibe_pipeline.warehouse import NotAWarehouse, Warehouse, WarehouseError

log = logging.getLogger(__name__)

_PASSING = frozenset({FailureCause.SERVICE_UNAVAILABLE, FailureCause.STORE_BUSY})
_SECOND_LOOK = frozenset({FailureCause.GRANT_REFUSED, FailureCause.PLAYLIST_MISSING})
"""What may turn out to be nothing at the next try: nobody is woken for it before."""


@contextmanager
def failures_recorded(
    context: dg.AssetExecutionContext,
    store: AccountStore,
    account: Account,
    edition: Edition | None,
    *,
    nightly: bool,
) -> Iterator[None]:
    """Note an error in the ledger, tell the person who slept, and fail the step in words."""
    try:
        yield
    except NotAWarehouse as error:
        recovery = _mended(error, store)
        if recovery is not None and recovery.whole:
            raise _again(context, recovery.in_words(error.path)) from error
        if recovery is None:
            failure = failure_of(error)
            shown = _note(context, store, account, edition, failure, nightly=nightly)
            raise dg.Failure(str(error), metadata=shown, allow_retries=False) from error
        # Nothing is noted: the list goes on by itself, over what was put back.
        raise dg.Failure(recovery.in_words(error.path), allow_retries=False) from error
    except (PublicationLost, LibraryLost) as error:
        # Nothing is noted: another goes on with it, or it goes on by itself where it stands by now.
        raise dg.Failure(str(error), allow_retries=False) from error
    except dg.Failure:
        raise
    except (ListRefused, ServiceError, WarehouseError, AccountsUnreadable) as error:
        failure = failure_of(error)
        shown = _note(context, store, account, edition, failure, nightly=nightly)
        raise dg.Failure(
            failure.sentence, metadata=shown, allow_retries=failure.cause in _PASSING
        ) from error
    except Exception as error:
        _note(context, store, account, edition, failure_of(error), nightly=nightly)
        raise


@contextmanager
def failures_tagged(context: dg.OpExecutionContext, store: AccountStore) -> Iterator[None]:
    """The same for a run without an edition: its tags say why, to whoever watches it."""
    try:
        with damage_mended(context, store):
            yield
    except (ListRefused, ServiceError, WarehouseError, AccountsUnreadable) as error:
        failure = failure_of(error)
        _tag(context, failure)
        shown = _shown(failure, next_try=None, told=_told_in_chat(context))
        raise dg.Failure(failure.sentence, metadata=shown, allow_retries=False) from error


@contextmanager
def damage_mended(context: dg.OpExecutionContext, store: AccountStore) -> Iterator[None]:
    """Do a step once more that a damaged warehouse ended, where it could be mended."""
    try:
        yield
    except NotAWarehouse as error:
        recovery = _mended(error, store)
        if recovery is None:
            raise
        raise _again(context, recovery.in_words(error.path)) from error


def _mended(error: NotAWarehouse, store: AccountStore) -> Recovery | None:
    """A damaged file is set aside and rebuilt; ``None`` where that cannot be."""
    try:
        return mend(Warehouse(error.path), store, now=store.editions.now())
    except (WarehouseError, OSError):
        return None


def _again(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, why: str
) -> dg.RetryRequested:
    """Have this step done once more, in the same run."""
    context.log.warning("%s This step is done once more.", why)
    return dg.RetryRequested(max_retries=1)


def _tag(context: dg.AssetExecutionContext | dg.OpExecutionContext, failure: ListFailure) -> None:
    told = runs.failure_tags(str(failure.cause), failure.until)
    context.instance.add_run_tags(context.run.run_id, told)


def _note(
    context: dg.AssetExecutionContext,
    store: AccountStore,
    account: Account,
    edition: Edition | None,
    failure: ListFailure,
    *,
    nightly: bool,
) -> Mapping[str, str]:
    """Note it where the list or the run is looked at; gives what the step shows of it."""
    log.warning("came to nothing: %s", failure.sentence)
    if edition is None:
        _tag(context, failure)
        return _shown(failure, next_try=None, told=_told_in_chat(context))
    now = store.editions.now()
    failed = replace(
        store.editions.required(edition.edition_id),
        cause=failure.cause,
        cause_until=failure.until,
        updated_at=now,
    )
    message = None
    if nightly:
        tags = runs.occasion_tags(failed.user_id, failed.occasion)
        again = begun_again_at(failed, context.instance.get_runs(dg.RunsFilter(tags=tags)))
        message, told = _of_the_night(store, failure, edition, next_try=again, now=now)
    else:
        again, told = next_run_at(failed, runs_made=1, now=now), _told_in_chat(context)
    noted = store.editions.fail(
        edition.edition_id,
        failure.cause,
        until=failure.until,
        detail=failure.sentence,
        at=now,
        tell=message,
        instead_of=_told_otherwise(context, store, account, failure, nightly=nightly),
    )
    if not noted:
        return _shown(failure, next_try=None, told="no: the list is there")
    return _shown(failure, next_try=again, told=told)


def _may_be_nothing(failure: ListFailure, before: Edition, *, now: datetime) -> bool:
    """Whether nobody is woken for it the first time: the next try shows whether it lasts.

    A short rest of Spotify's may be over: a day's calls are often free minutes after the hour.
    """
    if before.cause is failure.cause:
        return False
    short = failure.until is not None and failure.until - now <= nights.SHORT_PAUSE
    return failure.cause in _SECOND_LOOK or (failure.cause in RESTING and short)


def _of_the_night(
    store: AccountStore,
    failure: ListFailure,
    before: Edition,
    *,
    next_try: datetime | None,
    now: datetime,
) -> tuple[NightFailed | None, str]:
    """What whoever slept is to be told of a night that failed, and in words whether they are."""
    if failure.cause is FailureCause.OVERTAKEN:
        return None, "no: a later list takes its place"
    if next_try is not None and _may_be_nothing(failure, before, now=now):
        return None, "not yet: it may be over at the next try"
    message = NightFailed.of(before, failure.cause, until=next_try)
    if not store.outbox.has(message):
        return message, "yes, in the chat"
    told = store.outbox.next_tries(before.user_id, before.occasion, before)
    if next_try is not None and moves_on(next_try, told):
        return message.again(len(told)), "yes, in the chat, another next try than before"
    return None, "yes, in the chat, after an earlier try"


def _told_in_chat(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> str:
    """Of a run that is no night's: whoever asked in the chat reads it where they asked."""
    tags = context.run.tags
    if not runs.watched(tags):
        return "no: nobody waits for it in the chat"
    if runs.is_continuation(tags):
        return "in the message that followed the first run, if that still waits"
    return "yes, in the message that follows the run"


def _told_otherwise(
    context: dg.AssetExecutionContext,
    store: AccountStore,
    account: Account,
    failure: ListFailure,
    *,
    nightly: bool,
) -> ConsentEnded | None:
    """What need not be said: that their consent has ended, where they read it of this list.

    The message that followed a list's first run mostly ended before a later one.
    """
    if failure.cause is not FailureCause.CONSENT_EXPIRED or account.consented_at is None:
        return None
    followed = runs.watched(context.run.tags)
    if runs.is_continuation(context.run.tags):
        followed = bool(store.watches.open(account.user_id))
    if not (nightly or followed):
        return None
    return ConsentEnded.of(account.user_id, account.consented_at)


def begun_again_at(failed: Edition, so_far: Iterable[dg.DagsterRun]) -> datetime | None:
    """When this night is tried again by itself; ``None`` after the last of its runs ``so_far``."""
    made = sum(not runs.is_continuation(run.tags) for run in so_far)
    return nights.next_try(failed) if made < nights.ATTEMPTS else None


def _shown(failure: ListFailure, *, next_try: datetime | None, told: str) -> dict[str, str]:
    """What an operator wants to know first: who answered so, when it goes on, who knows of it."""
    shown = {"cause": str(failure.cause)}
    if failure.service is not None:
        shown["service"] = failure.service
    if failure.endpoint:
        shown["endpoint"] = failure.endpoint
    if failure.until is not None:
        shown["not before"] = failure.until.isoformat()
    again = "none by itself" if next_try is None else next_try.isoformat(timespec="minutes")
    return {**shown, "next try": again, "person told": told}
