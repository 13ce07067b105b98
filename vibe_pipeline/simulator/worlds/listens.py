"""A world from a table of who listens to which artist how often."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from vibe_pipeline.simulator.worlds.catalogue import Listener, ListenerLibrary
from vibe_pipeline.simulator.worlds.crowd import Crowd
from vibe_pipeline.simulator.worlds.habits import library
from vibe_pipeline.simulator.worlds.real_catalogue import RealWorld
from vibe_pipeline.simulator.worlds.real_files import WorldUnreadable, name, number, rows

_LISTENERS = 60
_KEPT_BACK = 0.2
_ENOUGH_TO_KEEP_BACK = 10
_TAGS_KEPT = 12
_SONGS_EACH = 14


class ListensWorld(RealWorld):
    """Artists of ``artists.csv``, near each other by ``listens.csv``, called as in the tags.

    A fifth of what each listener really listens to is kept from the world: they do not know it
    yet and the crowd has not heard of it, but ``would_like`` does.
    """

    def __init__(self, directory: Path, *, seed: int = 1) -> None:
        super().__init__(seed)
        self.name = f"listeners of {directory.name}"
        listens = _listens(directory / "listens.csv")
        self._read_artists(directory, listens)
        self._listens = {
            user: {self._numbers[artist]: plays for artist, plays in heard.items()}
            for user, heard in _with_names(listens, self._numbers)
        }
        if not self._listens:
            raise WorldUnreadable(f"{directory}: no row of listens.csv names a known artist")
        self._users = self._typical_users()
        self.listeners = [
            Listener(number=place, id=f"listener{_plain(user)}", name=f"Listener {user}"[:60])
            for place, user in enumerate(self._users)
        ]
        self._kept_back = {user: self._keep_back(user) for user in self._users}
        self.crowd = Crowd(
            (user, artist, plays)
            for user, heard in self._listens.items()
            for artist, plays in heard.items()
            if artist not in self._kept_back.get(user, frozenset())
        )

    def _read_artists(self, directory: Path, listens: dict[str, dict[str, float]]) -> None:
        heard_by: defaultdict[str, int] = defaultdict(int)
        for heard in listens.values():
            for artist in heard:
                heard_by[artist] += 1
        tags = _tags(directory / "artist_tags.csv")
        self._numbers: dict[str, int] = {}
        for identifier, text in rows(directory / "artists.csv", ("artist_id", "name")):
            called = name(text)
            if identifier and called and identifier not in self._numbers:
                self._numbers[identifier] = len(self.artists)
                mine = sorted(tags.get(identifier, {}).items(), key=lambda tag: (-tag[1], tag[0]))
                self.artists.append(
                    self._make_artist(called, heard_by[identifier], tuple(mine[:_TAGS_KEPT]))
                )

    def _typical_users(self) -> list[str]:
        """Those with a usual number of artists first, in an order that the seed decides."""
        counts = sorted(len(heard) for heard in self._listens.values())
        usual = counts[len(counts) // 2]
        by_typicality = sorted(
            self._listens,
            key=lambda user: (abs(len(self._listens[user]) - usual) > max(2, usual // 10), user),
        )
        typical = [
            user
            for user in by_typicality
            if abs(len(self._listens[user]) - usual) <= max(2, usual // 10)
        ]
        typical.sort(key=lambda user: self.ids.number("listener order", user))
        rest = [user for user in by_typicality if user not in set(typical)]
        return [*typical, *rest][:_LISTENERS]

    def _keep_back(self, user: str) -> frozenset[int]:
        heard = self._listens[user]
        if len(heard) < _ENOUGH_TO_KEEP_BACK:
            return frozenset()
        return frozenset(
            artist for artist in heard if self.ids.share("kept back", user, artist) < _KEPT_BACK
        )

    def _weights(self, user: str, artists: Iterable[int]) -> dict[int, float]:
        heard = self._listens[user]
        most = max(heard.values())
        return {artist: (heard[artist] / most) ** 0.5 for artist in artists}

    def _loves(self, listener: Listener) -> dict[int, float]:
        user = self._users[listener.number]
        return self._weights(user, self._listens[user])

    def _knows(self, listener: Listener) -> dict[int, float]:
        user = self._users[listener.number]
        known = [artist for artist in self._listens[user] if artist not in self._kept_back[user]]
        return self._weights(user, known)

    def library(
        self, listener: Listener, now: datetime, *, likes: int | None = None
    ) -> ListenerLibrary:
        """Likes and plays of songs by the artists they know, as often as they listen to each."""
        rng = random.Random(self.ids.number("library", self._users[listener.number]))
        knows = self._knows(listener)
        wanted = min(rng.randint(300, 420), max(5, len(knows) * _SONGS_EACH // 2))
        loved = [(self.artists[artist], weight) for artist, weight in sorted(knows.items())]
        return library(loved, self.discography, rng=rng, now=now, likes=wanted)


def _listens(path: Path) -> dict[str, dict[str, float]]:
    listens: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for user, artist, text in rows(path, ("user_id", "artist_id", "plays")):
        plays = number(text)
        if user and artist and plays is not None:
            listens[user][artist] = listens[user].get(artist, 0.0) + plays
    if not listens:
        raise WorldUnreadable(f"{path} holds no usable row of user_id, artist_id, plays")
    return dict(listens)


def _tags(path: Path) -> dict[str, dict[str, int]]:
    """Tags by artist; a world without the file has none."""
    found: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    if not path.is_file():
        return {}
    for artist, text, times in rows(path, ("artist_id", "tag", "count")):
        count, tag = number(times), name(text)
        if artist and tag and count is not None:
            found[artist][tag] += int(count)
    return {artist: dict(tags) for artist, tags in found.items()}


def _with_names(
    listens: dict[str, dict[str, float]], known: dict[str, int]
) -> Iterable[tuple[str, dict[str, float]]]:
    for user, heard in listens.items():
        named = {artist: plays for artist, plays in heard.items() if artist in known}
        if named:
            yield user, named


def _plain(user: str) -> str:
    """A user's id as part of a Spotify id."""
    plain = "".join(letter for letter in user if letter.isascii() and letter.isalnum())
    return (
        plain if plain == user and len(user) <= 20 else f"{plain[:12]}x{user.encode().hex()[:12]}"
    )
