"""What happens by itself: the nightly lists, collecting plays, partitions, preparing by day.

Schedules and sensors. Who is due is decided in ``vibe_pipeline.nightly``, what is launched in
``vibe_pipeline.runs``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import dagster as dg
import structlog

from vibe_pipeline import nightly as nights
from vibe_pipeline import runs
from vibe_pipeline.accounts.budget_shares import Share
from vibe_pipeline.accounts.continuation import half_made
from vibe_pipeline.accounts.errors import AccountsUnreadable, UnknownPerson
from vibe_pipeline.accounts.partition_changes import partition_changes
from vibe_pipeline.accounts.records import Account, EditionKind
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.candidates import pool_key
from vibe_pipeline.defs.continuing import call_off, called_off, unfinished_lists
from vibe_pipeline.defs.following import failed_runs, succeeded_runs
from vibe_pipeline.defs.jobs import (
    collect_listening,
    compare_policies,
    daily_vibe,
    prepare_vibe,
)
from vibe_pipeline.defs.listening_history import reading_history
from vibe_pipeline.defs.partitions import add_users, run_request, users
from vibe_pipeline.defs.resources import AccountsResource, ClockResource
from vibe_pipeline.defs.unfinished_runs import owners_at_work, somebody_waits
from vibe_pipeline.playlists.paused_nights import tell_of_pause
from vibe_pipeline.playlists.pools_at_hand import FRESH_FOR
from vibe_pipeline.playlists.preparing import Preparations, preparing_due
from vibe_pipeline.records import PERSONAL_SOURCES, EditionId, Source, UserId, believed
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.settings import read_settings
from vibe_pipeline.taste.collecting import hours_between

log = structlog.get_logger()

_NIGHT_FIRST = "Somebody's night waited for Spotify, and comes first."


@dg.schedule(
    cron_schedule="*/15 * * * *",
    job=daily_vibe,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Begins each person's list at their own hour, once per person and local date."
    " A failure that passes by itself is tried again.",
)
def nightly(
    context: dg.ScheduleEvaluationContext, accounts: AccountsResource, clock: ClockResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Begin what is due; a late or doubled tick finds it begun."""
    store, now = accounts.open(clock), clock.now()
    due = nights.due(store.people.all(active_only=True), store.editions.of_day, now)
    blocked_until = store.budget.blocked_until("spotify")
    night = _tonight(context.instance, store, due, blocked_until=blocked_until)
    tell_of_pause(store, night.waiting, blocked_until=blocked_until)
    if not night.begun:
        return dg.SkipReason(night.in_words())
    add_users(context.instance, [item.account.user_id for item, _ in night.begun])
    return [_nightly_request(item, attempt) for item, attempt in night.begun]


def _nightly_request(due: nights.Due, attempt: int) -> dg.RunRequest:
    launch = LaunchRequest.nightly(due.account.user_id, due.vibe_date, attempt=attempt)
    return run_request(launch)


def _tonight(
    instance: dg.DagsterInstance,
    store: AccountStore,
    due: Sequence[nights.Due],
    *,
    blocked_until: datetime | None,
) -> nights.NightPlan:
    attempts = _attempts_by_person(instance, store, due)
    return nights.tonight(
        [item for item in due if item.account.user_id in attempts],
        lambda item: attempts[item.account.user_id],
        blocked_until=blocked_until,
    )


def _held_up(instance: dg.DagsterInstance, store: AccountStore, now: datetime) -> bool:
    """Whether a night waited for Spotify's rest, which is just over: the next call is that one's.

    Whoever asks first after a rest finds out whether it is over, and may well prolong it.
    """
    rested_until = store.budget.rested_until("spotify")
    if rested_until is None or not timedelta() <= now - rested_until <= nights.SHORT_PAUSE:
        return False
    due = nights.due(store.people.all(active_only=True), store.editions.of_day, now)
    waited = [item for item in due if item.night < rested_until]
    return bool(_tonight(instance, store, waited, blocked_until=None).begun)


