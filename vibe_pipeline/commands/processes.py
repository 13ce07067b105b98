"""What an installation consists of: its folder, its processes, the environment they share.

The plan only; starting and watching them is ``commands.supervisor``'s.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal, Protocol
from urllib.parse import urlsplit

import httpx
import yaml

from vibe_pipeline.accounts.store import utc_now
from vibe_pipeline.clients.dagster import SERVICE, DagsterGraphQL
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.clients.transport import RetryPolicy, Transport
from vibe_pipeline.commands.liveness import (
    Alive,
    grpc_alive,
    heartbeats_alive,
    http_alive,
    loopback_http,
)
from vibe_pipeline.commands.supervisor import (
    ManagedProcess,
    Ready,
    Start,
    free_port,
    http_ready,
    log_ready,
    port_ready,
)
from vibe_pipeline.errors import ConfigurationError
from vibe_pipeline.installation.access_token import (
    GUARD_HEADER,
    OAUTH_HEADER,
    kept_token,
    read_token,
)
from vibe_pipeline.installation.home import cannot_be_written
from vibe_pipeline.settings import Settings, handed_on

STORAGE = "Dagster storage"
CODE_SERVER = "Code server"
WEBSERVER = "Dagster webserver"
DAEMON = "Dagster daemon"
BOT = "Telegram bot"
OAUTH = "OAuth service"
DAGSTER_DATABASE = "DAGSTER_POSTGRES_URL"
"""Dagster reads it from the environment, so that no password stands in its configuration."""
_ONE_TRY = RetryPolicy(attempts=1, attempt_seconds=10.0)
"""For a question that is asked again in a moment anyway."""


class ProjectIncomplete(ConfigurationError):
    """A file of the project is not where it should be; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the parts listen, all on the loopback."""

    code_server: int
    webserver: int
    oauth: int

    @classmethod
    def free(cls) -> Ports:
        """Three that nobody uses now."""
        return cls(code_server=free_port(), webserver=free_port(), oauth=free_port())

    @classmethod
    def of(cls, settings: Settings) -> Ports:
        """Those that the settings name; behind a proxy the OAuth service keeps its usual port."""
        public = urlsplit(settings.public_url)
        loopback = public.hostname in {"127.0.0.1", "::1"}
        return cls(
            code_server=free_port(),
            webserver=urlsplit(settings.dagster_graphql_url).port or 3000,
            oauth=(public.port if loopback else None) or 8000,
        )


def prepare(settings: Settings, code_port: int, *, code_host: str = "127.0.0.1") -> None:
    """Make the home folder ready for Dagster: its configuration, and where the code is served.

    May be repeated while everything runs; what somebody did to these files is undone then.
    """
    home = settings.home
    dagster_home = home / "dagster"
    dagster_home.mkdir(parents=True, exist_ok=True)
    _configure(dagster_home / "dagster.yaml", on_postgres=settings.dagster_postgres_url is not None)
    location = {"host": code_host, "port": code_port, "location_name": "vibe"}
    kept_token(home)
    workspace = yaml.safe_dump({"load_from": [{"grpc_server": location}]})
    _put(_workspace_file(home), workspace)


def _configure(target: Path, *, on_postgres: bool) -> None:
    """Put our ``dagster.yaml`` there; Dagster's state is in SQLite unless a server is named."""
    ours = _project_file("dagster.yaml").read_text(encoding="utf-8")
    if on_postgres:
        instance = yaml.safe_load(ours)
        instance["storage"] = {"postgres": {"postgres_url": {"env": DAGSTER_DATABASE}}}
        ours = yaml.safe_dump(instance, sort_keys=False)
    _put(target, ours)


def _put(path: Path, text: str) -> None:
    """Have the file hold this, whole at every moment: others may read it just then."""
    content = text.encode()
    if path.is_file() and path.read_bytes() == content:
        return
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(content)
    draft.replace(path)


def dagster_database(settings: Settings) -> dict[str, str]:
    """The variable that names Dagster's server to it, where there is one; ``.env`` is ours only."""
    database = settings.dagster_postgres_url
    return {} if database is None else {DAGSTER_DATABASE: database.get_secret_value()}


LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
_NO_PROXY = ("no_proxy", "NO_PROXY")


def environment(outer: Mapping[str, str], settings: Settings, ports: Ports) -> dict[str, str]:
    """What every part is told, on top of the outer environment."""
    home = settings.home
    return {
        # Dagster's own half a minute costs a third of a hundredth of a core for ever; whether the
        # night brought lists is seen soon enough every five minutes.
        "FRESHNESS_DAEMON_INTERVAL_SECONDS": "300",
        **outer,
        **handed_on(settings),
        "VIBE_HOME": str(home),
        "DAGSTER_HOME": str(home / "dagster"),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        **dagster_database(settings),
        "DAGSTER_GRAPHQL_URL": f"http://127.0.0.1:{ports.webserver}/graphql",
        "PYTHONUNBUFFERED": "1",
        **_past_the_proxy(outer),
    }


