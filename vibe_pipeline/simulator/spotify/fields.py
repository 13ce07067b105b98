"""Spotify's ``fields`` parameter: which parts of a playlist an answer keeps."""

from __future__ import annotations

from typing import Any

Wanted = dict[str, "Wanted"]


def read_fields(text: str) -> Wanted:
    """``a,b(c,d.e)`` as a tree; an empty branch keeps everything below it."""
    tree, _ = _group(text, 0)
    return tree


def _group(text: str, start: int) -> tuple[Wanted, int]:
    tree: Wanted = {}
    position, name = start, ""
    path: list[str] = []
    while position <= len(text):
        letter = text[position] if position < len(text) else ","
        if letter in ",)":
            if name:
                _plant(tree, [*path, name], {})
            name, path = "", []
            if letter == ")":
                return tree, position
        elif letter == ".":
            path, name = [*path, name], ""
        elif letter == "(":
            below, position = _group(text, position + 1)
            _plant(tree, [*path, name], below)
            name, path = "", []
        elif not letter.isspace():
            name += letter
        position += 1
    return tree, position


def _plant(tree: Wanted, path: list[str], below: Wanted) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree.setdefault(path[-1], {}).update(below)


def keep_fields(value: Any, wanted: Wanted) -> Any:
    """The value with only the wanted fields; lists are looked through."""
    if not wanted:
        return value
    if isinstance(value, list):
        return [keep_fields(item, wanted) for item in value]
    if isinstance(value, dict):
        return {
            name: keep_fields(value[name], below) for name, below in wanted.items() if name in value
        }
    return value
