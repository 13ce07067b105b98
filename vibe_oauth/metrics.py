"""Figures for Prometheus: the answer to ``GET /metrics``, from what the stores and Dagster know.

Nothing is counted here, so any process may have done the work. People appear by their opaque id
only. What the figures mean for an operator stands in ``docs/monitoring``.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from vibe_oauth.operator_token import OperatorDoor
from vibe_oauth.request_info import reached_on_the_loopback
from vibe_oauth.services import OAuthServices
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.records import Edition, EditionState
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.installation.call_figures import BUCKETS, CallFigures, ServiceFigures
from vibe_pipeline.installation.process_status import ProcessState, StatusFile

LATELY = timedelta(hours=24)
DAGSTER_SECONDS = 5.0
SERVICES = ("spotify", "lastfm", "listenbrainz", "musicbrainz")
RUN_OUTCOMES = ("SUCCESS", "FAILURE", "CANCELED")
_QUEUED = ("QUEUED",)
_UNDER_WAY = ("NOT_STARTED", "STARTING", "STARTED", "CANCELING")


@dataclass(frozen=True, slots=True)
class Metrics:
    """Answers Prometheus."""

    services: OAuthServices
    door: OperatorDoor
    open_here: bool = False
    """No token is asked for by what runs on this machine: no proxy leads strangers to us."""

    async def show(self, request: Request) -> Response:
        """Everything as text; what cannot be found out now is left out, and ``vibe_up`` says so."""
        near = self.open_here and reached_on_the_loopback(request)
        if not near and (refusal := self.door.refusal(request)) is not None:
            return refusal
        runs = await self._runs()
        text = await asyncio.to_thread(self._text, runs)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    async def _runs(self) -> Mapping[str, int] | None:
        """How many runs stand how; ``None`` when Dagster does not tell."""
        dagster = self.services.dagster
        groups: dict[str, tuple[str, ...]] = {one.lower(): (one,) for one in RUN_OUTCOMES}
        groups |= {"queued": _QUEUED, "under_way": _UNDER_WAY}
        try:
            async with asyncio.timeout(DAGSTER_SECONDS):
                counts = await asyncio.gather(
                    *(dagster.count_runs(*statuses) for statuses in groups.values())
                )
        except (ServiceError, TimeoutError):
            return None
        return dict(zip(groups, counts, strict=True))

    def _text(self, runs: Mapping[str, int] | None) -> bytes:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(tuple(self._families(runs))))
        return generate_latest(registry)

    def _families(self, runs: Mapping[str, int] | None) -> Iterator[Metric]:
        store, now = self.services.store, self.services.now()
        yield from _of_runs(runs)
        yield from _of_calls(CallFigures(self.services.home).read())
        yield from _of_parts(StatusFile(self.services.home))
        try:
            families = [*_of_budget(store), *_of_lists(store, now), *_of_people(store, now)]
        except AccountsUnreadable:
            families = []
        up = _gauge("vibe_up", "Whether account store and Dagster could be read just now.", "store")
        up.add_metric(["accounts"], float(bool(families)))
        up.add_metric(["dagster"], float(runs is not None))
        yield from (up, *families)


@dataclass(frozen=True, slots=True, eq=False)
class _Families(Collector):
    """What was found out, as prometheus_client takes it."""

    families: tuple[Metric, ...]

    def collect(self) -> Iterable[Metric]:
        """The families, as they are."""
        return self.families


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, labels=labels)


def _of_runs(runs: Mapping[str, int] | None) -> Iterator[Metric]:
    if runs is None:
        return
    ended = _gauge("vibe_runs", "Runs that Dagster keeps, by how they ended.", "outcome")
    for outcome in RUN_OUTCOMES:
        ended.add_metric([outcome.lower()], runs[outcome.lower()])
    waiting = _gauge("vibe_runs_open", "Runs that wait in the queue or are under way.", "state")
    for state in ("queued", "under_way"):
        waiting.add_metric([state], runs[state])
    yield from (ended, waiting)


def _of_calls(figures: Mapping[str, ServiceFigures]) -> Iterator[Metric]:
    calls = CounterMetricFamily(
        "vibe_service_calls_total",
        "Calls that runs, bot and consent page of this machine sent (also to telegram and dagster),"
        " by how they ended; the bot's long wait for news is none of them.",
        labels=("service", "outcome"),
    )
    seconds = HistogramMetricFamily(
        "vibe_service_call_seconds", "How long those calls took.", labels=("service",)
    )
    for service, one in sorted(figures.items()):
        for outcome, count in sorted(one.outcomes.items()):
            calls.add_metric([service, outcome], count)
        pairs = [(str(most), count) for most, count in zip(BUCKETS, one.buckets, strict=True)]
        seconds.add_metric([service], [*pairs, ("+Inf", one.calls)], sum_value=one.seconds)
    yield from (calls, seconds)


def _of_parts(status: StatusFile) -> Iterator[Metric]:
    up = _gauge("vibe_part_up", "Whether each part under vibe up runs.", "part")
    restarts = CounterMetricFamily(
        "vibe_part_restarts_total",
        "How often each part under vibe up was started again.",
        labels=("part",),
    )
    for name, one in sorted(status.read().items()):
        part = name.lower().replace(" ", "_")
        up.add_metric([part], float(one.state is ProcessState.RUNNING))
        restarts.add_metric([part], one.restarts)
    yield from (up, restarts)


def _of_budget(store: AccountStore) -> Iterator[Metric]:
    used = _gauge("vibe_service_calls_last_day", "Calls of the last 24 hours.", "service")
    quota = _gauge("vibe_service_quota", "Calls that may be made in 24 hours.", "service")
    left = _gauge("vibe_service_quota_left", "Calls that are left of them now.", "service")
    for service in SERVICES:
        used.add_metric([service], store.budget.used(service))
        if (unused := store.budget.unused(service)) is not None:
            quota.add_metric([service], store.budget.ceilings[service].calls)
            left.add_metric([service], unused)
    blocked = _gauge(
        "vibe_service_blocked_until_timestamp_seconds",
        "Until when a service, or a part of it, is left alone.",
        "service",
    )
    for block in store.budget.blocks():
        blocked.add_metric([block.service], block.until.timestamp())
    yield from (used, quota, left, blocked)


def _of_lists(store: AccountStore, now: datetime) -> Iterator[Metric]:
    editions = store.editions.begun_since(now - LATELY)
    lists = _gauge(
        "vibe_lists_last_day",
        "Lists begun in the last 24 hours, by what became of them.",
        "outcome",
    )
    for outcome, count in sorted(Counter(map(_outcome, editions)).items()):
        lists.add_metric([outcome], count)
    pools = _gauge(
        "vibe_source_pools_last_day",
        "How each source answered for the lists of the last 24 hours.",
        *("source", "state"),
    )
    answers = Counter(
        (pool.source, pool.state)
        for edition in editions
        if edition.summary is not None
        for pool in edition.summary.pools
    )
    for (source, state), count in sorted(answers.items()):
        pools.add_metric([source, state], count)
    yield from (lists, pools, *_of_acceptance(store))


def _of_acceptance(store: AccountStore) -> Iterator[Metric]:
    tracks = _gauge(
        "vibe_source_tracks",
        "Tracks of each source that were put into lists, and what became of them.",
        *("source", "fate"),
    )
    for one in store.source_outcomes.totals():
        for fate in ("chosen", "liked", "replayed"):
            tracks.add_metric([one.source, fate], getattr(one, fate))
    yield tracks


def _outcome(edition: Edition) -> str:
    if edition.state is EditionState.RECORDED:
        return "made"
    return "under_way" if edition.cause is None else edition.cause.value


def _of_people(store: AccountStore, now: datetime) -> Iterator[Metric]:
    accounts, last = store.people.all(active_only=True), store.editions.last_made()
    people = _gauge("vibe_people", "People who use the bot, connected or not.", "state")
    linked = sum(account.connected for account in accounts)
    people.add_metric(["connected"], linked)
    people.add_metric(["not_connected"], len(accounts) - linked)
    ends = _gauge(
        "vibe_consent_ends_timestamp_seconds",
        "When each person's consent to Spotify ends.",
        "user_id",
    )
    age = _gauge(
        "vibe_list_age_seconds",
        "How old each person's last list is, where nightly lists are on.",
        "user_id",
    )
    for account in accounts:
        if account.connected and account.consent_ends_at is not None:
            ends.add_metric([account.user_id], account.consent_ends_at.timestamp())
        begun = last.get(account.user_id)
        if account.connected and account.nightly_at is not None and begun is not None:
            age.add_metric([account.user_id], max(0.0, (now - begun).total_seconds()))
    yield from (people, ends, age)
