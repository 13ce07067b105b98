"""A list chosen again while it is published: tracks turned out unusable, or are unwanted by now.

What Spotify refused or greys out is remembered, so that no list holds it again; the edition keeps
all that its replay needs. Finding those tracks is ``refused_tracks``' and ``publish``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.lookup_cache import Lookups
from vibe_pipeline.playlists.build import replayed
from vibe_pipeline.playlists.edition_inputs import (
    PolicyUnknown,
    Wishes,
    policy_named,
    pools_from,
    request_from,
    with_present_wishes,
    without,
)
from vibe_pipeline.playlists.edition_record import SelectionRecord, record_choice
from vibe_pipeline.playlists.explicit_tracks import known_marks
from vibe_pipeline.playlists.recommendation_history import published_before, slice_of
from vibe_pipeline.playlists.resolve import forget_labs_ids
from vibe_pipeline.playlists.selection_summary import stale_parts_told, with_stale_parts
from vibe_pipeline.playlists.unusable_tracks import Unusable
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.policy import Policy
from vibe_pipeline.records import ChosenTrack, Pool, Ranked, Track
from vibe_pipeline.sources.answers import (
    LABS_RECORDINGS,
    LABS_SPOTIFY_IDS,
    SPOTIFY_EXPLICIT,
    UNUSABLE_IDS,
)
from vibe_pipeline.sources.artist_pages import remember_tracks
from vibe_pipeline.warehouse import EditionInputs, Tables, Warehouse

_GONE, _GREYED_OUT = "gone", "greyed out"
"""Stored beside an id."""
GREYED_OUT_DAYS = 30
"""What cannot be played here may come back, and others may live elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondChoice:
    """Chooses an edition again out of what it was chosen from."""

    store: AccountStore
    database: Warehouse
    now: Callable[[], datetime]

    def forget(self, edition: Edition, unusable: Unusable) -> None:
        """Remember for everybody what not to use, and where labs was wrong."""
        with self.database.open() as tables:
            resolved = tables.selections.resolved(
                edition.user_id, edition.edition_id, on=edition.vibe_date
            )
            tables.library.grey_out(edition.user_id, unusable.unplayable, seen_at=self.now())
            lookups = tables.cached_lookups(now=self.now)
            UNUSABLE_IDS.remember(lookups, dict.fromkeys(unusable.gone, _GONE))
            greyed = dict.fromkeys(unusable.greyed_out, _GREYED_OUT)
            UNUSABLE_IDS.remember(lookups, greyed, days=GREYED_OUT_DAYS)
            SPOTIFY_EXPLICIT.remember(lookups, dict.fromkeys(unusable.explicit, True))
            wrong = unusable.ids - unusable.explicit - unusable.unseen
            _forget_what_labs_named(lookups, resolved, wrong)
            lookups.keep()

    def heed(self, edition: Edition) -> bool:
        """Choose again if the person blocked something since, or wants nothing explicit by now.

        False where nothing of that changed, or there is no other choice.
        """
        with self.database.open() as tables:
            place = slice_of(edition)
            inputs = tables.selections.inputs(place.user_id, place.edition_id, on=place.vibe_date)
            if inputs is None or self._as_wished_now(tables, edition, inputs) == inputs:
                return False
        return self.choose_again(edition, ())

    def choose_again(
        self, edition: Edition, besides: Collection[str], *, only: Collection[str] | None = None
    ) -> bool:
        """Put a choice without these ids into the ledger; false when there is none.

        Only what was looked up for the edition stands in: nobody is asked anything. ``only``: of
        tracks that are known by their id alone, these and no others. What the person blocked
        since stands in for nothing.
        """
        with self.database.open() as tables:
            basis = self._basis(tables, edition, besides, only)
        if basis is None:
            return False
        selection = replayed(basis.request, basis.pools, basis.then, basis.policy)
        if not selection.tracks:
            return False
        record = SelectionRecord.of(slice_of(edition), basis.inputs, selection, basis.pools)
        with self.database.open() as tables:
            record.keep(tables)
        stale = [] if edition.summary is None else stale_parts_told(edition.summary)
        told = with_stale_parts(selection, stale)
        record_choice(self.store, edition, told, mode=edition.mode)
        return True

    def _basis(
        self,
        tables: Tables,
        edition: Edition,
        besides: Collection[str],
        only: Collection[str] | None,
    ) -> _Basis | None:
        place = slice_of(edition)
        inputs = tables.selections.inputs(place.user_id, place.edition_id, on=place.vibe_date)
        if inputs is None:
            return None
        wished = self._as_wished_now(tables, edition, inputs)
        return _read_basis(tables, edition, wished, besides, only, now=self.now())

    def _as_wished_now(
        self, tables: Tables, edition: Edition, inputs: EditionInputs
    ) -> EditionInputs:
        account = self.store.people.get(edition.user_id)
        if account is None:
            return inputs
        wishes = Wishes.of(self.store, edition.user_id)
        return with_present_wishes(tables, account, wishes, inputs, now=self.now())

    def marked(self, marks: Mapping[str, bool]) -> None:
        """Keep by Spotify id which tracks are marked explicit."""
        lookups = self.database.lookups(now=self.now)
        SPOTIFY_EXPLICIT.remember(lookups, marks)
        lookups.keep()

    def known_marks(self, edition: Edition) -> dict[str, bool]:
        """By Spotify id which tracks of a list are known to be marked explicit, or not to be."""
        return known_marks(self.database, edition, now=self.now())

    def published_before(self, edition: Edition) -> tuple[ChosenTrack, ...]:
        """What the list held when it stood in its playlist, if it did and was not taken back."""
        return published_before(self.database, edition)

    def confirmed(self, tracks: Iterable[Track]) -> None:
        """Keep what Spotify showed of tracks that were known by their ids alone."""
        lookups = self.database.lookups(now=self.now)
        remember_tracks(lookups, list(tracks))
        lookups.keep()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Basis:
    """What an edition is chosen again from; read at once, so that the file is free meanwhile."""

    inputs: EditionInputs
    policy: Policy
    request: ListRequest
    pools: Sequence[Pool]
    then: Sequence[Ranked]


