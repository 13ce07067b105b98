"""Listening data of many people, as files hold it: who played whom how often, and the tags.

Reading only; train/test splits are ``evaluation.neighbours``'.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
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


OPTIONAL = {"listens.csv": ("time",), "artist_tags.csv": ("user_id",)}
"""When a person played an artist, as ISO 8601 or seconds since 1970; who gave a tag."""


class DatasetMissing(Exception):
    """The folder does not hold listening data; the text says what is missing or odd, and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListeningDataset:
    """Rows of who, whom and how often, as indices, in file order.

    ``tags`` has for every artist its unit vector of tag weights as a mapping by tag number, and
    ``tag_names`` the names of those numbers. ``times`` are seconds since 1970, where the file tells
    them.
    """

    users: tuple[str, ...]
    names: tuple[str, ...]
    user: Ints
    artist: Ints
    plays: Floats
    tags: tuple[dict[int, float], ...]
    tag_names: tuple[str, ...]
    taggings: Taggings
    times: Floats | None = None

    def tags_of_others(self, user: int) -> dict[int, dict[int, float]]:
        """By artist whom this person tagged, the vector without those tags of theirs.

        What somebody calls an artist tells that they know it, so it is no evidence about them.
        """
        return self.taggings.of_others(self.users[user])

    @classmethod
    def read(cls, folder: Path) -> ListeningDataset:
        """The data of a folder with ``listens.csv``, ``artists.csv`` and ``artist_tags.csv``."""
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            raise DatasetMissing(f"{folder} holds no {', '.join(missing)}")
        artists = [(artist, name) for artist, name in _rows(folder / "artists.csv")]
        artist_at = {artist: index for index, (artist, _) in enumerate(artists)}
        users, artist, plays, times = [], [], [], []
        for line, row in enumerate(_rows(folder / "listens.csv"), start=2):
            user_id, artist_id, played, *moments = row
            if artist_id not in artist_at:
                raise DatasetMissing(
                    f"listens.csv, line {line}: artists.csv has no artist {artist_id}"
                )
            users.append(user_id)
            artist.append(artist_at[artist_id])
            plays.append(_number(played, "listens.csv", line))
            times += [_moment(moment, "listens.csv", line) for moment in moments]
        known = tuple(sorted(set(users), key=_as_number))
        taggings = Taggings.read(folder / "artist_tags.csv", artist_at)
        user_at = {user: index for index, user in enumerate(known)}
        return cls(
            users=known,
            names=tuple(name for _, name in artists),
            user=np.array([user_at[user] for user in users], dtype=np.int64),
            artist=np.array(artist, dtype=np.int64),
            plays=np.array(plays, dtype=np.float64),
            tags=taggings.vectors(),
            tag_names=taggings.names,
            times=np.array(times, dtype=np.float64) if times else None,
            taggings=taggings,
        )


def _rows(path: Path) -> Iterator[list[str]]:
    """The wanted columns of a file in their order, whatever else it holds; a BOM is no letter.

    Those that need not be there come last, where they are.
    """
    columns = FILES[path.name]
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        absent = [name for name in columns if name not in (reader.fieldnames or ())]
        if absent:
            raise DatasetMissing(f"{path.name} has no column {', '.join(absent)}")
        present = reader.fieldnames or ()
        columns += tuple(name for name in OPTIONAL.get(path.name, ()) if name in present)
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


def _moment(cell: str, name: str, line: int) -> float:
    """Seconds since 1970; a time without a zone is UTC."""
    try:
        return float(cell)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError as error:
        raise DatasetMissing(f"{name}, line {line}: {cell!r} is no time") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taggings:
    """Who was called what how often: ``counts`` by artist and number of the tag.

    ``by_person`` has the same of what each person gave, where the file tells who.
    """

    names: tuple[str, ...]
    counts: tuple[dict[int, float], ...]
    rarity: Floats
    by_person: dict[str, dict[int, dict[int, float]]]

    @classmethod
    def read(cls, path: Path, artist_at: dict[str, int]) -> Taggings:
        """The taggings of a file, of known artists only."""
        rows = [
            (artist_at[artist], tag, _number(count, path.name, line), "".join(person))
            for line, (artist, tag, count, *person) in enumerate(_rows(path), start=2)
            if artist in artist_at
        ]
        names = tuple(sorted({tag for _, tag, _, _ in rows}))
        number = {tag: index for index, tag in enumerate(names)}
        counts: list[dict[int, float]] = [{} for _ in artist_at]
        by_person: dict[str, dict[int, dict[int, float]]] = {}
        for artist, name, count, person in rows:
            bags = [counts[artist]]
            if person:
                bags.append(by_person.setdefault(person, {}).setdefault(artist, {}))
            for bag in bags:
                bag[number[name]] = bag.get(number[name], 0.0) + count
        frequency = np.zeros(len(names))
        for bag in counts:
            for tag in bag:
                frequency[tag] += 1
        rarity = np.log(len(counts) / np.maximum(frequency, 1))
        return cls(names=names, counts=tuple(counts), rarity=rarity, by_person=by_person)

    def vectors(self) -> tuple[dict[int, float], ...]:
        """Tf-idf of the tags people gave, each artist's vector of length one."""
        return tuple(self._vector(bag) for bag in self.counts)

    def of_others(self, person: str) -> dict[int, dict[int, float]]:
        """By artist whom this person tagged, the vector of what all others call it."""
        return {
            artist: self._vector(
                {tag: count - own.get(tag, 0.0) for tag, count in self.counts[artist].items()}
            )
            for artist, own in self.by_person.get(person, {}).items()
        }

    def _vector(self, bag: dict[int, float]) -> dict[int, float]:
        weighed = {
            tag: float(np.log1p(count)) * float(self.rarity[tag])
            for tag, count in bag.items()
            if count > 0
        }
        norm = float(np.sqrt(sum(weight * weight for weight in weighed.values()))) or 1.0
        return {tag: weight / norm for tag, weight in weighed.items()}
