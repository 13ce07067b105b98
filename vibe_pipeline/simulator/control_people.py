"""Control over what people do on Spotify: like, stop liking, listen; and a look at their lists."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from vibe_pipeline.simulator.clock import read_moment, written
from vibe_pipeline.simulator.control import NotUnderstood, answering, order
from vibe_pipeline.simulator.matching import folded
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.spotify.state import (
    Account,
    Played,
    Playlist,
    Saved,
    SpotifyAccounts,
)
from vibe_pipeline.simulator.worlds.catalogue import Track


class ListeningControl:
    """The routes under ``/control/people/{telegram_id}``."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    def _account(self, request: Request) -> Account:
        person = self.simulation.people.get(int(request.path_params["telegram_id"]))
        return self.simulation.part(SpotifyAccounts).account(person.listener)

    def _tracks(self, wish: dict[str, Any]) -> list[Track]:
        """Tracks by URI or id in ``tracks``, or one by ``artist`` and ``title``."""
        listed = wish.get("tracks", [])
        if isinstance(listed, str):
            listed = [listed]
        tracks = [self._by_id(str(name)) for name in listed]
        if "artist" in wish:
            tracks += self._by_name(str(wish["artist"]), str(wish.get("title", "")))
        if not tracks:
            raise NotUnderstood("name tracks by URI or id in a list, or one by artist and title")
        return tracks

    def _by_id(self, name: str) -> Track:
        track = self.simulation.world.track(name.removeprefix("spotify:track:"))
        if track is None:
            raise NotUnderstood(f"this world has no track {name}")
        return track

    def _by_name(self, artist_name: str, title: str) -> Iterable[Track]:
        artist = self.simulation.world.artist_named(artist_name)
        if artist is None:
            raise NotUnderstood(f"this world has no artist {artist_name}")
        for track in self.simulation.world.discography(artist).tracks:
            if not title or folded(track.recording.title) == folded(title):
                return [track]
        raise NotUnderstood(f"{artist_name} has no track {title}")

    async def likes(self, request: Request) -> Response:
        """GET: liked songs; POST: like some, now or ``at`` a moment."""
        account = self._account(request)
        if request.method == "POST":
            wish = await order(request)
            moment = self._moment(wish)
            for track in self._tracks(wish):
                if all(entry.uri != track.uri for entry in account.saved):
                    account.saved.append(Saved(track=track, added_at=moment))
            account.saved.sort(key=lambda entry: entry.added_at, reverse=True)
        shown = [_entry(entry) for entry in account.saved]
        return JSONResponse({"total": len(shown), "likes": shown})

    async def unlikes(self, request: Request) -> Response:
        """POST: stop liking some."""
        account = self._account(request)
        gone = {track.uri for track in self._tracks(await order(request))}
        account.saved[:] = [entry for entry in account.saved if entry.uri not in gone]
        return JSONResponse({"total": len(account.saved)})

    async def plays(self, request: Request) -> Response:
        """GET: what was played; POST: play some, one after another, ending now or ``at``.

        With ``playlist`` they are played from the playlist of this id.
        """
        account = self._account(request)
        if request.method == "POST":
            wish = await order(request)
            moment, playlist_id = self._moment(wish), wish.get("playlist")
            for track in reversed(self._tracks(wish)):
                played = Played(track=track, played_at=moment, playlist_id=playlist_id)
                account.played.append(played)
                moment -= timedelta(milliseconds=track.recording.duration_ms)
            account.played.sort(key=lambda play: play.played_at, reverse=True)
        shown = [_played(play) for play in account.heard(self.simulation.clock.now())]
        return JSONResponse({"total": len(shown), "plays": shown})

    def _moment(self, wish: dict[str, Any]) -> datetime:
        return read_moment(str(wish["at"])) if "at" in wish else self.simulation.clock.now()

    async def playlists(self, request: Request) -> Response:
        """GET: the person's playlists, whole."""
        account = self._account(request)
        return JSONResponse({"playlists": [_playlist(one) for one in account.playlists]})

    async def opinions(self, request: Request) -> Response:
        """POST: how likely the person is to enjoy tracks, which no service ever tells."""
        listener = self._account(request).listener
        world = self.simulation.world
        opinions = {
            track.uri: world.would_like(listener, track.recording)
            for track in self._tracks(await order(request))
        }
        return JSONResponse({"would_like": opinions})


def _named(track: Track) -> dict[str, Any]:
    return {
        "uri": track.uri,
        "artist": track.recording.artist.name,
        "title": track.recording.title,
        "isrc": track.isrc,
        "version": track.recording.version,
    }


def _entry(saved: Saved) -> dict[str, Any]:
    shape: dict[str, Any] = {"added_at": written(saved.added_at), "uri": saved.uri}
    if saved.track is not None:
        shape.update(_named(saved.track), vanished=saved.track.vanished)
    return shape


def _played(play: Played) -> dict[str, Any]:
    return {"played_at": written(play.played_at), **_named(play.track)}


def _playlist(playlist: Playlist) -> dict[str, Any]:
    return {
        "id": playlist.id,
        "name": playlist.name,
        "description": playlist.description,
        "snapshot_id": playlist.snapshot_id,
        "url": f"https://open.spotify.com/playlist/{playlist.id}",
        "writes": playlist.writes,
        "items": [_entry(saved) for saved in playlist.items],
    }


def routes(simulation: Simulation) -> list[BaseRoute]:
    """What one person does."""
    control = ListeningControl(simulation)
    root = "/control/people/{telegram_id:int}"
    return [
        Route(f"{root}/likes", answering(control.likes), methods=["GET", "POST"]),
        Route(f"{root}/unlikes", answering(control.unlikes), methods=["POST"]),
        Route(f"{root}/plays", answering(control.plays), methods=["GET", "POST"]),
        Route(f"{root}/playlists", answering(control.playlists)),
        Route(f"{root}/opinions", answering(control.opinions), methods=["POST"]),
    ]
