"""Asking within a step, with answers that come late: they end beside the run's other steps.

Keeps an event loop of a step's going in a thread until what its deadline found under way has
ended. When asking ends is ``clients.deadline``'s.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from vibe_pipeline.clients.deadline import LateCalls, ended

LATE_ANSWERS = "late answers"
"""The thread's name."""

log = logging.getLogger(__name__)

T = TypeVar("T")
C = TypeVar("C")


class AskingLoop:
    """The event loop that a step asks in, and the clients it asks with.

    On leaving, what is ``late`` goes on in a thread; ``keep`` is called once it has ended. The
    thread ends within the clients' own patience, and the process waits for it.
    """

    def __init__(self, late: LateCalls, *, keep: Callable[[], object]) -> None:
        self._late = late
        self._keep = keep
        self._runner = asyncio.Runner()
        self._clients = AsyncExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None and self._late:
            threading.Thread(target=self._finish, name=LATE_ANSWERS).start()
        else:
            self._close()

    def open(self, opening: AbstractAsyncContextManager[C]) -> C:
        """The clients, open until the last answer is there."""
        return self._runner.run(self._clients.enter_async_context(opening))

    def run(self, asking: Coroutine[Any, Any, T]) -> T:
        """What this asking gives."""
        return self._runner.run(asking)

    def _finish(self) -> None:
        try:
            self._runner.run(ended(self._late))
            self._keep()
        except Exception:
            log.exception("what came late could not be kept")
        finally:
            self._close()

    def _close(self) -> None:
        try:
            self._runner.run(self._clients.aclose())
        finally:
            self._runner.close()
