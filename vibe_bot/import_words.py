"""What came of a file of plays that somebody sent, in words.

When it is said, and where, is ``vibe_bot.results``'; what was counted, the run's.
"""

from __future__ import annotations

from collections.abc import Mapping

from vibe_bot.formatting import Html, tell, together
from vibe_pipeline.locales import knows


def imported_words(language: str, figures: Mapping[str, int], reason: str | None) -> Html:
    """What the file added, and why the rest of it was not read.

    ``figures`` are what the run counted, empty where nobody can say; ``reason`` is why it stopped,
    as its tags tell it.
    """
    added = _added(language, figures) if figures.get("files") or reason is None else None
    if reason is None:
        return added or Html("")
    key = f"bot.import.{reason}"
    why = tell(language, key if knows(key) else "bot.import.damaged")
    partly = figures.get("added")
    if not partly:
        return why
    return together(why, "", tell(language, "bot.import.partly", count=partly))


def _added(language: str, figures: Mapping[str, int]) -> Html:
    if "plays" not in figures:
        return tell(language, "bot.import.done_uncounted")
    if not figures["plays"]:
        return tell(language, "bot.import.none_count")
    if not figures.get("added"):
        return tell(language, "bot.import.nothing_new")
    first, last = (str(figures.get(f"{end} year", "")) for end in ("first", "last"))
    key = "done" if first != last else "done_one_year"
    return tell(language, f"bot.import.{key}", count=figures["added"], first=first, last=last)
