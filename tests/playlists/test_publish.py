"""From chosen tracks to a playlist: whatever dies, one playlist, one history, the right tracks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support.accounts_site import KEY, tokens
from tests.support.outside_world import Naps
from tests.support.warehouse_examples import chosen, track
from vibe_pipeline.accounts.continuation import may_have_a_playlist
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.messages import NightReady
from vibe_pipeline.accounts.records import (
    Account,
    BlockKind,
    Edition,
    EditionKind,
    EditionState,
    FailureCause,
    Summary,
)
from vibe_pipeline.accounts.schema import migrate
from vibe_pipeline.accounts.store import AccountStore, open_store
from vibe_pipeline.clients.errors import (
    BrokenAnswer,
    CapabilityAbsent,
    NotThere,
    PassinglyRefused,
    ServiceError,
    ServiceUnavailable,
    UnexpectedResponse,
    WriteRefused,
)
from vibe_pipeline.clients.spotify_records import Playlist, PlaylistLine, SpotifyProfile
from vibe_pipeline.locales import day, say
from vibe_pipeline.playlists.edition_record import record_choice
from vibe_pipeline.playlists.failures import (
    ListRefused,
    PlaylistMissing,
    failure_of,
)
from vibe_pipeline.playlists.ledger_step import PublicationLost
from vibe_pipeline.playlists.mending import ListMender
from vibe_pipeline.playlists.missing_playlist import (
    MISSING_FOR,
    SECOND_LOOK_SECONDS,
    MissingPlaylist,
)
from vibe_pipeline.playlists.own_playlists import marker
from vibe_pipeline.playlists.playlist_creation import DOUBT_FOR
from vibe_pipeline.playlists.publish import (
    NothingToPublish,
    Publication,
    chosen_twice,
    edition_to_publish,
    stand_again,
    without_uri,
)
from vibe_pipeline.playlists.selection_summary import Selection
from vibe_pipeline.playlists.unusable_tracks import Unusable
from vibe_pipeline.playlists.wording import wording
from vibe_pipeline.records import ChosenTrack, EditionId, Mode, Track
from vibe_pipeline.runs import nightly_occasion
from vibe_pipeline.warehouse import WarehouseLocked

TRACKS = tuple(chosen(position) for position in range(1, 4))
SUMMARY = Summary(new=2, familiar=1, wished_new=2)


class Killed(BaseException):
    """The process ended here."""


class Shelf:
    """A person's playlists on Spotify; ``dies`` says after which call the process is killed."""

    def __init__(self) -> None:
        self.playlists: dict[str, Playlist] = {}
        self.items: dict[str, list[str]] = {}
        self.calls: list[str] = []
        self.dies: Callable[[str], bool] = lambda _: False
        self.gone: set[str] = set()
        self.spoils: Callable[[str], Exception | None] = lambda _: None
        self.hidden = 0
        self.lagging_looks = 0
        self.dead: set[str] = set()
        self.calls_the_dead_absent = False
        self.refusals = 0
        self.former: frozenset[str] = frozenset()
        self.sights: list[list[PlaylistLine]] = []
        self.lines: list[PlaylistLine] = []
        self.removed: list[str] = []
        self.fixed_snapshot: str | None = None

    async def create_playlist(self, name: str, *, description: str, public: bool) -> Playlist:
        number = len(self.playlists) + 1
        made = Playlist(
            id=f"p{number}",
            name=name,
            url=f"https://open.spotify.com/playlist/p{number}",
            description=description,
            total=0,
        )
        self.playlists[made.id] = made
        self._called("create")
        return made

    async def me(self) -> SpotifyProfile:
        return SpotifyProfile(account_id="spotify-anna", user_id="anna", name=None, market=None)

    async def my_playlists(self, *, most: int) -> AsyncIterator[Playlist]:
        kept = (one for one in self.playlists.values() if one.id not in self.removed)
        newest = list(reversed(list(kept)))[:most]
        if self.lagging_looks > 0:
            self.lagging_looks -= 1
            newest = []
        for page in range(0, max(len(newest), 1), 50):
            self._called("newest")
            for playlist in newest[page : page + 50]:
                yield playlist

    async def playlist_exists(self, playlist_id: str) -> bool:
        self._called("exists")
        return playlist_id not in self.gone

    async def replace_items(
        self, playlist_id: str, uris: Sequence[str], *, former: Collection[str] = ()
    ) -> str:
        self.former = frozenset(former)
        if self.hidden > 0 or playlist_id in self.gone:
            self.hidden -= 1
            raise NotThere("spotify", "no such playlist")
        if self.refusals > 0 or not self.dead.isdisjoint(uris):
            self.refusals -= 1
            self._called("refused")
            if self.calls_the_dead_absent:
                raise NotThere("spotify", "no such thing")
            raise WriteRefused("spotify", "a non-existing id")
        self.items[playlist_id] = list(uris)
        if (filled := self.playlists.get(playlist_id)) is not None:
            self.playlists[playlist_id] = replace(filled, total=len(uris))
        self._called("items")
        snapshot = self.fixed_snapshot or f"snapshot {len(self.calls)}"
        if snapshot in former:
            raise BrokenAnswer("spotify", "names a former snapshot")
        return snapshot

    async def playlist_lines(self, playlist_id: str, *, written: int) -> list[PlaylistLine]:
        self._called("lines")
        return self.sights.pop(0) if self.sights else self.lines

    async def change_details(
        self, playlist_id: str, *, name: str | None = None, description: str | None = None
    ) -> None:
        before = self.playlists[playlist_id]
        self.playlists[playlist_id] = replace(
            before, name=name or before.name, description=description
        )
        self._called("details")

    async def library_contains(self, uris: Sequence[str]) -> dict[str, bool]:
        self._called("contains")
        return {uri: uri.removeprefix("spotify:playlist:") not in self.removed for uri in uris}

    async def remove_from_library(self, uris: Sequence[str]) -> None:
        for uri in uris:
            self.removed.append(uri.removeprefix("spotify:playlist:"))
        self._called("remove")

    def _called(self, call: str) -> None:
        self.calls.append(call)
        if self.dies(call):
            raise Killed
        if (error := self.spoils(call)) is not None:
            raise error


class LockedOut:
    """A mender whose warehouse somebody else holds."""

    def forget(self, edition: Edition, unusable: Unusable) -> None:
        raise WarehouseLocked(Path("w"), "held")

    def choose_again(
        self, edition: Edition, besides: Collection[str], *, only: Collection[str] | None
    ) -> bool:
        raise WarehouseLocked(Path("w"), "held")

    def heed(self, edition: Edition) -> bool:
        raise WarehouseLocked(Path("w"), "held")

    def confirmed(self, tracks: Iterable[Track]) -> None:
        raise WarehouseLocked(Path("w"), "held")

    def marked(self, marks: Mapping[str, bool]) -> None:
        raise WarehouseLocked(Path("w"), "held")

    def known_marks(self, edition: Edition) -> Mapping[str, bool]:
        raise WarehouseLocked(Path("w"), "held")

    def published_before(self, edition: Edition) -> tuple[ChosenTrack, ...]:
        raise WarehouseLocked(Path("w"), "held")


class Remembering:
    """A mender that notes what was found; has one other choice of tracks, or none."""

    def __init__(
        self, store: AccountStore | None = None, other: tuple[ChosenTrack, ...] = ()
    ) -> None:
        self.store = store
        self.other = other
        self.forgotten: list[Unusable] = []

    def forget(self, edition: Edition, unusable: Unusable) -> None:
        self.forgotten.append(unusable)

    def choose_again(
        self, edition: Edition, besides: Collection[str], *, only: Collection[str] | None
    ) -> bool:
        if self.store is None:
            return False
        state = edition.state
        return self.store.editions.advance(
            edition.edition_id, state, state, tracks=self.other, summary=edition.summary
        )

    def heed(self, edition: Edition) -> bool:
        return self.choose_again(edition, (), only=None)

    def confirmed(self, tracks: Iterable[Track]) -> None:
        pass

    def marked(self, marks: Mapping[str, bool]) -> None:
        pass

    def known_marks(self, edition: Edition) -> Mapping[str, bool]:
        return {TRACKS[0].spotify_id: True} if edition.tracks == TRACKS else {}

    def published_before(self, edition: Edition) -> tuple[ChosenTrack, ...]:
        return TRACKS


