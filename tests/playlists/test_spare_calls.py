"""Likes the walk has not reached, and what is done with calls that are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.vibe_world import VibeWorld, vibe_world
from tests.support.warehouse_examples import ANNA
from vibe_pipeline.clients.errors import ServiceError, ServiceUnavailable
from vibe_pipeline.lookup_cache import InMemoryLookups
from vibe_pipeline.playlists.resolve import AT_ONCE, Resolver
from vibe_pipeline.playlists.unsynced_likes import (
    PER_CALL,
    SavedTracksCheck,
    as_likes,
    calls_for,
    take_in,
)
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import (
    Candidate,
    DropReason,
    EditionId,
    LikedTrack,
    Ranked,
    Source,
    Track,
)
from vibe_pipeline.simulator.spotify.state import Account as Listening
from vibe_pipeline.simulator.spotify.state import Saved
from vibe_pipeline.simulator.worlds.catalogue import Track as Song
from vibe_pipeline.sources.answers import SPOTIFY_ARTIST_PAGES, SPOTIFY_TRACKS
from vibe_pipeline.warehouse import Warehouse

ONE, OTHER = EditionId("one"), EditionId("other")


def track(number: int, artist: str = "A") -> Track:
    return Track(
        spotify_id=f"id{number}",
        uri=f"spotify:track:id{number}",
        title=f"Song {number}",
        artists=(artist,),
    )


def entry(number: int, artist: str = "A", **changes: object) -> Ranked:
    """A new candidate, ranked by its number."""
    title = f"Song {number}"
    candidate = Candidate(
        key=recording_key(artist, title),
        artist=artist,
        artist_key=artist_key(artist),
        title=title,
        proposals=(),
    )
    given: dict[str, object] = {
        "candidate": candidate,
        "terms": {},
        "score": 0.0,
        "rank": number,
        "is_new": True,
        "source": Source.LISTENBRAINZ,
        "seed": "",
        "dropped": DropReason.NOT_LOOKED_UP,
    }
    return Ranked(**{**given, **changes})  # type: ignore[arg-type]


class Spotify:
    """Answers every search with one song of the artist it names; knows what is saved."""

    def __init__(self, *, liked: Sequence[str] = (), trouble: ServiceError | None = None) -> None:
        self.queries: list[str] = []
        self.asked: list[str] = []
        self._liked = liked
        self._trouble = trouble

    async def search_tracks(self, query: str, *, limit: int = 10) -> list[Track]:
        self.queries.append(query)
        if self._trouble is not None:
            raise self._trouble
        return [track(1, query.split('"')[1])]

    async def library_contains(self, uris: Sequence[str]) -> dict[str, bool]:
        self.asked += uris
        if self._trouble is not None:
            raise self._trouble
        return {uri: uri in self._liked for uri in uris}


async def test_calls_that_are_left_bring_pages_of_the_artists_that_promise_most() -> None:
    spotify, lookups = Spotify(), InMemoryLookups()
    SPOTIFY_ARTIST_PAGES.remember(lookups, {"seen": None})
    ranked = [entry(1, "Seen"), entry(2, "B"), entry(3, "C"), entry(4, "C"), entry(500, "D")]

    await Resolver(lookups=lookups, spotify=spotify).harvest(ranked, calls=2)

    assert spotify.queries == ['artist:"C"', 'artist:"B"']
    page = SPOTIFY_ARTIST_PAGES.known(lookups, ["b"])["b"]
    assert [track.title for track in page or ()] == ["Song 1"]
    assert SPOTIFY_TRACKS.known(lookups, [recording_key("B", "Song 1")])


async def test_laying_in_music_stops_at_the_first_trouble() -> None:
    spotify = Spotify(trouble=ServiceUnavailable("spotify", "is down"))
    ranked = [entry(number, f"Artist {number}") for number in range(1, 10)]

    await Resolver(lookups=InMemoryLookups(), spotify=spotify).harvest(ranked, calls=9)

    assert len(spotify.queries) == AT_ONCE


async def test_new_tracks_are_asked_about_chosen_ones_first_and_no_more_than_a_call_takes() -> None:
    spare = [entry(n, track=track(n), dropped=DropReason.LOWER_RANKED) for n in range(1, 41)]
    listed = [entry(n, track=track(n), dropped=None, position=n - 40) for n in range(41, 61)]
    familiar = entry(99, track=track(99), dropped=None, position=21, is_new=False)
    spotify = Spotify(liked=["spotify:track:id45", "spotify:track:id3"])

    saved = await SavedTracksCheck.about([*spare, *listed, familiar], calls=1).saved(spotify)

    assert len(spotify.asked) == PER_CALL
    assert spotify.asked[:20] == [f"spotify:track:id{number}" for number in range(41, 61)]
    assert "spotify:track:id99" not in spotify.asked
    assert [uri for uri in saved if saved[uri]] == ["spotify:track:id45", "spotify:track:id3"]


async def test_nobody_asks_when_nothing_is_new_and_trouble_costs_no_list() -> None:
    spotify = Spotify(trouble=ServiceUnavailable("spotify", "is down"))
    new = entry(1, track=track(1), dropped=None, position=1)

    assert await SavedTracksCheck.about([], calls=1).saved(spotify) == {}
    assert spotify.asked == []
    assert await SavedTracksCheck.about([new], calls=1).saved(spotify) == {}


@pytest.mark.parametrize(("size", "calls"), [(10, 1), (40, 1), (41, 2), (100, 3)])
def test_forty_tracks_take_one_call(size: int, calls: int) -> None:
    assert calls_for(size) == calls


def test_a_like_the_walk_has_not_reached_is_older_than_all_it_has() -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    known = [LikedTrack(track=track(1), added_at=now - timedelta(days=days)) for days in (1, 9)]

    (like,) = as_likes([track(2)], known, now=now)

    assert like.added_at < min(known.added_at for known in known)


def test_a_like_that_a_list_found_out_leaves_what_is_known_of_the_library_as_it_was(
    tmp_path: Path,
) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    known = LikedTrack(track=track(1), added_at=now - timedelta(days=9))
    warehouse = Warehouse(tmp_path / "w.duckdb")
    with warehouse.open() as tables:
        tables.library.change_likes(
            ANNA, added=[known], gone=(), total=900, walked=400, seen_at=now - timedelta(days=1)
        )
        tables.library.doubt_likes(ANNA, since=now)
        tables.library.note_untold(ANNA, likes=True, plays=False, since=now)
        before = tables.library.state(ANNA)

    with warehouse.open() as tables:
        take_in(tables, ANNA, [track(2)], now=now + timedelta(minutes=1))

    with warehouse.open() as tables:
        after, likes = tables.library.state(ANNA), list(tables.library.likes(ANNA))
    moved = (after.likes_synced_at or now) - (before.likes_synced_at or now)
    assert [like.track for like in likes] == [track(1), track(2)]
    assert replace(after, likes_synced_at=before.likes_synced_at) == before
    assert moved < timedelta(seconds=1)


def test_nothing_is_called_new_that_waits_unseen_in_a_long_library(tmp_path: Path) -> None:
    with vibe_world(tmp_path) as world:
        anna = world.connected()
        listener = world.listener_of(anna)
        hidden = _save_much(world, listener)
        world.run("daily_vibe", anna.user_id)
        (first,) = world.store.editions.history(anna.user_id)
        world.forget_calls()

        world.run("daily_vibe", anna.user_id)

        second, _ = world.store.editions.history(anna.user_id)
        assert world.calls()["GET /me/library/contains"] == 1
        assert world.calls().total() <= 8
        for edition in (first, second):
            called_new = {track.uri for track in edition.tracks if track.is_new}
            assert len(called_new) >= 20
            assert called_new.isdisjoint(hidden)
        replayed = world.output_metadata(world.replay(anna.user_id, second), "replay")
        assert replayed["equal"].value is True


def _save_much(world: VibeWorld, listener: Listening) -> set[str]:
    """Two thousand songs long ago, far more than a first walk reaches; says which."""
    long_ago = min(saved.added_at for saved in listener.saved) - timedelta(days=30)
    mine = {saved.uri for saved in listener.saved}
    songs: dict[str, Song] = {}
    for artist in world.simulator.simulation.world.artists:
        for song in world.simulator.simulation.world.discography(artist).tracks:
            if not song.vanished and song.substitute is None and song.uri not in mine:
                songs.setdefault(song.recording.mbid, song)
    some = sorted(songs.values(), key=lambda song: song.spotify_id)[::3][:2000]
    listener.saved += [
        Saved(track=song, added_at=long_ago - timedelta(hours=place))
        for place, song in enumerate(some)
    ]
    return {song.uri for song in some}
