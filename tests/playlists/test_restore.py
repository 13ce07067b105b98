"""Changing one's mind: lists taken back and put in again; what is kept for people to ask about."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import stat
import zipfile
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from tests.support.accounts_site import DAY, Clock, connected, made, opened, tokens
from tests.support.outside_world import Naps
from tests.support.vibe_world import VibeWorld, playlists_of, uris_of
from tests.support.warehouse_examples import chosen, track
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionKind,
    EditionState,
    FailureCause,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import BrokenAnswer, NotThere, ServiceUnavailable, WriteRefused
from vibe_pipeline.clients.spotify_records import Playlist, PlaylistLine
from vibe_pipeline.personal_data.archives import archive_path
from vibe_pipeline.playlists.failures import ListRefused
from vibe_pipeline.playlists.restore import NotRestorable, Restoration, edition_to_restore
from vibe_pipeline.records import EditionId, Mode, Source
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.sources.answers import SPOTIFY_EXPLICIT

SEED = int(os.environ.get("VIBE_UNDO_SEED", "11"))
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
    launch = LaunchRequest.restoration(person.user_id, edition.edition_id)
    if undo:
        launch = LaunchRequest.undoing(
            person.user_id, edition.edition_id, stood_since=edition.stands_since
        )
    return world.run(launch.job, person.user_id, tags=launch.tags, raise_on_error=False)


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
    assert [one.edition_id for one in standing(world, anna)] == [first.edition_id]
    assert world.remembered(anna.user_id) == keys(first)
    assert world.calls().total() <= 2

    again = change(world, anna, second, undo=True)
    assert again.success
    assert [one.edition_id for one in standing(world, anna)] == [first.edition_id]

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
    begun_again = change(world, anna, restored, undo=True)
    (after,) = playlists_of(world, anna)

    assert begun_again.success
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


def gone_from_spotify(world: VibeWorld, edition: Edition, *, but: int) -> None:
    world.becomes(addresses(edition)[but:], "deleted")


def test_a_past_list_that_is_wholly_gone_leaves_the_playlist_as_it_was(world: VibeWorld) -> None:
    anna = with_lists(world, 2)
    second, first = standing(world, anna)
    gone_from_spotify(world, first, but=0)

    result = change(world, anna, first)

    (playlist,) = playlists_of(world, anna)
    (run,) = world.instance.get_runs(dg.RunsFilter(run_ids=[result.run_id]))
    assert not result.success
    assert runs.failure_told(run.tags) == (FailureCause.TRACKS_GONE, None)
    assert uris_of(playlist) == addresses(second)
    assert standing(world, anna)[0].edition_id == second.edition_id


@pytest.mark.parametrize("explicit", [True, False])
def test_where_nothing_is_left_of_the_list_that_stands_the_one_before_does_in_every_word(
    world: VibeWorld, *, explicit: bool
) -> None:
    anna = with_lists(world, 1)
    world.run("daily_vibe", anna.user_id, days_later=1)
    second, first = standing(world, anna)
    if explicit:
        marked = dict.fromkeys((one.spotify_id for one in second.tracks), True)
        lookups = world.warehouse.lookups(now=lambda: first.created_at)
        SPOTIFY_EXPLICIT.remember(lookups, marked)
        lookups.keep()
        world.store.people.change(anna.user_id, leaves_out_explicit=True)
    else:
        gone_from_spotify(world, second, but=0)

    result = change(world, anna, second)

    (playlist,) = playlists_of(world, anna)
    (run,) = world.instance.get_runs(dg.RunsFilter(run_ids=[result.run_id]))
    assert result.success
    assert set(uris_of(playlist)) <= set(addresses(first))
    assert uris_of(playlist) == addresses(first) or explicit
    assert (playlist["name"], playlist["description"]) == (first.title, first.description)
    assert [one.edition_id for one in standing(world, anna)] == [first.edition_id]
    assert set(world.remembered(anna.user_id)) <= set(keys(first))
    assert runs.missing_from(run.tags) == len(second.tracks)


def test_a_past_list_comes_back_without_what_is_gone_and_says_how_much_that_is(
    world: VibeWorld,
) -> None:
    anna = with_lists(world, 2)
    first = standing(world, anna)[1]
    gone_from_spotify(world, first, but=3)

    result = change(world, anna, first)

    (playlist,) = playlists_of(world, anna)
    (run,) = world.instance.get_runs(dg.RunsFilter(run_ids=[result.run_id]))
    assert uris_of(playlist) == addresses(first)[:3]
    assert runs.missing_from(run.tags) == len(first.tracks) - 3


def test_a_write_after_an_undo_is_not_believed_with_the_snapshot_of_that_undo(
    world: VibeWorld,
) -> None:
    anna = with_lists(world, 2)
    second, first = standing(world, anna)

    change(world, anna, second, undo=True)

    (stands,) = standing(world, anna)
    (playlist,) = world.listener_of(anna).playlists
    assert stands.edition_id == first.edition_id
    assert stands.snapshot_id == playlist.snapshot_id != first.snapshot_id


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

    async def library_contains(self, uris: Sequence[str]) -> dict[str, bool]:
        return dict.fromkeys(uris, True)

    async def playlist_exists(self, playlist_id: str) -> bool:
        return bool(playlist_id)

    async def my_playlists(self, *, most: int) -> AsyncIterator[Playlist]:
        for none in list[Playlist]()[:most]:
            yield none


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


def test_a_list_that_is_explicit_throughout_is_not_put_back_as_an_empty_one(tmp_path: Path) -> None:
    shelf = Shelf([line(1)])

    with pytest.raises(ListRefused) as refused:
        put_back_clean(tmp_path, shelf, {one.spotify_id: True for one in TRACKS})

    assert refused.value.cause is FailureCause.EVERYTHING_LEFT_OUT
    assert shelf.written == []


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


class Shelves(Shelf):
    """All playlists of a person's: which are in the library, and what each of them shows."""

    def __init__(self) -> None:
        super().__init__([])
        self.kept: set[str] = set()
        self.shows: dict[str, list[str]] = {}
        self.dead: set[str] = set()
        self.gone: set[str] = set()

    async def replace_items(
        self, playlist_id: str, uris: Sequence[str], *, former: Collection[str] = ()
    ) -> str:
        if playlist_id in self.gone:
            raise NotThere("spotify", "no such playlist")
        if not self.dead.isdisjoint(uris):
            raise WriteRefused("spotify", "a non-existing id")
        self.shows[playlist_id] = list(uris)
        return await super().replace_items(playlist_id, uris, former=former)

    async def save_to_library(self, uris: Sequence[str]) -> None:
        playlists = {uri.removeprefix("spotify:playlist:") for uri in uris}
        if playlists & self.gone:
            raise BrokenAnswer("spotify", "nothing changed")
        self.kept |= playlists

    async def playlist_exists(self, playlist_id: str) -> bool:
        return playlist_id not in self.gone

    async def remove_from_library(self, uris: Sequence[str]) -> None:
        self.kept -= {uri.removeprefix("spotify:playlist:") for uri in uris}

    async def library_contains(self, uris: Sequence[str]) -> dict[str, bool]:
        return {uri: uri.removeprefix("spotify:playlist:") in self.kept for uri in uris}


