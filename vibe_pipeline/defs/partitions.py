"""Who assets are made for, one partition per person, and a launch for them in Dagster's terms."""

from __future__ import annotations

import dagster as dg

from vibe_pipeline import runs

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
