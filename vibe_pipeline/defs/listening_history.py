"""The history group: what a person played elsewhere, and years ago, read while nobody waits.

One asset, its job and schedule. What is read next, and how it is kept, decides
``taste.scrobble_reading``.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from typing import Any

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.accounts.call_allowance import listening_of
from vibe_pipeline.accounts.records import HistoryService, HistorySource
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.defs.metadata import bars, counted, table
from vibe_pipeline.defs.partitions import add_users, run_request, users
from vibe_pipeline.defs.resources import (
    AccountsResource,
    Clients,
    ClockResource,
    ServicesResource,
    WarehouseResource,
)
from vibe_pipeline.defs.run_context import run_context
from vibe_pipeline.defs.specs import OWNERS, check_spec
from vibe_pipeline.defs.unfinished_runs import owners_at_work, somebody_waits
from vibe_pipeline.records import UserId
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.taste.scrobble_reading import (
    KeptHistory,
    PageReader,
    PlayCount,
    Reading,
    keep_history,
    read_on,
    reading_due,
    rows_of,
)
from vibe_pipeline.warehouse import Warehouse

LISTENING_HISTORY = dg.AssetKey("listening_history")
CHECK = "every_history_could_be_read"


@dg.asset(
    key=LISTENING_HISTORY,
    partitions_def=users,
    group_name="history",
    kinds={"scrobbles", "duckdb"},
    owners=list(OWNERS),
    code_version="1",
    tags={"vibe/group": "history"},
    check_specs=[
        check_spec(
            CHECK,
            asset=LISTENING_HISTORY,
            description="A warning when a service did not tell what a person played.",
        )
    ],
)
def listening_history(
    context: dg.AssetExecutionContext,
    warehouse: WarehouseResource,
    accounts: AccountsResource,
    services: ServicesResource,
    clock: ClockResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """What the person played according to Last.fm, ListenBrainz and Spotify's own archive.

    Scrobbles are read a few pages at a time, newest first, until all are there, and then what is
    new. What Spotify told as well is kept once. Only for those who named an account, or sent their
    archive.
    """
    store, now = accounts.open(clock), clock.now()
    with run_context(context, store, warehouse.open(), now=now) as run:
        sources = store.history_sources.of(run.user_id)
        opening = services.open(
            run.user_id, store, clock, edition_id=listening_of(run.user_id), asked_for=False
        )
        readings, calls = asyncio.run(_read(opening, _read_now(sources), now))
        kept = _keep(warehouse.open(), run.user_id, sources, readings, now)
        _note(store, run.user_id, sources, readings, kept)
        yield _result(readings, kept, calls)


def _read_now(sources: Sequence[HistorySource]) -> list[HistorySource]:
    return [source for source in sources if not source.leaving]


async def _read(
    opening: AbstractAsyncContextManager[Clients], sources: Sequence[HistorySource], now: datetime
) -> tuple[dict[HistorySource, Reading], Mapping[str, Any]]:
    async with opening as clients:
        readings = {
            source: await read_on(
                _page_reader(clients, source.service),
                source,
                now=now,
                count=_play_count(clients, source.service, now),
            )
            for source in sources
        }
        return readings, clients.shown


def _page_reader(clients: Clients, service: HistoryService) -> PageReader | None:
    if service is HistoryService.LASTFM:
        return None if clients.lastfm is None else clients.lastfm.recent_tracks
    return None if clients.listenbrainz is None else clients.listenbrainz.listens


def _play_count(clients: Clients, service: HistoryService, now: datetime) -> PlayCount | None:
    if service is HistoryService.LASTFM:
        lastfm = clients.lastfm
        return None if lastfm is None else partial(lastfm.scrobble_count, until=now)
    return None if clients.listenbrainz is None else clients.listenbrainz.listen_count


def _keep(
    database: Warehouse,
    user_id: UserId,
    sources: Sequence[HistorySource],
    readings: Mapping[HistorySource, Reading],
    now: datetime,
) -> KeptHistory:
    rows = {source: rows_of(reading.plays, now=now) for source, reading in readings.items()}
    leaving = [source for source in sources if source.leaving]
    with database.open() as tables:
        return keep_history(tables, user_id, rows, leaving, now=now)


def _note(
    store: AccountStore,
    user_id: UserId,
    sources: Sequence[HistorySource],
    readings: Mapping[HistorySource, Reading],
    kept: KeptHistory,
) -> None:
    """How far we came; only once the plays are kept, so that a killed run reads them again."""
    for source, reading in readings.items():
        store.history_sources.note(
            user_id,
            source,
            unread=reading.unread,
            added=kept.added[source.service.value],
            answered=reading.pages > 0,
            trouble=reading.trouble,
            counted=reading.counted,
        )
    for source in sources:
        if source.leaving:
            store.history_sources.gone(user_id, source)


def _result(
    readings: Mapping[HistorySource, Reading], kept: KeptHistory, calls: Mapping[str, Any]
) -> dg.MaterializeResult[None]:
    troubles = {
        source.service.value: str(reading.error or reading.trouble)
        for source, reading in readings.items()
        if reading.trouble is not None
    }
    gaps = [
        {
            "service": source.service.value,
            "from": "the beginning" if since is None else since.date().isoformat(),
            "to": until.date().isoformat(),
        }
        for source, reading in readings.items()
        for since, until in reading.unread
    ]
    by_year = {str(year): float(plays) for year, plays in kept.by_year.items()}
    return dg.MaterializeResult(
        metadata=counted(
            sum(kept.by_source.values()),
            added=sum(kept.added.values()),
            recordings=kept.recordings,
            **({"counts no more": kept.gone} if kept.gone else {}),
            **{f"plays from {source}": plays for source, plays in kept.by_source.items()},
            **calls,
            **{"plays per year": bars(by_year, title="Plays per year")},
            **({"still to read": table(gaps, ["service", "from", "to"])} if gaps else {}),
        ),
        check_results=[
            dg.AssetCheckResult(
                check_name=CHECK,
                passed=not troubles,
                severity=dg.AssetCheckSeverity.WARN,
                metadata=troubles,
            )
        ],
    )


read_history = dg.define_asset_job(
    runs.READ_HISTORY,
    selection=dg.AssetSelection.assets(LISTENING_HISTORY),
    description="Reads on in what a person tells Last.fm or ListenBrainz they play.",
)


@dg.schedule(
    cron_schedule="11,26,41,56 * * * *",
    job=read_history,
    name="read_history_by_day",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Reads what people play elsewhere: each night what is new, and every few hours a"
    " little more of the years before, until all is there. Never while somebody waits.",
)
def reading_history(
    context: dg.ScheduleEvaluationContext, accounts: AccountsResource, clock: ClockResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Begin what is due."""
    store, now, instance = accounts.open(clock), clock.now(), context.instance
    named = store.history_sources.everybody()
    if not named:
        return dg.SkipReason("Nobody has named an account elsewhere.")
    if somebody_waits(instance):
        return dg.SkipReason("Somebody waits for a list.")
    under_way = owners_at_work(instance, job=runs.READ_HISTORY)
    people = {one.user_id for one in store.people.all(active_only=True) if one.connected}
    due = [
        user_id
        for user_id, sources in named.items()
        if user_id in people and user_id not in under_way and reading_due(sources, now)
    ]
    if not due:
        return dg.SkipReason("Everybody's history was read lately.")
    add_users(instance, due)
    tick = context.scheduled_execution_time
    return [run_request(LaunchRequest.reading_history(user_id, tick)) for user_id in due]
