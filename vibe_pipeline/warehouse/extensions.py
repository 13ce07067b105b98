"""DuckDB's extensions, from the packages that carry them; nothing is fetched while we run."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import duckdb

from vibe_pipeline.errors import ConfigurationError


class ExtensionMissing(ConfigurationError):
    """An extension's package is not installed for this DuckDB; the text says which."""


def load_extensions(connection: duckdb.DuckDBPyConnection, *names: str) -> None:
    """Load these extensions into a DuckDB, each straight from its package.

    Raises:
        ExtensionMissing: a package is not installed, or not for this DuckDB.
    """
    for name in names:
        path = str(_file(name)).replace("'", "''")
        connection.execute(f"LOAD '{path}'")


def _file(name: str) -> Path:
    package = f"duckdb_extension_{name}"
    try:
        folder = Path(str(files(package))) / "extensions" / f"v{duckdb.__version__}"
    except ModuleNotFoundError:
        folder = Path("/nowhere")
    path = folder / f"{name}.duckdb_extension"
    if not path.exists():
        raise ExtensionMissing(
            f"This form of DB_PATH needs the package {package.replace('_', '-')} of DuckDB"
            f" {duckdb.__version__}; run: pip install 'vibe[pipeline,shared]'"
        )
    return path
