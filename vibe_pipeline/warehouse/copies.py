"""A copy of the warehouse file while others use it, for a backup: under its lock, whole."""

from __future__ import annotations

import shutil
from pathlib import Path

from filelock import FileLock, Timeout

from vibe_pipeline.warehouse.warehouse import Warehouse


def copy_warehouse(warehouse: Warehouse, target: Path) -> None:
    """Copy the file as it is between two transactions; others wait for as long as that takes.

    Raises:
        TimeoutError: somebody kept it open for longer than the warehouse's patience.
        OSError: it cannot be read, or the copy cannot be written.
    """
    try:
        with FileLock(f"{warehouse.path}.lock", timeout=warehouse.patience):
            for suffix in ("", ".wal"):
                source = Path(f"{warehouse.path}{suffix}")
                if source.exists():
                    shutil.copyfile(source, f"{target}{suffix}")
    except Timeout as error:
        raise TimeoutError(f"another process keeps {warehouse.path} open") from error
