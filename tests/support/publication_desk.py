"""One person's ledger and playlists, for stories of publishing: who dies, what is spoiled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from tests.support.accounts_site import KEY
from tests.support.blank_accounts import set_up_store
from tests.support.outside_world import Naps
from tests.support.warehouse_examples import chosen, track
from vibe_pipeline.accounts.messages import NightReady
from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionKind,
    EditionState,
    Summary,
)
from vibe_pipeline.accounts.store import AccountStore, open_store
from vibe_pipeline.clients.errors import (
    BrokenAnswer,
    NotThere,
    WriteRefused,
)
from vibe_pipeline.clients.spotify_records import Playlist, PlaylistLine, SpotifyProfile
from vibe_pipeline.playlists.mending import ListMender
from vibe_pipeline.playlists.playlist_creation import DOUBT_FOR
from vibe_pipeline.playlists.publish import (
    Publication,
)
from vibe_pipeline.playlists.unusable_tracks import Unusable
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
        set_up_store(url)
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


def killed_before_it_is_made(desk: Desk, edition_id: EditionId) -> None:
    """The attempt is noted, and never reached Spotify; nobody is in doubt of it any more."""
    desk.spotify.dies = lambda call: call == "create"
    with suppress(Killed):
        desk.publish(edition_id)
    desk.spotify.dies = lambda _: False
    desk.spotify.playlists.clear()
    desk.now += DOUBT_FOR


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


class AllExplicit(Remembering):
    """A mender that knows every track of a list to be marked as explicit, or knows nothing."""

    def __init__(self, *, known: bool) -> None:
        super().__init__()
        self.known = known

    def known_marks(self, edition: Edition) -> Mapping[str, bool]:
        return {one.spotify_id: True for one in edition.tracks if self.known}


OTHERS = tuple(chosen(position) for position in range(11, 14))


def of_others(desk: Desk, name: str) -> EditionId:
    """The next day's list, of other tracks."""
    edition_id = desk.chosen(name, day=21)
    desk.store.editions.advance(edition_id, EditionState.CHOSEN, EditionState.CHOSEN, tracks=OTHERS)
    return edition_id
