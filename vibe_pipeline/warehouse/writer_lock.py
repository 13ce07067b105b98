"""The lock on writing, a lease: one session at a time is in a transaction, and none for ever.

Pure but for its lock: the clock is a parameter. How a statement gets here is ``server``'s.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

ASK = "BEGIN TRANSACTION"
KEEP = "COMMIT"
GIVE_BACK = "SELECT 'done with the turn'"
LEASE_SECONDS = 15.0
"""So long a turn may rest between two statements: a killed client says nothing any more."""
_WAIT_SECONDS = 1.0
"""So long an asking client is kept waiting before it must ask again."""


class WriterLock:
    """Which session has the turn, and when it was last heard of."""

    def __init__(
        self, *, lease: float = LEASE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._lease = lease
        self._clock = clock
        self._free = threading.Condition()
        self._holder: str | None = None
        self._heard_of = 0.0
        self._revoked = 0
        self._paused = False

    def allows(self, session: str, statement: str) -> bool:
        """Whether this session may run this now; asking for a turn may take a moment.

        Who has no turn may still look, as an operator's shell does, but keep nothing that was
        begun in a turn.
        """
        with self._free:
            if statement == ASK:
                return self._taken(session)
            if self._holder == session:
                self._heard_of = self._clock()
                if statement == GIVE_BACK:
                    self._let_go()
                return True
            return statement != KEEP

    def overdue(self) -> str | None:
        """The session that keeps its turn and has not been heard of for longer than it may."""
        with self._free:
            silent = self._clock() - self._heard_of > self._lease
            return self._holder if silent else None

    def revoke(self) -> None:
        """Nobody has the turn any more, nobody who waits gets it, until it is resumed."""
        with self._free:
            self._revoked += 1
            self._holder, self._paused = None, True
            self._free.notify_all()

    def resume(self) -> None:
        """Turns are given again."""
        with self._free:
            self._paused = False

    def _taken(self, session: str) -> bool:
        since = self._revoked
        self._free.wait_for(
            lambda: self._holder is None or self._revoked != since, timeout=_WAIT_SECONDS
        )
        mine = self._holder is None and self._revoked == since and not self._paused
        if mine:
            self._holder, self._heard_of = session, self._clock()
        return mine

    def _let_go(self) -> None:
        self._holder = None
        self._free.notify()
