"""The publication ledger: how far each edition has come, moved on by compare-and-set.

Only the row and its moves. Writing to Spotify between two of them is ``playlists.publish``'s.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Unpack

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    case,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from vibe_pipeline.accounts.continuation import PASSING
from vibe_pipeline.accounts.database import Database
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.messages import Message
from vibe_pipeline.accounts.outbox import queue, withhold
from vibe_pipeline.accounts.readable_rows import readable_rows, required_rows
from vibe_pipeline.accounts.records import (
    WRITTEN,
    Edition,
    EditionFacts,
    EditionKind,
    EditionState,
    FailureCause,
    PlaylistAttempt,
    PoolSummary,
    Summary,
)
from vibe_pipeline.accounts.tables import accounts, editions
from vibe_pipeline.records import ChosenTrack, EditionId, Mode, Source, UserId

MOST_MADE_AHEAD = 7
"""No more of a person's lists are made, as a rule, before somebody sets a clock right."""
_STANDS = (
    editions.c.kind == EditionKind.DAILY.value,
    editions.c.state.in_([state.value for state in sorted(WRITTEN)]),
    editions.c.undone_at.is_(None),
)
_RECORDED = (
    editions.c.kind == EditionKind.DAILY.value,
    editions.c.state == EditionState.RECORDED.value,
    editions.c.undone_at.is_(None),
)
_stands_since = func.coalesce(editions.c.restored_at, editions.c.created_at)


