"""What every way to reach the warehouse offers: one transaction at a time, and SQL inside it.

The seam (ports) only: a file on this machine is ``connection``'s, a server on another one
``quack``'s, a hosted one ``hosted``'s; which of them an address means is ``engines``'.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol


class Connection(Protocol):
    """One transaction's SQL, as DuckDB's own connection has it; values are bound, never written."""

    @property
    def description(self) -> Any:
        """Name and type of each column of the last answer."""
        ...

    def execute(self, query: str, parameters: Any = None, /) -> Connection:
        """Run one statement; its answer is fetched from what this gives back."""
        ...

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, or ``None``."""
        ...

    def fetchall(self) -> list[tuple[Any, ...]]:
        """The rows that are left."""
        ...

    def df(self) -> Any:
        """The rows that are left, as a pandas frame."""
        ...


class Engine(Protocol):
    """Opens the warehouse again and again, for one transaction each, and never for two at once.

    Whatever the form, only one transaction is under way at any moment, among all processes and
    machines: who reads and then writes has not been overtaken in between.
    """

    undisturbed: bool
    """Whether it is certain that nobody else has written since the last transaction of ours."""
    born: bool
    """Whether this transaction has just made it."""

    def transaction(
        self, *, patience: float, compacting: bool = False, frames: bool = False
    ) -> AbstractContextManager[Connection]:
        """SQL inside one transaction, committed at the end, undone after an error.

        Waits at most ``patience`` seconds for its turn.

        Raises:
            WarehouseError: it cannot be used; the text says what to do.
        """
        ...

    def exists(self) -> bool:
        """Whether it is there already, or must be taken to be."""
        ...

    def copy_to(self, target: Path, *, patience: float) -> None:
        """A whole DuckDB file as it is between two transactions.

        Raises:
            TimeoutError: somebody kept it for longer than ``patience``.
            OSError: it cannot be read, or the copy cannot be written.
        """
        ...
