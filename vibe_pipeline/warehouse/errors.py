"""What can be wrong with the warehouse's file, each with a sentence that says what to do."""

from __future__ import annotations

from pathlib import Path


class WarehouseError(Exception):
    """The warehouse cannot be used; the text is safe to show and says what to do."""

    def __init__(self, path: Path, sentence: str) -> None:
        super().__init__(sentence)
        self.path = path
        self.sentence = sentence


class WarehouseFolderMissing(WarehouseError):
    """The folder that should hold the file does not exist."""


class WarehouseLocked(WarehouseError):
    """Somebody else kept the file open for longer than we wait."""


class WarehouseReadOnly(WarehouseError):
    """We may not write the file or its folder."""


class WarehouseFull(WarehouseError):
    """The disk, or what we may use of it, is full."""


class NotAWarehouse(WarehouseError):
    """The file is there and is not a DuckDB database, or a damaged one."""


class WarehouseNewerThanUs(WarehouseError):
    """A newer DuckDB, or a newer version of this program, wrote the file."""


class WarehouseUnreachable(WarehouseError):
    """The server that keeps it does not answer, or does not let us in."""
