"""Listening data of many people, as files hold it: who played whom how often, and the tags."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FILES = ("listens.csv", "artists.csv", "artist_tags.csv")


class DataAbsent(Exception):
    """The folder does not hold listening data; the text says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Rows of who, whom and how often, as indices, in file order.

    ``tags`` has for every artist its unit vector of tag weights as a mapping by tag number.
    """

    users: tuple[str, ...]
    names: tuple[str, ...]
    user: Ints
    artist: Ints
    plays: Floats
    tags: tuple[dict[int, float], ...]

    @classmethod
    def read(cls, folder: Path) -> Listening:
        """The data of a folder with ``listens.csv``, ``artists.csv`` and ``artist_tags.csv``."""
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise DataAbsent(f"{folder} holds no {', '.join(missing)}")
        listens = _rows(folder / "listens.csv")
        artists = _rows(folder / "artists.csv")
        users = tuple(sorted({row["user_id"] for row in listens}, key=_as_number))
        user_at = {user: index for index, user in enumerate(users)}
        artist_at = {int(row["artist_id"]): index for index, row in enumerate(artists)}
        return cls(
            users=users,
            names=tuple(row["name"] for row in artists),
            user=np.array([user_at[row["user_id"]] for row in listens], dtype=np.int64),
            artist=np.array([artist_at[int(row["artist_id"])] for row in listens], dtype=np.int64),
            plays=np.array([float(row["plays"]) for row in listens], dtype=np.float64),
            tags=_tag_vectors(folder / "artist_tags.csv", artist_at),
        )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _as_number(user: str) -> tuple[int, str]:
    return (int(user), "") if user.isdigit() else (0, user)


def _tag_vectors(path: Path, artist_at: dict[int, int]) -> tuple[dict[int, float], ...]:
    """Tf-idf of the tags people gave, each artist's vector of length one."""
    rows = [row for row in _rows(path) if int(row["artist_id"]) in artist_at]
    number = {tag: index for index, tag in enumerate(sorted({row["tag"] for row in rows}))}
    counts: list[dict[int, float]] = [{} for _ in artist_at]
    for row in rows:
        vector, tag = counts[artist_at[int(row["artist_id"])]], number[row["tag"]]
        vector[tag] = vector.get(tag, 0.0) + float(np.log1p(float(row["count"])))
    frequency = np.zeros(len(number))
    for vector in counts:
        for tag in vector:
            frequency[tag] += 1
    rarity = np.log(len(artist_at) / np.maximum(frequency, 1))
    vectors = []
    for vector in counts:
        weighed = {tag: count * float(rarity[tag]) for tag, count in vector.items()}
        norm = float(np.sqrt(sum(weight * weight for weight in weighed.values()))) or 1.0
        vectors.append({tag: weight / norm for tag, weight in weighed.items()})
    return tuple(vectors)