def _attempts_by_person(
    instance: dg.DagsterInstance, store: AccountStore, due: Sequence[nights.Due]
) -> dict[UserId, nights.Attempts]:
    """The runs each night has had; whoever it cannot be told of keeps nobody else waiting."""
    attempts = {}
    for item in due:
        try:
            attempts[item.account.user_id] = _attempts(instance, store, item)
        except (AccountsUnreadable, UnknownPerson):
            log.exception("cannot tell what became of a night", user=item.account.user_id)
    return attempts


def _attempts(
    instance: dg.DagsterInstance, store: AccountStore, due: nights.Due
) -> nights.Attempts:
    tags = runs.occasion_tags(due.account.user_id, due.occasion)
    begun = instance.get_runs(dg.RunsFilter(tags=tags))
    under_way = any(not run.is_finished for run in begun)
    ended_by_hand = not under_way and bool(begun) and called_off(begun[0])
    if ended_by_hand:
        _call_off(store, due, begun[0])
    return nights.Attempts(
        made=sum(not runs.is_continuation(run.tags) for run in begun),
        under_way=under_way,
        next=runs.next_attempt([run.tags for run in begun]),
        called_off=ended_by_hand,
    )


def _call_off(store: AccountStore, due: nights.Due, run: dg.DagsterRun) -> None:
    """Note it with the night's list, which may not have been begun; what is half made goes on."""
    edition = store.editions.open(
        runs.root_edition(run.run_id, run.root_run_id),
        due.account.user_id,
        vibe_date=due.vibe_date,
        occasion=due.occasion,
        kind=EditionKind.DAILY,
        mode=due.account.mode,
    )
    if not half_made(edition):
        call_off(store, edition)


