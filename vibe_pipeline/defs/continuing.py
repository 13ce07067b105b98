"""Lists that were left half-way go on: the sensor that launches another run of their edition.

Which go on, and when, is decided in ``accounts.continuation``; what a run does with the edition it
is handed, in ``run_context``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import dagster as dg
import structlog

from vibe_pipeline import nightly as nights
from vibe_pipeline import runs
from vibe_pipeline.accounts.continuation import (
    GIVEN_UP_TOLD_WITHIN,
    LEFT_ALONE_AFTER,
    came_to_nothing,
    given_up,
    goes_on,
    half_made,
    next_run_at,
    written_anew,
)
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.messages import ListGivenUp, NightFailed
from vibe_pipeline.accounts.readable_rows import UNREADABLE
from vibe_pipeline.accounts.records import Edition, FailureCause
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.failures import begun_again_at
from vibe_pipeline.defs.jobs import daily_vibe, publish_preview
from vibe_pipeline.defs.partitions import run_request
from vibe_pipeline.defs.resources import AccountsResource, ClockResource
from vibe_pipeline.playlists.failures import refusal
from vibe_pipeline.records import believed
from vibe_pipeline.runs import LaunchRequest

log = structlog.get_logger()


@dg.sensor(
    jobs=[daily_vibe, publish_preview],
    minimum_interval_seconds=20,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Goes on with lists whose run was killed or failed half-way, where the ledger"
    " stands, asked for or nightly; ever more rarely, and not for ever.",
)
def unfinished_lists(
    context: dg.SensorEvaluationContext, accounts: AccountsResource, clock: ClockResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Continue what nobody works on any more."""
    store, now, instance = accounts.open(clock), clock.now(), context.instance
    _tell_given_up(instance, store, now)
    blocked_until = store.budget.blocked_until("spotify")
    requests = []
    for edition in store.editions.unfinished(since=now - LEFT_ALONE_AFTER):
        before = _runs_so_far(instance, edition, now) if _to_come(edition) else None
        if before is None or _is_over(instance, store, edition, before):
            continue
        at = next_run_at(edition, runs_made=_tries(edition, before), now=now)
        if at is None or max(at, blocked_until or at) > now or not _reachable(store, edition):
            continue
        launch = LaunchRequest.continuation(
            edition.user_id,
            edition.edition_id,
            occasion=edition.occasion,
            vibe_date=edition.vibe_date,
            chosen=bool(edition.tracks),
            attempt=runs.next_attempt([run.tags for run in before]),
        )
        requests.append(run_request(launch, job=launch.job))
    return requests or dg.SkipReason("No list was left half-way.")


def _tell_given_up(instance: dg.DagsterInstance, store: AccountStore, now: datetime) -> None:
    """Whoever asked for a list that is of the past hears once that it comes no more.

    A night's failures are told as they come.
    """
    for edition in store.editions.unfinished(since=now - GIVEN_UP_TOLD_WITHIN):
        if came_to_nothing(edition, now=now):
            _tell_who_asked(store, edition, instance, edition.edition_id)


def _tell_who_asked(
    store: AccountStore, edition: Edition, instance: dg.DagsterInstance, run_id: str
) -> None:
    """Whoever asked by this run hears once that it is given up; who called it off waits for none.

    Whoever it cannot be told to keeps nobody else waiting.
    """
    try:
        told, latest = ListGivenUp.of(edition.edition_id), store.editions.latest(edition.user_id)
        another = latest is not None and latest.created_at >= edition.created_at
        if _of_a_night(edition) or another or store.outbox.has(told):
            return
        run = instance.get_run_by_id(run_id) if _reachable(store, edition) else None
        if run is not None and runs.watched(run.tags) and not called_off(run):
            store.outbox.put(edition.user_id, told)
    except (AccountsUnreadable, *UNREADABLE):
        log.exception("cannot tell that a list is given up", user=edition.user_id)


def _is_over(
    instance: dg.DagsterInstance,
    store: AccountStore,
    edition: Edition,
    before: Sequence[dg.DagsterRun],
) -> bool:
    """Whether nothing more is to come of it; noted and told as each case asks for."""
    if store.editions.overtaken(edition):
        overtaken = refusal(FailureCause.OVERTAKEN)
        store.editions.fail(edition.edition_id, overtaken.cause, detail=overtaken.sentence)
    elif before and called_off(before[0]) and not half_made(edition):
        call_off(store, edition)
    elif given_up(edition, runs_made=_tries(edition, before)):
        if edition.cause is None:
            _give_up(store, edition, before)
        else:
            _tell_who_began(instance, store, edition, before)
    else:
        return False
    return True