@dataclass(frozen=True, slots=True)
class Editions:
    """Every edition of everybody. An edition that is not there raises ``LookupError``.

    One that cannot be read raises ``RowUnreadable`` where it is asked for by its id or occasion; of
    many it is left out, for it must not end the lists that come after it.
    """

    database: Database
    now: Callable[[], datetime]

    def open(
        self,
        edition_id: EditionId,
        user_id: UserId,
        *,
        vibe_date: date,
        occasion: str,
        kind: EditionKind,
        mode: Mode,
    ) -> Edition:
        """The edition of this occasion, begun now unless it was before.

        An occasion has one edition, whoever asks: a doubled trigger is handed the first one's,
        recognisable by its ``edition_id``.
        """
        now = self.now()
        row = {
            "edition_id": edition_id,
            "user_id": user_id,
            "vibe_date": vibe_date,
            "occasion": occasion,
            "kind": EditionKind(kind).value,
            "mode": Mode(mode).value,
            "state": EditionState.STARTED.value,
            "tracks": [],
            "created_at": now,
            "updated_at": now,
        }
        known = self.known(edition_id, user_id, occasion)
        if known is not None:
            return known
        try:
            with self.database.writing() as connection:
                _date_behind(connection, user_id, now)
                connection.execute(insert(editions).values(row))
        except IntegrityError:
            known = self.known(edition_id, user_id, occasion)
            if known is None:
                raise UnknownPerson(user_id) from None
            return known
        return self.required(edition_id)

    def advance(
        self,
        edition_id: EditionId,
        expected_state: EditionState,
        new_state: EditionState,
        *,
        tell: Message | None = None,
        **facts: Unpack[EditionFacts],
    ) -> bool:
        """Step forward with what became known; false when the edition stands elsewhere by now.

        With the step, or not at all, goes what its person is to be told of it.

        The compare-and-set of the ledger: of two processes that try, one hears true. The same
        state twice writes facts down without a step. A former failure is cleared.
        """
        with self.database.writing() as connection:
            step = (edition_id, expected_state, new_state)
            return self._step(connection, *step, facts, tell=tell)

    def advance_with_playlist(
        self, edition: Edition, new_state: EditionState, **facts: Unpack[EditionFacts]
    ) -> bool:
        """The same step, with which this becomes its person's living playlist; or ``None`` does.

        Both or neither: who connects another account meanwhile never gets the former one's.
        """
        place = {"playlist_id": facts["playlist_id"], "playlist_url": facts["playlist_url"]}
        theirs = update(accounts).where(accounts.c.user_id == edition.user_id).values(place)
        with self.database.writing() as connection:
            moved = self._step(connection, edition.edition_id, edition.state, new_state, facts)
            if moved:
                connection.execute(theirs)
        return moved

    def _step(
        self,
        connection: Connection,
        edition_id: EditionId,
        expected_state: EditionState,
        new_state: EditionState,
        facts: Mapping[str, Any],
        *,
        tell: Message | None = None,
    ) -> bool:
        values = _columns(dict(facts)) | {
            "state": EditionState(new_state).value,
            "cause": None,
            "cause_until": None,
            "detail": None,
            "updated_at": self.now(),
        }
        stands = (
            editions.c.edition_id == edition_id,
            editions.c.state == EditionState(expected_state).value,
        )
        change = update(editions).where(*stands).values(values)
        owner = connection.execute(change.returning(editions.c.user_id)).scalar()
        if owner is not None and tell is not None:
            queue(connection, UserId(owner), tell, now=self.now())
        return owner is not None

    def fail(
        self,
        edition_id: EditionId,
        cause: FailureCause,
        until: datetime | None = None,
        detail: str | None = None,
        *,
        at: datetime | None = None,
        tell: Message | None = None,
        instead_of: Message | None = None,
    ) -> bool:
        """Note why the edition stands still; where it stands is kept, so a rerun continues.

        With the note, or not at all, goes what its person is to be told of it, and ``instead_of``
        what. False for a list that is there: nothing is noted of it, and nothing told. ``at`` is
        the moment that the told next try was counted from.
        """
        values = {
            "cause": FailureCause(cause).value,
            "cause_until": until,
            "detail": detail,
            "updated_at": self.now() if at is None else at,
        }
        unfinished = (
            editions.c.edition_id == edition_id,
            editions.c.state != EditionState.RECORDED.value,
        )
        with self.database.writing() as connection:
            change = update(editions).where(*unfinished).values(values)
            owner = connection.execute(change.returning(editions.c.user_id)).scalar()
            if owner is None:
                return False
            if instead_of is not None:
                withhold(connection, instead_of, now=self.now())
            if tell is not None:
                queue(connection, UserId(owner), tell, now=self.now())
            return True

    def get(self, edition_id: EditionId) -> Edition | None:
        """The edition with this id."""
        return self._one(editions.c.edition_id == edition_id)

    def required(self, edition_id: EditionId) -> Edition:
        """The edition with this id; raises ``LookupError`` when there is none."""
        edition = self.get(edition_id)
        if edition is None:
            raise LookupError(f"no edition {edition_id}")
        return edition

    def of_occasion(self, user_id: UserId, occasion: str) -> Edition | None:
        """The edition begun for this occasion."""
        return self._one(editions.c.user_id == user_id, editions.c.occasion == occasion)

    def known(self, edition_id: EditionId, user_id: UserId, occasion: str) -> Edition | None:
        """The edition of this id, else the one that another run began for the same occasion."""
        return self.get(edition_id) or self.of_occasion(user_id, occasion)

    def states(self, edition_ids: Collection[EditionId]) -> dict[EditionId, EditionState]:
        """How far each of these has come, asked in one question; unknown ones are left out."""
        query = select(editions.c.edition_id, editions.c.state).where(
            editions.c.edition_id.in_(list(edition_ids))
        )
        with self.database.reading() as connection:
            return dict(readable_rows(connection, query, _state, key=[editions.c.edition_id]))

    def latest(self, user_id: UserId) -> Edition | None:
        """The list to listen to: the last that reached its playlist, or was put back there."""
        found = self.standing(user_id, limit=1)
        return found[0] if found else None

    def standing(self, user_id: UserId, limit: int = 60) -> list[Edition]:
        """Every list that reached its playlist and was not taken back, the latest first."""
        query = (
            select(editions)
            .where(
                editions.c.user_id == user_id,
                *_STANDS,
            )
            .order_by(_stands_since.desc(), editions.c.edition_id.desc())
        )
        return self._readable(query, limit)

    def written_to(self, user_id: UserId, playlist_id: str, limit: int = 60) -> list[Edition]:
        """Their lists that were ever written to this playlist, the latest first.

        Also what was undone, or is to be written anew.
        """
        query = (
            select(editions)
            .where(
                editions.c.user_id == user_id,
                editions.c.playlist_id == playlist_id,
                editions.c.snapshot_id.is_not(None),
            )
            .order_by(_stands_since.desc(), editions.c.edition_id.desc())
        )
        return self._readable(query, limit)

    def unreadable(self) -> list[tuple[UserId, EditionId]]:
        """Whose lists cannot be read, and which; reads all there are."""
        query = select(editions.c.user_id, editions.c.edition_id)
        with self.database.reading() as connection:
            known = connection.execute(query.order_by(*query.selected_columns)).all()
        readable = {edition.edition_id for edition in self._many()}
        return [(user_id, one) for user_id, one in known if one not in readable]

    def held_a_list(self, user_id: UserId, playlist_id: str) -> bool:
        """Whether a list of theirs stands in this playlist, or ever stood there; read or not."""
        query = select(editions.c.edition_id).where(
            editions.c.user_id == user_id,
            editions.c.playlist_id == playlist_id,
            or_(editions.c.snapshot_id.is_not(None), and_(*_STANDS)),
        )
        with self.database.reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def led_to(self, playlist_id: str) -> bool:
        """Whether anybody's list went to this playlist, or is to go there."""
        query = select(editions.c.edition_id).where(editions.c.playlist_id == playlist_id)
        with self.database.reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def note_snapshot(self, edition_id: EditionId, snapshot_id: str | None) -> None:
        """Its playlist is called so since the list was last written there."""
        change = update(editions).where(editions.c.edition_id == edition_id)
        with self.database.writing() as connection:
            connection.execute(change.values(snapshot_id=snapshot_id))

    def later_stands(self, edition: Edition) -> bool:
        """Whether a later list has come to the living playlist that this one is meant for."""
        query = select(editions.c.edition_id).where(
            editions.c.user_id == edition.user_id,
            editions.c.edition_id != edition.edition_id,
            editions.c.mode == Mode.LIVING.value,
            *_STANDS,
            _stands_since > edition.stands_since,
            _stands_since <= self.now(),  # else it was noted before the clock was set back
        )
        if edition.mode is not Mode.LIVING:
            return False
        with self.database.reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def overtaken(self, edition: Edition) -> bool:
        """Whether it must not be written any more: it would take a later list's place.

        What is written is only recorded; what is rewritten on purpose counts as put back.
        """
        return not edition.is_written and self.later_stands(edition)

    def let_go_of(self, user_id: UserId, playlist_id: str) -> None:
        """Their playlist is theirs no more: what waits to be written to it gets another."""
        with self.database.writing() as connection:
            forget_playlist(connection, user_id, playlist_id)

    def half_way(self, user_id: UserId) -> list[Edition]:
        """The person's lists that are chosen and not written, newest first."""
        return self._many(
            *_half_way(user_id),
            editions.c.kind == EditionKind.DAILY.value,
            editions.c.undone_at.is_(None),
        )

    def made_twice(self, user_id: UserId) -> list[Edition]:
        """The person's recorded lists that an earlier attempt may have left a playlist of."""
        return self._many(
            editions.c.user_id == user_id,
            editions.c.state == EditionState.RECORDED.value,
            editions.c.attempt != PlaylistAttempt.FIRST.value,
        )

    def step_back(self, edition_id: EditionId, **facts: Unpack[EditionFacts]) -> None:
        """What is not written is merely chosen again, with these facts; why it failed is kept."""
        waiting = [EditionState.CHOSEN.value, EditionState.PLAYLIST_MADE.value]
        here = (editions.c.edition_id == edition_id, editions.c.state.in_(waiting))
        values = {"state": EditionState.CHOSEN.value, **_columns(dict(facts))}
        with self.database.writing() as connection:
            connection.execute(update(editions).where(*here).values(values))

    def take_back(self, edition_id: EditionId) -> bool:
        """The person undid this publication; true for the one who noted it first.

        What ``falls_back`` keeps its place in the past; anything else is undone.
        """
        edition = self.required(edition_id)
        undone_at = None if self.falls_back(edition) else self.now()
        here = (
            editions.c.edition_id == edition_id,
            editions.c.undone_at.is_(None),
            editions.c.restored_at == edition.restored_at,
        )
        change = update(editions).where(*here).values(undone_at=undone_at, restored_at=None)
        with self.database.writing() as connection:
            return connection.execute(change).rowcount == 1

    def falls_back(self, edition: Edition) -> bool:
        """Whether, taken back, it lies where it lay before it was put back: behind another list.

        Another that stands in the same playlist. Without one it would stand again as the latest,
        where nothing of it is to be heard any more.
        """
        if edition.restored_at is None:
            return False
        query = select(editions.c.edition_id).where(
            editions.c.user_id == edition.user_id,
            editions.c.edition_id != edition.edition_id,
            editions.c.playlist_id == edition.playlist_id,
            *_STANDS,
            _stands_since > edition.created_at,
        )
        with self.database.reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def put_back(self, edition_id: EditionId) -> None:
        """The edition stands in its playlist again, whatever came after it."""
        edition, now = self.required(edition_id), self.now()
        change = update(editions).where(editions.c.edition_id == edition_id)
        with self.database.writing() as connection:
            _date_behind(connection, edition.user_id, now)
            connection.execute(change.values(restored_at=now, undone_at=None))

    def of_day(self, user_id: UserId, vibe_date: date) -> list[Edition]:
        """Everything begun for this day of the person's, newest first."""
        return self._many(editions.c.user_id == user_id, editions.c.vibe_date == vibe_date)

    def unfinished(self, *, since: datetime) -> list[Edition]:
        """Everybody's lists begun since then that are not recorded, newest first.

        What is written lacks nothing but its record, and is never of the past; nor is what was
        written before and lately chosen anew.
        """
        return self._many(
            editions.c.kind == EditionKind.DAILY.value,
            editions.c.state != EditionState.RECORDED.value,
            editions.c.undone_at.is_(None),
            or_(
                editions.c.created_at >= since,
                editions.c.state == EditionState.ITEMS_WRITTEN.value,
                and_(editions.c.snapshot_id.is_not(None), editions.c.updated_at >= since),
            ),
        )

    def begun_since(self, since: datetime) -> list[Edition]:
        """Everybody's lists begun since then, newest first, previews left out."""
        return self._many(
            editions.c.kind == EditionKind.DAILY.value, editions.c.created_at >= since
        )

    def last_made(self) -> dict[UserId, datetime]:
        """When each person's last list was begun that reached its playlist.

        Of one dated in the future nobody knows when: this machine's clock was set back since.
        """
        query = (
            select(editions.c.user_id, func.max(editions.c.created_at).label("begun"))
            .where(
                editions.c.kind == EditionKind.DAILY.value,
                editions.c.state == EditionState.RECORDED.value,
                editions.c.created_at <= self.now(),
            )
            .group_by(editions.c.user_id)
        )
        with self.database.reading() as connection:
            return dict(readable_rows(connection, query, _begun, key=[editions.c.user_id]))

    def recorded(self) -> list[Edition]:
        """Everybody's lists that were recorded and not taken back."""
        return self._many(*_RECORDED)

    def last_recorded(self, user_id: UserId) -> Edition | None:
        """Of those this person's that was begun last."""
        found = self._many(editions.c.user_id == user_id, *_RECORDED, limit=1)
        return found[0] if found else None

    def history(self, user_id: UserId, limit: int = 30) -> list[Edition]:
        """What was begun for the person, newest first."""
        return self._many(editions.c.user_id == user_id, limit=limit)

    def chosen_before(
        self, user_id: UserId, *, besides: str | None = None, before: datetime | None = None
    ) -> bool:
        """Whether tracks were ever chosen for the person, but for this edition.

        ``before``: only lists begun before then count.
        """
        query = select(editions.c.edition_id).where(
            editions.c.user_id == user_id, editions.c.state != EditionState.STARTED.value
        )
        if besides is not None:
            query = query.where(editions.c.edition_id != besides)
        if before is not None:
            query = query.where(editions.c.created_at < before)
        with self.database.reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def _one(self, *conditions: ColumnElement[bool]) -> Edition | None:
        with self.database.reading() as connection:
            query = _newest_first(*conditions).limit(1)
            found = required_rows(connection, query, _edition, table=editions.name)
        return found[0] if found else None

    def _many(self, *conditions: ColumnElement[bool], limit: int | None = None) -> list[Edition]:
        return self._readable(_newest_first(*conditions), limit)

    def _readable(self, query: Select[Any], limit: int | None) -> list[Edition]:
        key = [editions.c.edition_id]
        with self.database.reading() as connection:
            return readable_rows(connection, query, _edition, key=key, limit=limit)


