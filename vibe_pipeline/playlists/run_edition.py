"""Which edition a run works on: the one its tags name, the one it opens, or none.

Here without Dagster, from what a run tells of itself; what its tags mean is ``runs``', and the
ledger's own rules are the account store's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vibe_pipeline import runs
from vibe_pipeline.accounts.continuation import goes_on, half_made, may_have_a_playlist
from vibe_pipeline.accounts.records import Account, Edition, EditionKind, EditionState
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.nightly import is_over, local_date
from vibe_pipeline.playlists.recommendation_history import slice_of
from vibe_pipeline.records import EditionId, Mode
from vibe_pipeline.warehouse import Slice


@dataclass(frozen=True, slots=True, kw_only=True)
class RunIdentity:
    """What a run tells of itself.

    ``kind`` is of the list the run makes, ``None`` when it makes none; ``publishes`` says whether
    it writes a playlist. A retried run has another ``run_id`` and the same root.
    """

    run_id: str
    root_run_id: str | None
    tags: Mapping[str, str]
    kind: EditionKind | None
    publishes: bool

    @property
    def root(self) -> EditionId:
        """The edition this run would open."""
        return runs.root_edition(self.run_id, self.root_run_id)


class EditionUnknown(LookupError):
    """The run's tags name an edition that is not this person's."""


def edition_for(
    store: AccountStore, account: Account, run: RunIdentity, *, now: datetime
) -> Edition | None:
    """The edition to work on; opened in the ledger when the run makes a list.

    A run that only publishes takes the newest list whose tracks are chosen: no preview, for that is
    published by name, nor what was taken back.

    Raises ``EditionUnknown``.
    """
    named = runs.named_edition(run.tags)
    if named is not None:
        edition = store.editions.get(named)
        if edition is None or edition.user_id != account.user_id:
            raise EditionUnknown(f"{account.user_id} has no edition {named}.")
        return edition
    if run.kind is not None:
        return open_edition(store, account, run, run.kind, now=now)
    if not run.publishes:
        return None
    history = store.editions.history(account.user_id)
    return next((edition for edition in history if _is_to_stand(edition)), None)


def _is_to_stand(edition: Edition) -> bool:
    daily = edition.kind is EditionKind.DAILY
    return daily and edition.undone_at is None and bool(edition.tracks)


def is_only_looked_at(run: RunIdentity, edition: Edition) -> bool:
    """Whether the run would choose anew what stands in a playlist, and not write it there."""
    return edition.is_written and not run.publishes


def as_preview(run: RunIdentity, edition: Edition) -> RunIdentity:
    """The run as one that makes a preview of its own, for the day of this edition.

    What is in a playlist keeps its tracks, and all that was kept of how it was made.
    """
    tags = {runs.VIBE_DATE: edition.vibe_date.isoformat()}
    return RunIdentity(
        run_id=run.run_id, root_run_id=None, tags=tags, kind=EditionKind.PREVIEW, publishes=False
    )


def unfinished_before(
    store: AccountStore, account: Account, run: RunIdentity, *, now: datetime
) -> Edition | None:
    """The list of this day that an earlier run left unfinished, for a run that was asked for.

    It goes on with that one instead of beginning another: there may be a playlist already. One
    run per person at a time (``runs.PERSON``), so no living run works on it. Where a later list
    stands in the playlist, the one before it is over.
    """
    if run.kind is not EditionKind.DAILY or runs.OCCASION in run.tags:
        return None
    vibe_date = runs.vibe_date_of(run.tags) or local_date(account, now)
    return next(
        (
            edition
            for edition in store.editions.of_day(account.user_id, vibe_date)
            if (goes_on(edition) or may_have_a_playlist(edition))
            and _fits_mode(edition, account)
            and not store.editions.later_stands(edition)
        ),
        None,
    )


def begun_too_late(store: AccountStore, account: Account, edition: Edition) -> bool:
    """Whether a night's run came to its turn when a later list had taken its place.

    It waited in the queue while another day's list was made, or until the night was over. What was
    begun in time goes on, however long that takes.
    """
    of_a_night = edition.occasion == runs.nightly_occasion(edition.vibe_date)
    if not of_a_night or edition.state is not EditionState.STARTED:
        return False
    begun_at = edition.created_at
    today = local_date(account, begun_at)
    return is_over(account, edition.vibe_date, begun_at) or any(
        edition.vibe_date < other.vibe_date <= today and other.created_at <= begun_at
        for other in store.editions.standing(account.user_id, limit=10)
    )


def _fits_mode(edition: Edition, account: Account) -> bool:
    """Whether it goes where its person has lists by now, or has a playlist of its own half made."""
    if edition.mode is account.mode or follows_mode(edition, account):
        return True
    own = edition.mode is Mode.DAILY and edition.snapshot_id is None
    return own and half_made(edition)


def follows_mode(edition: Edition, account: Account) -> bool:
    """Whether its person has lists in the other way by now, and nothing was made for this one.

    What may have made a playlist goes on in it: it holds nothing else.
    """
    waits = edition.state in {EditionState.CHOSEN, EditionState.PLAYLIST_MADE}
    nothing_of_it = waits and not edition.attempt_noted and edition.snapshot_id is None
    in_none = edition.playlist_id is None or edition.mode is Mode.LIVING
    return edition.mode is not account.mode and nothing_of_it and in_none


def open_edition(
    store: AccountStore, account: Account, run: RunIdentity, kind: EditionKind, *, now: datetime
) -> Edition:
    """The ledger's row for the list this run makes; the occasion's own, if it has one already."""
    return store.editions.open(
        run.root,
        account.user_id,
        vibe_date=runs.vibe_date_of(run.tags) or local_date(account, now),
        occasion=runs.occasion_of(run.tags, run.root),
        kind=kind,
        mode=account.mode,
    )


def slice_for(
    account: Account, run: RunIdentity, edition: Edition | None, *, now: datetime
) -> Slice:
    """Which rows of the warehouse the run writes: its edition's, or its own without one."""
    if edition is None:
        vibe_date = runs.vibe_date_of(run.tags) or local_date(account, now)
        return Slice(user_id=account.user_id, vibe_date=vibe_date, edition_id=run.root)
    return slice_of(edition)


def silently_failed(
    store: AccountStore, account: Account, run: RunIdentity, *, now: datetime
) -> Edition | None:
    """The edition of a run that ended without a word; opened if the run did not come to that.

    ``None`` when the run makes no list, or its edition says why already, or is recorded. A preview
    whose publication died is a list from now on: somebody asked for it.
    """
    named = runs.named_edition(run.tags)
    if named is not None:
        edition = store.editions.get(named)
    elif run.kind is not None:
        edition = open_edition(store, account, run, run.kind, now=now)
    else:
        edition = None
    if edition is None or edition.cause is not None or edition.state is EditionState.RECORDED:
        return None
    if run.publishes and edition.tracks and edition.kind is EditionKind.PREVIEW:
        kind = EditionKind.DAILY
        store.editions.advance(edition.edition_id, edition.state, edition.state, kind=kind)
    return store.editions.required(edition.edition_id)
