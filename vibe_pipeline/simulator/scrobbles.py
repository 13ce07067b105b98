"""What a listener's players reported to Last.fm and ListenBrainz over the years (scrobbles).

The plays that Spotify remembers are among them, and years of earlier ones that it never tells. How
each service writes them down is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify.state import Account, SpotifyAccounts
from vibe_pipeline.simulator.worlds.catalogue import Track

_SEASON = timedelta(days=60)
_SONGS_OF_A_SEASON = 2
_TIMES_AT_LEAST, _TIMES_MORE = 3, 8
_YEARS_BACK = timedelta(days=3 * 365)
"""Likes go back three years; the seasons in which their artists were first heard go further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrobble:
    """A track and the moment it began."""

    track: Track
    began_at: datetime


class Scrobbles:
    """Everybody's, by their name in the world; ``hidden`` names keep theirs to themselves."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._earlier: dict[str, list[Scrobble]] = {}
        self.hidden: set[str] = set()
        self.silent: set[str] = set()
        """Those who never scrobbled anything."""

    def of(self, name: str) -> list[Scrobble] | None:
        """What this user scrobbled up to now, newest first; ``None`` for a stranger."""
        if name not in {listener.id for listener in self._simulation.world.listeners}:
            return None
        if name in self.silent:
            return []
        account = self._simulation.part(SpotifyAccounts).account(name)
        heard = [
            Scrobble(
                track=play.track,
                began_at=play.played_at - timedelta(milliseconds=play.track.recording.duration_ms),
            )
            for play in account.heard(self._simulation.clock.now())
        ]
        if name not in self._earlier:
            first = heard[-1].began_at if heard else self._simulation.clock.now()
            self._earlier[name] = self._years(account, before=first)
        return [*heard, *self._earlier[name]]

    def _years(self, account: Account, *, before: datetime) -> list[Scrobble]:
        """Seasons of an artist each, newest first: a few songs, again and again."""
        scrobbles = [
            scrobble
            for saved in account.saved
            if saved.track is not None
            for scrobble in self._season(saved.track, saved.added_at)
            if scrobble.began_at < before - timedelta(hours=1)
        ]
        return sorted(scrobbles, key=lambda one: (one.began_at, one.track.uri), reverse=True)

    def _season(self, liked: Track, added_at: datetime) -> Iterator[Scrobble]:
        ids, artist = self._simulation.world.ids, liked.recording.artist
        tracks = self._simulation.world.discography(artist).tracks[:_SONGS_OF_A_SEASON]
        begins = added_at - _YEARS_BACK * ids.share("season", liked.spotify_id)
        for track in {one.spotify_id: one for one in (liked, *tracks)}.values():
            for time in range(_times(ids.share("times", liked.spotify_id, track.spotify_id))):
                later = _SEASON * ids.share("when", liked.spotify_id, track.spotify_id, time)
                yield Scrobble(track=track, began_at=(begins + later).replace(microsecond=0))


def _times(luck: float) -> int:
    return _TIMES_AT_LEAST + int(luck * _TIMES_MORE)
