"""Each declared dependency is used and each used one declared, extra by extra."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
OURS = frozenset({"vibe_pipeline", "vibe_bot", "vibe_oauth", "tests"})
BASE = "base"
EXTRAS = (BASE, "pipeline", "bot", "oauth", "postgres", "demo", "dev")

EXTRA_OF = {
    **{
        f"vibe_pipeline/{module}.py": BASE
        for module in (
            *("__init__", "authorization", "cli", "errors", "logs", "lookup_cache", "nightly"),
            *("records", "runs", "settings"),
        )
    },
    "vibe_pipeline/installation/bounded_requests.py": "oauth",
    **{
        f"vibe_pipeline/{room}/": BASE
        for room in ("accounts", "clients", "installation", "locales", "ranking")
    },
    **{f"vibe_pipeline/{room}/": "demo" for room in ("demo", "evaluation", "simulator")},
    "vibe_pipeline/": "pipeline",
    "vibe_bot/": "bot",
    "vibe_oauth/": "oauth",
    "tests/": "dev",
}
"""Which extra a file needs at most; the first of these that its path begins with."""

USED_WITHOUT_IMPORT = {
    "dagster-dg-cli": "the dg command, for development",
    "dagster-postgres": "Dagster loads it where dagster.yaml says so",
    "dagster-webserver": "vibe up starts it as a program",
    "fontpkg-noto-sans": "covers are written in it: its file is read, no code",
    "import-linter": "make check runs it",
    "mkdocs-material": "mkdocs.yml names it as the theme",
    "mypy": "make check runs it",
    "noto-cjk-sans-jp-bold": "covers are written in it: its file is read, no code",
    "pandas-stubs": "mypy reads it",
    "psycopg": "SQLAlchemy speaks to Postgres with it, where ACCOUNTS_URL says so",
    "pytest-asyncio": "a plugin of pytest",
    "pytest-xdist": "a plugin of pytest: make test runs side by side",
    "python-multipart": "starlette reads forms with it",
    "ruff": "make check runs it",
    "sniffio": "httpx asks it at each request, and looks for it in vain where it is not there",
    "types-psutil": "mypy reads it",
    "types-pyyaml": "mypy reads it",
    "tzdata": "zoneinfo reads it where the system has no time zones",
}


def test_what_a_file_imports_is_declared_by_its_extra() -> None:
    undeclared = {
        f"{path.relative_to(ROOT)} ({extra_of(path)}) imports {name}"
        for path in sources()
        for name in imported(path)
        if not distributions_of(name) & available(extra_of(path))
    }

    assert undeclared == set()


@pytest.mark.parametrize("extra", EXTRAS)
def test_what_an_extra_declares_is_used_where_that_extra_is_needed(extra: str) -> None:
    used = {
        distribution
        for path in sources()
        if extra in needed(extra_of(path))
        for name in imported(path)
        for distribution in distributions_of(name)
    }

    assert declared()[extra] - used - set(USED_WITHOUT_IMPORT) == set()


def test_what_is_used_without_an_import_is_declared_and_never_imported() -> None:
    everything = set[str]().union(*declared().values())
    imports = {
        distribution
        for path in sources()
        for name in imported(path)
        for distribution in distributions_of(name)
    }

    assert set(USED_WITHOUT_IMPORT) <= everything
    assert not set(USED_WITHOUT_IMPORT) & imports


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_pins_what_is_declared_with_hashes_and_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)(?:\[[a-z0-9,-]+\])?==", text, re.MULTILINE))
    wanted = available("dev" if "dev" in lock else "demo")

    assert wanted <= pinned
    assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=\S)", text.strip()))
    assert "://" not in text


def sources() -> list[Path]:
    return sorted(path for package in OURS for path in (ROOT / package).rglob("*.py"))


def extra_of(path: Path) -> str:
    name = path.relative_to(ROOT).as_posix()
    return next(extra for start, extra in EXTRA_OF.items() if name.startswith(start))


@cache
def imported(path: Path) -> frozenset[str]:
    """Packages of others that a file imports, wherever in it."""
    names = {name.partition(".")[0] for name in _modules(ast.parse(path.read_text("utf-8")))}
    return frozenset(names - OURS - sys.stdlib_module_names)


def _modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def distributions_of(name: str) -> frozenset[str]:
    return _distributions().get(name, frozenset())


@cache
def _distributions() -> Mapping[str, frozenset[str]]:
    return {
        name: frozenset(map(canonical, distributions))
        for name, distributions in packages_distributions().items()
    }


@cache
def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return project


@cache
def _requirements() -> Mapping[str, tuple[str, ...]]:
    project = _project()
    return {BASE: tuple(project["dependencies"]), **project["optional-dependencies"]}


def declared() -> dict[str, set[str]]:
    """The distributions that each extra names itself."""
    return {
        extra: {canonical(line) for line in lines if canonical(line) != "vibe"}
        for extra, lines in _requirements().items()
    }


def needed(extra: str) -> set[str]:
    """An extra, those it includes, and the base."""
    included = {
        other
        for line in _requirements()[extra]
        if canonical(line) == "vibe"
        for other in re.findall(r"[a-z]+", line.partition("[")[2])
    }
    return {BASE, extra}.union(*map(needed, included))


def available(extra: str) -> set[str]:
    return set[str]().union(*(declared()[part] for part in needed(extra)))


def canonical(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()
