"""Who assets are made for, one partition per person, and a launch for them in Dagster's terms."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from vibe_pipeline import runs
from vibe_pipeline.records import UserId

users = dg.DynamicPartitionsDefinition(name=runs.USERS)


def run_request(launch: runs.LaunchRequest, *, job: str | None = None) -> dg.RunRequest:
    """The launch as a schedule or sensor of that job returns it; one of several jobs is named."""
    return dg.RunRequest(
        job_name=job,
        run_key=launch.run_key,
        partition_key=launch.partition_key,
        tags=dict(launch.tags),
        run_config=dict(launch.run_config),
    )


def add_users(instance: dg.DagsterInstance, user_ids: Iterable[UserId]) -> None:
    """Give each of these people a partition who has none; a launch without one fails late."""
    known = set(instance.get_dynamic_partitions(runs.USERS))
    if missing := [user_id for user_id in user_ids if user_id not in known]:
        instance.add_dynamic_partitions(runs.USERS, missing)
