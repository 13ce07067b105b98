"""What chats were asked to complete, so that the next words from there may be the answer.

Conversation state, in memory: forgotten with a restart, which is fine. Which command asks what is
the handlers'.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

ANSWERED_WITHIN = 30 * 60.0
"""Words that come later, in seconds, are more likely about something else."""
MOST_REMEMBERED = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    command: str
    request_id: str
    asked_at: float


@dataclass(slots=True, kw_only=True)
class Questions:
    """Of every chat the last question, which plain words answer for a while.

    The messages that asked are remembered longer: a reply to one of them is its answer.
    """

    clock: Callable[[], float] = time.monotonic
    _last: dict[int, _Question] = field(default_factory=dict)
    _asked_in: dict[tuple[int, int], str] = field(default_factory=dict)

    def ask(self, chat_id: int, command: str, request_id: str) -> None:
        """The next words of this chat are what was missing after ``command``."""
        question = _Question(command=command, request_id=request_id, asked_at=self.clock())
        self._last[chat_id] = question

    def told(self, chat_id: int, message_id: int, request_id: str) -> None:
        """This message answers a request, and asks what that request made us ask, if anything."""
        question = self._last.get(chat_id)
        if question is None or question.request_id != request_id:
            return
        if len(self._asked_in) >= MOST_REMEMBERED:
            del self._asked_in[next(iter(self._asked_in))]
        self._asked_in[chat_id, message_id] = question.command

    def pop(self, chat_id: int, reply_to: int | None = None) -> str | None:
        """The command that words from this chat complete, if any; no others do after that.

        ``reply_to`` is the message that the words are a reply to.
        """
        last = self._last.pop(chat_id, None)
        if reply_to is not None:
            return self._asked_in.get((chat_id, reply_to))
        if last is None or self.clock() - last.asked_at > ANSWERED_WITHIN:
            return None
        return last.command
