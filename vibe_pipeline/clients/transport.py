"""One way of sending for every service: bounded, patient where that is safe, silent on secrets.

What a service's answers mean is the service's own module's business; here a call either ends in
a ``ServiceAnswer`` worth reading or in a typed error. Addresses, headers and bodies never become
part of an error, a log line or a ``repr``: they hold tokens and keys.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

import httpx

from vibe_pipeline.clients.answer_shapes import Shape, anything
from vibe_pipeline.clients.budget import Budget, UnlimitedBudget
from vibe_pipeline.clients.deadline import asking_has_ended
from vibe_pipeline.clients.errors import (
    BrokenAnswer,
    DeadlineReached,
    PassinglyRefused,
    RateLimited,
    Redirected,
    ServiceUnavailable,
    endpoint_named,
)
from vibe_pipeline.clients.json_fields import fields
from vibe_pipeline.clients.rate_limiter import RateLimiter, Sleep

log = logging.getLogger(__name__)

LONGEST_ANSWER = 5_000_000
"""Bytes, once unpacked; the longest honest one, fifty likes of an older app, has a tenth of it."""

_PASSING = frozenset({408, 421, 423, 425})
"""Refusals of a moment: too slow, the wrong connection, locked just now, too early."""
_ACCEPTED = {"Accept": "application/json", "Accept-Encoding": "gzip"}
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class AnswerKind(StrEnum):
    """What an answer asks of the transport."""

    KEEP = "keep"
    AGAIN = "again"
    SLOW_DOWN = "slow_down"
    QUOTA = "quota"


class Again(StrEnum):
    """When a call may be made once more whose answer is lost, or that is refused for a while.

    ``AFTER_A_LOOK``: whoever asks looks whether it was done, so that not even a refusal is answered
    by another try: ``PassinglyRefused``. ``NOT_NOW``: it may well be left undone, and its endpoint
    keeps limits of its own; nobody waits for it, and no other call.
    """

    FREELY = "freely"
    NEVER = "never"
    AFTER_A_LOOK = "after a look"
    NOT_NOW = "not now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One thing to ask of a service.

    ``endpoint`` names the call without ids, for logs and figures. ``wants_json`` is false for
    writes that answer with an empty body. ``shape`` is what the JSON of a success looks like.
    ``all_or_nothing``: it names many things, and is refused as a whole for one of them. ``text`` is
    a body that is no JSON.
    """

    method: str
    path: str
    endpoint: str
    query: Mapping[str, str | int] = field(default_factory=dict, repr=False)
    body: object = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    again: Again = Again.FREELY
    wants_json: bool = True
    shape: Shape = field(default=anything, repr=False)
    all_or_nothing: bool = False
    text: str | None = field(default=None, repr=False)

    @property
    def repeatable(self) -> bool:
        """Whether asking twice does no harm, though the first time may have had its effect."""
        return self.again is Again.FREELY


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAnswer:
    """What came back, read as text."""

    status: int
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def good(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON; ``None`` when it is empty, or anything else than JSON.

        What nests too deep to be read is no JSON to us either.
        """
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long we bear with a service: every wait here is bounded.

    ``in_place_seconds`` bounds all waits for "slow down" within one call together; what would
    take longer fails at once and is remembered for all processes.
    """

    attempts: int = 3
    attempt_seconds: float = 15.0
    backoff_seconds: float = 0.4
    slow_downs: int = 3
    in_place_seconds: float = 30.0
    unsaid_seconds: float = 60.0
    unsaid_quota: timedelta = timedelta(hours=6)
    longest_block: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One exchange as figures want it; ``status`` is ``None`` when nothing came back."""

    service: str
    endpoint: str
    status: int | None
    seconds: float


def kind_by_status(answer: ServiceAnswer) -> AnswerKind:
    """The plain reading: 429 means slow down, 5xx and what passes as they do mean again."""
    if answer.status == httpx.codes.TOO_MANY_REQUESTS:
        return AnswerKind.SLOW_DOWN
    passing = answer.status >= 500 or answer.status in _PASSING
    return AnswerKind.AGAIN if passing else AnswerKind.KEEP


def kind_without_errors_inside(answer: ServiceAnswer) -> AnswerKind:
    """The same of a service that promises its errors by status: one inside a success is trouble."""
    if answer.good and fields(answer.json()).get("error"):
        return AnswerKind.AGAIN
    return kind_by_status(answer)


def no_bucket(_: Call) -> None:
    """The bucket of a service that limits all its endpoints together."""


def no_observer(_: CallRecord) -> None:
    """The observer of a transport nobody measures."""


def utc_now() -> datetime:
    """This moment, aware."""
    return datetime.now(UTC)


@dataclass(slots=True)
class _RetryState:
    """What one call has cost so far."""

    failures: int = 0
    slow_downs: int = 0
    waited: float = 0.0


class Transport:
    """Sends calls to one service, within its budget and pace."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        service: str,
        address: str,
        budget: Budget | None = None,
        asked_for: bool = True,
        pace: RateLimiter | None = None,
        patience: RetryPolicy | None = None,
        judge: Callable[[ServiceAnswer], AnswerKind] = kind_by_status,
        headers: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = utc_now,
        sleep: Sleep = asyncio.sleep,
        rng: random.Random | None = None,
        observer: Callable[[CallRecord], None] = no_observer,
        bucket_of: Callable[[Call], str | None] = no_bucket,
    ) -> None:
        self.service = service
        self._http = http
        self._address = address.rstrip("/")
        self._budget = budget or UnlimitedBudget()
        self._asked_for = asked_for
        self._pace = pace or RateLimiter(sleep=sleep)
        self._patience = patience or RetryPolicy()
        self._judge = judge
        self._headers = dict(headers or {})
        self._now = now
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._observer = observer
        self._bucket_of = bucket_of
        self._looked_for: dict[str, _RetryState] = {}

    def now(self) -> datetime:
        """The moment, as this transport knows it."""
        return self._now()

    async def send(self, call: Call) -> ServiceAnswer:
        """The first answer worth reading, or ``RateLimited`` or ``ServiceUnavailable``."""
        with endpoint_named(call.endpoint):
            return await self._answered(call)

    async def _answered(self, call: Call) -> ServiceAnswer:
        strain = self._looked_for.pop(call.endpoint, None) or _RetryState()
        while True:
            answer = await self._attempt(call, strain)
            if answer is None:
                continue
            verdict = self._judge(answer)
            if verdict in {AnswerKind.SLOW_DOWN, AnswerKind.QUOTA}:
                quota = verdict is AnswerKind.QUOTA
                await self._slow_down(call, answer, strain, quota=quota)
            elif 300 <= answer.status < 400:
                await self._again(call, strain, "sends us elsewhere", kind=Redirected)
            elif verdict is AnswerKind.AGAIN and not answer.good:
                await self._again(call, strain, f"answered with its own trouble ({answer.status})")
            elif verdict is AnswerKind.AGAIN or _broken(call, answer):
                sentence = f"{call.endpoint} answered with something else than it promises"
                await self._again(call, strain, sentence, kind=BrokenAnswer)
            else:
                return answer

    async def _attempt(self, call: Call, strain: _RetryState) -> ServiceAnswer | None:
        async with self._pace.turn():
            if asking_has_ended():
                raise DeadlineReached(self.service, "was not asked in time")
            bucket = self._bucket_of(call)
            self._budget.ask(self.service, asked_for=self._asked_for, bucket=bucket)
            started = asyncio.get_running_loop().time()
            status = None
            kind = ServiceUnavailable
            try:
                async with asyncio.timeout(self._patience.attempt_seconds):
                    answer = await self._exchange(call)
                status = answer.status
            except _NOT_SENT:
                problem, sent = "cannot be reached", False
            except TimeoutError:
                problem, sent = "took too long to answer", True
            except _SentNowhere:
                problem, sent, kind = "sends us elsewhere", True, Redirected
            except _AnswerTooLong:
                problem, sent = "answers at a length that nobody asked for", True
            except httpx.HTTPError as error:
                problem, sent = f"broke the connection ({type(error).__name__})", True
            else:
                return answer
            finally:
                seconds = asyncio.get_running_loop().time() - started
                self._observe(call, status, seconds)
        await self._again(call, strain, problem, sent=sent, kind=kind)
        return None

    async def _exchange(self, call: Call) -> ServiceAnswer:
        request = self._http.build_request(
            call.method,
            self._address + call.path,
            params=dict(call.query) or None,
            json=call.body,
            data=dict(call.form) if call.form is not None else None,
            content=call.text,
            headers={**_ACCEPTED, **self._headers, **call.headers},
            timeout=self._patience.attempt_seconds,
        )
        try:
            response = await self._http.send(request, stream=True, follow_redirects=False)
        except httpx.InvalidURL as error:  # of an address we were sent to: ours is built by now
            raise _SentNowhere from error
        try:
            text = await _bounded_text(response)
        finally:
            await response.aclose()
        return ServiceAnswer(status=response.status_code, text=text, headers=dict(response.headers))

    async def _again(
        self,
        call: Call,
        strain: _RetryState,
        problem: str,
        *,
        sent: bool = True,
        kind: type[ServiceUnavailable] = ServiceUnavailable,
    ) -> None:
        """Wait a little before the next attempt, or raise when there must be none."""
        strain.failures += 1
        uncertain = sent and not call.repeatable
        if uncertain or strain.failures >= self._patience.attempts:
            raise kind(self.service, problem, may_have_happened=uncertain)
        seconds = self._patience.backoff_seconds * 2 ** (strain.failures - 1)
        await self._sleep(seconds * self._rng.uniform(0.5, 1.5))

    async def _slow_down(
        self, call: Call, answer: ServiceAnswer, strain: _RetryState, *, quota: bool
    ) -> None:
        """Wait in place when the wait is short; else remember it for everybody, and raise."""
        patience = self._patience
        said = retry_after(answer.headers, now=self._now())
        strain.slow_downs += 1
        seconds = said if said is not None else float(2**strain.slow_downs)
        in_place = (
            not quota
            and call.again is not Again.NOT_NOW
            and strain.slow_downs <= patience.slow_downs
            and strain.waited + seconds <= patience.in_place_seconds
        )
        if in_place:
            seconds += self._rng.uniform(0.0, 0.5)
            strain.waited += seconds
            self._pace.hold(seconds)
            if call.again is Again.AFTER_A_LOOK:
                self._looked_for[call.endpoint] = strain
                raise PassinglyRefused(self.service, f"{call.endpoint} was asked too fast")
            return
        until = self._now() + self._block_for(said, quota=quota)
        reason = "the day's quota is used up" if quota else "too many calls"
        bucket = self._bucket_of(call)
        certain = call.again is Again.NOT_NOW
        block = self._budget.block(self.service, until, reason, bucket=bucket, certain=certain)
        paused = None if block.whole else bucket
        log.warning("%s: %s until %s", paused or self.service, reason, block.until.isoformat())
        quota = quota and not block.doubted
        raise RateLimited(self.service, reason, until=block.until, quota=quota, bucket=paused)

    def _block_for(self, said: float | None, *, quota: bool) -> timedelta:
        if said is None:
            unsaid = timedelta(seconds=self._patience.unsaid_seconds)
            return self._patience.unsaid_quota if quota else unsaid
        least = self._patience.unsaid_seconds if quota else 1.0
        longest = self._patience.longest_block.total_seconds()
        return timedelta(seconds=min(max(said, least), longest))

    def _observe(self, call: Call, status: int | None, seconds: float) -> None:
        log.debug("%s %s -> %s", self.service, call.endpoint, status)
        self._observer(
            CallRecord(service=self.service, endpoint=call.endpoint, status=status, seconds=seconds)
        )


