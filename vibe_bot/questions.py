"""What chats were asked to complete, so that the next words from there may be the answer.

Conversation state, in memory; a bot that starts takes it up from what the account store has of it
(``accounts.open_questions``). Which command asks what is the handlers'.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from vibe_pipeline.accounts.records import OpenQuestion

ANSWERED_WITHIN = 30 * 60.0
"""Words that come later, in seconds, are more likely about something else."""
MOST_REMEMBERED = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    command: str
    request_id: str
    asked_at: float
    message_id: int | None = None
    """The message that asks, once it is there."""


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

    def told(self, chat_id: int, message_id: int, request_id: str) -> str | None:
        """This message answers a request; gives the command for which it asks, if it does."""
        question = self._last.get(chat_id)
        if question is None or question.request_id != request_id:
            return None
        self._last[chat_id] = replace(question, message_id=message_id)
        self._remember(chat_id, message_id, question.command)
        return question.command

    def take_up(self, former: Iterable[OpenQuestion], *, now: datetime) -> None:
        """Go on with what a former bot asked, oldest first; what was asked meanwhile counts."""
        for one in former:
            self._remember(one.chat_id, one.message_id, one.command)
            last = self._last.get(one.chat_id)
            if one.answered or (last is not None and last.request_id):
                continue
            self._last[one.chat_id] = _Question(
                command=one.command,
                request_id="",
                asked_at=self.clock() - (now - one.asked_at).total_seconds(),
                message_id=one.message_id,
            )

    def asking(self, chat_id: int) -> int | None:
        """The message whose question stands open in this chat."""
        last = self._last.get(chat_id)
        return None if last is None else last.message_id

    def pop(
        self, chat_id: int, reply_to: int | None = None, *, written_ago: float = 0.0
    ) -> str | None:
        """The command that words from this chat complete, if any; no others do after that.

        ``reply_to`` is the message that the words are a reply to. ``written_ago``, in seconds: they
        may have waited for a bot that was away, which does not make them late.
        """
        last = self._last.pop(chat_id, None)
        if reply_to is not None:
            return self._asked_in.get((chat_id, reply_to))
        if last is None or self.clock() - written_ago - last.asked_at > ANSWERED_WITHIN:
            return None
        return last.command

    def _remember(self, chat_id: int, message_id: int, command: str) -> None:
        if len(self._asked_in) >= MOST_REMEMBERED:
            del self._asked_in[next(iter(self._asked_in))]
        self._asked_in[chat_id, message_id] = command
