"""Listening data of many people, as files hold it: who played whom how often, and the tags.

Reading only; train/test splits are ``evaluation.neighbours``'.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FILES = {
    "listens.csv": ("user_id", "artist_id", "plays"),
    "artists.csv": ("artist_id", "name"),
    "artist_tags.csv": ("artist_id", "tag", "count"),
}


class DatasetMissing(Exception):
    """The folder does not hold listening data; the text says what is missing or odd, and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningDataset:
    """Rows of who, whom and how often, as indices, in file order.

    ``tags`` has for every artist its unit vector of tag weights as a mapping by tag number, and
    ``tag_names`` the names of those numbers.
    """

    users: tuple[str, ...]
    names: tuple[str, ...]
    user: Ints
    artist: Ints
    plays: Floats
    tags: tuple[dict[int, float], ...]
    tag_names: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> ListeningDataset:
        """The data of a folder with ``listens.csv``, ``artists.csv`` and ``artist_tags.csv``."""
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise DatasetMissing(f"{folder} holds no {', '.join(missing)}")
        artists = list(_rows(folder / "artists.csv"))
        artist_at = {artist: index for index, (artist, _) in enumerate(artists)}
        users, artist, plays = [], [], []
        for line, (user_id, artist_id, played) in enumerate(_rows(folder / "listens.csv"), start=2):
            if artist_id not in artist_at:
                raise DatasetMissing(
                    f"listens.csv, line {line}: artists.csv has no artist {artist_id}"
                )
            users.append(user_id)
            artist.append(artist_at[artist_id])
            plays.append(_number(played, "listens.csv", line))
        known = tuple(sorted(set(users), key=_as_number))
        taggings = _taggings(folder / "artist_tags.csv", artist_at)
        tag_names = tuple(sorted({tag for _, tag, _ in taggings}))
        user_at = {user: index for index, user in enumerate(known)}
        return cls(
            users=known,
            names=tuple(name for _, name in artists),
            user=np.array([user_at[user] for user in users], dtype=np.int64),
            artist=np.array(artist, dtype=np.int64),
            plays=np.array(plays, dtype=np.float64),
            tags=_tag_vectors(taggings, tag_names, len(artists)),
            tag_names=tag_names,
        )


def _rows(path: Path) -> Iterator[list[str]]:
    """The wanted columns of a file in their order, whatever else it holds; a BOM is no letter."""
    columns = FILES[path.name]
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        absent = [name for name in columns if name not in (reader.fieldnames or ())]
        if absent:
            raise DatasetMissing(f"{path.name} has no column {', '.join(absent)}")
        for row in reader:
            if None in (cells := [row[name] for name in columns]):
                raise DatasetMissing(f"{path.name}, line {reader.line_num}: too few columns")
            yield [cell.strip() for cell in cells]


def _number(cell: str, name: str, line: int) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise DatasetMissing(f"{name}, line {line}: {cell!r} is no count")
    return number


def _as_number(user: str) -> tuple[int, str]:
    return (int(user), "") if user.isdigit() else (0, user)


def _taggings(path: Path, artist_at: dict[str, int]) -> list[tuple[int, str, float]]:
    """Who was called what how often, as the file has it."""
    return [
        (artist_at[artist], tag, _number(count, path.name, line))
        for line, (artist, tag, count) in enumerate(_rows(path), start=2)
        if artist in artist_at
    ]


def _tag_vectors(
    taggings: Sequence[tuple[int, str, float]], names: Sequence[str], artists: int
) -> tuple[dict[int, float], ...]:
    """Tf-idf of the tags people gave, each artist's vector of length one."""
    number = {tag: index for index, tag in enumerate(names)}
    counts: list[dict[int, float]] = [{} for _ in range(artists)]
    for artist, name, count in taggings:
        vector, tag = counts[artist], number[name]
        vector[tag] = vector.get(tag, 0.0) + float(np.log1p(count))
    frequency = np.zeros(len(number))
    for vector in counts:
        for tag in vector:
            frequency[tag] += 1
    rarity = np.log(artists / np.maximum(frequency, 1))
    vectors = []
    for vector in counts:
        weighed = {tag: count * float(rarity[tag]) for tag, count in vector.items()}
        norm = float(np.sqrt(sum(weight * weight for weight in weighed.values()))) or 1.0
        vectors.append({tag: weight / norm for tag, weight in weighed.items()})
    return tuple(vectors)