def _read_basis(
    tables: Tables,
    edition: Edition,
    inputs: EditionInputs,
    besides: Collection[str],
    only: Collection[str] | None,
    *,
    now: datetime,
) -> _Basis | None:
    """All of it without the tracks that may not be used; ``None`` where it cannot be repeated."""
    place = slice_of(edition)
    lookups = tables.cached_lookups(now=lambda: now)
    marks = SPOTIFY_EXPLICIT.known(lookups, sorted(besides))
    explicit = {spotify_id for spotify_id, marked in marks.items() if marked}
    inputs = without(inputs, besides, explicit=explicit)
    try:
        policy = policy_named(inputs.policy)
    except PolicyUnknown:
        return None
    pools = pools_from(tables, place, inputs)
    then = tables.selections.ranked(
        place.user_id, place.edition_id, on=place.vibe_date, pools=pools
    )
    return _Basis(
        inputs=inputs,
        policy=policy,
        request=request_from(tables, place, inputs),
        pools=pools,
        then=[
            entry
            if _stands(entry, besides, only) or _is_one_of(entry, explicit)
            else replace(entry, track=None, dropped=None)
            for entry in then
        ],
    )


def _is_one_of(entry: Ranked, spotify_ids: Collection[str]) -> bool:
    return entry.track is not None and entry.track.spotify_id in spotify_ids


def _stands(entry: Ranked, besides: Collection[str], only: Collection[str] | None) -> bool:
    """Whether the track found for a candidate may be used."""
    track = entry.track
    if track is None:
        return True
    known = only is None or bool(track.artist_ids) or track.spotify_id in only
    return known and track.spotify_id not in besides


def _forget_what_labs_named(
    lookups: Lookups, resolved: Iterable[Ranked], spotify_ids: Collection[str]
) -> None:
    candidates = [
        entry.candidate
        for entry in resolved
        if entry.track is not None and entry.track.spotify_id in spotify_ids
    ]
    named = LABS_RECORDINGS.known(lookups, [c.key for c in candidates if not c.mbid])
    mbids = [mbid for c in candidates if (mbid := c.mbid or named.get(c.key))]
    told = LABS_SPOTIFY_IDS.known(lookups, mbids)
    forget_labs_ids(lookups, [mbid for mbid in mbids if told.get(mbid) in spotify_ids])
