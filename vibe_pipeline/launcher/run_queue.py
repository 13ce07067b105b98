"""The queue of runs, looked at as soon as there is reason to: our run coordinator for Dagster.

Order, limits and launching are Dagster's own; here is only when it looks. Not here: how a run is
started (``run_launcher``) and whose turn it takes (``runs``).
"""

from __future__ import annotations

import threading

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from vibe_pipeline import runs
from vibe_pipeline.launcher.dagster_internals import (
    QUEUE_DAEMON_THREAD,
    QueuedRunCoordinator,
    RunQueueConfig,
    SubmitRunContext,
)
from vibe_pipeline.launcher.run_launcher import WarmRunLauncher
from vibe_pipeline.launcher.wake_up import WakeUpCall, WakeUpListener, queue_pipe


class WarmQueue(QueuedRunCoordinator[DagsterInstance]):
    """Dagster's own queue of runs, looked at when a run is submitted or a place is free.

    Everybody's turn is the person's: whoever submits a run, also a backfill, a rerun or a launch by
    hand in the web interface, it waits for the same person's other runs. With the queue, the
    launcher warms up. Any launcher will do; ours also says when a place is free.
    """

    _listener: WakeUpListener | None = None

    def submit_run(self, context: SubmitRunContext) -> DagsterRun:
        """Put the run into the queue, tagged with whose turn it takes, and have the daemon look."""
        run = context.dagster_run
        turn = runs.turn_tags(run.tags)
        if turn and run.status == DagsterRunStatus.NOT_STARTED:
            self._instance.add_run_tags(run.run_id, turn)
        submitted = super().submit_run(context)
        WakeUpCall(queue_pipe(self._instance)).ring()
        return submitted

    @property
    def dequeue_interval_seconds(self) -> int:
        """How long the daemon rests between two looks; it asks once, when it starts.

        Not at all: it waits in ``get_run_queue_config``, for a call or for the configured time.
        """
        launcher = self._instance.run_launcher
        if isinstance(launcher, WarmRunLauncher):
            launcher.warm_up()
        if self._listener is None and not self.should_block_op_concurrency_limited_runs:
            self._listener = WakeUpListener.at(queue_pipe(self._instance))
            WakeUpCall(queue_pipe(self._instance)).ring()
        return 0 if self._listener else super().dequeue_interval_seconds

    def get_run_queue_config(self) -> RunQueueConfig:
        """The limits, which the daemon asks for at the beginning of each look: so it waits here."""
        if self._listener and threading.current_thread().name == QUEUE_DAEMON_THREAD:
            self._listener.wait(super().dequeue_interval_seconds)
        return super().get_run_queue_config()
