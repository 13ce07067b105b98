"""Every private name of Dagster's that we use, in one place: ``dagster._*`` is imported only here.

Dagster promises nothing about them, so a new release of it may move or change each. Their shapes
are tested against the release named here. What Dagster makes public is imported from ``dagster``
where it is needed, and never here; and nothing of ours is built here.
"""

from __future__ import annotations

from dagster._cli.api import _execute_run_command_body as execute_run
from dagster._config import Array, UserConfigSchema
from dagster._core.instance import InstanceRef
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext
from dagster._core.run_coordinator.queued_run_coordinator import RunQueueConfig
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    SqliteEventLogStorageWatchdog as EventLogWatchdog,
)
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.schedules import SqliteScheduleStorage
from dagster._core.storage.schedules.schema import JobTickTable
from dagster._core.storage.sqlite import create_db_conn_string as sqlite_url
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._core.storage.tags import HIDDEN_TAG_PREFIX, PRIORITY_TAG
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget, ModuleTarget, WorkspaceLoadTarget
from dagster._grpc import server_watcher
from dagster._serdes import (
    ConfigurableClass,
    ConfigurableClassData,
    deserialize_value,
    serialize_value,
)
from dagster._utils.interrupts import capture_interrupts

__all__ = [
    "PRIORITY_TAG",
    "Array",
    "AssetCheckExecutionsTable",
    "CheckRunHealthResult",
    "ConfigurableClass",
    "ConfigurableClassData",
    "DagsterSqliteStorage",
    "DagsterStorage",
    "EventLogWatchdog",
    "GrpcServerTarget",
    "InstanceRef",
    "JobTickTable",
    "LaunchRunContext",
    "ModuleTarget",
    "QueuedRunCoordinator",
    "RunLauncher",
    "RunQueueConfig",
    "SqlEventLogStorage",
    "SqliteEventLogStorage",
    "SqliteRunStorage",
    "SqliteScheduleStorage",
    "SubmitRunContext",
    "UserConfigSchema",
    "WorkerStatus",
    "WorkspaceLoadTarget",
    "WorkspaceProcessContext",
    "capture_interrupts",
    "deserialize_value",
    "execute_run",
    "serialize_value",
    "server_watcher",
    "sqlite_url",
]

CHECKED_AGAINST = "1.13.27"
"""The release of Dagster whose private parts were read and found as we use them."""

HIDDEN_TAG = HIDDEN_TAG_PREFIX
"""Tags that begin so are kept with a run and not shown in the web interface."""

QUEUE_DAEMON_THREAD = "dagster-daemon-QUEUED_RUN_COORDINATOR"
"""The thread of the daemon that takes runs from the queue."""

EXECUTING_MODULES = (
    "dagster._cli.api",
    "dagster._core.storage.sqlite_storage",
    "dagster._core.storage.local_compute_log_manager",
    "dagster._core.storage.root",
    "dagster._core.executor.in_process",
)
"""What executing a run imports besides ``dagster`` itself; imported ahead of time, by name."""

SERVING_MODULES = (
    "dagster._grpc.server",
    "dagster_graphql.schema",
    "sqlalchemy.dialects.sqlite",
    "uvicorn",
)
"""What the long-running programs import once they run; imported ahead of time, by name."""
