"""Reads tables that other people wrote: forgiving about rows, clear about files."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

_DELIMITERS = (",", ";", "\t")
_MOST_NAME_LETTERS = 200


class WorldUnreadable(Exception):
    """A directory that no world can be made from; the text says why, in one sentence."""


def rows(path: Path, columns: Sequence[str]) -> Iterator[list[str]]:
    """The named columns of a CSV file, row by row; rows that are too short are left out."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            header = file.readline()
            reader = csv.reader([header], delimiter=_delimiter(header))
            names = [name.strip().lower() for name in next(reader, [])]
            missing = [column for column in columns if column not in names]
            if missing:
                raise WorldUnreadable(f"{path} has no column {missing[0]}")
            places = [names.index(column) for column in columns]
            for row in csv.reader(file, delimiter=_delimiter(header)):
                if len(row) > max(places):
                    yield [row[place].strip() for place in places]
    except OSError as error:
        raise WorldUnreadable(f"{path} cannot be read: {error.strerror or error}") from error
    except csv.Error as error:
        raise WorldUnreadable(f"{path} is not a table: {error}") from error


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


def number(text: str) -> float | None:
    """A number above zero, or nothing."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def name(text: str) -> str:
    """A name on one line, without what cannot be printed."""
    printable = text
    if not text.isprintable():
        printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(printable.split())[:_MOST_NAME_LETTERS]