class Killed(BaseException):
    """The process ended here."""


class Wavering:
    """Somebody whose lists come, go and come back; every change of them is made twice over."""

    def __init__(self, store: AccountStore, clock: Clock, number: int, mode: Mode) -> None:
        self.store, self.clock, self.mode = store, clock, mode
        self.anna = connected(store, number)
        self.shelves, self.lists = Shelves(), itertools.count(1)
        self.remembered: set[EditionId] = set()
        self.restoration = Restoration(
            store=store,
            spotify=self.shelves,
            remember=lambda edition: self.remembered.add(edition.edition_id),
            unremember=lambda edition: self.remembered.discard(edition.edition_id),
            explicit_marks=lambda _: {},
            sleep=Naps(),
        )

    @property
    def account(self) -> Account:
        found = self.store.people.get(self.anna.user_id)
        assert found is not None
        return found

    @property
    def standing(self) -> list[Edition]:
        return self.store.editions.standing(self.anna.user_id)

    def does(self, step: str) -> None:
        """``new``, ``undo``, ``back`` (what went last), ``first`` (put back) or ``removes``."""
        self.clock.advance(minutes=1)
        lists = self.store.editions.history(self.anna.user_id)
        match step:
            case "new":
                self._gets_a_list()
            case "undo" if self.standing:
                latest = self.standing[0]
                self._takes_back(latest)
                state = self.state
                self._takes_back(latest)
                assert self.state == state
            case "back" if gone := [one for one in lists if one.undone_at is not None]:
                latest = max(gone, key=lambda one: one.undone_at or one.created_at)
                asyncio.run(self.restoration.put_back(latest))
            case "first" if lists and self.standing[:1] != lists[-1:]:
                asyncio.run(self.restoration.put_back(lists[-1]))
            case "removes" if (playlist_id := self.account.playlist_id) is not None:
                self.shelves.kept.discard(playlist_id)
                self.store.people.change(self.anna.user_id, playlist_id=None, playlist_url=None)
            case _:
                pass

    @property
    def state(self) -> tuple[object, ...]:
        """All that an undo may change."""
        stand = [(one.edition_id, one.stands_since) for one in self.standing]
        current = (self.account.playlist_id, self.account.playlist_url)
        kept, remembered = frozenset(self.shelves.kept), frozenset(self.remembered)
        return stand, current, kept, remembered, dict(self.shelves.shows)

    def _takes_back(self, stood: Edition) -> None:
        edition = self.store.editions.required(stood.edition_id)
        asyncio.run(self.restoration.take_back(edition, stood_since=stood.stands_since))

    def _gets_a_list(self) -> None:
        number = next(self.lists)
        edition_id = EditionId(f"{self.anna.user_id}-{number}")
        own = self.mode is Mode.DAILY or self.account.playlist_id is None
        playlist_id = f"p{number}" if own else self.account.playlist_id
        assert playlist_id is not None
        playlist_url = f"https://open.spotify.com/playlist/{playlist_id}"
        self.store.editions.open(
            edition_id,
            self.anna.user_id,
            vibe_date=DAY,
            occasion=f"asked:{edition_id}",
            kind=EditionKind.DAILY,
            mode=self.mode,
        )
        self.store.editions.advance(
            edition_id,
            EditionState.STARTED,
            EditionState.RECORDED,
            tracks=(chosen(1, number=number),),
            playlist_id=playlist_id,
            playlist_url=playlist_url,
        )
        if self.mode is Mode.LIVING:
            self.store.people.change(
                self.anna.user_id, playlist_id=playlist_id, playlist_url=playlist_url
            )
        self.remembered.add(edition_id)
        if own:
            self.shelves.kept.add(playlist_id)
        self.shelves.shows[playlist_id] = [chosen(1, number=number).uri]

    def is_told_what_is_so(self) -> bool:
        """Whether ledger, library, playlists and history agree."""
        if self.remembered != {one.edition_id for one in self.standing}:
            return False
        if self.mode is Mode.DAILY:
            return self.shelves.kept == {one.playlist_id for one in self.standing}
        if not self.standing:
            return self.account.playlist_id is None
        latest = self.standing[0]
        if latest.playlist_id not in self.shelves.kept:
            return self.account.playlist_id is None
        shown = self.shelves.shows[latest.playlist_id]
        current = (self.account.playlist_id, self.account.playlist_url)
        return shown == addresses(latest) and current == (latest.playlist_id, latest.playlist_url)


