"""How a listener's likes and plays come about, out of the artists they care for."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from vibe_pipeline.simulator.catalogue import Artist, Discography, Library, Track

_WANTED = ("", "remaster", "acoustic")


def _songs(discography: Discography) -> list[Track]:
    """An artist's songs, best known first, one track of each recording."""
    seen: set[str] = set()
    songs: list[Track] = []
    for track in sorted(discography.tracks, key=lambda track: -track.recording.listeners):
        recording = track.recording
        if recording.version in _WANTED and recording.mbid not in seen and not track.vanished:
            seen.add(recording.mbid)
            songs.append(track)
    return songs


def library(
    loved: Sequence[tuple[Artist, float]],
    discography: Callable[[Artist], Discography],
    *,
    rng: random.Random,
    now: datetime,
    likes: int,
    days: int = 30,
) -> Library:
    """Likes spread over three years and a month of plays, from artists with a weight each."""
    artists = [artist for artist, _ in loved]
    weights = [weight for _, weight in loved]
    liked = _liked(artists, weights, discography, rng, likes)
    plays = _plays(artists, weights, discography, rng, now, days)
    ages = sorted(rng.uniform(0.02, 1095) ** 1.0 for _ in liked)
    dated = [
        (track, (now - timedelta(days=age)).replace(microsecond=0))
        for track, age in zip(liked, ages, strict=True)
    ]
    return Library(likes=tuple(dated), plays=tuple(plays))


def _liked(
    artists: Sequence[Artist],
    weights: Sequence[float],
    discography: Callable[[Artist], Discography],
    rng: random.Random,
    wanted: int,
) -> list[Track]:
    liked: dict[str, Track] = {}
    for _ in range(wanted * 6):
        if len(liked) >= wanted:
            break
        songs = _songs(discography(rng.choices(artists, weights)[0]))
        if songs:
            track = songs[min(int(rng.expovariate(0.22)), len(songs) - 1)]
            liked.setdefault(track.recording.mbid, _some_edition(track, discography, rng))
    return list(liked.values())


def _some_edition(
    track: Track, discography: Callable[[Artist], Discography], rng: random.Random
) -> Track:
    """People save a song from the single, the album or a compilation, as it comes."""
    if rng.random() < 0.75:
        return track
    return rng.choice(discography(track.recording.artist).of(track.recording))


def _plays(
    artists: Sequence[Artist],
    weights: Sequence[float],
    discography: Callable[[Artist], Discography],
    rng: random.Random,
    now: datetime,
    days: int,
) -> list[tuple[Track, datetime]]:
    """Bursts of listening at the listener's own hours; most plays repeat an earlier track."""
    hours = rng.sample(range(6, 24), k=3)
    known: list[Track] = []
    plays: list[tuple[Track, datetime]] = []
    for day in range(days, -1, -1):
        if day and rng.random() < 0.07:
            continue
        start = (now - timedelta(days=day)).replace(
            minute=rng.randrange(60), second=rng.randrange(60)
        )
        moment = start.replace(hour=rng.choice(hours), microsecond=rng.randrange(1000) * 1000)
        for _ in range(rng.randint(12, 60)):
            if known and rng.random() < 0.7:
                track = known[int(len(known) * rng.random() ** 2)]
            else:
                songs = _songs(discography(rng.choices(artists, weights)[0]))
                if not songs:
                    continue
                track = songs[min(int(rng.expovariate(0.35)), len(songs) - 1)]
                known.insert(rng.randint(0, len(known)), track)
            moment += timedelta(milliseconds=track.recording.duration_ms)
            if moment >= now:
                break
            plays.append((track, moment))
    plays.sort(key=lambda play: play[1], reverse=True)
    return plays
