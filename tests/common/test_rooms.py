"""The walls between the rooms: who may import what, how long an asset may be, no circles."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
DAGSTER_ROOMS = ("vibe_pipeline/defs/", "vibe_pipeline/definitions.py", "vibe_pipeline/launcher")
HEAVY = ("dagster", "duckdb", "pandas", "numpy")
PACKAGES = ("vibe_pipeline", "vibe_bot", "vibe_oauth")
LOOSE_MODULES = 10
"""So many modules may stand at the top of vibe_pipeline; what comes after belongs in a room."""
BODY_LINES = 25
"""So long may be what Dagster calls, from the line after the docstring to the end."""
CALLED_BY_DAGSTER = frozenset(
    {
        *("asset", "multi_asset", "asset_check", "op", "job"),
        *("schedule", "sensor", "run_failure_sensor"),
    }
)

SAME_IDEA_IN_TWO_ROOMS = frozenset({"Capabilities", "SimilarArtist", "SimilarRecording"})
"""A seam and what fills it; a service's answer and its form in the cache."""


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


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


def layers() -> list[str]:
    """The lines of the contract, highest first."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = (
        contract
        for contract in configuration["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    return [str(line) for line in contract["layers"]]


def rooms() -> set[str]:
    """Every package and loose module of vibe_pipeline, and the two packages beside it."""
    inside = {
        f"vibe_pipeline.{path.stem}"
        for path in (ROOT / "vibe_pipeline").iterdir()
        if (path / "__init__.py").exists() or (path.suffix == ".py" and path.stem != "__init__")
    }
    return inside | set(PACKAGES[1:])


def test_every_room_has_its_place_in_the_layers() -> None:
    placed = [name.strip() for line in layers() for name in line.split("|")]

    assert sorted(placed) == sorted(rooms())


def test_few_modules_stand_outside_the_rooms() -> None:
    loose = {path.stem for path in (ROOT / "vibe_pipeline").glob("*.py")} - {"__init__"}

    assert len(loose) <= LOOSE_MODULES, sorted(loose)


def circles() -> set[tuple[str, ...]]:
    """Each circle of imports once, by the modules on it."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    chains = (
        graph.find_shortest_chain(importer=imported, imported=importer)
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
    )
    return {tuple(sorted(chain)) for chain in chains if chain is not None}


def test_no_module_imports_itself_through_others() -> None:
    assert circles() == set()


def lines_called_by_dagster() -> dict[str, int]:
    """How long the body of each asset, op, check, schedule and sensor is, docstring apart."""
    return {
        f"{path.name} {node.name}": body_lines(node)
        for path in (ROOT / "vibe_pipeline" / "defs").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and CALLED_BY_DAGSTER.intersection(map(decorator_name, node.decorator_list))
    }


def decorator_name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.attr if isinstance(called, ast.Attribute) else ast.unparse(called)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    documented = ast.get_docstring(function) is not None
    statements = function.body[1:] if documented else function.body
    if not statements:
        return 0
    return (statements[-1].end_lineno or 0) - statements[0].lineno + 1


def test_assets_fetch_call_keep_and_report_in_few_lines() -> None:
    measured = lines_called_by_dagster()

    too_long = {name: lines for name, lines in measured.items() if lines > BODY_LINES}

    assert len(measured) > 15
    assert too_long == {}


def test_a_class_name_means_one_thing() -> None:
    homes: dict[str, list[str]] = {}
    for path in sources():
        if "simulator" not in path.parts:
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())

    shared = {name: paths for name, paths in homes.items() if len(paths) > 1}

    assert {name: shared[name] for name in shared.keys() - SAME_IDEA_IN_TWO_ROOMS} == {}
