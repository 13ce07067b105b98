"""How a listener's likes and plays come about, out of the artists they care for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice, zip_longest

from vibe_pipeline.simulator.worlds.catalogue import Artist, Discography, ListenerLibrary, Track

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
    all_songs: bool = False,
) -> ListenerLibrary:
    """Likes spread over three years and a month of plays, from artists with a weight each.

    ``all_songs``: when reaching for songs does not find so many ``likes``, the others are liked
    too, as far as there are any.
    """
    shelf = _Shelf(loved, discography, rng)
    liked = shelf.liked(likes)
    if all_songs:
        liked += shelf.others(liked, likes - len(liked))
    plays = shelf.plays(now, days)
    ages = sorted(rng.uniform(0.02, 1095) for _ in liked)
    dated = [
        (track, (now - timedelta(days=age)).replace(microsecond=0))
        for track, age in zip(liked, ages, strict=True)
    ]
    return ListenerLibrary(likes=tuple(dated), plays=tuple(plays))


class _Shelf:
    """The artists somebody cares for, and a hand that reaches for one of their songs."""

    def __init__(
        self,
        loved: Sequence[tuple[Artist, float]],
        discography: Callable[[Artist], Discography],
        rng: random.Random,
    ) -> None:
        self._artists = [artist for artist, _ in loved]
        self._weights = [weight for _, weight in loved]
        self._discography = discography
        self._rng = rng

    def _song(self, curiosity: float) -> Track | None:
        """A song, rather a well known one; the curious look further down."""
        (artist,) = self._rng.choices(self._artists, self._weights)
        songs = _songs(self._discography(artist))
        if not songs:
            return None
        return songs[min(int(self._rng.expovariate(1 / curiosity)), len(songs) - 1)]

    def liked(self, wanted: int) -> list[Track]:
        """So many different songs, or as many as there are."""
        liked: dict[str, Track] = {}
        for _ in range(wanted * 6):
            if len(liked) >= wanted:
                break
            track = self._song(curiosity=4.5)
            if track is not None:
                liked.setdefault(track.recording.mbid, self._edition(track))
        return list(liked.values())

    def others(self, liked: Sequence[Track], wanted: int) -> list[Track]:
        """Songs by these artists that are not among the likes, the best known first."""
        known = {track.recording.mbid for track in liked}
        shelves = [_songs(self._discography(artist)) for artist in self._artists]
        ranked = (song for songs in zip_longest(*shelves) for song in songs if song is not None)
        fresh = (song for song in ranked if song.recording.mbid not in known)
        return list(islice(fresh, max(0, wanted)))

    def _edition(self, track: Track) -> Track:
        """People save a song from the single, the album or a compilation, as it comes."""
        if self._rng.random() < 0.75:
            return track
        return self._rng.choice(self._discography(track.recording.artist).of(track.recording))

    def plays(self, now: datetime, days: int) -> list[tuple[Track, datetime]]:
        """Bursts of listening at the listener's own hours, newest first, some days none."""
        hours = self._rng.sample(range(6, 24), k=3)
        known: list[Track] = []
        plays: list[tuple[Track, datetime]] = []
        for day in range(days, -1, -1):
            if day and self._rng.random() < 0.07:
                continue
            start = (now - timedelta(days=day)).replace(
                hour=self._rng.choice(hours),
                minute=self._rng.randrange(60),
                second=self._rng.randrange(60),
                microsecond=self._rng.randrange(1000) * 1000,
            )
            plays += [play for play in self._burst(start, known) if play[1] < now]
        plays.sort(key=lambda play: play[1], reverse=True)
        return plays

    def _burst(self, start: datetime, known: list[Track]) -> Iterator[tuple[Track, datetime]]:
        """One after another; most are songs they know already, the favourites first."""
        moment = start
        for _ in range(self._rng.randint(12, 60)):
            track: Track | None
            if known and self._rng.random() < 0.7:
                track = known[int(len(known) * self._rng.random() ** 2)]
            else:
                track = self._song(curiosity=2.9)
                if track is not None and track not in known:
                    known.insert(self._rng.randint(0, len(known)), track)
            if track is not None:
                moment += timedelta(milliseconds=track.recording.duration_ms)
                yield track, moment
