"""Invented listening in the format of the evaluation, and where the real one may be found."""

from __future__ import annotations

import csv
import os
import random
from pathlib import Path

_DATA = Path(__file__).parents[3] / "shared" / "data"
BESIDE_THE_PROJECT = _DATA / "lastfm-hetrec"
PLAYS_BESIDE_THE_PROJECT = _DATA / "lastfm-1k-slice"


def real_listening() -> Path | None:
    """The folder with real listening, where there is one."""
    folder = Path(os.environ.get("VIBE_LISTENING_DATA", BESIDE_THE_PROJECT))
    return folder if (folder / "listens.csv").is_file() else None


def real_plays() -> Path | None:
    """The folder with real plays and their times, where there is one."""
    folder = Path(os.environ.get("VIBE_PLAYS_DATA", PLAYS_BESIDE_THE_PROJECT))
    return folder if (folder / "plays.csv").is_file() else None


def write_listening(folder: Path, *, users: int = 260, artists: int = 1200, seed: int = 7) -> Path:
    """People who move in a few of forty scenes, five to a style; each scene has its stars."""
    rng = random.Random(seed)
    scenes = 40
    scene = [rng.randrange(scenes) for _ in range(artists)]
    fame = [rng.paretovariate(1.6) for _ in range(artists)]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "listens.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["user_id", "artist_id", "plays"])
        for user in range(users):
            mine = rng.sample(range(scenes), 3)
            styles = {one % 8 for one in mine}
            liking = [
                fame[a] * (10 * (scene[a] in mine) + 0.6 * (scene[a] % 8 in styles) + 0.15)
                for a in range(artists)
            ]
            for artist in sorted(set(rng.choices(range(artists), liking, k=50))):
                plays = 1 + int(30 * liking[artist] * rng.random())
                rows.writerow([user + 1, artist + 1, plays])
    with (folder / "artists.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["artist_id", "name"])
        rows.writerows([artist + 1, f"Artist {artist + 1}"] for artist in range(artists))
    with (folder / "artist_tags.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["artist_id", "tag", "count"])
        for artist in range(artists):
            words = {_word(rng, scene[artist]) for _ in range(rng.randint(0, 7))}
            rows.writerows([artist + 1, word, rng.randint(1, 4)] for word in sorted(words))
    return folder


def _word(rng: random.Random, scene: int) -> str:
    """What somebody may call an artist: rarely the same word, often one that tells nothing."""
    chance = rng.random()
    if chance < 0.4:
        return f"scene {scene} word {int(8 * rng.random() ** 2)}"
    if chance < 0.6:
        return f"style {scene % 8} word {int(12 * rng.random() ** 2)}"
    return f"word {rng.randrange(300)}"
