"""Publishing: from chosen tracks to a playlist on Spotify, safe against dying anywhere.

The ledger row of the edition moves on after each step that Spotify has confirmed. Writing items
may be repeated; making a playlist may not, so what it says of itself is noted first and tells ours
apart (``own_playlists``). Words that Spotify refuses give way to plainer ones. A list with tracks
that turn out unusable, or that its person blocked since, is chosen again (``second_choice``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, Unpack

from vibe_pipeline.accounts.messages import Message
from vibe_pipeline.accounts.records import (
    Block,
    Edition,
    EditionFacts,
    EditionKind,
    EditionState,
    FailureCause,
    PlaylistAttempt,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import (
    NotThere,
    ServiceError,
    UnexpectedResponse,
    WriteRefused,
)
from vibe_pipeline.clients.rate_limiter import Sleep
from vibe_pipeline.playlists import ledger_step
from vibe_pipeline.playlists.failures import ListRefused
from vibe_pipeline.playlists.failures import refusal as list_refused
from vibe_pipeline.playlists.kept_playlist import is_kept
from vibe_pipeline.playlists.mending import ListMender, Mending, shortened
from vibe_pipeline.playlists.missing_playlist import (
    MissingPlaylist,
    still_there,
    unmake,
)
from vibe_pipeline.playlists.playlist_creation import CreatingClient, PlaylistCreation
from vibe_pipeline.playlists.playlist_writes import (
    ItemsClient,
    WordsClient,
    playlist_of,
    say_on,
    standing_beside,
)
from vibe_pipeline.playlists.read_back import (
    LinesClient,
    read_back,
    see_that_it_shows,
    shows_mostly,
)
from vibe_pipeline.playlists.refused_list import RefusedList
from vibe_pipeline.playlists.run_edition import follows_mode
from vibe_pipeline.playlists.unusable_tracks import (
    Shown,
    Unusable,
    confirmed_tracks,
    explicit_marks,
    unusable_tracks,
)
from vibe_pipeline.playlists.wording import Wording, plain_wording, summary_of, wording
from vibe_pipeline.ranking.recording_match import credited
from vibe_pipeline.records import ChosenTrack, EditionId, Mode
from vibe_pipeline.taste.feedback import Feedback, feedback_of
from vibe_pipeline.warehouse import WarehouseError

log = logging.getLogger(__name__)

_TO_WRITE = frozenset({EditionState.CHOSEN, EditionState.PLAYLIST_MADE})
_SECOND_CHOICES = 3
"""So often others are chosen in the place of unusable tracks; then the list becomes shorter."""
_REFUSALS_BORNE = 1
"""So often a playlist that exists may be called absent before what is written is blamed."""
ANOTHER_TRY_SECONDS = 1.0
"""So long after a refusal the same is tried again, before a track is blamed."""


class PlaylistClient(CreatingClient, ItemsClient, LinesClient, WordsClient, Protocol):
    """The part of Spotify this room asks."""

    async def playlist_exists(self, playlist_id: str) -> bool: ...
    async def library_contains(self, uris: Sequence[str]) -> dict[str, bool]: ...


class NothingToPublish(Exception):
    """No list has been chosen; there is nothing to write."""


def edition_to_publish(
    store: AccountStore, edition: Edition | None, *, on_purpose: bool = False
) -> Edition:
    """The edition whose chosen tracks are to be written; a preview becomes a list by this.

    ``on_purpose``: somebody has it written now, whatever came after it was begun. That and a
    preview count as put back where a later list stands.

    Raises ``NothingToPublish`` when nothing has been chosen yet, or not since it was taken back.
    """
    if edition is None or not edition.tracks:
        raise NothingToPublish
    if edition.undone_at is not None and edition.state is EditionState.RECORDED:
        raise NothingToPublish
    if edition.kind is EditionKind.PREVIEW:
        store.editions.advance(
            edition.edition_id, edition.state, edition.state, kind=EditionKind.DAILY
        )
        on_purpose = True
    if on_purpose and edition.state in _TO_WRITE:
        if edition.undone_at is not None:
            store.editions.put_back(edition.edition_id)
        else:
            stand_again(store, edition)
    return edition


def _not_announced(_: Edition) -> None:
    """Somebody waits for it in the chat, or nobody at all."""


def stand_again(store: AccountStore, edition: Edition) -> None:
    """Have it count as put back from now on, where a later list stands in its playlist.

    Done as soon as it is chosen on purpose: whoever goes on with it knows of no purpose.
    """
    if store.editions.later_stands(edition):
        store.editions.put_back(edition.edition_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Moves one edition from chosen to recorded, from wherever it stands.

    ``record`` keeps list and history in the warehouse; it must be safe to repeat. ``announced``
    gives what its person is told as soon as it is recorded, with that or not at all. ``public`` is
    passed on, and Spotify may ignore it. Without a ``mender`` unusable tracks are left out.
    ``restored_at``: a backup took the place of the stores then, so that who was known before may
    have a playlist that the account store knows nothing of.
    """

    store: AccountStore
    spotify: PlaylistClient
    record: Callable[[Edition], None]
    announced: Callable[[Edition], Message | None] = _not_announced
    public: bool = False
    sleep: Sleep = asyncio.sleep
    mender: ListMender | None = None
    restored_at: datetime | None = None

    async def publish(self, edition_id: EditionId) -> Edition:
        """The edition once it is recorded; a recorded one costs nothing.

        Two calls to Spotify as a rule, one more to look for a playlist that may exist already, and
        one to look at tracks that were known by their ids alone.

        Raises:
            PublicationLost: another process moved the edition on meanwhile; publish again.
            ServiceError: Spotify did not confirm a step; the ledger stands where it was confirmed
                last, and publishing again goes on from there.
            PlaylistMissing: the playlist is not there; publishing again ten minutes later makes
                another, if it is not there then either; once until the list is recorded.
            ListRefused: not one of the tracks can be written, nor any other; or a later list
                stands in the playlist.
            ValueError: nothing has been chosen for this edition yet.
        """
        refused, mending = 0, Mending()
        while True:
            edition = self.store.editions.required(edition_id)
            if edition.state is EditionState.RECORDED:
                return edition
            try:
                await self._step(edition, mending)
            except NotThere:
                if edition.state is not EditionState.PLAYLIST_MADE:
                    raise
                if not await self._gone(edition):
                    writes = mending.writes_to(self.store, self.spotify, edition)
                    if writes.surely_there:
                        raise
                    refused += 1
                    writes.surely_there = refused > _REFUSALS_BORNE
                else:
                    missing = MissingPlaylist(store=self.store, spotify=self.spotify)
                    missing.see_that_it_stays_away(edition)
                    if edition.attempt is PlaylistAttempt.REPLACEMENT:
                        raise
                    await missing.let_go(edition)
            except ListRefused as refusal:
                left = self.store.editions.required(edition_id)
                await self._refused_list(mending).clear_up(left, refusal)
                raise

    async def _gone(self, edition: Edition) -> bool:
        """Whether the playlist is gone: one "no such thing" alone has been wrong before."""
        return not await still_there(self.spotify, playlist_of(edition), sleep=self.sleep)

    async def _step(self, edition: Edition, mending: Mending) -> None:
        if self.store.editions.overtaken(edition):
            raise list_refused(FailureCause.OVERTAKEN)
        if edition.state in _TO_WRITE and await self._heeded(edition, mending):
            return
        match edition.state:
            case EditionState.CHOSEN:
                await self._find_or_make(edition)
            case EditionState.PLAYLIST_MADE:
                await self._write(edition, mending)
            case EditionState.ITEMS_WRITTEN:
                if edition.description is None and not self.store.editions.later_stands(edition):
                    await self._reword(edition)
                alone = await self._is_alone(edition)
                self.record(edition)
                ledger_step.advance(
                    self.store,
                    edition,
                    EditionState.RECORDED,
                    tell=self.announced(edition),
                    attempt=PlaylistAttempt.FIRST if alone else PlaylistAttempt.ANOTHER,
                )
            case _:
                raise ValueError(f"edition {edition.edition_id} has nothing chosen yet")

    async def _is_alone(self, edition: Edition) -> bool:
        """Whether no playlist made before this one stays behind; else it may show only later.

        The list counts as written without that: ``leftover_playlists`` looks again.
        """
        if edition.attempt is PlaylistAttempt.FIRST:
            return True
        try:
            removed = await self.remove_left_behind(edition)
        except ServiceError as error:
            log.warning("a playlist made before this one may be left behind: %s", error)
            return False
        return removed or edition.attempt is PlaylistAttempt.REPLACEMENT

    async def remove_left_behind(self, edition: Edition) -> bool:
        """Take what an earlier attempt made, and nobody filled, away; whether it was there."""
        return await self._creation.remove_left_behind(edition)

    async def _heeded(self, edition: Edition, mending: Mending) -> bool:
        """Whether the list had to change, for what its person said since it was chosen."""
        account = self.store.people.required(edition.user_id)
        if follows_mode(edition, account) and not await self._stays(edition, mending):
            self._follow(account.mode, edition)
            return True
        if mending.heeded:
            return False
        mending.heeded = True
        blocks = self.store.blocks.list(edition.user_id)
        lately = any(block.created_at >= edition.created_at for block in blocks)
        asked = self.mender is not None and (lately or account.leaves_out_explicit)
        if asked and self.mender is not None and self.mender.heed(edition):
            return True
        blocked = _blocked(edition, blocks)
        if blocked:
            self._leave_out(edition, blocked)
        return bool(blocked)

    async def _stays(self, edition: Edition, mending: Mending) -> bool:
        """Whether it was written to the living playlist and nobody heard: then it stays there."""
        if edition.playlist_id is not None and not mending.stays:
            size = len(edition.tracks)
            lines = await self.spotify.playlist_lines(edition.playlist_id, written=size)
            mending.stays = shows_mostly(lines, edition.tracks)
        return mending.stays

    def _follow(self, mode: Mode, edition: Edition) -> None:
        """The list goes to another playlist; the living one stays as it is meanwhile."""
        self._advance(
            edition,
            EditionState.CHOSEN,
            mode=mode,
            playlist_id=None,
            playlist_url=None,
            marker=None,
            attempt=PlaylistAttempt.FIRST,
            attempted_at=None,
        )

    async def _find_or_make(self, edition: Edition) -> None:
        account = self.store.people.required(edition.user_id)
        playlist_id, url = account.playlist_id, account.playlist_url
        if edition.mode is not Mode.LIVING or playlist_id is None:
            made = await self._creation.playlist_for(edition, account)
            playlist_id, url = made.id, made.url
        self._advance_in(
            edition, EditionState.PLAYLIST_MADE, playlist_id=playlist_id, playlist_url=url
        )

    def _refused_list(self, mending: Mending) -> RefusedList:
        return RefusedList(
            store=self.store,
            spotify=self.spotify,
            creation=self._creation,
            mending=mending,
            mender=self.mender,
            sleep=self.sleep,
        )

    @property
    def _creation(self) -> PlaylistCreation:
        return PlaylistCreation(
            store=self.store,
            spotify=self.spotify,
            public=self.public,
            sleep=self.sleep,
            restored_at=self.restored_at,
        )

    async def _write(self, edition: Edition, mending: Mending) -> None:
        """Put the tracks in place; the words too, when the playlist says others.

        What is written is recorded as written, whatever becomes of the words: without a
        description in the ledger they are still to come. The edition stays where it stands when
        some tracks are unusable: then it has others by now.
        """
        if await self._was_removed(edition, mending):
            unmake(self.store, edition)
            return
        words = wording(self.store.people.required(edition.user_id), edition, summary_of(edition))
        standing = self._standing_words(edition)
        uris = [track.uri for track in edition.tracks]
        try:
            snapshot = await self._written(edition, uris, mending)
        except WriteRefused as refusal:
            writes = mending.writes_to(self.store, self.spotify, edition)
            tried = mending.refused(writes, _uris_of(standing_beside(self.store, edition)))
            await tried.look_among([track.uri for track in _alike_together(edition)], refusal)
            gone, untold = _ids_of(edition, tried.bad), _ids_of(edition, tried.untold)
            self._mend(edition, Unusable(gone=gone, untold=untold), mending)
            return
        unusable = await self._looked_over(edition, mending)
        if unusable.ids:
            self._mend(edition, unusable, mending)
            return
        self._advance_in(
            edition,
            EditionState.ITEMS_WRITTEN,
            playlist_id=edition.playlist_id,
            playlist_url=edition.playlist_url,
            title=words.title,
            description=words.description if words == standing else None,
            snapshot_id=snapshot,
        )

    async def _was_removed(self, edition: Edition, mending: Mending) -> bool:
        """Whether the playlist it was written to before is in its person's library no more.

        Asked once, and not of the one where their lists stand: an undo leads these elsewhere before
        it removes anything. What is not answered counts as kept.
        """
        account = self.store.people.required(edition.user_id)
        living = account.playlist_id if edition.mode is Mode.LIVING else None
        playlist_id = playlist_of(edition)
        if edition.snapshot_id is None or playlist_id == living or mending.looked_for_it:
            return False
        mending.looked_for_it = True
        try:
            return not await is_kept(self.spotify, playlist_id, sleep=self.sleep)
        except ServiceError as error:
            log.warning("could not ask whether a playlist is still kept: %s", error)
            return False

    async def _written(self, edition: Edition, uris: Sequence[str], mending: Mending) -> str:
        """The snapshot; one refusal alone blames no track.

        What the list itself was called when it held others, or the same, says nothing: then what
        stands there is looked at.
        """
        writes = mending.writes_to(self.store, self.spotify, edition)
        try:
            snapshot = await writes.write(uris)
        except WriteRefused:
            await self.sleep(ANOTHER_TRY_SECONDS)
            snapshot = await writes.write(uris)
        if snapshot == edition.snapshot_id:
            await see_that_it_shows(
                self.spotify, writes.playlist_id, edition.tracks, sleep=self.sleep
            )
        return snapshot

    async def _reword(self, edition: Edition) -> None:
        """Have the playlist say what it holds; where that fails, the next list tries again."""
        account = self.store.people.required(edition.user_id)
        words = wording(account, edition, summary_of(edition))
        try:
            await say_on(self.spotify, edition, words)
        except UnexpectedResponse as error:
            log.warning("a playlist is to have plainer words: %s", error)
            words = plain_wording(account, edition)
            try:
                await say_on(self.spotify, edition, words)
            except ServiceError as error_too:
                log.warning("a playlist keeps its former words: %s", error_too)
                return
        except ServiceError as error:
            log.warning("a playlist keeps its former words: %s", error)
            return
        self._advance(edition, edition.state, title=words.title, description=words.description)

    async def _looked_over(self, edition: Edition, mending: Mending) -> Unusable:
        """What Spotify shows of a list that holds unconfirmed tracks; none when it cannot tell.

        Where the person wants nothing explicit, what nobody could look at is left out.
        """
        known = mending.shown | {track.spotify_id for track in edition.tracks if track.confirmed}
        if all(track.spotify_id in known for track in edition.tracks):
            return Unusable()
        clean = self.store.people.required(edition.user_id).leaves_out_explicit
        pairs = await self._sight(edition, known, mending)
        if not pairs:
            unseen = {track.spotify_id for track in edition.tracks} - known
            return Unusable(unseen=frozenset(unseen) if clean else frozenset())
        self._keep_confirmed(pairs, clean=clean)
        unusable = unusable_tracks(pairs, clean=clean)
        mending.saw(pairs, unusable)
        return unusable

    async def _sight(self, edition: Edition, known: Collection[str], mending: Mending) -> Shown:
        """Each track with what Spotify shows in its place; nothing when it cannot tell."""
        try:
            return await read_back(
                self.spotify,
                playlist_of(edition),
                edition.tracks,
                known=known,
                sleep=self.sleep,
                former=mending.former_lines,
            )
        except ServiceError as error:
            log.warning("could not look over the list: %s", error)
            return []

    def _keep_confirmed(self, pairs: Shown, *, clean: bool) -> None:
        """A help for later lists: what was written counts as written without it too."""
        if self.mender is None:
            return
        try:
            self.mender.confirmed(confirmed_tracks(pairs))
            if clean:
                self.mender.marked(explicit_marks(pairs))
        except WarehouseError as error:
            log.warning("what Spotify showed of a list is not kept: %s", error)

    def _mend(self, edition: Edition, unusable: Unusable, mending: Mending) -> None:
        """Choose others in their place; leave them out when that was done often enough."""
        mending.second_choices += 1
        log.warning("%s tracks of the list are unusable", len(unusable.ids))
        if self.mender is not None:
            self.mender.forget(edition, unusable)
            only = None if mending.second_choices == 1 else mending.good
            often_enough = mending.second_choices > _SECOND_CHOICES
            if not often_enough and self.mender.choose_again(edition, unusable.ids, only=only):
                return
        self._leave_out(edition, unusable.ids)

    def _leave_out(self, edition: Edition, spotify_ids: Collection[str]) -> None:
        left = [track for track in edition.tracks if track.spotify_id not in spotify_ids]
        if not left:
            raise list_refused(FailureCause.EVERYTHING_LEFT_OUT)
        if len(left) == len(edition.tracks):
            raise WriteRefused("spotify", "a list is refused as a whole, and none of its tracks")
        tracks = tuple(replace(track, position=at) for at, track in enumerate(left, start=1))
        self._advance(
            edition,
            edition.state,
            tracks=tracks,
            summary=shortened(summary_of(edition), tracks),
        )
        self.store.considered.forget(edition.edition_id)  # it has those left out on the list

    def _standing_words(self, edition: Edition) -> Wording | None:
        """What the playlist says now, as far as we wrote it."""
        if edition.attempt_noted:
            return Wording(title=edition.title or "", description=edition.description or "")
        for other in self.store.editions.standing(edition.user_id):
            if other.playlist_id == edition.playlist_id and other.is_written and other.title:
                return Wording(title=other.title, description=other.description or "")
        return None

    def _advance(
        self, edition: Edition, state: EditionState, **facts: Unpack[EditionFacts]
    ) -> None:
        ledger_step.advance(self.store, edition, state, **facts)

    def _advance_in(
        self, edition: Edition, state: EditionState, **facts: Unpack[EditionFacts]
    ) -> None:
        ledger_step.advance_with_playlist(self.store, edition, state, **facts)


