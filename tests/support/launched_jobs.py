"""A tiny code location for the launcher's tests: jobs that finish, wait, and fail."""

import asyncio
import os
import time
from pathlib import Path

import dagster as dg


def _leave_word(context: dg.OpExecutionContext) -> None:
    """Say who executes this, where, and how far it stands back, for the test to read."""
    folder = Path(os.environ["LAUNCHED_JOBS_FOLDER"])
    (folder / context.run_id).write_text(
        f"{os.getpid()} {Path.cwd()} {os.nice(0)}", encoding="utf-8"
    )


@dg.op
def greet(context: dg.OpExecutionContext) -> None:
    """Say a word on standard output and be done."""
    _leave_word(context)
    print("hello from the worker", flush=True)  # noqa: T201


@dg.op
def linger(context: dg.OpExecutionContext) -> None:
    """Wait for a minute, as code that sleeps does."""
    _leave_word(context)
    time.sleep(60)


@dg.op
async def linger_in_a_loop(context: dg.OpExecutionContext) -> None:
    """Wait for a minute, as code that awaits the network does."""
    _leave_word(context)
    await asyncio.sleep(60)


@dg.op
def stumble(context: dg.OpExecutionContext) -> None:
    """Fail in the ordinary way."""
    _leave_word(context)
    raise ValueError("stumbled")


@dg.op
def vanish(context: dg.OpExecutionContext) -> None:
    """End the whole process without a word."""
    _leave_word(context)
    os._exit(7)


def _job(op: dg.OpDefinition) -> dg.JobDefinition:
    @dg.job(name=f"{op.name}_job", executor_def=dg.in_process_executor)
    def job() -> None:
        op()

    return job


jobs = [_job(op) for op in (greet, linger, linger_in_a_loop, stumble, vanish)]
defs = dg.Definitions(jobs=jobs)
