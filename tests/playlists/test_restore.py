"""Changing one's mind: lists taken back and put in again; what is kept for people to ask about."""

from __future__ import annotations

import asyncio
import json
import stat
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from tests.support.accounts_site import connected, made, opened
from tests.support.outside_world import Naps
from tests.support.vibe_world import VibeWorld, playlists_of, uris_of
from tests.support.warehouse_examples import chosen, track
from vibe_pipeline.accounts.records import Account, Edition, EditionState
from vibe_pipeline.clients.errors import BrokenAnswer, ServiceUnavailable
from vibe_pipeline.clients.spotify_records import PlaylistLine
from vibe_pipeline.personal_data.archives import archive_path
from vibe_pipeline.playlists.restore import NotRestorable, Restoration, edition_to_restore
from vibe_pipeline.records import Mode, Source

OUTSIDE = frozenset(Source) - {Source.REDISCOVERED_LIKES}


def with_lists(world: VibeWorld, count: int, *, mode: Mode = Mode.LIVING) -> Account:
    made = world.connected()
    person = world.store.people.change(made.user_id, sources_off=OUTSIDE, mode=mode)
    for _ in range(count):
        world.run("daily_vibe", person.user_id)
    return person


def change(
    world: VibeWorld, person: Account, edition: Edition, *, undo: bool = False
) -> dg.ExecuteInProcessResult:
    marks = {"vibe/edition": edition.edition_id, **({"vibe/undo": "yes"} if undo else {})}
    return world.run("restore_edition", person.user_id, tags=marks, raise_on_error=False)


def standing(world: VibeWorld, person: Account) -> list[Edition]:
    return world.store.editions.standing(person.user_id)


def addresses(edition: Edition) -> list[str]:
    return [track.uri for track in edition.tracks]


def keys(edition: Edition) -> list[str]:
    return [track.key for track in edition.tracks]


def test_undoing_brings_the_list_before_and_what_was_undone_never_was(world: VibeWorld) -> None:
    anna = with_lists(world, 2)
    second, first = standing(world, anna)
    world.forget_calls()

    result = change(world, anna, second, undo=True)

    (playlist,) = playlists_of(world, anna)
    assert result.success
    assert uris_of(playlist) == addresses(first)
    assert standing(world, anna) == [first]
    assert world.remembered(anna.user_id) == keys(first)
    assert world.calls().total() <= 2

    again = change(world, anna, second, undo=True)
    assert again.success
    assert standing(world, anna) == [first]

    change(world, anna, second)
    (playlist,) = playlists_of(world, anna)
    assert uris_of(playlist) == addresses(second)
    assert sorted(world.remembered(anna.user_id)) == sorted(keys(first) + keys(second))
    assert standing(world, anna)[0].edition_id == second.edition_id


def test_an_undo_brings_back_the_cover_of_the_list_that_stands_again(world: VibeWorld) -> None:
    anna = world.connected(covers=True)
    anna = world.store.people.change(anna.user_id, sources_off=OUTSIDE, covers=True)
    world.run("daily_vibe", anna.user_id)
    world.run("daily_vibe", anna.user_id, days_later=1)
    (playlist,) = world.listener_of(anna).playlists

    change(world, anna, standing(world, anna)[0], undo=True)

    first, second, again = playlist.images
    assert again == first != second


def test_a_past_day_is_put_back_and_undoing_that_keeps_its_place_in_the_past(
    world: VibeWorld,
) -> None:
    anna = with_lists(world, 2)
    second, first = standing(world, anna)

    change(world, anna, first)
    restored = standing(world, anna)[0]
    (during,) = playlists_of(world, anna)
    change(world, anna, restored, undo=True)
    (after,) = playlists_of(world, anna)

    assert restored.edition_id == first.edition_id
    assert uris_of(during) == addresses(first)
    assert uris_of(after) == addresses(second)
    assert [one.edition_id for one in standing(world, anna)] == [
        second.edition_id,
        first.edition_id,
    ]
    assert len(world.remembered(anna.user_id)) == len(first.tracks) + len(second.tracks)


