"""Finding the tracks that a whole write is refused for, with few writes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibe_pipeline.clients.errors import WriteRefused
from vibe_pipeline.playlists.refused_tracks import MOST_PROBES, RefusedTracks

URIS = [f"spotify:track:{number:022}" for number in range(30)]
REFUSAL = WriteRefused("spotify", "refused")


class PickyPlaylist:
    """Takes a list as a whole, or refuses it for one track."""

    def __init__(self, dead: Sequence[str]) -> None:
        self.dead = set(dead)
        self.writes = 0

    async def write(self, uris: Sequence[str]) -> str:
        self.writes += 1
        if not self.dead.isdisjoint(uris):
            raise WriteRefused("spotify", "refused")
        return "snapshot"


class ClosedPlaylist(PickyPlaylist):
    """Takes nothing at all."""

    async def write(self, uris: Sequence[str]) -> str:
        self.writes += 1
        raise WriteRefused("spotify", "refused")


class WaveringPlaylist(PickyPlaylist):
    """Refuses one write for nothing."""

    def __init__(self, dead: Sequence[str], *, wavers_at: int) -> None:
        super().__init__(dead)
        self.wavers_at = wavers_at

    async def write(self, uris: Sequence[str]) -> str:
        answer = await super().write(uris)
        if self.writes == self.wavers_at:
            raise WriteRefused("spotify", "refused")
        return answer


def looked_among(playlist: PickyPlaylist, uris: Sequence[str]) -> RefusedTracks:
    tried = RefusedTracks(playlist)
    asyncio.run(tried.look_among(uris, REFUSAL))
    return tried


@pytest.mark.parametrize("place", range(30))
def test_one_dead_track_of_thirty_is_found_within_ten_writes(place: int) -> None:
    playlist = PickyPlaylist([URIS[place]])

    tried = looked_among(playlist, URIS)

    assert tried.bad == {URIS[place]}
    assert tried.good == set(URIS) - tried.bad
    assert playlist.writes <= 10


@given(dead=st.sets(st.sampled_from(URIS), min_size=1))
@settings(max_examples=200, deadline=None)
def test_nothing_good_is_called_bad_and_what_is_called_good_can_be_written(dead: set[str]) -> None:
    playlist = PickyPlaylist(sorted(dead))

    tried = looked_among(playlist, URIS)

    assert tried.bad <= dead
    assert tried.good.isdisjoint(dead)
    assert tried.good | tried.bad | tried.untold == set(URIS)
    assert playlist.writes <= MOST_PROBES + 1


@pytest.mark.parametrize("wavers_at", range(1, 6))
def test_one_passing_refusal_of_a_half_blames_no_good_track(wavers_at: int) -> None:
    playlist = WaveringPlaylist([URIS[20]], wavers_at=wavers_at)

    tried = looked_among(playlist, URIS)

    assert tried.bad == {URIS[20]}


def test_what_was_taken_once_is_not_tried_again() -> None:
    playlist = PickyPlaylist([URIS[3]])
    tried = looked_among(playlist, URIS)
    before = playlist.writes
    playlist.dead.add("spotify:track:new")

    asyncio.run(tried.look_among([*URIS[:3], "spotify:track:new"], REFUSAL))

    assert tried.bad == {URIS[3], "spotify:track:new"}
    assert playlist.writes == before


def test_a_playlist_that_takes_nothing_condemns_no_track() -> None:
    playlist = ClosedPlaylist([])

    with pytest.raises(WriteRefused):
        looked_among(playlist, URIS)

    assert playlist.writes <= 6


def test_a_list_of_one_track_is_refused_for_it_only_when_an_empty_one_is_taken() -> None:
    assert looked_among(PickyPlaylist(URIS[:1]), URIS[:1]).bad == set(URIS[:1])
    with pytest.raises(WriteRefused):
        looked_among(ClosedPlaylist([]), URIS[:1])
