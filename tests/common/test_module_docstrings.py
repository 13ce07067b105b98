"""The first lines of modules: each says in a sentence what belongs there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("vibe_pipeline", "vibe_bot", "vibe_oauth")
FEWEST_WORDS = 4
ROOM_WORDS = 15
"""What belongs in a room, and what does not, is hardly said in fewer words."""
DENIALS = frozenset({"not", "no", "nothing", "neither", "never"})


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def rooms() -> list[Path]:
    """The packages at the top: the three programs, and the folders of the core."""
    inside = (ROOT / "vibe_pipeline").glob("*/__init__.py")
    return sorted([*(ROOT / package / "__init__.py" for package in PACKAGES), *inside])


def first_lines(module: Path) -> str:
    return ast.get_docstring(ast.parse(module.read_text("utf-8"))) or ""


def is_a_sentence(text: str) -> bool:
    """Whether the first paragraph says something and comes to an end."""
    paragraph = text.partition("\n\n")[0].rstrip()
    return len(paragraph.split()) >= FEWEST_WORDS and paragraph.endswith((".", ":", "..."))


def test_every_module_says_in_a_sentence_what_belongs_there() -> None:
    silent = [path for path in modules() if not is_a_sentence(first_lines(path))]

    assert [path.relative_to(ROOT).as_posix() for path in silent] == []


@pytest.mark.parametrize("room", rooms(), ids=lambda path: path.parent.name)
def test_every_room_says_what_belongs_there_and_what_does_not(room: Path) -> None:
    words = first_lines(room).lower().split()

    assert len(words) >= ROOM_WORDS
    assert DENIALS.intersection(words)


@pytest.mark.parametrize("text", ["", "Things.", "All that has to do with accounts"])
def test_a_word_or_a_broken_off_line_is_no_sentence(text: str) -> None:
    assert not is_a_sentence(text)