def test_undoing_the_only_list_lets_its_playlist_go_and_the_next_makes_another(
    world: VibeWorld,
) -> None:
    anna = with_lists(world, 1)
    (only,) = standing(world, anna)

    change(world, anna, only, undo=True)
    gone = playlists_of(world, anna)
    account = world.store.people.get(anna.user_id)
    world.run("daily_vibe", anna.user_id)

    (again,) = standing(world, anna)
    assert all(not one.get("followed", True) for one in gone)
    assert account is not None
    assert account.playlist_id is None
    assert world.calls()["DELETE /me/library"] == 1
    assert again.playlist_id != only.playlist_id


def test_a_days_own_playlist_is_unfollowed_and_followed_again(world: VibeWorld) -> None:
    anna = with_lists(world, 1, mode=Mode.DAILY)
    (only,) = standing(world, anna)

    change(world, anna, only, undo=True)
    empty = standing(world, anna)
    change(world, anna, only)

    assert empty == []
    assert world.calls()["DELETE /me/library"] == 1
    assert world.calls()["PUT /me/library"] == 1
    assert [one.edition_id for one in standing(world, anna)] == [only.edition_id]
    assert world.remembered(anna.user_id) == keys(only)


def test_somebody_elses_list_and_an_unknown_one_are_refused(world: VibeWorld) -> None:
    anna, boris = with_lists(world, 1), with_lists(world, 0)
    (hers,) = standing(world, anna)

    foreign = change(world, boris, hers)
    unnamed = world.run("restore_edition", boris.user_id, raise_on_error=False)

    assert not foreign.success
    assert not unnamed.success
    assert f"has no edition {hers.edition_id}" in world.failure(foreign)