@pytest.mark.parametrize("mode", Mode)
def test_however_somebody_changes_their_mind_the_ledger_says_what_spotify_shows(
    tmp_path: Path, mode: Mode
) -> None:
    """Forty of all stories of three steps, drawn by a seed (``VIBE_UNDO_SEED``)."""
    clock = Clock()
    store = made(tmp_path, clock)
    steps = ("new", "undo", "back", "first", *(("removes",) if mode is Mode.LIVING else ()))
    everything = [*itertools.product(steps, repeat=3)]
    stories = random.Random(SEED).sample(everything, 40)
    wrong = []

    for number, story in enumerate(stories, start=1):
        anna = Wavering(store, clock, number, mode)
        for step in ("new", *story):
            anna.does(step)
            if not anna.is_told_what_is_so():
                wrong.append(story)

    assert wrong == []


@pytest.mark.parametrize("lists", [1, 2])
@pytest.mark.parametrize("mode", Mode)
def test_what_was_undone_and_put_back_is_undone_by_the_next_undo(
    tmp_path: Path, mode: Mode, lists: int
) -> None:
    clock = Clock()
    anna = Wavering(made(tmp_path, clock), clock, 1, mode)

    for step in (*["new"] * lists, "undo", "back", "undo"):
        anna.does(step)

    assert len(anna.standing) == lists - 1
    assert anna.is_told_what_is_so()


