"""Who is near whom, from who listens to what: the part Last.fm's crowd plays in reality."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

_DOUBT = 10
_KEPT = 100


class Crowd:
    """Cosine over damped plays, doubted where few listeners are in common; worked out on demand."""

    def __init__(self, listens: Iterable[tuple[str, int, float]]) -> None:
        self._by_group: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        self._by_artist: defaultdict[int, list[tuple[str, float]]] = defaultdict(list)
        for group, artist, plays in listens:
            weight = math.log1p(plays)
            self._by_group[group].append((artist, weight))
            self._by_artist[artist].append((group, weight))
        self._lengths = {
            artist: math.sqrt(sum(weight * weight for _, weight in heard))
            for artist, heard in self._by_artist.items()
        }

    def near(self, artist: int) -> list[tuple[int, float]]:
        """The nearest artists, best first, the best at 1."""
        products: defaultdict[int, float] = defaultdict(float)
        common: defaultdict[int, int] = defaultdict(int)
        for group, mine in self._by_artist.get(artist, ()):
            for other, theirs in self._by_group[group]:
                products[other] += mine * theirs
                common[other] += 1
        products.pop(artist, None)
        length = self._lengths.get(artist, 1.0)
        scored = [
            (
                other,
                product
                / (length * self._lengths[other])
                * common[other]
                / (common[other] + _DOUBT),
            )
            for other, product in products.items()
        ]
        scored.sort(key=lambda pair: (-pair[1], pair[0]))
        best = scored[0][1] if scored else 1.0
        return [(other, match / best) for other, match in scored[:_KEPT]]