def _tell_who_began(
    instance: dg.DagsterInstance,
    store: AccountStore,
    edition: Edition,
    before: Sequence[dg.DagsterRun],
) -> None:
    """Why it failed is noted already; who had it written anew in the chat waits for it."""
    began = before[_tries(edition, before) - 1]
    if not runs.is_continuation(began.tags) and not _again(began):
        _tell_who_asked(store, edition, instance, began.run_id)


def _tries(edition: Edition, before: Sequence[dg.DagsterRun]) -> int:
    """How many of its runs count: of what is written anew, those since that was begun."""
    if not written_anew(edition):
        return len(before)
    begun = (
        number
        for number, run in enumerate(before, start=1)
        if _again(run) or not runs.is_continuation(run.tags)
    )
    return next(begun, len(before))


def _again(run: dg.DagsterRun) -> bool:
    """Whether an operator had this run executed again, whatever it was made for."""
    return run.root_run_id not in {None, run.run_id}


def _to_come(edition: Edition) -> bool:
    """Whether it goes on by itself, or its night is begun again."""
    return goes_on(edition) or (_of_a_night(edition) and nights.next_try(edition) is not None)


def _of_a_night(edition: Edition) -> bool:
    return edition.occasion.startswith(runs.NIGHTLY_PREFIX)


def _runs_so_far(
    instance: dg.DagsterInstance, edition: Edition, now: datetime
) -> list[dg.DagsterRun] | None:
    """The runs an edition has had, the latest first; ``None`` while it is not to be touched.

    Not beside another run that changes the person's list. The clock may have been set back since
    it was begun.
    """
    tags = runs.owner_tags(edition.user_id)
    since = min(edition.created_at, now) - timedelta(hours=1)
    records = instance.get_run_records(dg.RunsFilter(tags=tags, created_after=since))
    lately = [record.dagster_run for record in records]
    own = [run for run in lately if _works_on(run, edition)]
    lists = [run for run in lately if run.job_name in runs.LIST_JOBS]
    if any(not run.is_finished for run in (*own, *lists)):
        return None
    return own


def _works_on(run: dg.DagsterRun, edition: Edition) -> bool:
    made = runs.edition_of(run.tags, run.run_id, run.root_run_id)
    root = runs.root_edition(run.run_id, run.root_run_id)
    return made == edition.edition_id or runs.occasion_of(run.tags, root) == edition.occasion


def _reachable(store: AccountStore, edition: Edition) -> bool:
    account = store.people.some([edition.user_id]).get(edition.user_id)
    return account is not None and account.active and account.connected


def called_off(run: dg.DagsterRun) -> bool:
    """Whether somebody ended it: an operator, or its person by unlinking Spotify."""
    return run.status == dg.DagsterRunStatus.CANCELED


def call_off(store: AccountStore, edition: Edition) -> None:
    """A night whose run was called off is not begun again, and whoever slept hears of it.

    Who asked for a list reads it in the chat, and their next wish goes on with it. Who unlinked
    Spotify meanwhile, and came back, called it off themselves.
    """
    account = store.people.some([edition.user_id]).get(edition.user_id)
    if account is None or not _of_a_night(edition) or not _reachable(store, edition):
        return
    cause, detail = FailureCause.CANCELED, "Its run was ended by hand."
    agreed_at = believed(account.consented_at, now=store.editions.now())
    theirs = agreed_at is not None and agreed_at > edition.updated_at
    told = None if theirs else NightFailed.of(edition, cause)
    store.editions.fail(edition.edition_id, cause, detail=detail, tell=told)


def _give_up(store: AccountStore, edition: Edition, before: Sequence[dg.DagsterRun]) -> None:
    """It was tried often enough: noted, and told to whoever slept."""
    cause, detail = FailureCause.UNEXPECTED, "Every run of this list ended without a word."
    told, now = None, store.editions.now()
    if _of_a_night(edition):
        failed = replace(edition, cause=cause, updated_at=now)
        told = NightFailed.of(edition, cause, until=begun_again_at(failed, before))
    store.editions.fail(edition.edition_id, cause, detail=detail, at=now, tell=told)