def _date_behind(connection: Connection, user_id: UserId, now: datetime) -> None:
    """Have the person's lists that are dated in the future lie right before now, in their order.

    They were made before this machine's clock was set back: what is begun now comes after them.
    Where so many lie ahead it is now that is wrong, and their dates are kept.
    """
    noted = (editions.c.created_at, editions.c.updated_at, editions.c.restored_at)
    theirs = (editions.c.user_id == user_id, editions.c.state == EditionState.RECORDED.value)
    query = select(editions.c.edition_id, *noted).where(*theirs, or_(*(at > now for at in noted)))
    in_order = query.order_by(_stands_since, editions.c.edition_id)
    rows = readable_rows(connection, in_order, dict, key=[editions.c.edition_id])
    if len(rows) > MOST_MADE_AHEAD:
        return
    for place, row in enumerate(rows):
        before = now - timedelta(microseconds=len(rows) - place)
        ahead = [at.name for at in noted if row[at.name] is not None and row[at.name] > now]
        change = update(editions).where(editions.c.edition_id == row["edition_id"])
        connection.execute(change.values(dict.fromkeys(ahead, before)))


def _newest_first(*conditions: ColumnElement[bool]) -> Select[Any]:
    newest_first = (editions.c.created_at.desc(), editions.c.edition_id.desc())
    return select(editions).where(*conditions).order_by(*newest_first)


