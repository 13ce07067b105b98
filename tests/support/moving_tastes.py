"""Invented listening day by day: tastes that stay, and tastes that move on within days."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from vibe_pipeline.records import Play, Track

FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
ARTISTS = 150


def steady_plays(seed: int, *, days: int = 70) -> list[Play]:
    """The same leanings every day: some artists often, most of them now and then."""
    rng = random.Random(seed)
    leaning = [1 / (place + 1) ** 0.8 for place in range(ARTISTS)]
    return _stream(rng, [leaning] * days)


def moving_plays(seed: int, *, days: int = 70) -> list[Play]:
    """Six artists at a time, each heard for three days or so, among the usual others."""
    rng = random.Random(seed)
    current = [rng.randrange(ARTISTS) for _ in range(6)]
    leanings = []
    for _ in range(days):
        current = [one if rng.random() < 0.7 else rng.randrange(ARTISTS) for one in current]
        leaning = [0.3 / ARTISTS] * ARTISTS
        for one in current:
            leaning[one] += 0.7 / len(current)
        leanings.append(leaning)
    return _stream(rng, leanings)


def _stream(rng: random.Random, leanings: list[list[float]]) -> list[Play]:
    plays = []
    for day, leaning in enumerate(leanings):
        count = rng.randint(15, 45)
        for artist in rng.choices(range(ARTISTS), leaning, k=count):
            at = FIRST_DAY + timedelta(days=day, minutes=rng.uniform(7 * 60, 23 * 60))
            plays.append(played(f"Artist {artist}", f"Song {rng.randrange(12)}", at))
    return sorted(plays, key=lambda play: play.played_at)


def played(artist: str, title: str, at: datetime, *, context_uri: str | None = None) -> Play:
    """One play; the same song has the same id every time."""
    name = f"{artist}-{title}"
    track = Track(spotify_id=name, uri=f"spotify:track:{name}", title=title, artists=(artist,))
    return Play(track=track, played_at=at, context_uri=context_uri)
