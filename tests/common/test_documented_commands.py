"""Every command in the documents is one that a test runs, or that says why none does."""

from __future__ import annotations

import ast
import shutil
import subprocess
from functools import cache
from pathlib import Path

import click
import pytest

from tests.support.documented_commands import (
    DOCUMENTS,
    NOT_TRIED,
    PAGE,
    TRIED,
    arguments,
    commands_in,
    entry_for,
    page,
)
from vibe_pipeline.cli import main

ROOT = Path(__file__).parents[2]


@cache
def documented() -> frozenset[str]:
    return frozenset(command for document in DOCUMENTS for command in commands_in(document))


@cache
def functions_of(module: str) -> frozenset[str]:
    tree = ast.parse((ROOT / module).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, functions))


def test_every_command_in_the_documents_has_its_place_in_the_table() -> None:
    assert {command for command in documented() if entry_for(command) is None} == set()


def test_the_table_holds_no_command_that_no_document_shows() -> None:
    shown = {entry_for(command) for command in documented()}

    assert {*TRIED, *NOT_TRIED} - shown == set()


@pytest.mark.parametrize("command", sorted(TRIED))
def test_the_test_that_is_said_to_try_a_command_is_there(command: str) -> None:
    module, test = TRIED[command]

    assert test in functions_of(module)


def test_the_page_says_where_each_command_is_tried() -> None:
    assert PAGE.read_text("utf-8") == page()


@pytest.mark.parametrize("command", sorted(one for one in documented() if one.startswith("vibe ")))
def test_a_command_of_ours_takes_what_the_documents_give_it(command: str) -> None:
    words = arguments(command.partition(" >")[0])
    assert isinstance(main, click.Group)
    if words[0].startswith("--"):
        assert words == ["--help"]
        return
    context = click.Context(main, info_name="vibe")
    given = main.get_command(context, words[0])

    assert given is not None
    given.make_parser(click.Context(given, parent=context, resilient_parsing=True)).parse_args(
        words[1:]
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_every_make_target_in_the_documents_would_be_run_by_make() -> None:
    targets = {command.split()[1] for command in documented() if command.startswith("make ")}

    asked = subprocess.run(
        ["make", "--dry-run", *sorted(targets)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert asked.returncode == 0, asked.stderr
