"""Ticks of schedules and sensors that lie in the future, for this machine's clock was set back.

Dagster begins none before the last one's time has come again, so nights would wait for hours. Seen
when the daemon starts; that it is started again then is the supervisor's. Not here: what our own
stores noted by a clock that was ahead (each says so itself).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from dagster import DagsterInstance

from vibe_pipeline.launcher.dagster_internals import JobTickTable

AHEAD = timedelta(minutes=1)
"""What is dated further ahead was written before the clock was set back."""
_MOMENTS = (
    *("start_timestamp", "last_iteration_timestamp"),
    *("last_tick_timestamp", "last_tick_start_timestamp", "last_tick_success_timestamp"),
    "last_sensor_start_timestamp",
)


def forget_future_ticks(instance: DagsterInstance, now: datetime) -> list[str]:
    """Have every schedule and sensor go on from now; names those that had ticked later.

    Their cursors and run keys stay, so that nothing is begun twice.
    """
    storage = instance.schedule_storage
    if storage is None:
        return []
    latest = now + AHEAD
    with storage.connect() as connection:  # type: ignore[attr-defined] # every storage in SQL has it
        connection.execute(JobTickTable.delete().where(JobTickTable.c.timestamp > latest))
    moved = []
    for state in instance.all_instigator_state():
        data: Any = state.instigator_data
        values = {name: getattr(data, name, None) for name in _MOMENTS}
        ahead = [name for name, value in values.items() if (value or 0) > latest.timestamp()]
        if ahead:
            back = data._replace(**dict.fromkeys(ahead, now.timestamp()))
            instance.update_instigator_state(state.with_data(back))
            moved.append(state.instigator_name)
    return sorted(moved)
