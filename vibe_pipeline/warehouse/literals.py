"""Values written into SQL, for a server that takes a statement as one text and binds nothing.

Only for values of ours and of our own types; everywhere else values are bound as parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

_PIECES = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\?""")
"""What may hold a question mark that is none of ours, and those that are."""


def with_literals(query: str, parameters: Sequence[object]) -> str:
    """The statement with a literal in the place of each ``?``.

    Raises:
        ValueError: there are more or fewer places than values.
        TypeError: a value is of a type that our tables do not hold.
    """
    values = iter(parameters)

    def written(piece: re.Match[str]) -> str:
        return _next(values, query) if piece.group() == "?" else piece.group()

    text = _PIECES.sub(written, query)
    if next(values, _NONE_LEFT) is not _NONE_LEFT:
        raise ValueError(f"more values than places in: {query}")
    return text


_NONE_LEFT = object()


def _next(values: Iterator[object], query: str) -> str:
    value = next(values, _NONE_LEFT)
    if value is _NONE_LEFT:
        raise ValueError(f"fewer values than places in: {query}")
    return literal(value)


def literal(value: object) -> str:
    """One value as DuckDB reads it back, with the type that binding it would give it."""
    if value is None:
        return "NULL"
    for kind, written in _WRITTEN:
        if isinstance(value, kind):
            return written(value)
    raise TypeError(f"no literal for {type(value).__name__}")


def _text(value: str) -> str:
    """A NUL would end the statement, so it is spelt out."""
    quoted = "'" + str(value).replace("'", "''") + "'"
    return "(" + quoted.replace("\0", "' || chr(0) || '") + ")" if "\0" in value else quoted


def _moment(value: datetime) -> str:
    if value.tzinfo is not None:
        return f"TIMESTAMPTZ '{value.astimezone(UTC).isoformat(sep=' ')}'"
    return f"TIMESTAMP '{value.isoformat(sep=' ')}'"


_WRITTEN: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (bool, lambda value: "TRUE" if value else "FALSE"),
    (int, lambda value: str(int(value))),
    (float, lambda value: f"'{value!r}'::DOUBLE"),
    (str, _text),
    (datetime, _moment),
    (date, lambda value: f"DATE '{value.isoformat()}'"),
    (Sequence, lambda value: f"[{', '.join(map(literal, value))}]"),
)
"""How each kind is written; the first that fits counts, for a moment is a day as well."""