class _SentNowhere(Exception):
    """A redirect to what is no address."""


class _AnswerTooLong(Exception):
    """More came than any honest answer holds; the rest is left unread."""


async def _bounded_text(response: httpx.Response) -> str:
    """The body, unpacked piece by piece; what was packed twice would be unpacked without bound."""
    if len(response.headers.get_list("Content-Encoding", split_commas=True)) > 1:
        raise _AnswerTooLong
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > LONGEST_ANSWER:
            raise _AnswerTooLong
    return _decoded(bytes(body), response.encoding)


def _decoded(body: bytes, named: str | None) -> str:
    """The text of a body: UTF-8, as JSON is, whatever its label says; the label's where it is not.

    Labels are often a server's own default, and know nothing of the body.
    """
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return _decoded_as(body, named or "utf-8")


def _decoded_as(body: bytes, named: str) -> str:
    try:
        return body.decode(named, errors="replace")
    except (LookupError, ValueError):
        log.debug("%s is no encoding of text", named)
        return body.decode("utf-8-sig", errors="replace")


def _broken(call: Call, answer: ServiceAnswer) -> bool:
    """Whether a success is none; an error inside it is left to whoever knows the service."""
    if not answer.good:
        return False
    found = answer.json()
    if found is None:
        return call.wants_json
    return not call.shape(found) and not fields(found).get("error")


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """The seconds a ``Retry-After`` asks for; ``None`` when it is absent or makes no sense.

    A header that was sent twice arrives as one with a comma: the longest wait counts. A comma
    belongs to a date as well.
    """
    written = headers.get("retry-after", "").strip()
    waits = [_seconds(part, now) for part in (written, *_PARTS.findall(written))]
    return max((wait for wait in waits if wait is not None), default=None)


_PARTS = re.compile(r"[A-Za-z]{3,9},[^,]+|[^,]+")


def _seconds(written: str, now: datetime) -> float | None:
    """One wait: a number with or without a unit, or a date in HTTP's or ISO's writing."""
    number = _NUMBER.fullmatch(written.strip())
    if number is None:
        return _seconds_until(written.strip(), now)
    seconds = float(number[1])
    return seconds if seconds < float("inf") else None


_NUMBER = re.compile(r"(\d+(?:\.\d+)?(?:e\d+)?)\s*(?:s|sec|seconds?)?", re.IGNORECASE)


def _seconds_until(written: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        try:
            moment = datetime.fromisoformat(written)
        except ValueError:
            return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
