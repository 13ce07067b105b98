"""A warehouse server as the command starts it: in a process of its own, with a short lease."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vibe_pipeline.commands.supervisor import free_port
from vibe_pipeline.warehouse import Warehouse

TOKEN = "a token for the tests"
LEASE_SECONDS = 5.0
_SERVE = "from vibe_pipeline.cli import main; main()"


@dataclass(slots=True, kw_only=True)
class ServedWarehouse:
    """A file and the process that keeps it."""

    path: Path
    port: int
    process: subprocess.Popen[str]

    @property
    def address(self) -> Path:
        """What DB_PATH says elsewhere."""
        return Path(f"quack:127.0.0.1:{self.port}")

    def client(self, *, patience: float = 30.0) -> Warehouse:
        """The warehouse as somebody on another machine opens it."""
        return Warehouse(self.address, patience=patience, config={"token": TOKEN})

    def kill(self) -> None:
        """The server dies on the spot."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """It is there again."""
        self.process = _started(self.path, self.port)


@contextmanager
def served_warehouse(folder: Path) -> Iterator[ServedWarehouse]:
    """Served for the length of the ``with``."""
    path, port = folder / "warehouse.duckdb", free_port()
    served = ServedWarehouse(path=path, port=port, process=_started(path, port))
    try:
        yield served
    finally:
        served.kill()


def _started(path: Path, port: int) -> subprocess.Popen[str]:
    """Its user's folder is an empty one: DuckDB would take extensions that it finds there."""
    words = ("warehouse-server", "--port", str(port), "--lease", str(LEASE_SECONDS))
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, *words],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "DB_PATH": str(path),
            "HOME": str(path.parent),
            "VIBE_HOME": str(path.parent),
            "WAREHOUSE_TOKEN": TOKEN,
        },
    )
    assert process.stdout is not None
    before = []
    for line in process.stdout:
        if line.startswith("serving "):
            return process
        before.append(line)
    raise AssertionError(f"not serving (exit code {process.wait()}): {before}")
