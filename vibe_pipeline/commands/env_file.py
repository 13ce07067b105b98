"""What is wrong with ``.env`` as a file: its place, its encoding, its lines, its names.

What its values are worth is ``commands.diagnosis``'.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from vibe_pipeline.commands.checks import Finding
from vibe_pipeline.settings import NOT_PLAIN_TEXT, Settings

_SETS = re.compile(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")
_SAYS_NOTHING = re.compile(r"\s*(#.*)?$")
_QUOTES = ("'", '"')


def env_file(path: Path) -> Iterator[Finding]:
    """Everything that would be overheard without a word; nothing where there is no file."""
    name = path.name
    if path.is_dir():
        sentence = f"{name} is a folder; put a file in its place (cp .env.example .env)."
        yield Finding(what=name, trouble=sentence)
    if not path.is_file():
        return
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        yield Finding(what=name, trouble=NOT_PLAIN_TEXT)
    except OSError:
        yield Finding(what=name, trouble=f"{name} cannot be read by this user; chown or chmod it.")
    else:
        yield from _unreadable_lines(name, lines)
        yield from _names(name, lines)


def _unreadable_lines(name: str, lines: list[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines, start=1):
        if _SAYS_NOTHING.match(line):
            continue
        setting = _SETS.match(line)
        if setting is None:
            sentence = f"Line {number} of {name} is not NAME=value; mend it or delete it."
            yield Finding(what=name, trouble=sentence)
        elif setting[2].startswith(_QUOTES) and setting[2].count(setting[2][0]) == 1:
            sentence = f"Line {number} of {name} leaves a quote open; close it or take it off."
            yield Finding(what=name, trouble=sentence)


def _names(name: str, lines: list[str]) -> Iterator[Finding]:
    """Names that are nearly ours, and those that are set to two values."""
    ours = [setting.upper() for setting in Settings.model_fields]
    values: dict[str, str] = {}
    for line in lines:
        setting = _SETS.match(line)
        if setting is None:
            continue
        near = difflib.get_close_matches(setting[1].upper(), ours, n=1, cutoff=0.8)
        if near and setting[1].upper() not in ours:
            sentence = f"{name} sets {setting[1]}, which is no setting; write {near[0]} instead."
            yield Finding(what=setting[1], trouble=sentence)
        if values.get(setting[1]) and values[setting[1]] != setting[2]:
            yield Finding(what=setting[1], advice=f"{name} sets it twice; the last one counts")
        values[setting[1]] = setting[2]
