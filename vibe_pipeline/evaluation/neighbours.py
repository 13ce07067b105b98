"""The crowd stands in for Last.fm: a split into known and held-out, and who is near whom.

Item-to-item collaborative filtering on the known part only, so that nothing held out leaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vibe_pipeline.evaluation.dataset import Bools, Floats, Ints, ListeningDataset
from vibe_pipeline.evaluation.languages import in_other_languages

TRAIN_SHARE = 0.8
NEIGHBOURS = 100
DOUBT = 10
"""A similarity that rests on c listeners in common counts c / (c + DOUBT)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Each artist's nearest, nearest first: ``ids[start[a]:start[a + 1]]`` with their matches."""

    start: Ints
    ids: Ints
    match: Floats

    def of(self, artist: int) -> tuple[Ints, Floats]:
        """The neighbours of one artist and their matches, the best of which is 1."""
        low, high = self.start[artist], self.start[artist + 1]
        return self.ids[low:high], self.match[low:high]


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourIndex:
    """One split: what is known of everybody, what is held out, and the neighbours it gives."""

    data: ListeningDataset
    train: Bools
    known: tuple[Ints, ...]
    """By user, the artists of the training rows, most played first."""
    weight: tuple[Floats, ...]
    """By user, the logarithm of the plays of ``known``; that of several rows added up."""
    truth: tuple[frozenset[int], ...]
    listeners: Ints
    elsewhere: Bools
    """By artist, whether it sings in another language than English."""
    neighbours: Neighbours

    @classmethod
    def split(cls, data: ListeningDataset, seed: int) -> NeighbourIndex:
        """The split of this seed: four rows in five, in file order, are known.

        Where the data tell when, every split is the same: the first four fifths of all are known,
        and what came after is held out, but for artists known before.
        """
        if data.times is None:
            train = np.random.RandomState(seed).rand(len(data.user)) < TRAIN_SHARE
        else:
            train = data.times <= np.quantile(data.times, TRAIN_SHARE)
        known: list[Ints] = []
        weight: list[Floats] = []
        truth = []
        none = np.zeros(0, dtype=np.int64)
        for user in range(len(data.users)):
            mine = data.user == user
            artists, place = np.unique(data.artist[mine & train], return_inverse=True)
            plays = np.bincount(place, weights=np.log1p(data.plays[mine & train]))
            order = np.lexsort((artists, -plays))
            known.append(artists[order])
            weight.append(plays[order].astype(np.float64))
            later = frozenset(data.artist[mine & ~train].tolist())
            truth.append(later if data.times is None else later - set(artists.tolist()))
        return cls(
            data=data,
            train=train,
            known=tuple(known),
            weight=tuple(weight),
            truth=tuple(truth),
            listeners=np.bincount(np.concatenate([none, *known]), minlength=len(data.names)),
            elsewhere=in_other_languages(data.tags, data.tag_names),
            neighbours=_neighbours(known, weight, len(data.names)),
        )

    def evaluated(self, only: frozenset[str] | None = None) -> list[int]:
        """The users with something known and something held out."""
        return [
            index
            for index, user in enumerate(self.data.users)
            if len(self.known[index]) and self.truth[index] and (only is None or user in only)
        ]


def _neighbours(known: list[Ints], weight: list[Floats], artists: int) -> Neighbours:
    """Cosine over everybody's logarithms of plays, doubted where few listeners are shared."""
    norm = np.zeros(artists)
    for ids, values in zip(known, weight, strict=True):
        norm[ids] += values * values
    norm = np.sqrt(np.where(norm > 0, norm, 1.0))
    codes, products = [], []
    for ids, values in zip(known, weight, strict=True):
        scaled = values / norm[ids]
        codes.append((ids[:, None] * artists + ids[None, :]).ravel())
        products.append((scaled[:, None] * scaled[None, :]).ravel())
    pairs, place = np.unique(np.concatenate(codes), return_inverse=True)
    cosine = np.bincount(place, weights=np.concatenate(products))
    shared = np.bincount(place)
    one, other = pairs // artists, pairs % artists
    value = cosine * shared / (shared + DOUBT)
    apart = one != other
    one, other, value = one[apart], other[apart], value[apart]
    order = np.lexsort((other, -value, one))
    one, other, value = one[order], other[order], value[order]
    first = np.searchsorted(one, np.arange(artists))
    keep = np.arange(len(one)) - first[one] < NEIGHBOURS
    best = value[np.minimum(first, max(len(value) - 1, 0))]
    one, other, value = one[keep], other[keep], value[keep] / best[one[keep]]
    return Neighbours(
        start=np.searchsorted(one, np.arange(artists + 1)).astype(np.int64), ids=other, match=value
    )
