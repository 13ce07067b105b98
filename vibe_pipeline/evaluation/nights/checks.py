"""What every list must hold, judged by the world's own truth and not by the code that made it.

A recording is what the world says is one performance, whatever its ids, titles and spellings; an
artist is whom the world credits first. Nothing of the selection's own reasoning is used.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from vibe_pipeline.playlists.selection_summary import Selection
from vibe_pipeline.records import ChosenTrack, DropReason, Ranked
from vibe_pipeline.simulator.worlds import catalogue

ARTIST_CAP = 2
SPACING = 4
SOURCE_SHARE = 0.5
REST_DAYS = 60
_PLAIN_ENOUGH = frozenset({"", "remaster", "acoustic"})
_STILL_FREE = frozenset(
    {DropReason.LOWER_RANKED, DropReason.FAMILIAR_ENOUGH, DropReason.SOURCE_CAP}
)


class Violation(StrEnum):
    """A promise that a list broke."""

    DUPLICATE = "duplicate recording"
    ARTIST_CAP = "artist cap"
    SPACING = "artist spacing"
    SOURCE_CAP = "source cap"
    REST = "rest of 60 days"
    BLOCK = "blocked artist"
    VERSION = "unwanted version"
    NEW_SHARE = "new share unmet"
    NOT_NEW = "called new and is not"
    TOO_LONG = "longer than wished"
    NOT_THERE = "not on Spotify"


@dataclass(slots=True, kw_only=True)
class Truth:
    """What the world knows about a person on the morning of a list."""

    world: catalogue.World
    liked: frozenset[str]
    blocked: frozenset[str]
    recommended: Mapping[str, date] = field(default_factory=dict)

    def recording(self, spotify_id: str) -> catalogue.Recording | None:
        """The recording a Spotify id stands for."""
        track = self.world.track(spotify_id)
        return None if track is None else track.recording

    def rests(self, name: str, today: date) -> bool:
        """Whether this recording was recommended too short a while ago."""
        last = self.recommended.get(name)
        return last is not None and (today - last).days < REST_DAYS

    def fresh(self, name: str) -> bool:
        """Whether this recording is neither liked nor was ever recommended."""
        return name not in self.liked and name not in self.recommended


def violations(
    selection: Selection, truth: Truth, *, today: date, size: int, min_new_ratio: float
) -> list[Violation]:
    """Every promise the list breaks, as often as it does."""
    found = list(_of_tracks(selection, truth, today))
    heard = [truth.recording(track.spotify_id) for track in selection.tracks]
    there = [recording for recording in heard if recording is not None]
    found += [Violation.NOT_THERE] * (len(heard) - len(there))
    found += _repeats([recording.mbid for recording in there], 1, Violation.DUPLICATE)
    artists = [recording.artist.number for recording in there]
    found += _repeats(artists, ARTIST_CAP, Violation.ARTIST_CAP)
    found += _too_near(artists)
    found += [Violation.TOO_LONG] * (len(selection.tracks) > size)
    wished = min(size, math.ceil(size * min_new_ratio - 1e-9))
    missed = [entry for entry in selection.ranked if _could_serve(entry, truth, artists, today)]
    if sum(t.is_new for t in selection.tracks) < wished and any(e.is_new for e in missed):
        found.append(Violation.NEW_SHARE)
    if _one_source_rules(selection.tracks, missed, size):
        found.append(Violation.SOURCE_CAP)
    return found


def _of_tracks(selection: Selection, truth: Truth, today: date) -> Iterator[Violation]:
    excused = "rest_shortened" in selection.summary.notes
    told = {key: text for entry in selection.ranked for key, text in _told_of(entry)}
    for track in selection.tracks:
        recording = truth.recording(track.spotify_id)
        if recording is None:
            continue
        name = recording.mbid
        if truth.rests(name, today) and not excused:
            yield Violation.REST
        if truth.blocked & _named_on(recording, told.get(track.key, "")):
            yield Violation.BLOCK
        if recording.version not in _PLAIN_ENOUGH and name not in truth.liked:
            yield Violation.VERSION
        if track.is_new and not truth.fresh(name):
            yield Violation.NOT_NEW


def _told_of(entry: Ranked) -> Iterator[tuple[str, str]]:
    """All names and titles that the makers of the list were told of a chosen candidate."""
    if entry.position is not None:
        names = [part for p in entry.candidate.proposals for part in (p.artist, p.title)]
        if entry.track is not None:
            names += [*entry.track.artists, entry.track.title]
        for key in (entry.candidate.key, *entry.candidate.aliases):
            yield key, " ".join(names)


def _named_on(recording: catalogue.Recording, told: str) -> frozenset[str]:
    """The artist, and guests whom anybody named: labs' bare ids tell of nobody."""
    guests = (guest.name for guest in recording.guests if guest.name in told)
    return frozenset((recording.artist.name, *guests))


def _repeats(names: Sequence[object], most: int, kind: Violation) -> list[Violation]:
    return [kind] * sum(max(0, count - most) for count in Counter(names).values())


def _too_near(artists: Sequence[int]) -> Iterator[Violation]:
    last: dict[int, int] = {}
    for position, artist in enumerate(artists):
        if position - last.get(artist, -SPACING) < SPACING:
            yield Violation.SPACING
        last[artist] = position


def _could_serve(entry: Ranked, truth: Truth, artists: Sequence[int], today: date) -> bool:
    """Whether a candidate was left out that, by the world's truth, broke no promise."""
    if entry.position is not None or entry.track is None or entry.dropped not in _STILL_FREE:
        return False
    recording = truth.recording(entry.track.spotify_id)
    return (
        recording is not None
        and artists.count(recording.artist.number) < ARTIST_CAP
        and not truth.rests(recording.mbid, today)
        and (recording.version in _PLAIN_ENOUGH or recording.mbid in truth.liked)
    )


def _one_source_rules(tracks: Sequence[ChosenTrack], missed: Sequence[Ranked], size: int) -> bool:
    """Whether one source has more than its share though others had new tracks left."""
    if not tracks:
        return False
    source, count = Counter(track.source for track in tracks).most_common(1)[0]
    if count <= max(1, int(size * SOURCE_SHARE)):
        return False
    return any(entry.is_new and entry.source is not source for entry in missed)
