"""Dagster's programs (webserver, daemon, code server), each run in a process that was forked warm.

Loaded inside the fork server of ``commands.forked_processes`` and its children, so that
Dagster is imported once for all of them: shared memory, and a start of seconds. Where that cannot
be, ``python -m`` this module and the program's name. Either way the webserver stands behind a
guard. Not here: runs and their workers (``run_launcher``).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import uvicorn
from dagster import BetaWarning, DagsterInstance
from starlette.types import ASGIApp

from vibe_pipeline.installation.access_token import lasting_token
from vibe_pipeline.installation.bounded_requests import BoundedRequests, ImpatientProtocol
from vibe_pipeline.launcher.dagster_internals import (
    EXECUTING_MODULES,
    SERVING_MODULES,
    server_watcher,
)
from vibe_pipeline.launcher.fork_server import fork_ahead
from vibe_pipeline.launcher.future_ticks import forget_future_ticks
from vibe_pipeline.launcher.process_control import end_with_parent, name_process
from vibe_pipeline.launcher.webserver_guard import MOST_BYTES, WebserverGuard, host_names
from vibe_pipeline.settings import read_settings

DAEMON = "dagster-daemon"
WEBSERVER = "dagster-webserver"
RUN_FORK_SERVER = "Run workers"
PROGRAMS = ("dagster", DAEMON, WEBSERVER)
CODE_SERVER_WATCHED_EVERY_SECONDS = 4
"""So often the webserver and the daemon look whether the code server is still the same: each look
is a new connection. Dagster's own every second is a seventh of what everything at rest costs."""


def warm_up() -> None:
    """Import what the programs need, and our code; end should the supervisor be killed outright."""
    end_with_parent()
    for program in PROGRAMS:
        _entry(program).load()
    for module in (*EXECUTING_MODULES, *SERVING_MODULES, "vibe_pipeline.definitions"):
        importlib.import_module(module)


def perform(order: str) -> int:
    """Be one of Dagster's programs, as its console script would be in a fresh interpreter.

    ``order`` is JSON: ``command``, the script's name and its arguments; ``log``, the file that
    takes its output; ``title``, what ``ps`` calls it. Gives its exit code.
    """
    told = json.loads(order)
    end_with_parent()
    name_process(told["title"])
    _write_to(Path(told["log"]))
    program, *arguments = told["command"]
    if program == DAEMON:
        fork_ahead(RUN_FORK_SERVER)
        _forget_future_ticks()
    return _be(program, arguments)


def _forget_future_ticks() -> None:
    with DagsterInstance.get() as instance:
        for name in forget_future_ticks(instance, datetime.now(UTC)):
            sys.stderr.write(f"The clock was set back: {name} goes on from now.\n")


def _be(program: str, arguments: Sequence[str]) -> int:
    sys.argv = [program, *arguments]
    warnings.simplefilter("ignore", BetaWarning)  # what we use of it is for us to know
    server_watcher.WATCH_INTERVAL = CODE_SERVER_WATCHED_EVERY_SECONDS
    if program == WEBSERVER:
        _guard_webserver()
    try:
        _entry(program).load()()
    except SystemExit as ending:
        return _exit_code(ending)
    return 0


def _guard_webserver() -> None:
    """Have uvicorn serve Dagster's app behind our guard; whatever else it is told stays.

    Dagster's webserver offers no place for middleware of ours. That the guard is in place shows in
    every answer (``access_token.GUARD_HEADER``), and nothing counts as ready without.
    """
    settings, serve = read_settings(), uvicorn.run

    def guarded(app: ASGIApp, **options: Any) -> None:
        guard = WebserverGuard(
            app=app,
            token=partial(lasting_token, settings.home),
            hosts=host_names(settings.dagster_hosts),
        )
        bounded = BoundedRequests(guard, most_bytes=MOST_BYTES)
        serve(bounded, **options, http=ImpatientProtocol)

    uvicorn.run = guarded  # type: ignore[assignment]


def _entry(program: str) -> EntryPoint:
    (entry,) = entry_points(group="console_scripts", name=program)
    return entry


def _write_to(log: Path) -> None:
    with log.open("ab") as output:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(output.fileno(), stream.fileno())


def _exit_code(ending: SystemExit) -> int:
    """What the interpreter would make of it."""
    if ending.code is None or isinstance(ending.code, int):
        return ending.code or 0
    sys.stderr.write(f"{ending.code}\n")
    return 1


if __name__ == "__main__":
    sys.exit(_be(sys.argv[1], sys.argv[2:]))
