"""A run in a process of its own, so that it can be killed as production's run workers can."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from vibe_pipeline.definitions import build
from vibe_pipeline.settings import read_settings

STORAGE = """
storage: {custom: {module: vibe_pipeline.launcher, class: PooledSqliteStorage, config: {}}}
telemetry: {enabled: false}
"""
"""Of production's configuration, what is not about launching."""


@contextmanager
def opened_instance(folder: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance there, for this process."""
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        yield instance


def execute(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    person: str,
    tags: Mapping[str, str],
    shift_seconds: int,
) -> bool:
    """One run by the soak's clock; whether it succeeded."""
    result = definitions.resolve_job_def(job).execute_in_process(
        partition_key=person,
        tags=dict(tags),
        instance=instance,
        run_config={"resources": {"clock": {"config": {"shift_seconds": shift_seconds}}}},
        raise_on_error=False,
    )
    return result.success


def work(folder: Path, job: str, person: str, tags: Mapping[str, str], shift_seconds: int) -> None:
    """The same in a fresh process, with the environment it was given."""
    logging.disable(logging.CRITICAL)
    with opened_instance(folder) as instance:
        execute(build(read_settings()), instance, job, person, tags, shift_seconds)
