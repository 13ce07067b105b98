"""Makes an artist's records from a list of titles: albums, singles, versions, duplicates.

The mess is on purpose: the same recording under several ids, a version with brackets, another
with a dash, a guest in the title here and in the credits there, an ISRC missing on a compilation.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vibe_pipeline.simulator.worlds.catalogue import (
    COMPILATION_SIZE,
    Album,
    Artist,
    Discography,
    Recording,
    Track,
    compilation,
)
from vibe_pipeline.simulator.worlds.identifiers import Identifiers

_VERSIONS = (
    ("live", "{title} - Live"),
    ("live", "{title} (Live at {place})"),
    ("remix", "{title} - {who} Remix"),
    ("remix", "{title} ({who} Remix)"),
    ("remaster", "{title} - {year} Remaster"),
    ("acoustic", "{title} - Acoustic"),
    ("sped up", "{title} - Sped Up"),
    ("slowed", "{title} (Slowed + Reverb)"),
    ("karaoke", "{title} (Karaoke Version)"),
    ("instrumental", "{title} - Instrumental"),
    ("edit", "{title} - Radio Edit"),
    ("spoken", "{title} (Commentary)"),
)
_PLACES = ("Paradiso", "Malmö", "the Roundhouse", "Київ", "Red Rocks", "Thessaloniki")
_REMIXERS = ("Nordvind", "DJ Okapi", "Halvmåne", "Kassette", "Lumen", "Two Left Feet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """What making records needs to know about the world round the artist."""

    ids: Identifiers
    artists: Sequence[Artist]
    titles: Callable[[Artist], Sequence[str]]
    guest_for: Callable[[Artist, random.Random], Artist | None]
    this_year: int = 2026

    def make(self, artist: Artist) -> Discography:
        """Everything by this artist, the same every time."""
        return _Session(self, artist).finish()


class _Session:
    """One artist's records being made."""

    def __init__(self, studio: Studio, artist: Artist) -> None:
        self.studio = studio
        self.artist = artist
        self.rng = random.Random(studio.ids.number("records", artist.number))
        self.first_year = self.rng.randint(1972, studio.this_year - 4)
        self.albums: list[Album] = []
        self.recordings: list[Recording] = []
        self.numbers: dict[str, int] = {}
        self.tracks: list[Track] = []

    def finish(self) -> Discography:
        base = [
            self._recording(title, rank)
            for rank, title in enumerate(self.studio.titles(self.artist))
        ]
        self._release_albums(base)
        self._release_singles(base)
        self._release_versions(base)
        self._join_compilation(base)
        self._age()
        by_isrc: defaultdict[str, list[Track]] = defaultdict(list)
        for track in self.tracks:
            if track.isrc is not None:
                by_isrc[track.isrc].append(track)
        return Discography(
            artist=self.artist,
            albums=tuple(self.albums),
            recordings=tuple(self.recordings),
            tracks=tuple(self.tracks),
            by_id={track.spotify_id: track for track in self.tracks},
            by_isrc={isrc: tuple(tracks) for isrc, tracks in by_isrc.items()},
        )

    def _recording(self, title: str, rank: int, version: str = "") -> Recording:
        rng, number = self.rng, len(self.recordings)
        guest = None
        if not version and rng.random() < 0.08:
            guest = self.studio.guest_for(self.artist, rng)
        share = (1 + rank) ** -0.7 * rng.uniform(0.75, 1.0) * (0.05 if version else 1.0)
        listeners = max(1, int(self.artist.listeners * share))
        recording = Recording(
            artist=self.artist,
            guests=() if guest is None else (guest,),
            title=title if guest is None or rng.random() < 0.4 else f"{title} (feat. {guest.name})",
            version=version,
            mbid=self.studio.ids.mbid("recording", self.artist.number, number),
            duration_ms=int(rng.triangular(95, 420, 215) * 1000) + rng.randrange(1000),
            explicit=rng.random() < 0.08,
            listeners=listeners,
            playcount=int(listeners * rng.uniform(3, 9)),
        )
        self.numbers[recording.mbid] = number
        self.recordings.append(recording)
        return recording

    def _album(self, name: str, kind: str, year: int) -> Album:
        month, day = self.rng.randint(1, 12), self.rng.randint(1, 28)
        released = f"{year}-{month:02d}-{day:02d}" if self.rng.random() < 0.85 else f"{year}"
        album = Album(
            spotify_id=self.studio.ids.spotify("album", self.artist.number, len(self.albums)),
            name=name,
            artist=self.artist,
            kind=kind,
            released=released,
        )
        self.albums.append(album)
        return album

    def _isrc(self, recording: Recording) -> str:
        number = self.numbers[recording.mbid]
        return self.studio.ids.isrc(self.artist.number, self.first_year, number)

    def _place(
        self,
        recording: Recording,
        album: Album,
        position: int,
        isrc: str | None,
        shine: float = 1.0,
    ) -> Track:
        track = Track(
            spotify_id=self.studio.ids.spotify("track", self.artist.number, len(self.tracks)),
            recording=recording,
            album=album,
            position=position,
            isrc=isrc,
            popularity=min(100, int(recording.listeners**0.33 * shine)),
        )
        self.tracks.append(track)
        return track

    def _release_albums(self, base: Sequence[Recording]) -> None:
        shuffled = list(base)
        self.rng.shuffle(shuffled)
        size = self.rng.randint(6, 10)
        year = self.first_year
        for start in range(0, len(shuffled), size):
            songs = shuffled[start : start + size]
            year = min(self.studio.this_year, year + self.rng.randint(0, 3))
            name = self.artist.name if start == 0 and self.rng.random() < 0.3 else songs[0].title
            album = self._album(name.partition(" (feat.")[0], "album", year)
            for position, recording in enumerate(songs, start=1):
                self._place(recording, album, position, self._isrc(recording))

    def _release_singles(self, base: Sequence[Recording]) -> None:
        """The best known songs came out alone too: another id, the same recording."""
        for recording in base[: self.rng.randint(1, 3)]:
            album = self._album(recording.title, "single", self.first_year)
            luck = self.rng.random()
            isrc = None if luck < 0.15 else self._isrc(recording)
            if luck > 0.9:
                isrc = self.studio.ids.isrc(
                    self.artist.number, self.first_year, 900 + len(self.tracks)
                )
            self._place(recording, album, 1, isrc, shine=0.9)

    def _release_versions(self, base: Sequence[Recording]) -> None:
        chosen = [recording for recording in base[:8] if self.rng.random() < 0.45]
        if not chosen:
            return
        album = self._album(f"{chosen[0].title} (Deluxe)", "album", self.studio.this_year - 1)
        for position, recording in enumerate(chosen, start=1):
            version, pattern = self.rng.choice(_VERSIONS)
            title = pattern.format(
                title=recording.title,
                place=self.rng.choice(_PLACES),
                who=self.rng.choice(_REMIXERS),
                year=self.first_year + 20,
            )
            other = self._recording(title, base.index(recording), version)
            self._place(other, album, position, self._isrc(other))

    def _join_compilation(self, base: Sequence[Recording]) -> None:
        """Twelve neighbours share a compilation; its id carries the number of the first."""
        if not base or self.rng.random() < 0.35:
            return
        first = self.artist.number - self.artist.number % COMPILATION_SIZE
        album = compilation(self.studio.ids, first)
        isrc = None if self.rng.random() < 0.3 else self._isrc(base[0])
        self._place(base[0], album, self.artist.number - first + 1, isrc, shine=0.7)

    def _age(self) -> None:
        """Years pass: some ids are played under another one now, a few tracks are gone."""
        homes: defaultdict[str, list[Track]] = defaultdict(list)
        for track in self.tracks:
            homes[track.recording.mbid].append(track)
        for place, track in enumerate(self.tracks):
            luck = self.studio.ids.share("age", track.spotify_id)
            others = [home for home in homes[track.recording.mbid] if home is not track]
            if others and track is not homes[track.recording.mbid][0] and luck < 0.25:
                first = homes[track.recording.mbid][0].spotify_id
                self.tracks[place] = replace(track, substitute=first)
            elif luck > 0.988:
                self.tracks[place] = replace(track, vanished=True)
