"""The queue of updates that a bot fetches with ``getUpdates``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vibe_pipeline.simulator.telegram.wire import Json

KEPT = timedelta(hours=24)
LONGEST_POLL = 50
FIRST_UPDATE = 500_000_001
_KINDS_ASKED_FOR_ONLY = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    update_id: int
    kind: str
    content: Json
    since: datetime

    def as_json(self) -> Json:
        return {"update_id": self.update_id, self.kind: self.content}


class UpdateQueue:
    """Updates wait here until an offset beyond them confirms them, at most a day."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._allowed: frozenset[str] | None = None
        self.next_id = FIRST_UPDATE

    def put(self, kind: str, content: Json) -> int | None:
        """Queue an update; ``None`` when the bot did not ask for this kind."""
        wanted = (
            kind not in _KINDS_ASKED_FOR_ONLY if self._allowed is None else kind in self._allowed
        )
        if not wanted:
            return None
        update_id = self.next_id
        self.next_id += 1
        self._waiting.append(
            _Waiting(update_id=update_id, kind=kind, content=content, since=self._clock())
        )
        return update_id

    def allow(self, kinds: Sequence[str]) -> None:
        """Remember which kinds the bot wants; an empty list means the usual ones."""
        self._allowed = frozenset(kinds) or None

    @property
    def allowed(self) -> list[str]:
        """The kinds asked for, or nothing when they are the usual ones."""
        return sorted(self._allowed or ())

    def confirm(self, offset: int) -> list[Json]:
        """Forget what lies before the offset (a negative one keeps the last few), and tell it."""
        before = self._waiting
        if offset > 0:
            self._waiting = [update for update in before if update.update_id >= offset]
        elif offset < 0:
            self._waiting = before[offset:]
        kept = {update.update_id for update in self._waiting}
        return [update.as_json() for update in before if update.update_id not in kept]

    def confirmed(self, update_id: int) -> bool:
        """Whether the bot has taken this update."""
        return all(update.update_id != update_id for update in self._waiting)

    def first(self, limit: int) -> list[Json]:
        """The oldest waiting updates."""
        self._drop_old()
        return [update.as_json() for update in self._waiting[:limit]]

    def drop(self) -> None:
        """Forget everything that waits."""
        self._waiting.clear()

    def __len__(self) -> int:
        self._drop_old()
        return len(self._waiting)

    def _drop_old(self) -> None:
        oldest = self._clock() - KEPT
        self._waiting = [update for update in self._waiting if update.since > oldest]
