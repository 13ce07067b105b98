"""Finding an artist or a track, as somebody writes it, among what lists were chosen from.

Fuzzy name search. Pure: names in, what was meant out. Spelling, accents and scripts are forgiven.
The answer's words are ``handlers.whynot``'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from vibe_pipeline.accounts.records import Considered, ConsideredList
from vibe_pipeline.ranking.text_normalization import normalized

CHOSEN = "chosen"
_CLOSE = 0.8
_ARTIST_AND_TITLE = re.compile(r"\s+[-–—:]\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingTrack:
    """What was meant: the best-placed of it, how many more of the artist's there were."""

    among: ConsideredList
    item: Considered
    more: int
    exact: bool


def find(lists: Iterable[ConsideredList], wanted: str) -> MissingTrack | None:
    """The newest list that considered it; an exact name anywhere beats a similar one."""
    similar: MissingTrack | None = None
    for among in lists:
        found = _exact(among, wanted)
        if found is not None:
            return found
        if similar is None:
            similar = _similar(among, wanted)
    return similar


def _exact(among: ConsideredList, wanted: str) -> MissingTrack | None:
    name, (artist, title) = normalized(wanted), _parts(wanted)
    if not name:
        return None
    both = [
        item
        for item in among.items
        if title and artist in normalized(item.artist) and title in normalized(item.title)
    ]
    titles = [item for item in among.items if normalized(item.title) == name]
    artists = [item for item in among.items if normalized(item.artist) == name]
    whole = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    inside = [
        item
        for item in among.items
        if len(name) > 2 and whole.search(normalized(f"{item.artist} {item.title}"))
    ]
    return _best(among, both or artists or titles or inside, exact=True)


def _similar(among: ConsideredList, wanted: str) -> MissingTrack | None:
    """By the closest artist or title; only whole names are compared, of which there are few."""
    name, (artist, title) = normalized(wanted), _parts(wanted)
    artists = {normalized(item.artist) for item in among.items}
    titles = {normalized(item.title) for item in among.items}
    close_artist = set(get_close_matches(artist or name, artists, n=3, cutoff=_CLOSE))
    close_title = set(get_close_matches(title or name, titles, n=3, cutoff=_CLOSE))
    if title:
        hits = [
            item
            for item in among.items
            if normalized(item.artist) in close_artist and normalized(item.title) in close_title
        ]
        return _best(among, hits, exact=False)
    hits = [item for item in among.items if normalized(item.artist) in close_artist]
    hits = hits or [item for item in among.items if normalized(item.title) in close_title]
    return _best(among, hits, exact=False)


def _best(among: ConsideredList, hits: list[Considered], *, exact: bool) -> MissingTrack | None:
    if not hits:
        return None
    best = min(hits, key=lambda item: (item.fate != CHOSEN, item.rank))
    artist = normalized(best.artist)
    same = sum(normalized(item.artist) == artist for item in among.items)
    return MissingTrack(among=among, item=best, more=same - 1, exact=exact)


def _parts(wanted: str) -> tuple[str, str]:
    artist, *title = _ARTIST_AND_TITLE.split(wanted, maxsplit=1)
    return normalized(artist), normalized(title[0]) if title else ""
