"""The warehouse hosted by MotherDuck: ``DB_PATH=md:NAME``, with ``motherduck_token`` set.

Nobody serves it but MotherDuck, so whose turn it is stands in a table of its own: who changes its
one row first has the turn until the transaction ends, however it ends.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import duckdb

from vibe_pipeline.warehouse.connection import (
    LOOK_AGAIN_SECONDS,
    in_words,
    pandas_not_asked_for,
    undo,
)
from vibe_pipeline.warehouse.engine import Connection
from vibe_pipeline.warehouse.errors import WarehouseLocked
from vibe_pipeline.warehouse.extensions import load_extensions
from vibe_pipeline.warehouse.schema import bring_up_to_date

_TURN = "vibe_turn"


class MotherDuckEngine:
    """A warehouse that MotherDuck keeps; conflicting changes of one row tell whose turn it is."""

    born = False
    undisturbed = False
    """Others may have written: it is asked anew each time."""

    def __init__(self, place: Path, config: Mapping[str, Any] | None = None) -> None:
        self.place = place
        self._config = dict(config or {})
        self._brought_up_to_date = False

    def exists(self) -> bool:
        """Made when it is first opened, and never gone without somebody's doing."""
        return True

    @contextmanager
    def transaction(
        self, *, patience: float, compacting: bool = False, frames: bool = False
    ) -> Iterator[Connection]:
        """A transaction there, once it is our turn; ``compacting`` is its host's own affair."""
        deadline = time.monotonic() + patience
        with (
            in_words(self.place),
            nullcontext() if frames else pandas_not_asked_for(),
            closing(self._opened()) as connection,
        ):
            if not self._brought_up_to_date:
                self._bring_up_to_date(connection)
            self._begin(connection, deadline)
            try:
                yield connection
            except BaseException:
                undo(connection)
                raise
            connection.commit()

    def copy_to(self, target: Path, *, patience: float) -> None:
        """Left to MotherDuck, which keeps snapshots."""
        raise OSError(f"{self.place} is MotherDuck's to back up: make a snapshot there")

    def _opened(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(config=self._config)
        load_extensions(connection, "motherduck")
        connection.execute(f"ATTACH IF NOT EXISTS '{self.place}'")
        name = str(self.place).partition(":")[2].replace('"', '""')
        connection.execute(f'USE "{name}"')
        return connection

    def _bring_up_to_date(self, connection: duckdb.DuckDBPyConnection) -> None:
        bring_up_to_date(connection, self.place)
        connection.execute(f"CREATE TABLE IF NOT EXISTS {_TURN} AS SELECT 0 AS turns")
        self._brought_up_to_date = True

    def _begin(self, connection: duckdb.DuckDBPyConnection, deadline: float) -> None:
        """Somebody who changed the row first and is not done yet makes this fail at once."""
        while True:
            connection.begin()
            try:
                connection.execute(f"UPDATE {_TURN} SET turns = turns + 1")  # noqa: S608 - ours
            except duckdb.TransactionException as error:
                undo(connection)
                if time.monotonic() >= deadline:
                    raise WarehouseLocked(
                        self.place,
                        f"Others keep the warehouse {self.place} busy: try again in a minute.",
                    ) from error
                time.sleep(random.uniform(1, 3) * LOOK_AGAIN_SECONDS)
            else:
                return
