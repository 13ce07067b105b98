"""What kind of file lies where the warehouse should be, by its first bytes (its file signature).

For whoever may not open it: the bot, the OAuth service. Reading and mending it is ``warehouse``'s.
"""

from __future__ import annotations

from pathlib import Path

_SIGNATURE_AT, _SIGNATURE = 8, b"DUCK"
_HEADER_BYTES = _SIGNATURE_AT + len(_SIGNATURE)


def was_a_warehouse(path: Path) -> bool:
    """Whether it begins as a DuckDB database does; what is shorter holds nothing to be lost.

    Neither does one that begins with zeros alone, as a dying disk leaves them. Not when it cannot
    be read at all, nor when it is no file: a pipe would be waited for.
    """
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        return False
    return len(header) < _HEADER_BYTES or not any(header) or header[_SIGNATURE_AT:] == _SIGNATURE


def is_something_else(path: Path) -> bool:
    """Whether another kind of file lies there, or one that we may not read."""
    return path.exists() and not was_a_warehouse(path)