@dg.schedule(
    cron_schedule="5 */2 * * *",
    job=collect_listening,
    name="collect_listening_by_day",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Keeps what people played before Spotify forgets it: every two hours, less often"
    " the more people there are.",
)
def collecting(
    context: dg.ScheduleEvaluationContext, accounts: AccountsResource, clock: ClockResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Collect from everybody who is connected, unless Spotify wants to be left alone."""
    store = accounts.open(clock)
    blocked_until = store.budget.blocked_until("spotify")
    if blocked_until is not None:
        return dg.SkipReason(f"Spotify is to be left alone until {blocked_until.isoformat()}.")
    if _held_up(context.instance, store, clock.now()):
        return dg.SkipReason(_NIGHT_FIRST)
    closed_until = store.budget.of(EditionId(""), share=Share.LISTENING).opens_at("spotify")
    if closed_until is not None:
        return dg.SkipReason(f"The calls for listening are used up until {closed_until:%H:%M} UTC.")
    connected = [person for person in store.people.all(active_only=True) if person.connected]
    hour, hours = context.scheduled_execution_time.hour, hours_between(len(connected))
    if not connected:
        return dg.SkipReason("Nobody is connected.")
    if hour % hours:
        return dg.SkipReason(f"{len(connected)} people are collected from every {hours} hours.")
    add_users(context.instance, [person.user_id for person in connected])
    tick = context.scheduled_execution_time
    return [run_request(LaunchRequest.collecting(person.user_id, tick)) for person in connected]


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Keeps one partition per person, in step with the account store.",
)
def people(
    context: dg.SensorEvaluationContext, accounts: AccountsResource, clock: ClockResource
) -> dg.SensorResult | dg.SkipReason:
    """Add who came, remove who is gone and idle; an unreadable store fails this tick only."""
    known = accounts.open(clock).people.ids()
    changes = partition_changes(
        known,
        context.instance.get_dynamic_partitions(users.name or ""),
        owners_at_work(context.instance),
    )
    if not changes.add and not changes.remove:
        return dg.SkipReason(changes.note or f"{len(known)} people, each with their partition.")
    requests: list[dg.AddDynamicPartitionsRequest | dg.DeleteDynamicPartitionsRequest] = []
    if changes.add:
        requests.append(users.build_add_request(list(changes.add)))
    if changes.remove:
        requests.append(users.build_delete_request(list(changes.remove)))
    return dg.SensorResult(dynamic_partitions_requests=requests)


@dg.schedule(
    cron_schedule="7,22,37,52 * * * *",
    job=prepare_vibe,
    name="prepare_by_day",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Prepares the next list of those for whom nothing will be ready: a few at a time,"
    " never while somebody waits, and later again after a failure.",
)
def preparing_by_day(
    context: dg.ScheduleEvaluationContext, accounts: AccountsResource, clock: ClockResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Begin a few that are due."""
    store, now, instance = accounts.open(clock), clock.now(), context.instance
    if (until := store.budget.blocked_until("spotify")) is not None:
        return dg.SkipReason(f"Spotify is to be left alone until {until.isoformat()}.")
    if somebody_waits(instance):
        return dg.SkipReason("Somebody waits for a list.")
    if _held_up(instance, store, now):
        return dg.SkipReason(_NIGHT_FIRST)
    people = [person for person in store.people.all(active_only=True) if person.connected]
    due = preparing_due(people, preparations(instance, now), _last_lists(store, people, now), now)
    if not due:
        return dg.SkipReason("Everybody's next list is prepared for, or was tried lately.")
    add_users(instance, [person.user_id for person in due])
    tick = context.scheduled_execution_time
    return [run_request(LaunchRequest.preparing_by_day(one.user_id, tick)) for one in due]


def _last_lists(
    store: AccountStore, people: Sequence[Account], now: datetime
) -> dict[UserId, datetime]:
    """When each person last had a list made, as far as its moment is to be believed."""
    last = {}
    for person in people:
        with suppress(LookupError, TypeError, ValueError):
            made = [one.created_at for one in store.editions.history(person.user_id, limit=10)]
            if told := [at for at in made if believed(at, now=now)]:
                last[person.user_id] = told[0]
    return last


def preparations(instance: dg.DagsterInstance, now: datetime) -> dict[UserId, Preparations]:
    """What the runs of the last days did ahead of time, by person."""
    lately = dg.RunsFilter(job_name=runs.PREPARE_VIBE, created_after=now - 2 * FRESH_FOR)
    by_person: dict[UserId, Preparations] = {}
    for record in instance.get_run_records(lately, ascending=True):
        run, owner = record.dagster_run, runs.owner_of(record.dagster_run.tags)
        if owner is None:
            continue
        before, tried_at = by_person.get(owner, Preparations()), record.create_timestamp
        if run.is_success and _asks_all(run):
            now_known = Preparations(prepared_at=tried_at, tried_at=tried_at)
        else:
            failed = before.failures + run.is_failure_or_canceled
            under_way = before.under_way or not run.is_finished
            now_known = replace(before, tried_at=tried_at, failures=failed, under_way=under_way)
        by_person[owner] = now_known
    return by_person


def _asks_all(run: dg.DagsterRun) -> bool:
    """Whether it was for every source, not only for some that were cut off."""
    everybodys = {pool_key(one) for one in set(Source) - PERSONAL_SOURCES}
    return not run.asset_selection or everybodys <= run.asset_selection


@dg.schedule(
    cron_schedule="30 7 * * 1",
    job=compare_policies,
    name="compare_policies_on_mondays",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="A verdict on the two policies every Monday, while VIBE_COMPARE_POLICIES names"
    " two.",
)
def comparing(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Compare, if anything is compared."""
    if read_settings().compared_policies is None:
        return dg.SkipReason("No policies are compared: VIBE_COMPARE_POLICIES is empty.")
    return run_request(LaunchRequest.comparison(context.scheduled_execution_time.date()))


SCHEDULES = (nightly, collecting, preparing_by_day, comparing, reading_history)
SENSORS = (people, succeeded_runs, failed_runs, unfinished_lists)
