"""Dagster's ticks of a future that is over, in a home's own storage."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from vibe_pipeline.launcher.dagster_internals import deserialize_value
from vibe_pipeline.launcher.future_ticks import forget_future_ticks

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
LATER = (NOW + timedelta(hours=2)).timestamp()
EARLIER = (NOW - timedelta(minutes=5)).timestamp()
ORIGIN = {
    "__class__": "ExternalJobOrigin",
    "external_repository_origin": {
        "__class__": "ExternalRepositoryOrigin",
        "repository_location_origin": {
            "__class__": "RegisteredRepositoryLocationOrigin",
            "location_name": "vibe",
        },
        "repository_name": "__repository__",
    },
}
"""As Dagster writes it into its database."""


def stored(name: str, kind: str, **data: object) -> Any:
    """What Dagster kept of a schedule or sensor."""
    content = {
        "__class__": "InstigatorState",
        "origin": {**ORIGIN, "job_name": name},
        "job_type": {"__enum__": f"InstigatorType.{kind.upper()}"},
        "status": {"__enum__": "InstigatorStatus.RUNNING"},
        "job_specific_data": {"__class__": f"{kind}InstigatorData", **data},
    }
    return deserialize_value(json.dumps(content))


def ticked(instance: DagsterInstance, state: Any, at: float) -> None:
    content = {
        "__class__": "TickData",
        "job_origin_id": state.instigator_origin_id,
        "selector_id": state.selector_id,
        "job_name": state.instigator_name,
        "job_type": {"__enum__": f"InstigatorType.{state.instigator_type.value}"},
        "status": {"__enum__": "TickStatus.SUCCESS"},
        "timestamp": at,
        "run_ids": [],
        "run_keys": [],
    }
    tick: Any = deserialize_value(json.dumps(content))
    instance.create_tick(tick)


@pytest.fixture
def instance(tmp_path: Path) -> DagsterInstance:
    (tmp_path / "dagster.yaml").write_text(
        "storage: {custom: {module: vibe_pipeline.launcher, class: PooledSqliteStorage,"
        f" config: {{base_dir: {tmp_path}}}}}}}\n"
    )
    return DagsterInstance.from_config(str(tmp_path))


def test_what_ticked_before_the_clock_was_set_back_goes_on_from_now(
    instance: DagsterInstance,
) -> None:
    nightly = stored(
        "nightly", "Schedule", cron_schedule="*/15 * * * *", last_iteration_timestamp=LATER
    )
    sweep = stored("sweep", "Sensor", cursor="42", last_tick_start_timestamp=LATER)
    quiet = stored("quiet", "Sensor", cursor="7", last_tick_start_timestamp=EARLIER)
    for state in (nightly, sweep, quiet):
        instance.add_instigator_state(state)
    for at in (EARLIER, LATER):
        ticked(instance, nightly, at)

    moved = forget_future_ticks(instance, NOW)

    states: dict[str, Any] = {
        state.instigator_name: state for state in instance.all_instigator_state()
    }
    ticks = instance.get_ticks(nightly.instigator_origin_id, nightly.selector_id)
    assert moved == ["nightly", "sweep"]
    assert [tick.timestamp for tick in ticks] == [EARLIER]
    assert states["nightly"].instigator_data.last_iteration_timestamp == NOW.timestamp()
    assert states["sweep"].instigator_data.last_tick_start_timestamp == NOW.timestamp()
    assert states["sweep"].instigator_data.cursor == "42"
    assert states["quiet"] == quiet
    assert forget_future_ticks(instance, NOW) == []