class Desk:
    """One person's ledger, their playlists, and what was recorded."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'accounts.sqlite'}"
        migrate(url)
        self.now = datetime(2026, 11, 20, 6, tzinfo=UTC)
        self.store: AccountStore = open_store(url, KEY, now=lambda: self.now)
        self.account: Account = self.store.people.register(1, "Anna", "en")
        self.spotify = Shelf()
        self.recorded: list[str] = []
        self.record_dies = False
        self.naps = Naps()
        self.restored_at: datetime | None = None
        self.mender: ListMender | None = None

    def chosen(
        self, name: str, *, mode: Mode = Mode.LIVING, day: int = 20, nightly: bool = False
    ) -> EditionId:
        """An edition that has its tracks, of somebody who has lists in this mode."""
        self.store.people.change(self.account.user_id, mode=mode)
        day_of_list = date(2026, 11, day)
        edition = self.store.editions.open(
            EditionId(name),
            self.account.user_id,
            vibe_date=day_of_list,
            occasion=nightly_occasion(day_of_list) if nightly else f"asked:{name}",
            kind=EditionKind.DAILY,
            mode=mode,
        )
        self.store.editions.advance(
            edition.edition_id,
            EditionState.STARTED,
            EditionState.CHOSEN,
            tracks=TRACKS,
            summary=SUMMARY,
        )
        return edition.edition_id

    def publish(self, edition_id: EditionId) -> Edition:
        """Run the step."""
        publication = Publication(
            store=self.store,
            spotify=self.spotify,
            record=self._record,
            sleep=self.naps,
            restored_at=self.restored_at,
            mender=self.mender,
            announced=lambda edition: NightReady.of(edition.edition_id),
        )
        return asyncio.run(publication.publish(edition_id))

    def _record(self, edition: Edition) -> None:
        if edition.edition_id not in self.recorded:
            self.recorded.append(edition.edition_id)
        if self.record_dies:
            self.record_dies = False
            raise Killed


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_first_list_takes_two_calls(desk: Desk) -> None:
    edition = desk.publish(desk.chosen("e1"))

    assert desk.spotify.calls == ["create", "items"]
    assert edition.state is EditionState.RECORDED
    assert edition.playlist_url == "https://open.spotify.com/playlist/p1"
    assert desk.spotify.items == {"p1": [track.uri for track in TRACKS]}
    assert desk.recorded == ["e1"]


def test_the_next_day_refreshes_the_same_playlist_in_two_calls(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    desk.spotify.calls.clear()

    edition = desk.publish(desk.chosen("e2", day=21))

    assert desk.spotify.calls == ["items", "details"]
    assert edition.playlist_id == "p1"
    assert "21 November 2026" in (desk.spotify.playlists["p1"].description or "")


def test_a_second_list_of_the_day_need_not_change_the_words(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    desk.spotify.calls.clear()

    desk.publish(desk.chosen("e2"))

    assert desk.spotify.calls == ["items"]


def test_daily_mode_makes_a_playlist_for_each_list_and_leaves_the_living_one(desk: Desk) -> None:
    living = desk.publish(desk.chosen("e1"))

    daily = desk.publish(desk.chosen("e2", mode=Mode.DAILY))
    again = desk.publish(desk.chosen("e3"))

    assert daily.playlist_id == "p2"
    assert again.playlist_id == living.playlist_id == "p1"
    assert "20 November 2026" in desk.spotify.playlists["p2"].name


def test_a_write_is_not_believed_that_names_what_the_playlist_was_called_before(desk: Desk) -> None:
    first = desk.publish(desk.chosen("e1"))
    other = desk.chosen("e2", day=21)
    turned = tuple(reversed(TRACKS))
    desk.store.editions.advance(other, EditionState.CHOSEN, EditionState.CHOSEN, tracks=turned)

    desk.publish(desk.chosen("e3", day=21))
    same = desk.spotify.former
    desk.publish(other)

    assert same == frozenset()
    assert desk.spotify.former >= {first.snapshot_id}


def test_a_recorded_list_costs_nothing(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    first = desk.publish(edition_id)
    desk.spotify.calls.clear()

    assert desk.publish(edition_id) == first
    assert desk.spotify.calls == []


def test_a_list_is_recorded_only_together_with_the_word_of_it(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    closed = "create trigger closed before insert on outbox begin select raise(abort, 'no'); end"
    with desk.store.database.writing() as connection:
        connection.execute(text(closed))
    with pytest.raises(UnknownPerson):
        desk.publish(edition_id)
    left_at = desk.store.editions.required(edition_id).state
    with desk.store.database.writing() as connection:
        connection.execute(text("drop trigger closed"))

    desk.publish(edition_id)

    assert left_at is EditionState.ITEMS_WRITTEN
    assert [message.key for message in desk.store.outbox.take_due()] == ["bot.night_ready"]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("call", ["create", "items", "record"])
def test_killed_anywhere_and_rerun_there_is_one_playlist_with_the_right_tracks(
    desk: Desk, call: str, mode: Mode
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.dies = lambda made: made == call
    desk.record_dies = call == "record"
    with pytest.raises(Killed):
        desk.publish(edition_id)

    desk.spotify.dies = lambda _: False
    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert len(desk.spotify.playlists) == 1
    assert desk.spotify.items == {"p1": [track.uri for track in TRACKS]}
    assert desk.recorded == ["e1"]


def test_killed_between_items_and_words_both_are_right_after_a_rerun(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    edition_id = desk.chosen("e2", day=21)
    desk.spotify.dies = lambda made: made == "details"
    with pytest.raises(Killed):
        desk.publish(edition_id)

    desk.spotify.dies = lambda _: False
    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert desk.spotify.playlists["p1"].description == edition.description


@pytest.mark.parametrize("left_at", [EditionState.CHOSEN, EditionState.PLAYLIST_MADE])
def test_an_older_list_is_not_written_over_a_later_one(desk: Desk, left_at: EditionState) -> None:
    desk.publish(desk.chosen("e0", day=19))
    older = _left_at(desk, desk.chosen("older"), left_at)
    desk.now += timedelta(days=1)
    later = desk.publish(desk.chosen("later", day=21))
    calls = list(desk.spotify.calls)

    with pytest.raises(ListRefused) as refused:
        desk.publish(older)

    assert refused.value.cause is FailureCause.OVERTAKEN
    assert desk.spotify.calls == calls
    assert desk.store.editions.latest(desk.account.user_id) == later


def test_what_was_written_before_a_later_list_is_only_recorded(desk: Desk) -> None:
    older = desk.chosen("older")
    desk.record_dies = True
    with pytest.raises(Killed):
        desk.publish(older)
    desk.recorded.clear()
    desk.now += timedelta(days=1)
    later = desk.publish(desk.chosen("later", day=21))
    words, calls = desk.spotify.playlists["p1"].description, list(desk.spotify.calls)

    recorded = desk.publish(older)

    assert recorded.state is EditionState.RECORDED
    assert desk.recorded == ["later", "older"]
    assert (desk.spotify.playlists["p1"].description, desk.spotify.calls) == (words, calls)
    assert desk.store.editions.latest(desk.account.user_id) == later


def test_a_days_own_playlist_is_filled_whatever_came_later(desk: Desk) -> None:
    older = desk.chosen("older", mode=Mode.DAILY)
    desk.now += timedelta(days=1)
    desk.publish(desk.chosen("later", day=21, mode=Mode.DAILY))

    assert desk.publish(older).state is EditionState.RECORDED


def test_an_older_list_that_is_written_on_purpose_is_the_one_to_listen_to(desk: Desk) -> None:
    older = desk.publish(desk.chosen("older"))
    desk.now += timedelta(days=1)
    desk.publish(desk.chosen("later", day=21))
    desk.now += timedelta(hours=1)
    again = EditionState.PLAYLIST_MADE
    desk.store.editions.advance(older.edition_id, EditionState.RECORDED, again)
    chosen_again = desk.store.editions.required(older.edition_id)

    edition_to_publish(desk.store, chosen_again, on_purpose=True)
    written = desk.publish(older.edition_id)

    assert written.restored_at == desk.now
    assert desk.store.editions.latest(desk.account.user_id) == written


def test_a_preview_that_is_published_after_a_later_list_is_the_one_to_listen_to(
    desk: Desk,
) -> None:
    preview = desk.chosen("preview")
    kind = EditionKind.PREVIEW
    desk.store.editions.advance(preview, EditionState.CHOSEN, EditionState.CHOSEN, kind=kind)
    desk.now += timedelta(hours=1)
    desk.publish(desk.chosen("night"))
    desk.now += timedelta(hours=1)

    edition_to_publish(desk.store, desk.store.editions.required(preview))
    written = desk.publish(preview)

    assert desk.store.editions.latest(desk.account.user_id) == written


def test_a_list_finished_after_its_person_came_back_has_the_one_playlist(desk: Desk) -> None:
    left = _left_at(desk, desk.chosen("e1"), EditionState.PLAYLIST_MADE)
    desk.store.people.change(desk.account.user_id, playlist_id=None, playlist_url=None)

    desk.publish(left)
    desk.publish(desk.chosen("e2", day=21))

    assert list(desk.spotify.items) == ["p1"]


def _left_at(desk: Desk, edition_id: EditionId, state: EditionState) -> EditionId:
    if state is EditionState.PLAYLIST_MADE:
        desk.store.editions.advance(edition_id, EditionState.CHOSEN, state, playlist_id="p1")
        desk.spotify.playlists.setdefault("p1", Playlist(id="p1", name="", url="", description=""))
    return edition_id


def test_killed_at_every_call_in_turn_still_one_playlist(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    desk.spotify.dies = lambda _: True
    for _ in range(4):
        with pytest.raises(Killed):
            desk.publish(edition_id)

    desk.spotify.dies = lambda _: False
    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert len(desk.spotify.playlists) == 1


def test_another_day_finds_the_living_playlist_that_a_killed_run_made(desk: Desk) -> None:
    desk.spotify.dies = lambda made: made == "create"
    with pytest.raises(Killed):
        desk.publish(desk.chosen("e1"))

    desk.spotify.dies = lambda _: False
    edition = desk.publish(desk.chosen("e2", day=21))

    assert edition.playlist_id == "p1"
    assert len(desk.spotify.playlists) == 1


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    "error",
    [
        ServiceUnavailable("spotify", "500", may_have_happened=True),
        BrokenAnswer("spotify", "not the playlist it made"),
        UnexpectedResponse("spotify", "neither this nor that"),
    ],
)
def test_a_playlist_made_with_a_spoiled_answer_is_found_by_its_mark(
    desk: Desk, mode: Mode, error: Exception
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.spoils = lambda call: error if call == "create" else None

    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert list(desk.spotify.items) == ["p1"]
    assert len(desk.spotify.playlists) == 1


@pytest.mark.parametrize("mode", list(Mode))
def test_a_playlist_made_while_every_answer_is_spoiled_is_found_once_they_are_not(
    desk: Desk, mode: Mode
) -> None:
    desk.store.people.change(desk.account.user_id, own_title="For the ferry")
    edition_id = desk.chosen("e1", mode=mode)
    spoiled = UnexpectedResponse("spotify", "neither this nor that")
    desk.spotify.spoils = lambda call: spoiled if call in {"create", "newest"} else None
    with pytest.raises(UnexpectedResponse):
        desk.publish(edition_id)
    desk.spotify.spoils = lambda _: None

    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert list(desk.spotify.items) == list(desk.spotify.playlists) == ["p1"]


@pytest.mark.parametrize("mode", Mode)
def test_a_playlist_that_the_ledger_knows_is_none_that_was_just_made(
    desk: Desk, mode: Mode
) -> None:
    desk.publish(desk.chosen("e1", mode=Mode.DAILY))
    known, create = desk.spotify.playlists["p1"], desk.spotify.create_playlist

    async def named_wrongly(name: str, *, description: str, public: bool) -> Playlist:
        await create(name, description=description, public=public)
        return known

    desk.spotify.create_playlist = named_wrongly  # type: ignore[method-assign]

    edition = desk.publish(desk.chosen("e2", mode=mode, day=21))

    assert edition.playlist_id == "p2"
    assert desk.spotify.calls.count("create") == 2


def test_a_list_counts_as_written_though_its_words_could_not_be_changed(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    desk.spotify.spoils = lambda call: (
        ServiceUnavailable("spotify", "502") if call == "details" else None
    )

    edition = desk.publish(desk.chosen("e2", day=21))

    assert edition.state is EditionState.RECORDED
    assert desk.recorded == ["e1", "e2"]


def test_words_that_could_not_be_changed_are_tried_again_with_the_next_list(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    desk.spotify.spoils = lambda call: (
        ServiceUnavailable("spotify", "502") if call == "details" else None
    )
    desk.publish(desk.chosen("e2", day=21))
    desk.spotify.spoils = lambda _: None

    edition = desk.publish(desk.chosen("e3", day=21))

    assert desk.spotify.playlists["p1"].description == edition.description


def test_an_attempt_that_never_reached_spotify_is_made_again_after_a_last_look(
    desk: Desk,
) -> None:
    edition_id = desk.chosen("e1")
    desk.spotify.dies = lambda made: made == "create"
    with pytest.raises(Killed):
        desk.publish(edition_id)
    desk.spotify.playlists.clear()
    desk.spotify.dies = lambda _: False
    desk.now += timedelta(seconds=10)

    desk.publish(edition_id)

    looks = ["newest", "newest", "newest"]
    assert desk.spotify.calls == ["create", *looks, "create", "items", "newest"]
    assert desk.naps.taken == [SECOND_LOOK_SECONDS, DOUBT_FOR.total_seconds() - 10]


@pytest.mark.parametrize("mode", Mode)
def test_a_lost_creation_is_found_though_one_list_of_the_playlists_lags(
    desk: Desk, mode: Mode
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    desk.spotify.lagging_looks = 1
    desk.now += timedelta(hours=1)

    desk.publish(edition_id)

    assert desk.naps.taken == [SECOND_LOOK_SECONDS]
    assert list(desk.spotify.items) == list(desk.spotify.playlists) == ["p1"]


def test_a_refusal_in_passing_that_was_none_makes_no_second_playlist_where_a_list_lags(
    desk: Desk,
) -> None:
    spoiled = [PassinglyRefused("spotify", "404")]
    desk.spotify.spoils = lambda call: spoiled.pop() if call == "create" and spoiled else None
    desk.spotify.lagging_looks = 1

    desk.publish(desk.chosen("e1"))

    assert list(desk.spotify.items) == list(desk.spotify.playlists) == ["p1"]


@pytest.mark.parametrize("chosen_again", [True, False])
@pytest.mark.parametrize("mode", Mode)
def test_after_a_creation_in_doubt_another_comes_only_later_and_none_stays_empty(
    desk: Desk, mode: Mode, *, chosen_again: bool
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    spoiled: list[Exception] = [BrokenAnswer("spotify", "?", may_have_happened=True)]
    desk.spotify.spoils = lambda call: spoiled.pop() if call == "create" and spoiled else None
    desk.spotify.lagging_looks = 5
    with pytest.raises(BrokenAnswer):
        desk.publish(edition_id)
    if chosen_again:
        edition = desk.store.editions.required(edition_id)
        choice = Selection(ranked=(), tracks=TRACKS, summary=SUMMARY, policy="any 1")
        record_choice(desk.store, edition, choice, mode=mode)

    edition = desk.publish(edition_id)

    assert max(desk.naps.taken) == DOUBT_FOR.total_seconds()
    assert edition.playlist_id == "p2"
    assert list(desk.spotify.items) == ["p2"]
    assert desk.spotify.removed == ["p1"]


@pytest.mark.parametrize("times_chosen_again", [0, 1, 2])
@pytest.mark.parametrize("mode", Mode)
def test_an_attempt_of_long_ago_is_in_doubt_no_more_though_the_list_is_chosen_again(
    desk: Desk, mode: Mode, times_chosen_again: int
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    killed_before_it_is_made(desk, edition_id)
    for _ in range(times_chosen_again):
        edition = desk.store.editions.required(edition_id)
        choice = Selection(ranked=(), tracks=TRACKS, summary=SUMMARY, policy="any 1")
        record_choice(desk.store, edition, choice, mode=mode)
        desk.now += timedelta(seconds=1)
    desk.naps.taken.clear()

    edition = desk.publish(edition_id)

    assert desk.naps.taken == [SECOND_LOOK_SECONDS]
    assert edition.marker == marker(edition)


def test_a_playlist_that_appears_before_another_is_made_is_filled(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    desk.spotify.lagging_looks = 2

    desk.publish(edition_id)

    assert list(desk.spotify.items) == list(desk.spotify.playlists) == ["p1"]


def test_a_living_playlist_made_after_the_backup_that_was_restored_is_found_by_its_words(
    desk: Desk,
) -> None:
    said = say("uk", "playlist.description_stale", date="21 листопада", new=12, familiar=18)
    asyncio.run(desk.spotify.create_playlist("Mine", description=said, public=False))
    asyncio.run(desk.spotify.create_playlist("Other", description="Road trip", public=False))
    desk.restored_at = desk.now + timedelta(hours=1)

    edition = desk.publish(desk.chosen("e2", day=22))

    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert account.playlist_id == edition.playlist_id == "p1"
    assert list(desk.spotify.playlists) == ["p1", "p2"]
    assert "p2" not in desk.spotify.items


@pytest.mark.parametrize(
    ("of_november", "nightly", "playlist"),
    [(20, True, "p2"), (20, False, "p4"), (21, True, "p4")],
    ids=["the night", "asked for", "the next night"],
)
def test_a_night_s_own_playlist_made_after_the_backup_that_was_restored_is_not_made_again(
    desk: Desk, of_november: int, playlist: str, *, nightly: bool
) -> None:
    for number in (19, 20):
        of_day = day("en", date(2026, 11, number))
        said = say("en", "playlist.description", date=of_day, new=12, familiar=18)
        asyncio.run(desk.spotify.create_playlist("Mine", description=said, public=False))
    asyncio.run(desk.spotify.create_playlist("Other", description=of_day, public=False))
    desk.restored_at = desk.now + timedelta(hours=1)

    edition = desk.publish(desk.chosen("e1", mode=Mode.DAILY, day=of_november, nightly=nightly))

    assert edition.playlist_id == playlist


def test_who_came_after_a_restore_has_no_earlier_playlist_looked_for(desk: Desk) -> None:
    desk.restored_at = desk.now - timedelta(hours=1)

    desk.publish(desk.chosen("e1"))

    assert "newest" not in desk.spotify.calls


def fail_to_publish(
    desk: Desk, edition_id: EditionId, error: type[ServiceError] = PlaylistMissing
) -> datetime | None:
    """Run the step, which comes to nothing, and have that noted; gives when it may go on."""
    with pytest.raises(error) as failed:
        desk.publish(edition_id)
    failure = failure_of(failed.value)
    desk.store.editions.fail(edition_id, failure.cause, failure.until, failure.sentence)
    return failure.until


def test_a_living_playlist_that_comes_back_within_minutes_is_kept(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    edition_id = desk.chosen("e2", day=21)
    desk.spotify.gone.add("p1")
    first = fail_to_publish(desk, edition_id)
    desk.now += timedelta(minutes=4)
    second = fail_to_publish(desk, edition_id)
    desk.spotify.gone.clear()
    desk.now += timedelta(minutes=6)

    edition = desk.publish(edition_id)

    assert first == second == desk.now
    assert edition.playlist_id == "p1"
    assert list(desk.spotify.playlists) == ["p1"]


def test_a_sight_noted_before_the_clock_was_set_back_counts_from_now(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    edition_id = desk.chosen("e2", day=21)
    desk.spotify.gone.add("p1")
    fail_to_publish(desk, edition_id)
    desk.now -= timedelta(days=3)

    again = fail_to_publish(desk, edition_id)

    assert again == desk.now + MISSING_FOR


def test_a_living_playlist_that_stays_away_is_replaced_by_a_new_one(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    edition_id = desk.chosen("e2", day=21)
    desk.spotify.gone.add("p1")
    fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR

    edition = desk.publish(edition_id)

    account = desk.store.people.get(desk.account.user_id)
    assert edition.playlist_id == "p2"
    assert account is not None
    assert account.playlist_id == "p2"
    assert desk.spotify.items["p2"] == [track.uri for track in TRACKS]


@pytest.mark.parametrize("mode", Mode)
def test_a_playlist_that_keeps_vanishing_is_replaced_once_however_often_it_is_tried(
    desk: Desk, mode: Mode
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.gone |= {"p1", "p2", "p3"}
    fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR

    for error in (PlaylistMissing, NotThere, PlaylistMissing, NotThere):
        fail_to_publish(desk, edition_id, error)
        desk.now += timedelta(hours=1)

    assert list(desk.spotify.playlists) == ["p1", "p2"]
    assert desk.spotify.removed == ["p1"]
    desk.spotify.gone.clear()
    assert desk.publish(edition_id).playlist_id == "p2"
    assert list(desk.spotify.items) == ["p2"]


@pytest.mark.parametrize("mode", Mode)
def test_a_new_playlist_that_is_not_there_at_once_is_waited_for_and_filled(
    desk: Desk, mode: Mode
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.gone.add("p1")
    until = fail_to_publish(desk, edition_id)
    desk.spotify.gone.clear()

    edition = desk.publish(edition_id)

    assert until == desk.now + MISSING_FOR
    assert edition.playlist_id == "p1"
    assert list(desk.spotify.items) == list(desk.spotify.playlists) == ["p1"]


def killed_before_it_is_made(desk: Desk, edition_id: EditionId) -> None:
    """The attempt is noted, and never reached Spotify; nobody is in doubt of it any more."""
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    desk.spotify.playlists.clear()
    desk.now += DOUBT_FOR


@pytest.mark.parametrize("mode", Mode)
def test_a_playlist_of_a_second_attempt_is_waited_for_and_replaced_like_that_of_a_first(
    desk: Desk, mode: Mode
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    killed_before_it_is_made(desk, edition_id)
    desk.spotify.gone.add("p1")

    until = fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR

    assert until == desk.now
    assert desk.publish(edition_id).playlist_id == "p2"
    assert desk.spotify.removed == ["p1"]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("replaced", [True, False])
def test_a_list_that_is_recorded_is_written_anew_as_if_nothing_had_been_replaced(
    desk: Desk, mode: Mode, *, replaced: bool
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    if replaced:
        desk.spotify.gone.add("p1")
        fail_to_publish(desk, edition_id)
        desk.now += MISSING_FOR
    else:
        killed_before_it_is_made(desk, edition_id)
    last = desk.publish(edition_id)
    again, recorded = EditionState.PLAYLIST_MADE, EditionState.RECORDED
    desk.store.editions.advance(edition_id, recorded, again)
    desk.spotify.calls.clear()

    desk.publish(edition_id)

    assert ("newest" in desk.spotify.calls) is not replaced
    desk.store.editions.advance(edition_id, recorded, again)
    desk.spotify.gone.add(last.playlist_id or "")
    fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR
    assert desk.publish(edition_id).playlist_id not in desk.spotify.gone


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("removed", [True, False])
def test_killed_while_a_missing_playlist_is_let_go_no_empty_one_stays(
    desk: Desk, *, mode: Mode, removed: bool
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.gone.add("p1")
    fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR
    desk.spotify.dies = lambda call: call == "remove"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    desk.spotify.gone.clear()
    desk.now += MISSING_FOR
    if not removed:
        desk.spotify.removed.clear()

    edition = desk.publish(edition_id)

    assert edition.playlist_id == ("p2" if removed else "p1")
    assert list(desk.spotify.items) == [edition.playlist_id]
    assert list(desk.spotify.playlists) == (["p1", "p2"] if removed else ["p1"])


def test_a_living_playlist_that_held_lists_stays_in_the_library_when_it_is_replaced(
    desk: Desk,
) -> None:
    desk.publish(desk.chosen("e1"))
    edition_id = desk.chosen("e2", day=21)
    desk.spotify.gone |= {"p1", "p2", "p3"}
    fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR
    for error in (PlaylistMissing, PlaylistMissing):
        fail_to_publish(desk, edition_id, error)
    desk.now += MISSING_FOR
    fail_to_publish(desk, edition_id, NotThere)
    desk.spotify.gone.clear()

    edition = desk.publish(edition_id)

    assert edition.playlist_id == "p2"
    assert sorted(desk.spotify.items) == list(desk.spotify.playlists) == ["p1", "p2"]
    assert desk.spotify.removed == []


@pytest.mark.parametrize("let_go", [False, True])
@pytest.mark.parametrize("chosen_again", [False, True])
def test_a_list_whose_living_playlist_is_gone_goes_where_its_person_has_lists_by_now(
    desk: Desk, *, let_go: bool, chosen_again: bool
) -> None:
    desk.publish(desk.chosen("e1"))
    edition_id = desk.chosen("e2", day=21)
    desk.spotify.gone.add("p1")
    fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR
    edition = desk.store.editions.required(edition_id)
    if let_go:
        missing = MissingPlaylist(store=desk.store, spotify=desk.spotify)
        asyncio.run(missing.let_go(edition))
        edition = desk.store.editions.required(edition_id)
        assert not may_have_a_playlist(edition)
    desk.store.people.change(desk.account.user_id, mode=Mode.DAILY)
    if chosen_again:
        choice = Selection(ranked=(), tracks=TRACKS, summary=SUMMARY, policy="any 1")
        record_choice(desk.store, edition, choice, mode=Mode.DAILY)
    gone = NotThere("spotify", "no such playlist")
    desk.spotify.spoils = lambda call: gone if call == "lines" else None

    edition = desk.publish(edition_id)

    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert (edition.mode, edition.playlist_id) == (Mode.DAILY, "p2")
    assert account.playlist_id is None


def test_two_lists_that_wait_for_the_same_living_playlist_end_in_the_one_that_replaces_it(
    desk: Desk,
) -> None:
    desk.publish(desk.chosen("e1"))
    waiting = []
    for number in (2, 3):
        desk.now += timedelta(minutes=1)
        waiting.append(desk.chosen(f"e{number}", day=20 + number))
    desk.spotify.gone.add("p1")
    for edition_id in waiting:
        fail_to_publish(desk, edition_id)
    desk.now += MISSING_FOR

    ends = [desk.publish(edition_id).playlist_id for edition_id in waiting]

    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert [*ends, account.playlist_id] == ["p2", "p2", "p2"]
    assert list(desk.spotify.playlists) == ["p1", "p2"]


def test_the_next_list_lets_go_of_an_empty_playlist_and_takes_the_one_before_along(
    desk: Desk,
) -> None:
    first = desk.chosen("e1")
    desk.spotify.gone |= {"p1", "p2"}
    fail_to_publish(desk, first)
    desk.now += MISSING_FOR
    fail_to_publish(desk, first)
    second = desk.chosen("e2", day=21)
    fail_to_publish(desk, second)
    desk.now += MISSING_FOR

    edition = desk.publish(second)

    assert edition.playlist_id == "p3"
    assert desk.spotify.removed == ["p1", "p2"]
    assert desk.store.editions.required(first).playlist_id is None


def test_one_no_such_playlist_costs_nobody_their_playlist(desk: Desk) -> None:
    first = desk.publish(desk.chosen("e1"))
    desk.spotify.hidden = 1

    second = desk.publish(desk.chosen("e2", day=21))

    assert second.playlist_id == first.playlist_id
    assert len(desk.spotify.playlists) == 1
    assert desk.naps.taken == [SECOND_LOOK_SECONDS]


def test_a_playlist_that_exists_and_cannot_be_written_is_not_replaced(desk: Desk) -> None:
    first = desk.publish(desk.chosen("e1"))
    desk.spotify.hidden = 99

    with pytest.raises(WriteRefused) as refused:
        desk.publish(desk.chosen("e2", day=21))

    assert failure_of(refused.value).cause is FailureCause.WRITING_REFUSED

    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert account.playlist_id == first.playlist_id
    assert len(desk.spotify.playlists) == 1


def test_a_dead_track_that_spotify_calls_absent_as_it_does_a_playlist_is_left_out(
    desk: Desk,
) -> None:
    first = desk.publish(desk.chosen("e1"))
    desk.spotify.dead, desk.spotify.calls_the_dead_absent = {OTHERS[1].uri}, True

    second = desk.publish(of_others(desk, "e2"))

    assert second.playlist_id == first.playlist_id
    assert desk.spotify.items["p1"] == [OTHERS[0].uri, OTHERS[2].uri]


def test_an_outage_leaves_the_edition_where_it_stands(desk: Desk) -> None:
    edition_id = desk.chosen("e1")

    async def out(*_: object, **__: object) -> str:
        raise ServiceUnavailable("spotify", "down")

    desk.spotify.replace_items = out  # type: ignore[method-assign]
    with pytest.raises(ServiceUnavailable):
        desk.publish(edition_id)

    edition = desk.store.editions.required(edition_id)
    assert edition.state is EditionState.PLAYLIST_MADE
    assert edition.playlist_id == "p1"


def test_a_second_process_that_moves_the_edition_on_is_noticed(desk: Desk) -> None:
    edition_id = desk.chosen("e1")

    def meanwhile(_: str) -> bool:
        desk.store.editions.advance(
            edition_id, EditionState.CHOSEN, EditionState.PLAYLIST_MADE, playlist_id="other"
        )
        return False

    desk.spotify.dies = meanwhile
    with pytest.raises(PublicationLost):
        desk.publish(edition_id)


@pytest.mark.parametrize("call", ["create", "items"])
@pytest.mark.parametrize("mode", Mode)
def test_who_connects_another_account_meanwhile_never_gets_the_former_ones_playlist(
    desk: Desk, mode: Mode, call: str
) -> None:
    person, now = desk.account.user_id, desk.now
    desk.store.people.connect(person, "spotify-anna", "Anna", tokens(now))
    edition_id = desk.chosen("e1", mode=mode)

    def meanwhile(made: str) -> bool:
        if made == call:
            desk.store.people.connect(person, "spotify-other", "Other", tokens(now))
        return False

    desk.spotify.dies = meanwhile
    with pytest.raises(PublicationLost):
        desk.publish(edition_id)

    account, edition = desk.store.people.get(person), desk.store.editions.required(edition_id)
    assert account is not None
    assert account.playlist_id is None
    assert (edition.state, edition.playlist_id) == (EditionState.STARTED, None)


def test_who_disconnects_while_a_playlist_is_made_is_left_without_it(desk: Desk) -> None:
    edition_id = desk.chosen("e1")

    def meanwhile(made: str) -> bool:
        if made == "create":
            desk.store.erasures.disconnect(desk.account.user_id)
        return False

    desk.spotify.dies = meanwhile
    with pytest.raises(PublicationLost):
        desk.publish(edition_id)

    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert account.playlist_id is None


def test_nothing_chosen_is_a_mistake_of_the_caller(desk: Desk) -> None:
    edition = desk.store.editions.open(
        EditionId("e1"),
        desk.account.user_id,
        vibe_date=date(2026, 11, 20),
        occasion="asked:e1",
        kind=EditionKind.DAILY,
        mode=Mode.LIVING,
    )

    with pytest.raises(ValueError, match="nothing chosen"):
        desk.publish(edition.edition_id)


@pytest.mark.parametrize("language", ["en", "ru", "uk", "nl"])
@pytest.mark.parametrize("mode", Mode)
def test_title_and_description_are_in_the_person_s_language(
    desk: Desk, language: str, mode: Mode
) -> None:
    account = desk.store.people.change(desk.account.user_id, language=language)
    edition = desk.store.editions.required(desk.chosen("e1", mode=mode))

    words = wording(account, edition, SUMMARY)

    assert "2026" in words.description
    assert marker(edition) not in words.description
    assert len(words.title) < 100
    assert len(words.description) <= 300


@pytest.mark.parametrize("call", ["create", "details"])
def test_words_that_spotify_refuses_give_way_and_never_cost_the_list(desk: Desk, call: str) -> None:
    desk.store.people.change(desk.account.user_id, own_title="A name nobody may have")
    if call == "details":
        desk.publish(desk.chosen("e0"))
    refused: list[str] = []

    def refuses(called: str) -> Exception | None:
        bearing = [p for p in desk.spotify.playlists.values() if p.name.startswith("A name")]
        if called in {"create", "details"} and bearing:
            refused.append(called)
            if called == "create":
                del desk.spotify.playlists[bearing[0].id]
            return UnexpectedResponse("spotify", "refused (400)")
        return None

    desk.spotify.spoils = refuses

    edition = desk.publish(desk.chosen("e1", day=21))

    assert call in refused
    assert edition.state is EditionState.RECORDED
    assert edition.title == "Your daily vibe"
    assert desk.spotify.playlists["p1"].name == "Your daily vibe"


@pytest.mark.parametrize("mode", Mode)
def test_a_lost_creation_is_found_by_what_it_says_and_another_of_the_same_words_is_not(
    desk: Desk, mode: Mode
) -> None:
    first = desk.publish(desk.chosen("e1", mode=mode))
    desk.store.people.change(desk.account.user_id, playlist_id=None, playlist_url=None)
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(desk.chosen("e2", mode=mode))
    desk.spotify.dies = lambda _: False
    lost = desk.spotify.playlists["p2"]
    escaped = replace(lost, description=(lost.description or "").replace(":", "&#58;"))
    desk.spotify.playlists["p2"] = escaped

    again = desk.publish(EditionId("e2"))

    assert (first.playlist_id, again.playlist_id) == ("p1", "p2")
    assert len(desk.spotify.playlists) == 2


def test_a_playlist_that_a_former_release_made_is_known_by_its_sign(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    sign = marker(desk.store.editions.required(edition_id))
    lost = desk.spotify.playlists["p1"]
    desk.spotify.playlists["p1"] = replace(lost, description=f"20 November: 24 new. {sign}")

    assert desk.publish(edition_id).playlist_id == "p1"
    assert len(desk.spotify.playlists) == 1


def test_repeats_and_holes_are_counted() -> None:
    twice = [chosen(1), replace(chosen(2), uri=chosen(1).uri), chosen(3)]

    assert chosen_twice(twice) == 1
    assert without_uri([replace(chosen(1), uri="")]) == 1
    assert (chosen_twice(TRACKS), without_uri(TRACKS)) == (0, 0)


def test_a_preview_that_is_published_becomes_a_list(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    desk.store.editions.advance(
        edition_id, EditionState.CHOSEN, EditionState.CHOSEN, kind=EditionKind.PREVIEW
    )

    edition_to_publish(desk.store, desk.store.editions.required(edition_id))

    assert desk.store.editions.required(edition_id).kind is EditionKind.DAILY


def test_nothing_chosen_is_nothing_to_publish(desk: Desk) -> None:
    empty = replace(desk.store.editions.required(desk.chosen("e1")), tracks=())

    for edition in (None, empty):
        with pytest.raises(NothingToPublish):
            edition_to_publish(desk.store, edition)


def test_a_dead_track_is_left_out_and_the_counts_say_so(desk: Desk) -> None:
    desk.spotify.dead = {TRACKS[1].uri}

    edition = desk.publish(desk.chosen("e1"))

    assert edition.state is EditionState.RECORDED
    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[2].uri]
    assert [track.position for track in edition.tracks] == [1, 2]
    assert edition.summary is not None
    assert "shorter_than_wished" in edition.summary.notes
    assert edition.summary.new + edition.summary.familiar == 2


@pytest.mark.parametrize("left_at", [EditionState.CHOSEN, EditionState.PLAYLIST_MADE])
def test_what_was_blocked_since_and_has_no_other_in_its_place_is_left_out(
    desk: Desk, left_at: EditionState
) -> None:
    edition_id = desk.chosen("e1")
    left_half_way(desk, edition_id, left_at)
    desk.mender = Remembering()
    block(desk, TRACKS[1])

    edition = desk.publish(edition_id)

    assert desk.spotify.items == {"p1": [TRACKS[0].uri, TRACKS[2].uri]}
    assert [track.position for track in edition.tracks] == [1, 2]
    assert edition.summary is not None
    assert edition.summary.notes == ("shorter_than_wished",)


def test_what_was_blocked_since_is_not_written_before_others_are_chosen(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    desk.mender = LockedOut()
    block(desk, TRACKS[1])

    with pytest.raises(WarehouseLocked):
        desk.publish(edition_id)

    assert desk.spotify.calls == []


def test_a_list_of_nothing_but_what_was_blocked_since_is_refused_in_words(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    for one in TRACKS:
        block(desk, one)

    with pytest.raises(ListRefused) as refused:
        desk.publish(edition_id)

    assert refused.value.cause is FailureCause.EVERYTHING_LEFT_OUT
    assert desk.spotify.items == {}


def block(desk: Desk, one: ChosenTrack) -> None:
    """The person wants never to hear it again."""
    name = f"{one.artist} – {one.title}"
    desk.store.blocks.add(desk.account.user_id, BlockKind.TRACK, one.key, name)


def left_half_way(desk: Desk, edition_id: EditionId, state: EditionState) -> None:
    """The process dies before, or after, there is a playlist."""
    desk.spotify.spoils = lambda _: ServiceUnavailable("spotify", "down")
    with suppress(ServiceUnavailable):
        desk.publish(edition_id)
    desk.spotify.spoils = lambda _: None
    if state is EditionState.PLAYLIST_MADE:
        desk.spotify.dies = lambda call: call == "items"
        with suppress(Killed):
            desk.publish(edition_id)
        desk.spotify.dies = lambda _: False
    assert desk.store.editions.required(edition_id).state is state


@pytest.mark.parametrize("left_at", [EditionState.CHOSEN, EditionState.PLAYLIST_MADE])
def test_a_living_playlist_made_for_the_list_itself_is_filled_whatever_mode_came_since(
    desk: Desk, left_at: EditionState
) -> None:
    edition_id = desk.chosen("e1")
    left_half_way(desk, edition_id, left_at)
    desk.store.people.change(desk.account.user_id, mode=Mode.DAILY)

    edition = desk.publish(edition_id)

    assert desk.spotify.items == {"p1": [track.uri for track in TRACKS]}
    assert edition.mode is Mode.LIVING


def test_one_passing_refusal_leaves_no_track_out(desk: Desk) -> None:
    desk.spotify.refusals = 1

    edition = desk.publish(desk.chosen("e1"))

    assert edition.tracks == TRACKS
    assert desk.spotify.items["p1"] == [track.uri for track in TRACKS]


def test_one_strange_sight_of_a_list_leaves_no_track_out(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    doubted = tuple(replace(one, confirmed=False) for one in TRACKS)
    desk.store.editions.advance(
        edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=doubted
    )
    desk.spotify.sights = [[PlaylistLine(track=None, playable=False)] * 3]
    shown = [replace(track(at), title=TRACKS[at - 1].title) for at in (1, 2, 3)]
    desk.spotify.lines = [PlaylistLine(track=one, playable=True) for one in shown]

    edition = desk.publish(edition_id)

    assert edition.tracks == doubted
    assert desk.spotify.calls.count("lines") == 2


def shown(*numbers: int, playable: bool = True) -> list[PlaylistLine]:
    """A playlist of these tracks, as Spotify shows it; nothing is left of number zero."""
    songs = [replace(track(at), title=f"Song {at}") if at else None for at in numbers]
    return [PlaylistLine(track=song, playable=playable and song is not None) for song in songs]


def doubted(desk: Desk, *numbers: int) -> EditionId:
    """An edition of three tracks, of which these are known by their ids alone."""
    edition_id = desk.chosen("e1")
    tracks = tuple(replace(one, confirmed=one.position not in numbers) for one in TRACKS)
    desk.store.editions.advance(edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=tracks)
    return edition_id


@pytest.mark.parametrize(
    ("unconfirmed", "sight"),
    [
        ((1, 2, 3), shown(0, 0, 0)),
        ((1, 2, 3), shown(1, 2, 3, playable=False)),
        ((1, 2, 3), shown(7, 8, 9)),
        ((2, 3), shown(7, 8, 9)),
        ((3,), shown(7, 2, 9)),
        ((3,), shown(0, 0, 9)),
        ((2,), shown(2, 3)),
        ((2, 3), shown(0, 0, 0)),
    ],
    ids=[
        "nothing is left of any",
        "all are greyed out",
        "another list",
        "another list in the place of something known",
        "another list that shares a track",
        "nothing is left of what is known",
        "another number",
        "nothing is left of any, also known ones",
    ],
)
def test_a_sight_that_is_not_of_the_list_leaves_no_track_out_however_often_it_comes(
    desk: Desk, unconfirmed: tuple[int, ...], sight: list[PlaylistLine]
) -> None:
    desk.mender = mender = Remembering()
    desk.spotify.lines = sight

    edition = desk.publish(doubted(desk, *unconfirmed))

    assert edition.state is EditionState.RECORDED
    assert desk.spotify.items["p1"] == [track.uri for track in TRACKS]
    assert desk.spotify.calls.count("items") == 1
    assert desk.spotify.calls.count("lines") == 2
    assert mender.forgotten == []


def test_one_sight_of_the_former_list_is_followed_by_another_and_that_one_counts(
    desk: Desk,
) -> None:
    desk.mender = mender = Remembering()
    desk.spotify.sights = [shown(7, 8, 9), shown(1, 2, 9)]
    desk.spotify.lines = shown(1, 2)

    desk.publish(doubted(desk, 2, 3))

    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri]
    assert mender.forgotten == [Unusable(mistaken=frozenset({TRACKS[2].spotify_id}))]


def test_where_nothing_is_known_a_mistake_is_looked_at_twice(desk: Desk) -> None:
    desk.mender = mender = Remembering()
    desk.spotify.sights = [shown(1, 2, 9)]
    desk.spotify.lines = shown(1, 2, 3)

    desk.publish(doubted(desk, 1, 2, 3))

    assert desk.spotify.items["p1"] == [track.uri for track in TRACKS]
    assert mender.forgotten == []


def test_what_was_seen_before_the_list_was_changed_is_no_sight_of_the_changed_one(
    desk: Desk,
) -> None:
    other = replace(chosen(4), position=3, confirmed=False)
    desk.mender = mender = Remembering(desk.store, (*TRACKS[:2], other))
    desk.spotify.sights = [shown(1, 2, 9), shown(1, 2, 9)]
    desk.spotify.lines = shown(1, 2, 4)

    desk.publish(doubted(desk, 3))

    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri, other.uri]
    assert len(mender.forgotten) == 1


def test_what_nobody_could_look_at_is_left_out_without_anything_said_against_it(
    desk: Desk,
) -> None:
    desk.store.people.change(desk.account.user_id, leaves_out_explicit=True)
    desk.mender = mender = Remembering()
    desk.spotify.sights = [[*shown(1, 2), PlaylistLine(track=None, playable=True)]]
    desk.spotify.lines = shown(1, 2)

    desk.publish(doubted(desk, 3))

    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri]
    assert mender.forgotten == [Unusable(unseen=frozenset({TRACKS[2].spotify_id}))]


def test_killed_at_every_call_while_dead_tracks_are_looked_for_still_one_whole_list(
    desk: Desk,
) -> None:
    desk.spotify.dead = {TRACKS[0].uri}
    for number in range(1, 9):
        last = len(desk.spotify.calls) + number
        desk.spotify.dies = lambda _, last=last: len(desk.spotify.calls) == last  # type: ignore[misc]
        with suppress(Killed):
            desk.publish(desk.chosen("e1"))

    desk.spotify.dies = lambda _: False
    edition = desk.publish(EditionId("e1"))

    assert list(desk.spotify.playlists) == ["p1"]
    assert desk.spotify.items["p1"] == [TRACKS[1].uri, TRACKS[2].uri]
    assert [track.uri for track in edition.tracks] == desk.spotify.items["p1"]
    assert desk.recorded == ["e1"]


@pytest.mark.parametrize("mode", Mode)
def test_a_list_of_nothing_but_dead_tracks_is_refused_and_leaves_no_empty_playlist(
    desk: Desk, mode: Mode
) -> None:
    desk.spotify.dead = {track.uri for track in TRACKS}

    with pytest.raises(ListRefused):
        desk.publish(desk.chosen("e1", mode=mode))

    assert desk.spotify.removed == ["p1"]
    assert not may_have_a_playlist(desk.store.editions.required(EditionId("e1")))
    desk.spotify.dead.clear()
    assert desk.publish(desk.chosen("e2", mode=mode)).playlist_id == "p2"


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("goes_on_with", ["e1", "e2"])
@pytest.mark.parametrize("removed", [True, False])
def test_killed_at_the_removal_of_an_empty_playlist_the_next_list_is_in_one_that_is_kept(
    desk: Desk, *, mode: Mode, goes_on_with: str, removed: bool
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.dead = {track.uri for track in TRACKS}
    desk.spotify.dies = lambda call: call == "remove"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    desk.spotify.dead.clear()
    if not removed:
        desk.spotify.removed.clear()

    desk.now += DOUBT_FOR
    next_id = edition_id if goes_on_with == "e1" else desk.chosen("e2", mode=mode)
    edition = desk.publish(next_id)

    found_again = not removed and (goes_on_with == "e1" or mode is Mode.LIVING)
    assert edition.playlist_id == ("p1" if found_again else "p2")
    assert edition.playlist_id not in desk.spotify.removed


@pytest.mark.parametrize("mode", Mode)
def test_killed_before_the_removal_of_an_empty_playlist_a_second_refusal_removes_it(
    desk: Desk, mode: Mode
) -> None:
    edition_id = desk.chosen("e1", mode=mode)
    desk.spotify.dead = {track.uri for track in TRACKS}
    desk.spotify.dies = lambda call: call == "remove"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    desk.spotify.removed.clear()
    for one in TRACKS:
        block(desk, one)

    with pytest.raises(ListRefused):
        desk.publish(edition_id)

    assert desk.spotify.removed == ["p1"]
    assert not may_have_a_playlist(desk.store.editions.required(edition_id))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("removed", [True, False])
def test_a_list_written_anew_is_in_a_playlist_that_its_person_has(
    desk: Desk, *, mode: Mode, removed: bool
) -> None:
    written = desk.publish(desk.chosen("e1", mode=mode))
    made_anew = EditionState.PLAYLIST_MADE
    desk.store.editions.advance(written.edition_id, written.state, made_anew)
    if removed:
        desk.spotify.removed.append("p1")
        desk.store.people.change(desk.account.user_id, playlist_id=None, playlist_url=None)

    edition = desk.publish(written.edition_id)

    assert edition.playlist_id == ("p2" if removed else "p1")
    looks = 2 if removed else int(mode is Mode.DAILY)
    assert desk.spotify.calls.count("contains") == looks
    assert desk.spotify.items[edition.playlist_id or ""] == [one.uri for one in TRACKS]
    account = desk.store.people.get(desk.account.user_id)
    assert account is not None
    assert account.playlist_id == (edition.playlist_id if mode is Mode.LIVING else None)


def test_a_list_written_anew_goes_where_it_was_though_the_library_tells_nothing(desk: Desk) -> None:
    written = desk.publish(desk.chosen("e1", mode=Mode.DAILY))
    desk.store.editions.advance(written.edition_id, written.state, EditionState.PLAYLIST_MADE)
    closed = CapabilityAbsent("spotify", "closed", capability="GET /me/library/contains")
    desk.spotify.spoils = lambda call: closed if call == "contains" else None

    assert desk.publish(written.edition_id).playlist_id == "p1"


@pytest.mark.parametrize("also_dead", [0, 1])
def test_where_every_new_track_is_refused_yesterdays_list_stands_again(
    desk: Desk, also_dead: int
) -> None:
    standing = desk.publish(desk.chosen("e1"))
    desk.now += timedelta(days=1)
    edition_id = of_others(desk, "e2")
    gone = {track.uri for track in TRACKS[:also_dead]}
    desk.spotify.dead = {track.uri for track in OTHERS} | gone

    with pytest.raises(ListRefused):
        desk.publish(edition_id)

    left = [track.uri for track in TRACKS[also_dead:]]
    assert desk.spotify.items == {"p1": left}
    assert desk.spotify.removed == []
    latest = desk.store.editions.latest(desk.account.user_id)
    assert latest is not None
    assert latest.edition_id == standing.edition_id
    assert not may_have_a_playlist(desk.store.editions.required(edition_id))


def made_anew(desk: Desk, edition_id: EditionId) -> None:
    """An operator has a list of before chosen again; it comes to other tracks."""
    stands = desk.store.editions.required(edition_id)
    stand_again(desk.store, stands)
    desk.store.editions.advance(
        edition_id, stands.state, EditionState.PLAYLIST_MADE, tracks=OTHERS, summary=SUMMARY
    )
    desk.spotify.dead = {track.uri for track in OTHERS}
    desk.mender = Remembering()


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("lists", [1, 2])
def test_a_list_that_could_not_be_made_anew_stands_as_before(
    desk: Desk, mode: Mode, lists: int
) -> None:
    for number in range(lists):
        stood = desk.publish(desk.chosen(f"e{number}", mode=mode, day=20 + number))
        desk.now += timedelta(days=1)
    words = desk.spotify.playlists[stood.playlist_id or ""]
    made_anew(desk, stood.edition_id)
    desk.store.considered.keep(stood.edition_id, stood.user_id, stood.vibe_date, [])

    with pytest.raises(ListRefused):
        desk.publish(stood.edition_id)

    latest = desk.store.editions.latest(desk.account.user_id)
    assert latest is not None
    assert (latest.edition_id, latest.state) == (stood.edition_id, EditionState.RECORDED)
    assert (latest.tracks, latest.title, latest.undone_at) == (TRACKS, stood.title, None)
    assert desk.spotify.items[words.id] == [track.uri for track in TRACKS]
    assert desk.spotify.playlists[words.id] == words
    assert desk.store.considered.of(stood.edition_id) is None


@pytest.mark.parametrize("overtaken", [True, False])
def test_an_older_list_that_could_not_be_made_anew_stays_behind_the_later_one(
    desk: Desk, *, overtaken: bool
) -> None:
    old = desk.publish(desk.chosen("e1"))
    desk.now += timedelta(days=1)
    later = of_others(desk, "e2")
    desk.publish(later)
    desk.now += timedelta(days=1)
    made_anew(desk, old.edition_id)
    if overtaken:
        desk.now += timedelta(hours=1)
        desk.spotify.dead.clear()
        later = of_others(desk, "e3")
        desk.publish(later)
    else:
        desk.spotify.dead = {TRACKS[0].uri}
        dying = (TRACKS[0],)
        state = EditionState.PLAYLIST_MADE
        desk.store.editions.advance(old.edition_id, state, state, tracks=dying, summary=SUMMARY)

    with pytest.raises(ListRefused):
        desk.publish(old.edition_id)

    standing = desk.store.editions.standing(desk.account.user_id)
    latest = standing[0]
    left = desk.store.editions.required(old.edition_id)
    assert (latest.edition_id, standing[-1].edition_id) == (later, old.edition_id)
    assert (left.state, left.tracks, left.undone_at) == (EditionState.RECORDED, TRACKS, None)
    assert desk.spotify.items == {"p1": [track.uri for track in OTHERS]}
    assert desk.spotify.playlists["p1"].description == latest.description


@pytest.mark.parametrize("known", [True, False])
def test_yesterdays_list_stands_again_without_what_its_person_wants_to_hear_no_more(
    desk: Desk, *, known: bool
) -> None:
    desk.publish(desk.chosen("e1"))
    desk.now += timedelta(days=1)
    edition_id = of_others(desk, "e2")
    desk.spotify.dead = {track.uri for track in OTHERS}
    desk.store.people.change(desk.account.user_id, leaves_out_explicit=True)
    desk.mender = Remembering() if known else None
    songs = [replace(track(at), explicit=at == 2) for at in ((2, 3) if known else (1, 2, 3))]
    desk.spotify.lines = [PlaylistLine(track=song, playable=True) for song in songs]

    with pytest.raises(ListRefused):
        desk.publish(edition_id)

    left = TRACKS[2:] if known else (TRACKS[0], TRACKS[2])
    assert desk.spotify.items == {"p1": [one.uri for one in left]}


class AllExplicit(Remembering):
    """A mender that knows every track of a list to be marked as explicit, or knows nothing."""

    def __init__(self, *, known: bool) -> None:
        super().__init__()
        self.known = known

    def known_marks(self, edition: Edition) -> Mapping[str, bool]:
        return {one.spotify_id: True for one in edition.tracks if self.known}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("anew", [True, False])
def test_a_list_that_is_explicit_throughout_stands_again_as_it_was_and_no_playlist_is_empty(
    desk: Desk, *, known: bool, anew: bool
) -> None:
    standing = desk.publish(desk.chosen("e1"))
    desk.now += timedelta(days=1)
    if anew:
        made_anew(desk, standing.edition_id)
        edition_id = standing.edition_id
    else:
        edition_id = of_others(desk, "e2")
        desk.spotify.dead = {one.uri for one in OTHERS}
    desk.store.people.change(desk.account.user_id, leaves_out_explicit=True)
    desk.mender = AllExplicit(known=known)
    songs = [replace(track(at), explicit=True) for at in (1, 2, 3)]
    desk.spotify.lines = [PlaylistLine(track=song, playable=True) for song in songs]

    with pytest.raises(ListRefused):
        desk.publish(edition_id)

    assert desk.spotify.items == {"p1": [one.uri for one in TRACKS]}
    latest = desk.store.editions.latest(desk.account.user_id)
    assert latest is not None
    assert (latest.edition_id, latest.tracks) == (standing.edition_id, TRACKS)


def test_while_a_list_stands_nobody_sees_the_playlist_empty(desk: Desk) -> None:
    desk.publish(desk.chosen("e1"))
    held: set[int] = set()

    def look(_: str) -> None:
        held.add(len(desk.spotify.items["p1"]))

    desk.spotify.spoils = look
    edition_id = of_others(desk, "e2")
    desk.spotify.dead = {track.uri for track in OTHERS}

    with pytest.raises(ListRefused):
        desk.publish(edition_id)

    assert 0 not in held


def test_a_days_playlist_that_nobody_heard_of_is_removed_where_all_was_blocked_since(
    desk: Desk,
) -> None:
    edition_id = desk.chosen("e1", mode=Mode.DAILY)
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    for one in TRACKS:
        block(desk, one)

    with pytest.raises(ListRefused):
        desk.publish(edition_id)

    assert desk.spotify.removed == ["p1"]


@pytest.mark.parametrize("others", [60, 400])
def test_a_playlist_nobody_heard_of_is_found_behind_many_others_within_a_bound(
    desk: Desk, others: int
) -> None:
    edition_id = desk.chosen("e1", mode=Mode.DAILY)
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    desk.now += DOUBT_FOR
    for number in range(others):
        mine = Playlist(id=f"mine {number}", name="mine", url="u", description="mine")
        desk.spotify.playlists[mine.id] = mine

    edition = desk.publish(edition_id)

    assert (edition.playlist_id == "p1") is (others == 60)
    assert desk.spotify.calls.count("newest") == (2 if others == 60 else 6 + 1 + 1)


def test_the_second_write_of_a_list_is_not_believed_with_the_snapshot_of_the_first(
    desk: Desk,
) -> None:
    edition_id = doubted(desk, 2)
    desk.spotify.lines = shown(1, 7, 3)
    desk.spotify.fixed_snapshot = "the first"

    with pytest.raises(BrokenAnswer):
        desk.publish(edition_id)


def test_where_snapshots_repeat_a_list_counts_as_written_once_it_shows(desk: Desk) -> None:
    desk.spotify.fixed_snapshot = "always the same"
    desk.publish(desk.chosen("e1"))
    desk.spotify.lines = shown(11, 12, 13)

    edition = desk.publish(of_others(desk, "e2"))

    assert edition.state is EditionState.RECORDED
    assert desk.recorded == ["e1", "e2"]


@pytest.mark.parametrize("stands", [True, False])
def test_a_list_written_anew_that_names_its_own_snapshot_is_believed_where_it_shows(
    desk: Desk, *, stands: bool
) -> None:
    written = desk.publish(desk.chosen("e1"))
    again = EditionState.PLAYLIST_MADE
    tracks = TRACKS if stands else OTHERS
    desk.store.editions.advance(
        written.edition_id, EditionState.RECORDED, again, tracks=tracks, summary=SUMMARY
    )
    desk.spotify.fixed_snapshot = written.snapshot_id
    desk.spotify.lines = shown(1, 2, 3)

    if stands:
        assert desk.publish(written.edition_id).state is EditionState.RECORDED
    else:
        with pytest.raises(BrokenAnswer):
            desk.publish(written.edition_id)


OTHERS = tuple(chosen(position) for position in range(11, 14))


def of_others(desk: Desk, name: str) -> EditionId:
    """The next day's list, of other tracks."""
    edition_id = desk.chosen(name, day=21)
    desk.store.editions.advance(edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=OTHERS)
    return edition_id