def test_an_undo_is_done_though_spotify_does_not_say_whether_another_playlist_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(_: Shelves, uris: Sequence[str]) -> dict[str, bool]:
        raise ServiceUnavailable("spotify", f"nothing about {uris}")

    monkeypatch.setattr(Shelves, "library_contains", silent)
    clock = Clock()
    anna = Wavering(made(tmp_path, clock), clock, 1, Mode.LIVING)

    for step in ("new", "removes", "new", "undo"):
        anna.does(step)

    assert [one.playlist_id for one in anna.standing] == ["p1"]
    assert anna.account.playlist_id is None


def test_an_undo_leads_nobody_to_a_playlist_of_their_former_spotify_account(tmp_path: Path) -> None:
    clock = Clock()
    anna = Wavering(store := made(tmp_path, clock), clock, 1, Mode.LIVING)
    anna.does("new")
    clock.advance(minutes=1)
    store.people.connect(anna.account.user_id, "another", "Name", tokens(clock()))

    for step in ("new", "undo"):
        anna.does(step)

    assert "p1" in anna.shelves.kept
    assert anna.account.playlist_id is None


def test_undoing_what_was_put_back_into_a_former_playlist_leads_back_to_the_present_one(
    tmp_path: Path,
) -> None:
    clock = Clock()
    anna = Wavering(made(tmp_path, clock), clock, 1, Mode.LIVING)

    for step in ("new", "undo", "new", "first", "undo", "new"):
        anna.does(step)

    assert [one.playlist_id for one in anna.standing] == ["p2", "p2"]
    assert anna.shelves.kept == {"p2"}


def test_an_undo_that_waited_while_a_later_list_came_leaves_that_one_in_its_place(
    tmp_path: Path,
) -> None:
    clock = Clock()
    anna = Wavering(made(tmp_path, clock), clock, 1, Mode.LIVING)
    for step in ("new", "new", "new"):
        anna.does(step)
    third, second, first = anna.standing

    asyncio.run(anna.restoration.take_back(second, stood_since=second.stands_since))

    assert [one.edition_id for one in anna.standing] == [third.edition_id, first.edition_id]
    assert anna.is_told_what_is_so()