def test_only_an_edition_of_ones_own_is_restored_and_only_while_connected(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna, boris = connected(store, 1), connected(store, 2)
    nobody = store.people.register(3, "Nobody yet", "en")
    hers = opened(store, anna)

    refused = []
    for person in (boris, nobody):
        with pytest.raises(NotRestorable) as refusal:
            edition_to_restore(store, person.user_id, hers.edition_id)
        refused.append(str(refusal.value).removeprefix(person.user_id))

    assert edition_to_restore(store, anna.user_id, hers.edition_id) == hers
    assert refused == [f" has no edition {hers.edition_id}.", " is not connected to Spotify."]


def test_the_archive_holds_every_table_twice_and_is_for_its_owner_only(world: VibeWorld) -> None:
    anna = with_lists(world, 1)

    result = world.run("export_person", anna.user_id)

    path = archive_path(world.settings.home, result.run_id)
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        likes = json.loads(archive.read("warehouse/liked_tracks.json"))
        (account,) = json.loads(archive.read("accounts/accounts.json"))
        everything = b"".join(archive.read(name) for name in names)
    tokens = world.store.tokens.get(anna.user_id)
    assert tokens is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert likes
    assert account["user_id"] == anna.user_id
    assert {"README.txt", "warehouse/liked_tracks.csv", "accounts/editions.csv"} <= names
    assert tokens.refresh_token.encode() not in everything
    assert tokens.access_token.encode() not in everything


def test_what_was_considered_and_what_sources_brought_is_kept_for_the_bot(
    world: VibeWorld,
) -> None:
    anna = with_lists(world, 1)
    (edition,) = standing(world, anna)

    (considered,) = world.store.considered.newest_first(anna.user_id)
    outcomes = {one.source: one.chosen for one in world.store.source_outcomes.list(anna.user_id)}

    chosen = [item for item in considered.items if item.fate == "chosen"]
    assert considered.edition_id == edition.edition_id
    assert len(chosen) == len(edition.tracks)
    assert [item.rank for item in considered.items] == sorted(
        item.rank for item in considered.items
    )
    assert outcomes == {Source.REDISCOVERED_LIKES: len(edition.tracks)}


TRACKS = tuple(chosen(position) for position in range(1, 7))


class Shelf:
    """One playlist of a person's; shows these lines, or is out of order."""

    def __init__(self, *sights: Sequence[PlaylistLine] | Exception) -> None:
        self.sights = list(sights)
        self.written: list[list[str]] = []

    async def replace_items(
        self, playlist_id: str, uris: Sequence[str], *, former: Collection[str] = ()
    ) -> str:
        self.written.append(list(uris))
        return f"snapshot {len(self.written)}"

    async def playlist_lines(self, playlist_id: str, *, written: int) -> list[PlaylistLine]:
        sight = self.sights.pop(0) if len(self.sights) > 1 else self.sights[0]
        if isinstance(sight, Exception):
            raise sight
        return list(sight)

    async def change_details(
        self, playlist_id: str, *, name: str | None = None, description: str | None = None
    ) -> None:
        pass

    async def save_to_library(self, uris: Sequence[str]) -> None:
        pass

    async def remove_from_library(self, uris: Sequence[str]) -> None:
        pass


def line(number: int, *, explicit: bool = False) -> PlaylistLine:
    """A track as Spotify shows it; nothing is left of number zero."""
    if not number:
        return PlaylistLine(track=None, playable=False)
    song = replace(track(number), title=f"Song {number}", explicit=explicit)
    return PlaylistLine(track=song, playable=True)


def put_back_clean(folder: Path, shelf: Shelf, marks: Mapping[str, bool]) -> list[str]:
    """The songs that stand once a list is put back for somebody who wants nothing explicit."""
    store = made(folder)
    anna = connected(store)
    store.people.change(anna.user_id, leaves_out_explicit=True, playlist_id="p1")
    edition = opened(store, anna)
    for before, state in (
        (EditionState.STARTED, EditionState.CHOSEN),
        (EditionState.CHOSEN, EditionState.PLAYLIST_MADE),
        (EditionState.PLAYLIST_MADE, EditionState.ITEMS_WRITTEN),
        (EditionState.ITEMS_WRITTEN, EditionState.RECORDED),
    ):
        store.editions.advance(
            edition.edition_id, before, state, tracks=TRACKS, playlist_id="p1", title="T"
        )
    restoration = Restoration(
        store=store,
        spotify=shelf,
        remember=lambda _: None,
        unremember=lambda _: None,
        explicit_marks=lambda _: marks,
        sleep=Naps(),
    )
    asyncio.run(restoration.put_back(store.editions.required(edition.edition_id)))
    titles = {one.uri: one.title for one in TRACKS}
    return [titles[uri] for uri in shelf.written[-1]]


def songs(*numbers: int) -> list[str]:
    return [f"Song {number}" for number in numbers]


def test_only_what_spotify_shows_as_explicit_is_left_out_of_a_list_put_back(
    tmp_path: Path,
) -> None:
    sight = [line(1), line(2, explicit=True), line(0), line(4), line(5)]

    stands = put_back_clean(tmp_path, Shelf(sight), {TRACKS[5].spotify_id: True})

    assert stands == songs(1, 3, 4, 5)


@pytest.mark.parametrize(
    "sight",
    [
        [line(1, explicit=True)],
        [line(7), line(8, explicit=True), line(9), line(10), line(11)],
        ServiceUnavailable("spotify", "503"),
    ],
    ids=["a part of it", "the former list", "an outage"],
)
def test_where_spotify_does_not_show_a_list_put_back_what_is_known_to_be_clean_stays(
    tmp_path: Path, sight: Sequence[PlaylistLine] | Exception
) -> None:
    marks = {one.spotify_id: one.position == 4 for one in TRACKS[:4]}

    stands = put_back_clean(tmp_path, Shelf(sight), marks)

    assert stands == songs(1, 2, 3)


def test_a_list_that_is_shown_at_the_second_look_is_put_back_by_what_is_shown(
    tmp_path: Path,
) -> None:
    whole = [line(number, explicit=number == 2) for number in range(1, 7)]

    stands = put_back_clean(tmp_path, Shelf(whole[:2], whole), {})

    assert stands == songs(1, 3, 4, 5, 6)


def test_a_list_that_nobody_could_look_at_and_knows_nothing_of_is_not_noted_as_put_back(
    tmp_path: Path,
) -> None:
    with pytest.raises(BrokenAnswer):
        put_back_clean(tmp_path, Shelf([line(1)]), {})
