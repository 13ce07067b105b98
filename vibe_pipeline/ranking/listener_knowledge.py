"""What a person already knows: likes, earlier recommendations, recent plays, as sets of keys.

Decides what is *new* and what *rests*. What a person leans to is the seed profile's (``taste``).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import chain

from vibe_pipeline.ranking.activation import activation, is_due
from vibe_pipeline.ranking.artist_credits import credit_of, other_spelling
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.merge import canonical_isrc, valid_isrc
from vibe_pipeline.ranking.policy import Policy
from vibe_pipeline.ranking.recording_match import agrees
from vibe_pipeline.records import Candidate, LikedTrack, PastRecommendation, Play, Source, Track

_SETTLED = re.compile(r"(?:(?!\b(?:[nx]|vs|num?bers?|nos?|nrs?)\b)[a-z1-9 ,.'!?])+", re.I)
"""Names whose key was never another: plain letters without a credit or a bracket."""


class LikedKeys:
    """Saved tracks by recording key, worked out artist by artist, when somebody asks.

    Taking ten thousand titles apart costs longer than all the ranking; most are of artists that
    nobody proposes tonight.
    """

    def __init__(self, likes: Iterable[LikedTrack]) -> None:
        self._tracks = [like.track for like in likes]
        self._titles = _by_artist_key(self._tracks)
        self._keys: dict[str, frozenset[str]] = {}
        self._codes: dict[str, list[Track]] | None = None
        self.ids = frozenset([track.spotify_id for track in self._tracks])

    def __contains__(self, key: str) -> bool:
        artist = key.partition("|")[0]
        return artist in self._titles and key in self.of(artist)

    def have_isrc(self, isrc: str | None, artist: str, title: str) -> bool:
        """Whether a saved track has this ISRC, and a name that does not speak against it."""
        if isrc is None or (code := valid_isrc(isrc)) is None:
            return False
        saved = self._by_isrc().get(code, ())
        return any(agrees(artist, title, one.artist, one.title) for one in saved)

    def of(self, artist: str) -> frozenset[str]:
        """The keys of all saved tracks of an artist."""
        if artist not in self._titles:
            return frozenset()
        if artist not in self._keys:
            self._keys[artist] = frozenset(map(track_key, self._titles[artist]))
        return self._keys[artist]

    def _by_isrc(self) -> Mapping[str, Sequence[Track]]:
        if self._codes is None:
            self._codes = {}
            for track in self._tracks:
                if track.isrc:
                    self._codes.setdefault(canonical_isrc(track.isrc), []).append(track)
        return self._codes


def _by_artist_key(tracks: Iterable[Track]) -> dict[str, list[Track]]:
    """Tracks by the key of their first artist; each spelling of a name is taken apart once."""
    spelt: defaultdict[str, list[Track]] = defaultdict(list)
    for track in tracks:
        spelt[track.artist].append(track)
    by_key: dict[str, list[Track]] = {}
    for name, own in spelt.items():
        by_key.setdefault(artist_key(name), []).extend(own)
    return by_key


class PlayTimes:
    """When each recording was played, worked out artist by artist like ``LikedKeys``."""

    def __init__(self, plays: Iterable[Play]) -> None:
        self._plays: dict[str, list[Play]] = {}
        self._times: dict[str, dict[str, list[datetime]]] = {}
        for play in plays:
            self._plays.setdefault(artist_key(play.track.artist), []).append(play)

    def of(self, artist: str) -> Mapping[str, Sequence[datetime]]:
        """All moments of every recording of an artist, by key."""
        if artist not in self._plays:
            return {}
        if artist not in self._times:
            times: dict[str, list[datetime]] = {}
            for play in self._plays[artist]:
                times.setdefault(track_key(play.track), []).append(play.played_at)
            self._times[artist] = times
        return self._times[artist]

    def last_days(self, artist: str) -> Mapping[str, date]:
        """The last day of every recording of an artist, by key."""
        return {key: max(times).date() for key, times in self.of(artist).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerKnowledge:
    """What to ask about a candidate; made once for a list.

    ``recommended`` maps a recording to the last day we recommended it, ``tired`` an artist to the
    days since each time, ``offered`` an artist to all that was recommended before today.
    """

    now: datetime
    liked: LikedKeys
    play_times: PlayTimes
    offered: Mapping[str, Sequence[PastRecommendation]]
    recommended: Mapping[str, date]
    tired: Mapping[str, tuple[int, ...]]
    played: frozenset[str]
    resting: frozenset[str]

    @classmethod
    def of(cls, request: ListRequest, policy: Policy) -> ListenerKnowledge:
        """What these wishes say the person knows."""
        recommended: dict[str, date] = {}
        tired: defaultdict[str, list[int]] = defaultdict(list)
        offered: defaultdict[str, list[PastRecommendation]] = defaultdict(list)
        today = request.vibe_date
        rested = today - timedelta(days=policy.rest_days)
        for past in request.past:
            key, day = past.key, past.vibe_date
            last = recommended.get(key)
            if last is None or day > last:
                recommended[key] = day
            if rested <= day <= today:
                tired[past.artist_key].append((today - day).days)
            if day < today:
                offered[past.artist_key].append(past)
        heard_since = request.now - timedelta(days=policy.recently_played_days)
        return cls(
            now=request.now,
            liked=LikedKeys(request.likes),
            play_times=PlayTimes(request.plays),
            offered=dict(offered),
            recommended=recommended,
            tired={artist: tuple(sorted(days)) for artist, days in tired.items()},
            played=frozenset(
                track_key(play.track) for play in request.plays if play.played_at >= heard_since
            ),
            resting=frozenset(key for key, day in recommended.items() if day > rested),
        )

    def knows(self, candidate: Candidate) -> bool:
        """Whether the candidate is not new: liked, recommended before, or loved years ago."""
        if any(proposal.source is Source.LOVED_ONCE for proposal in candidate.proposals):
            return True
        liked, recommended = self.liked, self.recommended
        for key in candidate_keys(candidate):
            if key in recommended or key in liked:
                return True
        return candidate.spotify_id in liked.ids or liked.have_isrc(
            candidate.isrc, candidate.artist, candidate.title
        )

    def likes(self, candidate: Candidate) -> bool:
        """Whether the person saved this recording, under whatever name or id."""
        return (
            candidate.key in self.liked
            or (candidate.spotify_id is not None and candidate.spotify_id in self.liked.ids)
            or any(key in self.liked for key in candidate_keys(candidate)[1:])
            or self.liked.have_isrc(candidate.isrc, candidate.artist, candidate.title)
        )

    def likes_track(self, track: Track) -> bool:
        """Whether the person saved this very track, or the same recording elsewhere."""
        return (
            track.spotify_id in self.liked.ids
            or track_key(track) in self.liked
            or self.liked.have_isrc(track.isrc, track.artist, track.title)
        )

    def was_recommended(self, keys: tuple[str, ...]) -> bool:
        """Whether we ever recommended the recording of these keys."""
        return any(key in self.recommended for key in keys)

    def received(self, artist: str) -> tuple[int, int]:
        """How many of the artist's tracks we recommended before today were kept, and how many.

        Kept: liked now, or played again on a later day.
        """
        offered = self.offered.get(artist, ())
        if not offered:
            return 0, 0
        liked, last = self.liked.of(artist), self.play_times.last_days(artist)
        if not liked and not last:
            return 0, len(offered)
        kept = sum(
            past.key in liked or last.get(past.key, date.min) > past.vibe_date for past in offered
        )
        return kept, len(offered)

    def rests(self, keys: tuple[str, ...]) -> bool:
        """Whether we recommended it too short a while ago."""
        return any(key in self.resting for key in keys)

    def last_recommended(self, keys: tuple[str, ...]) -> date:
        """When we last recommended it; the beginning of time if never."""
        return max(self.recommended.get(key, date.min) for key in keys)

    def hears(self, keys: tuple[str, ...]) -> bool:
        """Whether the person played it just lately."""
        return any(key in self.played for key in keys)

    def is_due(self, keys: tuple[str, ...], policy: Policy) -> bool:
        """Whether something known may come again: it has faded from mind since it was played."""
        if not policy.due_days:
            return not self.hears(keys)
        times = (self.play_times.of(key.partition("|")[0]).get(key, ()) for key in set(keys))
        return is_due(activation(chain.from_iterable(times), self.now), policy.due_days)


def track_key(track: Track) -> str:
    """The recording key of a Spotify track."""
    return recording_key(track.artist, track.title)


def with_current_keys(past: Iterable[PastRecommendation]) -> tuple[PastRecommendation, ...]:
    """What was recommended, by the keys its names have today.

    Keys are stored, and ``ranking.identity`` learns: what an earlier build kept under another key
    must go on resting, and go on counting as known.
    """
    return tuple(map(_with_current_key, past))


def _with_current_key(past: PastRecommendation) -> PastRecommendation:
    names = past.artist + past.title
    if not past.artist or not past.title or _SETTLED.fullmatch(names):
        return past
    key = recording_key(past.artist, past.title)
    if key == past.key:
        return past
    return replace(past, key=key, artist_key=artist_key(past.artist))


def candidate_keys(candidate: Candidate) -> tuple[str, ...]:
    """All keys a candidate goes by, its own first; a joint credit goes by each of its names."""
    names = _further_names(candidate.artist)
    if not names:
        return (candidate.key, *candidate.aliases)
    keys = (recording_key(name, candidate.title) for name in names)
    return tuple(dict.fromkeys((candidate.key, *candidate.aliases, *keys)))


@lru_cache(maxsize=16_384)
def _further_names(artist: str) -> tuple[str, ...]:
    """Each name of a joint credit, and a name's other spelling; mostly none."""
    leaders, other = credit_of(artist).leaders, other_spelling(artist)
    joint = leaders if len(leaders) > 1 else ()
    return (*joint, other) if other else joint
