"""The documents: what README and docs/ name is really there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TOP = ("docs", "tests", "vibe_pipeline", "vibe_bot", "vibe_oauth")
PROGRAMS = TOP[2:]
FILE_ENDINGS = (".py", ".md", ".toml", ".yaml", ".yml", ".svg")


def names_a_path(text: str) -> bool:
    """Whether something in backticks is one of our files: no command, no address, no route."""
    if not re.fullmatch(r"[\w./-]+", text) or text.startswith("/"):
        return False
    return (text.partition("/")[0] in TOP and "/" in text) or text.endswith(FILE_ENDINGS)


def paths_named_in(document: Path) -> Iterator[str]:
    text = re.sub(r"^```.*?^```$", "", document.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    yield from filter(names_a_path, re.findall(r"`([^`\n]+)`", text))


def links_in(document: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        if "://" not in target and not target.startswith("#"):
            yield target.partition("#")[0]


def exists(path: str) -> bool:
    """Seen from the repository, or from the core, whose rooms are often named without it."""
    return (ROOT / path).exists() or (ROOT / "vibe_pipeline" / path).exists()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    assert [path for path in paths_named_in(document) if not exists(path)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    assert [link for link in links_in(document) if not (document.parent / link).exists()] == []


def test_every_decision_has_its_line_in_the_index() -> None:
    index = ROOT / "docs" / "decisions" / "README.md"
    records = {path.name for path in index.parent.glob("[0-9]*.md")}

    assert records == {link for link in links_in(index) if link[0].isdigit()}


@pytest.mark.parametrize(
    ("text", "is_path"),
    [
        ("vibe_pipeline/defs/jobs.py", True),
        ("definitions.py", True),
        ("docs/", True),
        ("/start", False),
        ("make demo", False),
        ("https://example.org/docs/a.md", False),
        ("GET /health", False),
    ],
)
def test_commands_and_addresses_are_not_taken_for_paths(text: str, is_path: bool) -> None:  # noqa: FBT001
    assert names_a_path(text) is is_path


CONFIGURATION = (
    *("pyproject.toml", "dagster.yaml", ".env.example"),
    *("Dockerfile", "docker-compose.yml"),
)


def words_of_the_code() -> set[str]:
    """Every word that code, schema and configuration are written with."""
    code = [path for top in PROGRAMS for path in (ROOT / top).rglob("*.*")]
    written = [path for path in code if path.suffix in {".py", ".sql", ".toml"}]
    written += [ROOT / name for name in CONFIGURATION]
    return {word for path in written for word in re.findall(r"\w+", path.read_text("utf-8"))}


def test_every_name_that_a_document_gives_is_one_of_the_code() -> None:
    code = words_of_the_code()
    named = {
        (document.name, name)
        for document in (ROOT / "docs").rglob("*.md")
        for name in re.findall(r"`([A-Za-z]\w+)`", document.read_text("utf-8"))
    }

    assert {(document, name) for document, name in named if name not in code} == set()