def _begun(row: RowMapping) -> tuple[UserId, datetime]:
    """An aggregate gives moments without their zone: they are kept in UTC."""
    begun = row["begun"]
    return UserId(row["user_id"]), begun.replace(tzinfo=UTC) if begun.tzinfo is None else begun


def _state(row: RowMapping) -> tuple[EditionId, EditionState]:
    return EditionId(row["edition_id"]), EditionState(row["state"])


def forget_playlist(connection: Connection, user_id: UserId, playlist_id: str) -> None:
    """Take lists that wait to be written to this playlist back to their choice: it is not theirs.

    What was written there stays written and is only recorded.
    """
    waiting = (*_half_way(user_id), editions.c.playlist_id == playlist_id)
    change = update(editions).where(*waiting)
    connection.execute(change.values(state=EditionState.CHOSEN.value, **NO_PLAYLIST))


def forget_choices(connection: Connection, user_id: UserId) -> None:
    """Take unfinished lists back to their beginning: their Spotify account is the person's no more.

    They were chosen from a library that is erased, for playlists that are another's. What failed
    for a reason that passes goes on by itself as before, and chooses anew; what was written stays
    written and is only recorded.
    """
    passing = editions.c.cause.in_([cause.value for cause in sorted(PASSING)])
    change = update(editions).where(*_half_way(user_id))
    connection.execute(
        change.values(
            state=EditionState.STARTED.value,
            tracks=[],
            summary=None,
            cause=case((passing, None), else_=editions.c.cause),
            **NO_PLAYLIST,
        )
    )