def chosen_twice(tracks: Sequence[ChosenTrack]) -> int:
    """How many tracks of a list repeat an earlier one, by recording or by id."""
    keys = len(tracks) - len({track.key for track in tracks})
    ids = len(tracks) - len({track.uri for track in tracks})
    return max(keys, ids)


def without_uri(tracks: Sequence[ChosenTrack]) -> int:
    """How many chosen tracks could not be written to a playlist."""
    return sum(not track.uri.startswith("spotify:track:") for track in tracks)


def _uris_of(edition: Edition | None) -> list[str]:
    return [] if edition is None else [track.uri for track in edition.tracks]


def _ids_of(edition: Edition, uris: Collection[str]) -> frozenset[str]:
    """The ids of the tracks of a list that have these addresses."""
    return frozenset(track.spotify_id for track in edition.tracks if track.uri in uris)


def _blocked(edition: Edition, blocks: Iterable[Block]) -> frozenset[str]:
    """The ids of what is blocked on a list, as far as its own lines tell."""
    barred = Feedback.of(feedback_of(blocks, ())[0], ())
    return frozenset(
        track.spotify_id
        for track in edition.tracks
        if track.key in barred.blocked_tracks
        or not barred.blocked_artists.isdisjoint(
            {track.artist_key, *credited(track.artist, track.title)}
        )
    )


def _alike_together(edition: Edition) -> list[ChosenTrack]:
    """The doubted first, then new ones, then familiar ones: what is bad mostly lies together."""
    return sorted(edition.tracks, key=lambda track: (track.confirmed, not track.is_new))
