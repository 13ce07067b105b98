"""The walls of the house: who may import what, and that nothing happens at import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DAGSTER_ROOMS = ("vibe_pipeline/defs/", "vibe_pipeline/definitions.py", "vibe_pipeline/launcher")
HEAVY = ("dagster", "duckdb", "pandas", "numpy")


def sources() -> list[Path]:
    packages = ("vibe_pipeline", "vibe_bot", "vibe_oauth")
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0]


def importers_of(*packages: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if set(imported(path)).intersection(packages)
    }


def test_dagster_is_imported_only_where_it_lives() -> None:
    strangers = {
        path
        for path in importers_of("dagster", "dagster_duckdb", "dagster_graphql")
        if not path.startswith(DAGSTER_ROOMS)
    }

    assert strangers == set()


def test_duckdb_is_imported_only_by_the_warehouse() -> None:
    strangers = {
        path for path in importers_of("duckdb") if not path.startswith("vibe_pipeline/warehouse/")
    }

    assert strangers == set()


@pytest.mark.parametrize("package", ["vibe_bot.__main__", "vibe_oauth.__main__"])
def test_bot_and_oauth_service_start_without_the_heavy_libraries(package: str) -> None:
    code = f"import sys, {package}; print([m for m in {HEAVY!r} if m in sys.modules])"

    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert found.stdout.strip() == "[]"