@pytest.mark.parametrize(
    "address", [f"https://open.spotify.com/track/{'1' * 22}", f"spotify:episode:{'2' * 22}"]
)
def test_a_dead_track_whose_address_is_not_its_ids_is_left_out_like_others(
    desk: Desk, address: str
) -> None:
    edition_id = desk.chosen("e1")
    odd = (*TRACKS[:2], replace(TRACKS[2], uri=address))
    desk.store.editions.advance(edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=odd)
    desk.spotify.dead = {address}

    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri]


def test_a_list_that_is_refused_while_all_its_tracks_are_taken_is_not_written_without_end(
    desk: Desk,
) -> None:
    def whole_is_refused(call: str) -> WriteRefused | None:
        too_many = call == "items" and len(desk.spotify.items["p1"]) == len(TRACKS)
        assert len(desk.spotify.calls) < 100
        return WriteRefused("spotify", "payload refused") if too_many else None

    desk.spotify.spoils = whole_is_refused

    with pytest.raises(WriteRefused):
        desk.publish(desk.chosen("e1"))


def test_an_unconfirmed_track_is_looked_at_and_left_out_when_it_is_another_s(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    doubted = (*TRACKS[:2], replace(TRACKS[2], confirmed=False))
    desk.store.editions.advance(
        edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=doubted
    )
    shown = [replace(track(number), title=TRACKS[number - 1].title) for number in (1, 2, 3)]
    shown[2] = replace(shown[2], artists=("Somebody Else",), title="Another Song")
    desk.spotify.lines = [PlaylistLine(track=one, playable=True) for one in shown]

    desk.publish(edition_id)

    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri]
    assert desk.spotify.calls.count("lines") == 1


