"""The canary: Dagster's private parts are as they were read, and imported in one module only."""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster
import pytest
from dagster._daemon.controller import DagsterDaemonController
from dagster._daemon.run_coordinator import QueuedRunCoordinatorDaemon

from vibe_pipeline.launcher import dagster_internals as internals

ROOT = Path(__file__).parents[2]
THE_ONE_MODULE = ROOT / "vibe_pipeline" / "launcher" / "dagster_internals.py"
PACKAGES = ("vibe_pipeline", "vibe_bot", "vibe_oauth", "tests")


def other_release(checked: str, installed: str) -> str | None:
    """What to do when Dagster is not the release whose private parts were read."""
    if installed == checked:
        return None
    return (
        f"Private parts of Dagster were checked against Dagster {checked}, this is {installed}:"
        " read what vibe_pipeline/launcher/dagster_internals.py imports in the new release, run"
        " tests/launcher, and change CHECKED_AGAINST there."
    )


def parameters(of: Callable[..., object]) -> list[str]:
    return [name for name in inspect.signature(of).parameters if name != "self"]


def private_imports(source: str) -> Iterator[tuple[int, str]]:
    """Each import of a private module of Dagster's or its companions', by line; also by name."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if not isinstance(node, ast.stmt | ast.expr):
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value] if " " not in node.value else []
        elif isinstance(node, ast.Attribute):
            names = [ast.unparse(node)]
        for name in names:
            package, *parts = name.split(".")
            if package.partition("_")[0] in {"dagster", "dg"} and any(
                part.startswith("_") and not part.startswith("__") for part in parts
            ):
                yield node.lineno, name


def test_dagster_is_the_release_that_was_checked() -> None:
    complaint = other_release(internals.CHECKED_AGAINST, dagster.__version__)

    assert complaint is None, complaint


def test_another_release_is_told_in_words() -> None:
    complaint = other_release("1.13.27", "1.14.0")

    assert complaint is not None
    assert "checked against Dagster 1.13.27, this is 1.14.0" in complaint


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (
            "execute_run",
            ["run_id", "instance", "write_stream_fn", "set_exit_code_on_failure"],
        ),
        ("capture_interrupts", []),
        ("serialize_value", ["val"]),
        ("deserialize_value", ["val", "as_type"]),
        ("Array", ["inner_type"]),
        ("WorkspaceProcessContext", ["instance", "workspace_load_target"]),
        ("RunLauncher.launch_run", ["context"]),
        ("RunLauncher.terminate", ["run_id"]),
        ("RunLauncher.check_run_worker_health", ["run"]),
        ("RunLauncher.get_run_worker_debug_info", ["run", "include_container_logs"]),
        ("RunLauncher.join", ["timeout"]),
        ("RunLauncher.dispose", []),
        ("ConfigurableClass.config_type", []),
        ("ConfigurableClass.from_config_value", ["inst_data", "config_value"]),
        ("InstanceRef.from_dir", ["base_dir"]),
        ("DagsterSqliteStorage.from_config_value", ["inst_data", "config_value"]),
        ("SqliteRunStorage", ["conn_string", "inst_data"]),
        ("SqliteRunStorage.from_local", ["base_dir", "inst_data"]),
        ("SqliteRunStorage.connect", []),
        ("SqliteScheduleStorage", ["conn_string", "inst_data"]),
        ("SqliteScheduleStorage.from_local", ["base_dir", "inst_data"]),
        ("SqliteScheduleStorage.connect", []),
        ("SqliteEventLogStorage", ["base_dir", "inst_data"]),
        ("SqliteEventLogStorage._connect", ["shard"]),
        ("SqliteEventLogStorage._initdb", ["engine", "for_index_shard"]),
        ("SqliteEventLogStorage.has_table", ["table_name"]),
        ("SqliteEventLogStorage.watch", ["run_id", "cursor", "callback"]),
        ("EventLogWatchdog", ["event_log_storage", "run_id", "callback", "cursor"]),
        ("EventLogWatchdog.dispatch", ["event"]),
        ("EventLogWatchdog._process_log", []),
        ("sqlite_url", ["base_dir", "db_name"]),
    ],
)
def test_what_is_called_takes_what_it_is_given(name: str, wanted: list[str]) -> None:
    owner, _, method = name.partition(".")
    called = getattr(internals, owner)
    called = getattr(called, method) if method else called

    assert parameters(called)[: len(wanted)] == wanted


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        (internals.CheckRunHealthResult, {"status", "msg", "run_worker_id"}),
        (internals.LaunchRunContext, {"dagster_run", "workspace"}),
        (
            internals.ModuleTarget,
            {"module_name", "attribute", "working_directory", "location_name"},
        ),
        (internals.GrpcServerTarget, {"host", "port", "socket", "location_name"}),
    ],
)
def test_records_have_the_fields_we_name(record: type, wanted: set[str]) -> None:
    assert wanted <= set(inspect.get_annotations(record)) | set(getattr(record, "_fields", ()))


def test_a_workers_health_has_the_words_we_answer_with() -> None:
    wanted = {"RUNNING", "NOT_FOUND", "FAILED"}

    assert wanted <= set(internals.WorkerStatus.__members__)


def test_the_queue_and_the_launcher_have_the_properties_we_override() -> None:
    assert isinstance(internals.QueuedRunCoordinator.dequeue_interval_seconds, property)
    assert isinstance(internals.RunLauncher.supports_check_run_worker_health, property)
    assert isinstance(internals.RunLauncher.has_instance, property)
    assert "_instance" in dir(internals.RunLauncher)
    assert isinstance(internals.ConfigurableClass.inst_data, property)


def test_the_storage_in_files_keeps_what_ours_sets_and_reads(tmp_path: Path) -> None:
    storage = internals.DagsterSqliteStorage(str(tmp_path))

    stored = {"base_dir", "_run_storage", "_event_log_storage", "_schedule_storage", "_inst_data"}
    assert stored <= set(vars(storage))
    assert {"_db_lock", "_obs", "_watchers", "_base_dir"} <= set(vars(storage.event_log_storage))
    watchdog = internals.EventLogWatchdog(
        storage._event_log_storage, "a-run", lambda _entry, _cursor: None, None
    )
    assert watchdog._log_path == storage._event_log_storage.path_for_shard("a-run")
    assert (tmp_path / "history" / "runs.db").exists()
    assert (tmp_path / "history" / "runs" / "index.db").exists()
    assert (tmp_path / "schedules" / "schedules.db").exists()


def test_the_daemon_asks_for_the_limits_in_the_thread_that_serves_the_queue() -> None:
    daemon = QueuedRunCoordinatorDaemon

    assert f"dagster-daemon-{daemon.daemon_type()}" == internals.QUEUE_DAEMON_THREAD
    assert "get_concurrency_config" in inspect.getsource(daemon.run_iteration)
    assert "dagster-daemon-{daemon_type}" in inspect.getsource(DagsterDaemonController)


def test_an_instance_reference_survives_the_way_to_a_worker(tmp_path: Path) -> None:
    ref = internals.InstanceRef.from_dir(str(tmp_path))

    again = internals.deserialize_value(internals.serialize_value(ref), internals.InstanceRef)

    assert again == ref


def test_hidden_tags_begin_as_those_stored_with_old_runs() -> None:
    assert internals.HIDDEN_TAG == ".dagster/"


@pytest.mark.parametrize("module", internals.EXECUTING_MODULES)
def test_what_is_imported_ahead_of_time_is_there(module: str) -> None:
    assert importlib.util.find_spec(module) is not None


def test_no_other_module_names_a_private_part_of_dagster() -> None:
    strangers = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path not in {THE_ONE_MODULE, Path(__file__)}
        for line, name in private_imports(path.read_text(encoding="utf-8"))
    ]

    assert strangers == []


@pytest.mark.parametrize(
    "source",
    [
        "from dagster._core.launcher import RunLauncher",
        "import dagster._core.instance",
        "from dagster import _seven",
        "import dagster as dg\nx = dg._core.launcher",
        "from dagster_graphql._schema import Query",
        "HEAVY = ('dagster._cli.api',)",
    ],
)
def test_every_way_to_a_private_part_is_seen(source: str) -> None:
    assert list(private_imports(source))


def test_the_one_module_is_where_they_are() -> None:
    assert list(private_imports(THE_ONE_MODULE.read_text(encoding="utf-8")))