def _past_the_proxy(outer: Mapping[str, str]) -> dict[str, str]:
    """What keeps our parts' talk among themselves, and its token, from a proxy that is set.

    gRPC reads the variable in small letters only, others in either.
    """
    named = [outer[name] for name in _NO_PROXY if outer.get(name)]
    places = ",".join([*named, *LOOPBACK_NAMES])
    return dict.fromkeys(_NO_PROXY, places)


def managed_processes(
    inner: Mapping[str, str],
    home: Path,
    folder: Path,
    ports: Ports,
    *,
    log_format: Literal["text", "json"] = "text",
) -> list[ManagedProcess]:
    """Every process of an installation, started from ``folder``; each logs in this format."""

    def process(name: str, *command: str, ready: Ready | None) -> ManagedProcess:
        log = home / "logs" / f"{name.lower().replace(' ', '-')}.log"
        return ManagedProcess(
            name=name, command=command, environment=inner, folder=folder, log=log, ready=ready
        )

    live = f"http://127.0.0.1:{ports.oauth}/health/live"
    return [
        *_dagster_programs(process, home, ports, log_format),
        replace(
            process(
                OAUTH,
                *(sys.executable, "-m", "vibe_oauth", "--port", str(ports.oauth)),
                ready=http_ready(live, header=OAUTH_HEADER),
            ),
            alive=http_alive(live),
        ),
        replace(
            process(BOT, sys.executable, "-m", "vibe_bot", ready=log_ready("listening")),
            waits_for_others=True,
        ),
    ]


class _MakesProcess(Protocol):
    def __call__(self, name: str, *command: str, ready: Ready | None) -> ManagedProcess: ...


def configured_anew(
    parts: Iterable[ManagedProcess], settings: Settings, code_port: int
) -> list[ManagedProcess]:
    """The same, with Dagster's configuration put in place before each start of its programs."""
    before = partial(prepare, settings, code_port)
    return [replace(part, before=before) if part.forked else part for part in parts]


def _dagster_programs(
    process: _MakesProcess, home: Path, ports: Ports, log_format: Literal["text", "json"]
) -> Iterator[ManagedProcess]:
    """The storage is brought up to date first; then there is code, and then who asks for it.

    Webserver and daemon would write a long trace about code that is not there yet.
    """
    formatted = ("--log-format", "json") if log_format == "json" else ()
    workspace = str(_workspace_file(home))
    graphql = f"http://127.0.0.1:{ports.webserver}/graphql"
    migrating = process(STORAGE, "dagster", "instance", "migrate", ready=None)
    yield replace(migrating, forked=True)
    code_server = process(
        CODE_SERVER,
        *("dagster", "api", "grpc"),
        *("--module-name", "vibe_pipeline.definitions", "--location-name", "vibe"),
        *("--host", "127.0.0.1", "--port", str(ports.code_server)),
        *formatted,
        ready=port_ready(ports.code_server),
    )
    webserver = process(
        WEBSERVER,
        *("dagster-webserver", "--workspace", workspace),
        *("--host", "127.0.0.1", "--port", str(ports.webserver)),
        *formatted,
        ready=_code_loaded(graphql, home),
    )
    daemon = process(
        DAEMON,
        *("dagster-daemon", "run", "--workspace", workspace),
        *formatted,
        ready=log_ready("Instance is configured"),
    )
    code_server = replace(code_server, alive=grpc_alive(ports.code_server))
    webserver = replace(webserver, alive=http_alive(graphql))
    daemon = replace(daemon, alive=_daemon_alive(graphql, home), by_the_clock=True)
    yield replace(code_server, after=(STORAGE,), forked=True)
    for program in (webserver, daemon):
        yield replace(program, after=(CODE_SERVER,), forked=True)


def _code_loaded(address: str, home: Path) -> Ready:
    """Ready as soon as the webserver there has our code; never without the guard in front of it."""

    async def ready(_: Start) -> bool:
        async with loopback_http(5) as http:
            dagster = _dagster(http, address, home)
            try:
                guarded = GUARD_HEADER in (await http.get(f"{address}?query=none")).headers
                return guarded and await dagster.code_loaded()
            except (ServiceError, httpx.HTTPError):
                return False

    return ready


def _daemon_alive(address: str, home: Path) -> Alive:
    """As its heartbeats say, which the webserver there reads; none are kept on a full disk."""

    async def oldest_heartbeat() -> datetime | None:
        if cannot_be_written(home):
            return utc_now()
        async with loopback_http(10) as http:
            return await _dagster(http, address, home).oldest_heartbeat()

    return heartbeats_alive(oldest_heartbeat, now=utc_now)


def _dagster(http: httpx.AsyncClient, address: str, home: Path) -> DagsterGraphQL:
    transport = Transport(http, service=SERVICE, address=address, patience=_ONE_TRY)
    return DagsterGraphQL(transport, token=partial(read_token, home))


def _workspace_file(home: Path) -> Path:
    return home / "dagster" / "workspace.yaml"


def _project_file(name: str) -> Path:
    """A file of the project's top folder; an installed package carries it inside itself."""
    package = Path(__file__).parents[1]
    for path in (package / name, package.parent / name):
        if path.exists():
            return path
    raise ProjectIncomplete(f"{name} is missing beside the vibe_pipeline package; install it again")
