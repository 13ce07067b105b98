"""Whether we still ask Telegram for news, and whether it knows us: a watchdog over the polling.

The package polls in a task of its own, which nobody sees ending. Asking is ``telegram_answers``'.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LOOK_SECONDS = 10.0
FROZEN_SECONDS = 60.0
"""Nobody sleeps so much longer than they meant to, unless they were kept from waking."""
LONGEST_SILENCE = 900.0
"""A poll takes half a minute at most, and the next one begins within another."""
REFUSALS_BELIEVED = 3
REFUSED_FOR = 60.0
"""A token counts as refused after so many refusals in a row over so many seconds."""
UNKNOWN_BOT = (
    "Telegram does not know this TELEGRAM_BOT_TOKEN; compare it with what @BotFather gave you."
)


class TokenRefused(Exception):
    """Telegram does not know this token; the text says what to do."""


class PollingEnded(Exception):
    """Nobody asks Telegram for news any more, though nobody told us to stop."""


@dataclass(slots=True)
class Polls:
    """When Telegram was asked last, and since when it has refused the token."""

    clock: Callable[[], float]
    """Seconds that only ever go forward."""
    _asked_at: float = field(init=False)
    _refusals: int = 0
    _refused_since: float = 0.0
    behind: bool = True
    """Whether what came last may have waited for us: we had asked nothing before, or in vain."""
    _heard: bool = False

    def __post_init__(self) -> None:
        self._asked_at = self.clock()

    @contextmanager
    def one(self, *, for_news: bool = True) -> Iterator[None]:
        """One poll, however it ends; or what is asked before the first of them."""
        self._asked_at = self.clock()
        heard_before, self._heard = self._heard, False
        try:
            yield
            self._heard = for_news
        finally:
            self._asked_at = self.clock()
            self.behind = not heard_before

    def refused(self) -> None:
        """Telegram says that it does not know the token."""
        if not self._refusals:
            self._refused_since = self.clock()
        self._refusals += 1
        self._heard = False

    def known(self) -> None:
        """Telegram knows the token, whatever else it says."""
        self._refusals = 0

    def check(self) -> None:
        """Whether it is worth going on.

        Raises: ``TokenRefused``, ``PollingEnded``.
        """
        lasted = self.clock() - self._refused_since
        if self._refusals >= REFUSALS_BELIEVED and lasted >= REFUSED_FOR:
            raise TokenRefused(UNKNOWN_BOT)
        if self.clock() - self._asked_at > LONGEST_SILENCE:
            raise PollingEnded("Telegram is not asked for messages any more; the bot starts anew.")

    async def watch(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Look now and then, until it is not worth going on.

        Who was frozen (a paused container, Ctrl-Z) was as silent as the polling, and waits for it.

        Raises: ``TokenRefused``, ``PollingEnded``.
        """
        self._asked_at = self.clock()
        while True:
            self.check()
            looked_at = self.clock()
            await sleep(LOOK_SECONDS)
            if self.clock() - looked_at > FROZEN_SECONDS:
                self._asked_at = self.clock()
