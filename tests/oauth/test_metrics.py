"""``GET /metrics``: figures for Prometheus; and the dashboard and rules that are made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.metrics_example import busy, families, figures
from tests.support.oauth_site import bearer, site
from tests.support.reference import METRICS, metrics_page
from vibe_oauth.operator_token import GUESSES_A_MINUTE
from vibe_pipeline.clients.errors import AuthorizationExpired
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
BOT_TOKEN = "1:no-such-bot"


async def test_what_the_consent_page_itself_asked_is_counted_too(tmp_path: Path) -> None:
    simulation = Simulation(BuiltInWorld(1, artists=64, listeners=8))
    async with site(tmp_path, simulation, telegram_bot_token=BOT_TOKEN) as on:
        await on.services.bot.url()
        with pytest.raises(AuthorizationExpired):
            await on.services.clients.spotify_accounts().renew("no such consent")
        await on.services.calls.close()

        told = await figures(on)

    assert told["vibe_service_calls_total", ("refused", "spotify_accounts")] == 1
    assert told["vibe_service_call_seconds_bucket", ("+Inf", "telegram")] == 1
    assert BOT_TOKEN not in str(told)


async def test_the_figures_say_what_the_stores_know(tmp_path: Path) -> None:
    async with site(tmp_path, Simulation(BuiltInWorld(1, artists=64, listeners=8))) as on:
        user_id = busy(on)
        on.dagster.launches = [
            {"run": f"run-{n}", "job": "daily_vibe", "tags": {}} for n in (1, 2, 3)
        ]
        on.dagster.statuses = {"run-1": "SUCCESS", "run-2": "FAILURE"}

        told = await figures(on)

    assert told["vibe_up", ("accounts",)] == told["vibe_up", ("dagster",)] == 1
    assert told["vibe_runs", ("success",)] == told["vibe_runs", ("failure",)] == 1
    assert told["vibe_runs_open", ("queued",)] == 1
    assert told["vibe_service_calls_total", ("ok", "spotify")] == 2
    assert told["vibe_service_call_seconds_bucket", ("0.5", "spotify")] == 1
    assert told["vibe_service_call_seconds_bucket", ("+Inf", "spotify")] == 3
    assert told["vibe_service_calls_last_day", ("spotify",)] == 1
    assert told["vibe_service_quota_left", ("spotify",)] == 899
    assert ("vibe_service_blocked_until_timestamp_seconds", ("lastfm",)) in told
    assert told["vibe_part_restarts_total", ("telegram_bot",)] == 2
    assert told["vibe_lists_last_day", ("made",)] == told["vibe_lists_last_day", ("quota",)] == 1
    assert told["vibe_source_pools_last_day", ("answered", "lastfm_artists")] == 1
    assert told["vibe_source_tracks", ("lastfm_artists", "replayed")] == 3
    assert told["vibe_people", ("connected",)] == 1
    assert told["vibe_consent_ends_timestamp_seconds", (user_id,)] > 0
    assert told["vibe_list_age_seconds", (user_id,)] >= 0


async def test_without_dagster_the_rest_is_told(tmp_path: Path) -> None:
    async with site(tmp_path, Simulation(BuiltInWorld(1, artists=64, listeners=8))) as on:
        on.dagster.down = True

        told = await figures(on)

    assert told["vibe_up", ("dagster",)] == 0
    assert told["vibe_people", ("connected",)] == 0
    assert not [name for name, _ in told if name.startswith("vibe_runs")]


async def test_where_strangers_reach_us_the_token_is_asked_for(tmp_path: Path) -> None:
    secure = "https://vibe.example.org"
    async with site(
        tmp_path,
        Simulation(BuiltInWorld(1, artists=64, listeners=8)),
        public_url=secure,
        spotify_redirect_uri=f"{secure}/callback",
    ) as on:
        refused = await on.browser.get("/metrics")
        wrong = await on.browser.get("/metrics", headers=bearer("guessed"))
        right = await on.browser.get("/metrics", headers=bearer())

    assert (refused.status_code, wrong.status_code, right.status_code) == (401, 401, 200)
    assert "vibe_" not in refused.text + wrong.text


@pytest.mark.parametrize(
    ("reached", "host"),
    [
        ("192.168.1.5", "192.168.1.5:8000"),
        ("192.168.1.5", "127.0.0.1:8000"),
        ("127.0.0.1", "rebound.example"),
        ("127.0.0.1", "127.0.0.1.rebound.example:8000"),
        ("127.0.0.1", "[rebound"),
        ("127.0.0.1", ""),
    ],
)
async def test_beyond_the_loopback_the_token_is_asked_for_whatever_the_public_address_is(
    reached: str, host: str, tmp_path: Path
) -> None:
    async with site(tmp_path, Simulation(BuiltInWorld(1, artists=64, listeners=8))) as on:
        address = f"http://{reached}:8000/metrics"
        near = await on.browser.get("/metrics", headers={"Host": "localhost:8000"})
        refused = await on.browser.get(address, headers={"Host": host})
        right = await on.browser.get(address, headers=bearer() | {"Host": host})

    assert (near.status_code, refused.status_code, right.status_code) == (200, 401, 200)


async def test_guesses_here_and_at_the_trigger_are_counted_together(tmp_path: Path) -> None:
    secure = "https://vibe.example.org"
    async with site(
        tmp_path,
        Simulation(BuiltInWorld(1, artists=64, listeners=8)),
        public_url=secure,
        spotify_redirect_uri=f"{secure}/callback",
    ) as on:
        guesses = [
            await on.browser.get("/metrics", headers=bearer(f"guess {number}"))
            for number in range(GUESSES_A_MINUTE)
        ]
        elsewhere = await on.browser.post("/internal/jobs/dry-run", headers=bearer("guess"))
        right = await on.browser.get("/metrics", headers=bearer())

    assert {one.status_code for one in guesses} == {401}
    assert (elsewhere.status_code, right.status_code) == (429, 200)


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression of the rules and the dashboard, with its place."""
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["summary"].count(";") <= 1
            yield rule["alert"], rule["expr"]
    dashboard: dict[str, Any] = json.loads(
        (MONITORING / "grafana-dashboard.json").read_text("utf-8")
    )
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


async def test_rules_dashboard_and_reference_are_made_of_figures_that_are_offered(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, Simulation(BuiltInWorld(1, artists=64, listeners=8))) as on:
        busy(on)
        offered = await families(on)

    named = {name for _, one in expressions() for name in re.findall(r"vibe_\w+", one)}
    assert named - {sample.name for family in offered for sample in family.samples} == set()
    assert METRICS.read_text("utf-8") == metrics_page(offered)


def test_prometheus_reads_the_rules_that_lie_beside_its_example() -> None:
    example = yaml.safe_load((MONITORING / "prometheus.yml").read_text("utf-8"))

    assert [(MONITORING / name).exists() for name in example["rule_files"]] == [True]
    assert [job["job_name"] for job in example["scrape_configs"]] == ["vibe"]