@pytest.mark.parametrize("then", ["new", "first", "undo"])
@pytest.mark.parametrize("removed", [True, False])
@pytest.mark.parametrize("mode", Mode)
def test_killed_at_the_removal_of_the_only_list_nothing_is_put_where_nobody_sees_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, mode: Mode, removed: bool, then: str
) -> None:
    async def dies(shelves: Shelves, uris: Sequence[str]) -> None:
        if removed:
            shelves.kept.clear()
        raise Killed

    clock = Clock()
    anna = Wavering(made(tmp_path, clock), clock, 1, mode)
    anna.does("new")
    with monkeypatch.context() as dying:
        dying.setattr(Shelves, "remove_from_library", dies)
        with pytest.raises(Killed):
            anna.does("undo")

    if then == "first":
        asyncio.run(anna.restoration.put_back(anna.standing[0]))
    else:
        anna.does(then)

    assert anna.account.playlist_id in {None, *anna.shelves.kept}
    assert {one.playlist_id for one in anna.standing[:1]} <= anna.shelves.kept
    assert len(anna.standing) == {"new": 2, "first": 1, "undo": 0}[then]


def test_a_past_list_whose_playlist_is_gone_comes_back_in_the_present_one(tmp_path: Path) -> None:
    clock = Clock()
    anna = Wavering(made(tmp_path, clock), clock, 1, Mode.LIVING)
    for step in ("new", "removes", "new"):
        anna.does(step)
    anna.shelves.gone = {"p1"}

    for step in ("first", "undo"):
        anna.does(step)
        assert anna.is_told_what_is_so()

    assert {one.playlist_id for one in anna.standing} == anna.shelves.kept == {"p2"}


@pytest.mark.parametrize("mode", Mode)
def test_a_past_list_whose_playlist_is_gone_and_which_has_no_other_leaves_all_as_it_was(
    tmp_path: Path, mode: Mode
) -> None:
    clock = Clock()
    anna = Wavering(made(tmp_path, clock), clock, 1, mode)
    for step in ("new", "new"):
        anna.does(step)
    anna.shelves.gone, before = {"p1"}, anna.state

    with pytest.raises(ListRefused) as refused:
        anna.does("first")

    assert refused.value.cause is FailureCause.PLAYLIST_GONE
    assert anna.state == before


def test_what_stands_again_beside_a_past_list_that_is_gone_holds_nothing_explicit(
    tmp_path: Path,
) -> None:
    clock = Clock()
    anna = Wavering(store := made(tmp_path, clock), clock, 1, Mode.LIVING)
    for step in ("new", "new"):
        anna.does(step)
    later, first = anna.standing
    recorded = EditionState.RECORDED
    store.editions.advance(later.edition_id, recorded, recorded, tracks=TRACKS[1:])
    anna.shelves.dead = set(addresses(first))
    anna.shelves.sights = [[line(number, explicit=number == 3) for number in range(2, 7)]]
    store.people.change(anna.anna.user_id, leaves_out_explicit=True)

    with pytest.raises(ListRefused):
        asyncio.run(anna.restoration.put_back(first))

    assert anna.shelves.shows == {"p1": [one.uri for one in (TRACKS[1], *TRACKS[3:])]}


@pytest.mark.parametrize("lists", [2, 3])
def test_an_undo_leaves_a_later_list_in_its_place_that_is_written_and_not_yet_recorded(
    tmp_path: Path, lists: int
) -> None:
    clock = Clock()
    anna = Wavering(store := made(tmp_path, clock), clock, 1, Mode.LIVING)
    for _ in range(lists):
        anna.does("new")
    written, undone = anna.standing[:2]
    store.editions.advance(written.edition_id, written.state, EditionState.ITEMS_WRITTEN)

    asyncio.run(anna.restoration.take_back(undone, stood_since=undone.stands_since))

    assert anna.is_told_what_is_so()
    assert anna.shelves.kept == {"p1"}
    assert [one.edition_id for one in anna.standing][:1] == [written.edition_id]
    assert len(anna.standing) == lists - 1
