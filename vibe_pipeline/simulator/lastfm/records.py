"""How Last.fm writes artists and tracks, and what it says no with."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

from vibe_pipeline.simulator.matching import folded
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.catalogue import Artist, Recording

_STAR = "https://lastfm.freetls.fastly.net/i/u/{size}/2a96cbd8b46e442fc41c2b86b821562f.png"
_SIZES = {"small": "34s", "medium": "64s", "large": "174s", "extralarge": "300x300"}
NOT_FOUND = 6


class LastFmError(Exception):
    """An error number and its sentence; the HTTP status is often a mere 200."""

    def __init__(self, code: int, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


class Asked:
    """The parameters of one call, and what they name."""

    def __init__(self, simulation: Simulation, parameters: dict[str, str]) -> None:
        self.simulation = simulation
        self.world = simulation.world
        self._parameters = parameters

    def text(self, name: str) -> str:
        """A parameter, or nothing."""
        return self._parameters.get(name, "").strip()

    def whole(self, name: str, default: int, most: int = 1000) -> int:
        """A whole number; nonsense counts as the default, too much as the most."""
        text = self.text(name)
        return min(most, int(text)) if text.isdecimal() and int(text) > 0 else default

    @property
    def corrects(self) -> bool:
        """Whether misspelt names may be put right."""
        return self.text("autocorrect") == "1"

    def artist(self) -> Artist:
        """The artist that ``artist`` or ``mbid`` names."""
        if self.text("mbid") and not self.text("track"):
            found = self.world.artist_by_mbid(self.text("mbid"))
        else:
            if not self.text("artist"):
                raise LastFmError(NOT_FOUND, "Missing artist parameter", 400)
            found = self._spelt(self.text("artist"))
        if found is None:
            raise LastFmError(NOT_FOUND, "The artist you supplied could not be found")
        return found

    def _spelt(self, name: str) -> Artist | None:
        """Case never matters; accents and punctuation only pass with autocorrect."""
        found = self.world.artist_named(name)
        if found is None and self.corrects:
            bare = folded(name).removeprefix("the ")
            return self.world.artist_named(bare) or self.world.artist_named(f"the {bare}")
        if found is None or self.corrects or found.name.casefold() == name.casefold():
            return found
        return None

    def recording(self) -> Recording | None:
        """The recording that ``mbid``, or ``artist`` and ``track``, name."""
        if self.text("mbid"):
            return self.world.recording(self.text("mbid"))
        if not self.text("track") or not self.text("artist"):
            raise LastFmError(NOT_FOUND, "Missing track parameter", 400)
        artist = self._spelt(self.text("artist"))
        if artist is None:
            raise LastFmError(NOT_FOUND, "Track not found")
        return titled(self, artist, self.text("track"))


def titled(asked: Asked, artist: Artist, title: str) -> Recording | None:
    """An artist's recording by its title."""
    wanted = folded(title)
    for recording in asked.world.discography(artist).recordings:
        if folded(recording.title) == wanted or folded(plain_title(recording)) == wanted:
            return recording
    return None


def plain_title(recording: Recording) -> str:
    """Last.fm's titles come from people's files, most often without the guests."""
    return recording.title.partition(" (feat.")[0]


def url(*parts: str) -> str:
    """The page about an artist or a track."""
    return "https://www.last.fm/music/" + "/".join(quote_plus(part) for part in parts)


def pictures() -> list[dict[str, str]]:
    """Always the same star, on purpose."""
    return [{"#text": _STAR.format(size=code), "size": size} for size, code in _SIZES.items()]


def mbid_of(asked: Asked, mbid: str, share: float) -> dict[str, str]:
    """An ``mbid`` field: mostly there, sometimes empty, sometimes not there at all."""
    luck = asked.world.ids.share("lastfm mbid", mbid)
    if luck < share:
        return {"mbid": mbid}
    return {"mbid": ""} if luck < share + (1 - share) / 2 else {}


def artist_of(asked: Asked, artist: Artist) -> dict[str, Any]:
    """An artist inside a track."""
    return {"name": artist.name, **mbid_of(asked, artist.mbid, 0.8), "url": url(artist.name)}


def one_or_many(items: list[dict[str, Any]]) -> Any:
    """A list of one comes as the object itself."""
    return items[0] if len(items) == 1 else items
