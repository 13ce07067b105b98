"""A world from a table of timed plays: somebody's real half year."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from vibe_pipeline.simulator.matching import folded
from vibe_pipeline.simulator.worlds.catalogue import Artist, Listener, ListenerLibrary, Track
from vibe_pipeline.simulator.worlds.crowd import Crowd
from vibe_pipeline.simulator.worlds.real_catalogue import RealWorld
from vibe_pipeline.simulator.worlds.real_files import WorldUnreadable, name, rows

_PAST = 0.6
_PAUSE = timedelta(minutes=30)
_LIKED_AFTER = 2
_LEAST_LIKES = 30
_INVENTED_AT_LEAST = 12
_LISTENERS = 60


@dataclass(frozen=True, slots=True)
class _Play:
    user: str
    at: datetime
    artist: int
    title: int


class PlaysWorld(RealWorld):
    """Real tracks at real times. Three fifths are the past; the rest happens as the clock goes on.

    Whole days are added to the times, so that people keep their hours. Artists who only come
    later are strangers still, and near to others because they were heard in one sitting.
    """

    def __init__(self, directory: Path, *, seed: int = 1) -> None:
        super().__init__(seed)
        self.name = f"plays of {directory.name}"
        self._real_titles: list[list[str]] = []
        self._plays = self._read(directory / "plays.csv")
        self._users = [user for user, _ in Counter(play.user for play in self._plays).most_common()]
        self.listeners = [
            Listener(number=place, id=f"player{place + 1:04d}", name=f"Player {place + 1}")
            for place in range(min(_LISTENERS, len(self._users)))
        ]
        self.crowd = Crowd(_sittings(self._plays))

    def _read(self, path: Path) -> list[_Play]:
        numbers: dict[str, int] = {}
        titles: defaultdict[int, dict[str, int]] = defaultdict(dict)
        names: list[str] = []
        plays: list[_Play] = []
        for user, at, artist_name, title in rows(
            path, ("user_id", "played_at", "artist_name", "track_name")
        ):
            moment, called, titled = _moment(at), name(artist_name), name(title)
            if not user or moment is None or not called or not titled:
                continue
            artist = numbers.setdefault(folded(called), len(numbers))
            if artist == len(names):
                names.append(called)
                self._real_titles.append([])
            place = titles[artist].setdefault(folded(titled), len(titles[artist]))
            if place == len(self._real_titles[artist]):
                self._real_titles[artist].append(titled)
            plays.append(_Play(user, moment, artist, place))
        if not plays:
            raise WorldUnreadable(
                f"{path} holds no usable row of user_id, played_at, artist_name, track_name"
            )
        self._name_artists(names, plays)
        return sorted(plays, key=lambda play: play.at)

    def _name_artists(self, names: Sequence[str], plays: Sequence[_Play]) -> None:
        counted = Counter(play.artist for play in plays)
        for number, called in enumerate(names):
            self.artists.append(self._make_artist(called, min(400, counted[number]), ()))

    def _titles(self, artist: Artist) -> Sequence[str]:
        """What was really heard first, then enough invented ones to choose from."""
        real = self._real_titles[artist.number]
        known = {folded(title) for title in real}
        invented = [title for title in super()._titles(artist) if folded(title) not in known]
        return [*real, *invented[: max(6, _INVENTED_AT_LEAST - len(real))]]

    def _guest(self, artist: Artist, rng: object) -> None:
        """Real titles name their guests themselves."""
        return

    def _track(self, play: _Play) -> Track:
        made = self.discography(self.artists[play.artist])
        homes = made.of(made.recordings[play.title])
        alive = [track for track in homes if not track.vanished and track.substitute is None]
        return (alive or homes)[0]

    def _of(self, listener: Listener) -> tuple[list[_Play], list[_Play]]:
        mine = [play for play in self._plays if play.user == self._users[listener.number]]
        split = max(1, int(len(mine) * _PAST)) if len(mine) > 1 else 1
        return mine[:split], mine[split:]

    def library(
        self, listener: Listener, now: datetime, *, likes: int | None = None
    ) -> ListenerLibrary:
        """Likes are what they came back to, from the second play on."""
        past, future = self._of(listener)
        days = timedelta(days=(now - past[-1].at).days)
        times: Counter[tuple[int, int]] = Counter()
        liked: dict[tuple[int, int], datetime] = {}
        for play in past:
            song = (play.artist, play.title)
            times[song] += 1
            if times[song] == _LIKED_AFTER:
                liked[song] = play.at
        for play in past if len(liked) < _LEAST_LIKES else ():
            if len(liked) < _LEAST_LIKES:
                liked.setdefault((play.artist, play.title), play.at)
        dated = [
            (self._track(_Play("", at, *song)), (at + days).replace(microsecond=0))
            for song, at in liked.items()
        ]
        plays = [(self._track(play), play.at + days) for play in [*past, *future]]
        dated.sort(key=lambda like: like[1], reverse=True)
        plays.sort(key=lambda play: play[1], reverse=True)
        return ListenerLibrary(likes=tuple(dated), plays=tuple(plays))

    def _loves(self, listener: Listener) -> dict[int, float]:
        past, future = self._of(listener)
        return _shares([*past, *future])

    def _knows(self, listener: Listener) -> dict[int, float]:
        return _shares(self._of(listener)[0])


def _shares(plays: Sequence[_Play]) -> dict[int, float]:
    counted = Counter(play.artist for play in plays)
    most = max(counted.values(), default=1)
    return {artist: (count / most) ** 0.5 for artist, count in counted.items()}


def _sittings(plays: Sequence[_Play]) -> Iterable[tuple[str, int, float]]:
    """Plays by sitting and day: what is heard together belongs together."""
    counted: Counter[tuple[str, int]] = Counter()
    for user in dict.fromkeys(play.user for play in plays):
        mine = [play for play in plays if play.user == user]
        sitting = 0
        for before, play in pairwise([mine[0], *mine]):
            sitting += play.at - before.at > _PAUSE
            counted[f"{user} sitting {sitting}", play.artist] += 1
            counted[f"{user} day {play.at.date()}", play.artist] += 1
    for (group, artist), times in counted.items():
        yield group, artist, float(times)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
