"""Other names of an artist, as MusicBrainz tells them: in another script, former, short, legal.

Only what others told; what can be seen from a name itself is ``artist_credits``'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from vibe_pipeline.ranking.artist_credits import is_placeholder
from vibe_pipeline.ranking.identity import artist_key

OtherNames = Mapping[str, str]
"""By the key of each other name of an artist: the key of the name they are known by here."""
NO_OTHER_NAMES: OtherNames = MappingProxyType({})
_SHORTEST = 2


def by_other_name(aliases: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """By each other name, out of the aliases by artist key.

    A name that two artists go by is nobody's, and one that is somebody's own stays theirs.
    """
    found: dict[str, str] = {}
    shared: set[str] = set()
    for artist in sorted(aliases):
        for alias in aliases[artist]:
            key = artist_key(alias)
            if len(key) < _SHORTEST or is_placeholder(alias) or key in aliases:
                continue
            if found.setdefault(key, artist) != artist:
                shared.add(key)
    return {key: artist for key, artist in found.items() if key not in shared}


def known_by(key: str, others: OtherNames) -> str | None:
    """A recording's key under the name its artist is known by here; ``None`` if it is that one."""
    artist, bar, rest = key.partition("|")
    name = others.get(artist)
    return None if name is None else f"{name}{bar}{rest}"
