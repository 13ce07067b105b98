"""A listener of the world who lives with the lists: plays, keeps, skips, tires, changes their mind.

Whatever a listener makes of a recording is drawn from a stream of its own for this listener and
this recording. So two policies that offer the same song meet the same listener, in the same mood.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vibe_pipeline.evaluation.nights.world import as_spotify_tells
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import ChosenTrack, LikedTrack, Play, TopItem, Track
from vibe_pipeline.simulator.worlds import catalogue

REACH_OF_PLAYS = 50
"""Of what was played before the first night Spotify tells no more."""
TIRING = 0.88
"""How much of the joy each track of an artist leaves for the next one, for two weeks."""
TIRED_FOR = timedelta(days=14)
HEARD_OUT = 0.2
"""Who is this near to enjoying a track plays it to the end."""
LIKES_AT_ONCE, REPLAYS_FROM = 0.6, 0.35
"""Of what they enjoy they like some, play some again, and do both with what lies between."""
REGRETS, THUMBS_UP, THUMBS_DOWN, BLOCKS = 0.04, 0.08, 0.05, 0.01
OWN_PLAYS = (8, 24)
OUR_LIST = "ours"
"""The Spotify id of the playlist they hear our lists in."""
TOP = 50
_RANGES = {"short_term": 28, "medium_term": 180}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Later:
    """Something the listener is going to do."""

    at: datetime
    track: catalogue.Track
    unlike: bool = False


@dataclass(slots=True)
class SimulatedListener:
    """Everything Spotify and we would know of a listener, and what they made of our lists."""

    world: catalogue.World
    listener: catalogue.Listener
    seed: int
    likes: dict[str, LikedTrack] = field(default_factory=dict)
    plays: list[Play] = field(default_factory=list)
    thumbs: dict[str, int] = field(default_factory=dict)
    artist_thumbs: Counter[str] = field(default_factory=Counter)
    blocked: set[str] = field(default_factory=set)
    offered: dict[str, datetime] = field(default_factory=dict)
    liked_later: set[str] = field(default_factory=set)
    replayed: set[str] = field(default_factory=set)
    _own: list[catalogue.Track] = field(default_factory=list)
    _later: list[_Later] = field(default_factory=list)
    _heard: dict[int, list[datetime]] = field(default_factory=dict)
    _recordings: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begin(
        cls, world: catalogue.World, listener: catalogue.Listener, seed: int, now: datetime
    ) -> SimulatedListener:
        """A listener with the library the world gives them."""
        library = world.library(listener, now)
        life = cls(world, listener, seed)
        for track, added_at in library.likes:
            if not track.vanished:
                life._like(track, added_at)
        past = [(track, at) for track, at in library.plays if at < now and not track.vanished]
        life._own = [track for track, _ in past] or [
            track for track, _ in library.likes if not track.vanished
        ]
        life.plays = [
            Play(track=as_spotify_tells(track), played_at=at) for track, at in past[:REACH_OF_PLAYS]
        ]
        return life

    @property
    def liked_recordings(self) -> frozenset[str]:
        """The world's own names of what they like now."""
        return frozenset(self.likes)

    @property
    def accepted(self) -> frozenset[str]:
        """New recordings of ours that they like still, or came back to."""
        return frozenset((self.liked_later & self.likes.keys()) | self.replayed)

    def blocked_keys(self) -> frozenset[str]:
        """Blocked artists, as our account store names them."""
        return frozenset(map(artist_key, self.blocked))

    def top_items(self, now: datetime) -> list[TopItem]:
        """What Spotify counts as played most, artists and tracks, in two ranges."""
        found: list[TopItem] = []
        for time_range, days in _RANGES.items():
            since = now - timedelta(days=days)
            heard = [play.track for play in self.plays if play.played_at >= since]
            if time_range != "short_term":
                heard += [like.track for like in self.likes.values() if like.added_at >= since]
            found += _most_played(heard, time_range)
        return found

    def live(self, morning: datetime, tracks: Sequence[ChosenTrack]) -> None:
        """One day with this list: they hear it, then their own music, then what is due."""
        self._listen_to_list(morning + timedelta(hours=2), tracks)
        self._listen_to_own(morning)
        self._do_what_is_due(morning + timedelta(days=1))
        self.plays.sort(key=lambda play: (play.played_at, play.track.spotify_id), reverse=True)

    def _listen_to_list(self, at: datetime, tracks: Sequence[ChosenTrack]) -> None:
        """From the top, on most days to the end, on some only half."""
        share = self._share("patience", at.date().isoformat())
        reach = len(tracks) if share < 0.7 else int(len(tracks) * (0.4 + share / 2))
        for chosen in tracks[:reach]:
            track = self.world.track(chosen.spotify_id)
            if track is None or track.vanished:
                continue
            at += timedelta(milliseconds=track.recording.duration_ms)
            if chosen.is_new:
                self._meet(track, chosen, at)
            elif self._share("again", track.recording.mbid, at.date().isoformat()) < 0.8:
                self._play(track, at, OUR_LIST)

    def _meet(self, track: catalogue.Track, chosen: ChosenTrack, at: datetime) -> None:
        """Hear a track of ours for the first time."""
        name = track.recording.mbid
        self.offered.setdefault(name, at)
        joy = self.world.would_like(self.listener, track.recording) * self._freshness(track, at)
        mood = self._share("mood", name)
        if mood < joy:
            self._play(track, at, OUR_LIST)
            self._keep(track, chosen, at)
            return
        if mood < joy + HEARD_OUT:
            self._play(track, at, OUR_LIST)
        else:
            self._refuse(track, chosen, joy)

    def _freshness(self, track: catalogue.Track, at: datetime) -> float:
        artist = track.recording.artist.number
        lately = [moment for moment in self._heard.get(artist, ()) if at - moment < TIRED_FOR]
        self._heard[artist] = [*lately, at]
        return float(TIRING ** len(lately))

    def _keep(self, track: catalogue.Track, chosen: ChosenTrack, at: datetime) -> None:
        name = track.recording.mbid
        kind = self._share("keeps", name)
        if kind < LIKES_AT_ONCE:
            self._like(track, at)
            self.liked_later.add(name)
            if self._share("regrets", name) < REGRETS:
                rue = at + timedelta(days=3 + 20 * self._share("rues", name))
                self._later.append(_Later(at=rue, track=track, unlike=True))
        if kind >= REPLAYS_FROM:
            for turn in range(1 + int(3 * self._share("often", name))):
                days = 1 + 6 * self._share("when", name, turn)
                self._later.append(_Later(at=at + timedelta(days=days), track=track))
        if self._share("thumb", name) < THUMBS_UP:
            self._thumb(chosen, 1)

    def _refuse(self, track: catalogue.Track, chosen: ChosenTrack, joy: float) -> None:
        name = track.recording.mbid
        if self._share("thumb", name) < THUMBS_DOWN:
            self._thumb(chosen, -1)
        if joy < 0.1 and self._share("blocks", name) < BLOCKS:
            self.blocked.add(track.recording.artist.name)

    def _thumb(self, chosen: ChosenTrack, value: int) -> None:
        self.thumbs[chosen.key] = value
        self.artist_thumbs[chosen.artist_key] += value

    def _listen_to_own(self, morning: datetime) -> None:
        """Their own records, the same ones whatever we recommended."""
        rng = random.Random(self._number("own", morning.date().isoformat()))
        if not self._own or rng.random() < 0.07:
            return
        at = morning + timedelta(hours=rng.choice((5, 9, 12, 14)), minutes=rng.randrange(60))
        for _ in range(rng.randint(*OWN_PLAYS)):
            track = rng.choice(self._own)
            at += timedelta(milliseconds=track.recording.duration_ms)
            self._play(track, at)

    def _do_what_is_due(self, now: datetime) -> None:
        due = [item for item in self._later if item.at < now]
        self._later = [item for item in self._later if item.at >= now]
        for item in sorted(due, key=lambda item: (item.at, item.track.spotify_id)):
            name = item.track.recording.mbid
            if item.unlike:
                self.likes.pop(name, None)
            else:
                self._play(item.track, item.at)
                self.replayed.add(name)

    def _like(self, track: catalogue.Track, at: datetime) -> None:
        like = LikedTrack(track=as_spotify_tells(track), added_at=at)
        self.likes.setdefault(track.recording.mbid, like)

    def _play(self, track: catalogue.Track, at: datetime, playlist: str | None = None) -> None:
        context = f"spotify:playlist:{playlist}" if playlist else None
        play = Play(track=as_spotify_tells(track), played_at=at, context_uri=context)
        self.plays.append(play)

    def _share(self, *parts: object) -> float:
        return self.world.ids.share("nights", self.seed, self.listener.number, *parts)

    def _number(self, *parts: object) -> int:
        return self.world.ids.number("nights", self.seed, self.listener.number, *parts)


def _most_played(heard: Iterable[Track], time_range: str) -> Iterator[TopItem]:
    tracks: dict[str, Track] = {}
    times: Counter[str] = Counter()
    artists: Counter[str] = Counter()
    for track in heard:
        key = recording_key(track.artist, track.title)
        tracks.setdefault(key, track)
        times[key] += 1
        artists[track.artist] += 1
    for rank, (key, _) in enumerate(sorted(times.items(), key=_often)[:TOP], start=1):
        track = tracks[key]
        yield TopItem(
            kind="track",
            time_range=time_range,
            rank=rank,
            name=track.title,
            artist=track.artist,
            spotify_id=track.spotify_id,
            isrc=track.isrc,
        )
    ids = {track.artist: track.artist_ids[0] for track in tracks.values() if track.artist_ids}
    for rank, (name, _) in enumerate(sorted(artists.items(), key=_often)[:TOP], start=1):
        yield TopItem(
            kind="artist",
            time_range=time_range,
            rank=rank,
            name=name,
            artist=name,
            spotify_id=ids.get(name, ""),
        )


def _often(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]