def test_what_spotify_marks_as_explicit_is_left_out_for_whoever_wants_none(desk: Desk) -> None:
    desk.store.people.change(desk.account.user_id, leaves_out_explicit=True)
    edition_id = desk.chosen("e1")
    unmarked = (*TRACKS[:1], *(replace(one, confirmed=False) for one in TRACKS[1:]))
    desk.store.editions.advance(
        edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=unmarked
    )
    shown = [replace(track(at), title=TRACKS[at - 1].title, explicit=at == 3) for at in (1, 2, 3)]
    desk.spotify.lines = [PlaylistLine(track=one, playable=True) for one in shown]

    desk.publish(edition_id)

    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri]
    assert desk.spotify.calls.count("lines") == 1


def test_what_nobody_could_look_at_is_left_out_where_nothing_explicit_may_be(desk: Desk) -> None:
    desk.store.people.change(desk.account.user_id, leaves_out_explicit=True)
    edition_id = desk.chosen("e1")
    unmarked = (*TRACKS[:2], replace(TRACKS[2], confirmed=False))
    desk.store.editions.advance(
        edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=unmarked
    )

    desk.publish(edition_id)

    assert desk.spotify.items["p1"] == [TRACKS[0].uri, TRACKS[1].uri]


def test_a_list_is_written_though_what_it_showed_could_not_be_kept(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    doubted = tuple(replace(one, confirmed=False, is_new=True) for one in TRACKS)
    desk.store.editions.advance(
        edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=doubted
    )
    shown = [replace(track(at), title=TRACKS[at - 1].title) for at in (1, 2, 3)]
    desk.spotify.lines = [PlaylistLine(track=one, playable=True) for one in shown]
    desk.mender = LockedOut()

    assert desk.publish(edition_id).state is EditionState.RECORDED


def test_where_spotify_does_not_show_the_list_it_stands_as_it_was_written(desk: Desk) -> None:
    edition_id = desk.chosen("e1")
    desk.store.editions.advance(
        edition_id,
        EditionState.CHOSEN,
        EditionState.CHOSEN,
        tracks=tuple(replace(one, confirmed=False) for one in TRACKS),
    )

    edition = desk.publish(edition_id)

    assert edition.state is EditionState.RECORDED
    assert desk.spotify.items["p1"] == [one.uri for one in TRACKS]