def _half_way(user_id: UserId) -> tuple[ColumnElement[bool], ...]:
    waiting = [EditionState.CHOSEN.value, EditionState.PLAYLIST_MADE.value]
    return editions.c.user_id == user_id, editions.c.state.in_(waiting)


NO_PLAYLIST: EditionFacts = {
    "playlist_id": None,
    "playlist_url": None,
    "marker": None,
    "attempt": PlaylistAttempt.FIRST,
    "attempted_at": None,
    "title": None,
    "description": None,
    "snapshot_id": None,
}
"""What an edition says that is to get another playlist."""


def _columns(facts: dict[str, Any]) -> dict[str, Any]:
    if "tracks" in facts:
        facts["tracks"] = [asdict(track) for track in facts["tracks"]]
    if facts.get("summary") is not None:
        facts["summary"] = _kept_summary(facts["summary"])
    if "kind" in facts:
        facts["kind"] = EditionKind(facts["kind"]).value
    if "mode" in facts:
        facts["mode"] = Mode(facts["mode"]).value
    if "attempt" in facts:
        facts["attempt"] = PlaylistAttempt(facts["attempt"]).value
    return facts


def _edition(row: RowMapping) -> Edition:
    values = dict(row)
    values["kind"] = EditionKind(values["kind"])
    values["mode"] = Mode(values["mode"])
    values["state"] = EditionState(values["state"])
    values["attempt"] = PlaylistAttempt(values["attempt"])
    values["cause"] = None if values["cause"] is None else FailureCause(values["cause"])
    values["tracks"] = tuple(_track(track) for track in values["tracks"])
    values["summary"] = None if values["summary"] is None else _summary(values["summary"])
    return Edition(**values)


def _track(kept: dict[str, Any]) -> ChosenTrack:
    return ChosenTrack(**kept | {"source": Source(kept["source"])})


def _kept_summary(summary: Summary) -> dict[str, Any]:
    """As earlier releases keep it, where there is no more to it."""
    kept = asdict(summary)
    left_out = {name for name in ("loved_in", "wished") if not kept[name]}
    return {name: value for name, value in kept.items() if name not in left_out}


def _summary(kept: dict[str, Any]) -> Summary:
    pools = tuple(PoolSummary(**pool) for pool in kept["pools"])
    told = {name: tuple(kept.get(name, ())) for name in ("notes", "styles", "moods")}
    return Summary(**kept | {"pools": pools} | told)
