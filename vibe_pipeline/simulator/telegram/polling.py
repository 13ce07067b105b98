"""``getUpdates``: long polling as the real server does it, one poller at a time."""

import asyncio
from dataclasses import dataclass, field

from starlette.requests import Request

from vibe_pipeline.simulator.telegram.state import TelegramState
from vibe_pipeline.simulator.telegram.updates import LONGEST_POLL
from vibe_pipeline.simulator.telegram.wire import Json, Parameters, Refused, bad_request

_HASTY_SECONDS = 3.0
_VERY_HASTY_SECONDS = 0.5
_CONFLICT_DELAY = 3.0
_OTHER_POLLER = (
    "Conflict: terminated by other getUpdates request;"
    " make sure that only one bot instance is running"
)
_WEBHOOK_SET = (
    "Conflict: can't use getUpdates method while webhook is active;"
    " use deleteWebhook to delete the webhook first"
)


@dataclass(slots=True, eq=False)
class _Poll:
    ended_by: str | None = None


@dataclass(slots=True)
class Polling:
    """Who polls now; a second poller ends the first one's wait with a conflict."""

    state: TelegramState
    _current: _Poll | None = None
    _conflicts: int = 0
    _last_offset: int | None = None
    _last_start: float = field(default=float("-inf"))

    async def updates(self, request: Request, parameters: Parameters) -> list[Json]:
        """Answer one ``getUpdates``."""
        state = self.state
        if state.webhook_url:
            raise Refused(409, _WEBHOOK_SET)
        offset, limit, timeout = self._asked(parameters)
        with state.lock:
            poll = self._take_over()
            state.confirm(offset)
        state.changed.notify()
        gone = asyncio.ensure_future(_disconnected(request))
        try:
            await state.changed.wait_until(
                lambda: poll.ended_by is not None or len(state.updates) > 0,
                seconds=timeout,
                given_up=gone,
            )
        finally:
            gone.cancel()
            if self._current is poll:
                self._current = None
        if poll.ended_by is not None and not gone.done():
            await self._refuse(poll.ended_by)
        with state.lock:
            return state.updates.first(limit)

    def end(self, why: str) -> None:
        """End the wait of the current poller, if there is one, with a conflict."""
        if self._current is not None:
            self._current.ended_by = why
            self._current = None
            self.state.changed.notify()

    def _asked(self, parameters: Parameters) -> tuple[int, int, float]:
        offset = parameters.integer("offset")
        limit = parameters.integer("limit", 100, 1, 100)
        timeout = float(parameters.integer("timeout", 0, 0, LONGEST_POLL))
        kinds = parameters.decoded("allowed_updates", "allowed updates")
        if kinds is not None:
            if not isinstance(kinds, list):
                raise bad_request("allowed updates must be an Array")
            self.state.updates.allow([str(kind) for kind in kinds])
        now = self.state.monotonic()
        if offset == self._last_offset and self.state.flood.switched_on:
            since = now - self._last_start
            if since < _HASTY_SECONDS:
                timeout = max(timeout, _HASTY_SECONDS)
            if since < _VERY_HASTY_SECONDS:
                limit = 1
        self._last_offset, self._last_start = offset, now
        return offset, limit, timeout

    def _take_over(self) -> _Poll:
        self.end(_OTHER_POLLER)
        self._current = _Poll()
        return self._current

    async def _refuse(self, why: str) -> None:
        self._conflicts += 1
        if self._conflicts > 1:
            await asyncio.sleep(_CONFLICT_DELAY)
        raise Refused(409, why)


async def _disconnected(request: Request) -> None:
    """Return when the caller has hung up; the body has been read before."""
    while (await request.receive())["type"] != "http.disconnect":
        continue
