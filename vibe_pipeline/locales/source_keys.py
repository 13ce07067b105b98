"""Where the catalogues keep the words about a source of music: its name, and why it chose.

Keys only; what the words are stands in the catalogues, what a source does in ``sources``.
"""

from __future__ import annotations


def name_key(source: str) -> str:
    """The source as people call it."""
    return f"source.{source}"


def reason_key(source: str, *, seeded: bool) -> str:
    """Why one of its tracks is on a list; ``seeded`` where the sentence can name a ``seed``."""
    return f"reason.{source}" if seeded else f"reason.plain.{source}"


def keys_of(source: str) -> tuple[str, str, str]:
    """All that every catalogue must hold about a source."""
    return name_key(source), reason_key(source, seeded=True), reason_key(source, seeded=False)
