"""A consent service with some life behind it, and the figures it gives: for tests and documents."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.accounts_site import opened, tokens
from tests.support.oauth_site import Site
from vibe_pipeline.accounts.records import (
    EditionState,
    FailureCause,
    PoolSummary,
    SourceOutcome,
    Summary,
)
from vibe_pipeline.installation.call_figures import CallFigures, SentCall
from vibe_pipeline.installation.process_status import ProcessState, ProcessStatus, StatusFile
from vibe_pipeline.records import UserId

Samples = dict[tuple[str, tuple[str, ...]], float]


async def families(on: Site) -> list[Metric]:
    """Every figure as Prometheus reads it."""
    answer = await on.browser.get("/metrics")
    assert answer.status_code == 200, answer.text
    return list(text_string_to_metric_families(answer.text))


async def figures(on: Site) -> Samples:
    """Every sample by its name and the values of its labels, sorted."""
    return {
        (sample.name, tuple(sorted(sample.labels.values()))): sample.value
        for family in await families(on)
        for sample in family.samples
    }


def busy(on: Site) -> UserId:
    """Some life: a person with one list made and one failed, calls, parts."""
    account, store = on.person(), on.store
    store.people.connect(account.user_id, "spotify-1", "Name", tokens(on.services.now()))
    made, failed = opened(store, account, "run-1"), opened(store, account, "run-2")
    pool = PoolSummary(source="lastfm_artists", state="answered", offered=9, chosen=3)
    summary = Summary(new=1, familiar=1, wished_new=1, pools=(pool,))
    states = list(EditionState)
    for before, after in pairwise(states):
        store.editions.advance(made.edition_id, before, after, summary=summary)
    store.editions.fail(failed.edition_id, FailureCause.QUOTA)
    outcome = SourceOutcome(source="lastfm_artists", chosen=10, liked=2, replayed=3)
    store.source_outcomes.replace(account.user_id, [outcome])
    store.budget.ask("spotify", asked_for=True)
    store.budget.block("lastfm", on.services.now() + timedelta(hours=2), "too many calls")
    well = ProcessStatus(state=ProcessState.RUNNING, since=on.services.now(), restarts=2)
    StatusFile(on.services.home).write({"Telegram bot": well})
    sent = [("ok", 0.2), ("ok", 0.7), ("trouble", 30.0)]
    CallFigures(on.services.home).add(
        SentCall(service="spotify", outcome=outcome, seconds=seconds) for outcome, seconds in sent
    )
    return account.user_id
