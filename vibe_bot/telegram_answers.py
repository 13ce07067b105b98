"""What comes back from Telegram, judged before anything is concluded from it.

A transport wrapper (middleware). What a proxy or a captive portal says in Telegram's place is a
network that fails; what Telegram says in another shape than the Bot API's is trouble that passes.
What a refusal means for a chat is not known here: ``gone_chats`` and ``sending``.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Any

import httpx
import structlog
from telegram import File, Message, TelegramObject, Update, User
from telegram.error import BadRequest, ChatMigrated, NetworkError, RetryAfter, TimedOut
from telegram.request import BaseRequest, RequestData

from vibe_bot.polls import Polls

log = structlog.get_logger()

GET_UPDATES = "getUpdates"
_POLLING = frozenset({GET_UPDATES, "deleteWebhook"})
"""What the package asks in a loop of its own, which a refused token would end for good."""
_MESSAGES = frozenset({"sendMessage", "sendDocument", "sendPhoto", "editMessageText"})
_FILES = frozenset({"sendDocument", "sendPhoto"})
_RECORDS: Mapping[str, tuple[type[TelegramObject], Mapping[str, type]]] = {
    "getMe": (User, {"id": int, "username": str}),
    "getFile": (File, {"file_id": str, "file_path": str}),
}
"""By what is asked: the record, and fields of it that we cannot do without."""
_MISSHAPEN = (
    ArithmeticError,
    AttributeError,
    LookupError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the package raises over fields of another kind than it expects, or nested without end."""
_NOT_SENT = (httpx.ConnectTimeout, httpx.PoolTimeout, httpx.WriteTimeout)
"""Of a request that timed out like this Telegram has nothing, or not the whole."""
_CUT_OFF = (httpx.ReadError, httpx.RemoteProtocolError)
"""How a connection ends on which a request went out."""
_TOKEN_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND})
_PASSING = _TOKEN_REFUSED | {HTTPStatus.CONFLICT}
"""What no method answers but those that ask for news, and ``getMe`` of a token: trouble of
Telegram's own. A token that is refused in earnest, polling finds out."""
LONGEST_ANSWER = 60.0
"""From the question to the last byte; a poll that ends as it should takes half of it."""
LONGEST_FILE = 600.0
REST_UNTOLD = 5.0
"""So long we rest when Telegram asks for a pause and does not say which."""
LONGEST_REST = 86_400.0
LONGEST_REST_BELIEVED = 7 * LONGEST_REST
LONGEST_REST_FROM_POLLING = 60.0
_RETRY_AFTER = re.compile(r"retry after (\d{1,9})\b", re.IGNORECASE)
_ABOVE_ALL_ERRORS = 600
DEEPEST = 60
"""A reply to a forwarded poll is nested a dozen deep; who recurses into more, may not come back."""
_HIGHEST_UPDATE = 2**31 - 1
"""Telegram's numbers have 32 bits. Whoever asks for what comes after a higher one hears nothing."""
_MOST_OF_A_NUMBER = 2**63
_KINDS = ("message", "callback_query", "my_chat_member")
_A_MESSAGE = frozenset({"message_id", "date", "chat"})
_SENT = _A_MESSAGE | {"from", "message_thread_id"}
_SAID = _SENT | {"text", "entities"}
_TAPPED = frozenset({"id", "from", "chat_instance", "data"})
_SOMEBODY_ELSES = frozenset({"forward_origin", "via_bot"})


class MayHaveArrived(TimedOut):
    """Telegram took it, and what it says of it cannot be read."""


class AnswerLost(NetworkError):
    """It was sent, and the connection broke or a server in trouble answered: perhaps it arrived."""


class TooLarge(BadRequest):
    """What was sent is more than Telegram takes, which no other try will change."""


class TokenDoubted(NetworkError):
    """Telegram says that it does not know the token; once may be a passing trouble of its own."""


class JudgedRequest(BaseRequest):
    """Asks through ``inner``; answers reach the package only in the Bot API's own shapes."""

    def __init__(self, inner: BaseRequest, polls: Polls, *, within: float = LONGEST_ANSWER) -> None:
        self._inner = inner
        self._polls = polls
        self._within = within

    @property
    def read_timeout(self) -> float | None:
        """The same as without us."""
        return self._inner.read_timeout

    async def initialize(self) -> None:
        """Open what is asked through."""
        await self._inner.initialize()

    async def shutdown(self) -> None:
        """Close it."""
        await self._inner.shutdown()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        *timeouts: Any,
        **named_timeouts: Any,
    ) -> tuple[int, bytes]:
        """One request, and an answer that is Telegram's.

        Raises: ``NetworkError`` for any other; ``RetryAfter`` and ``ChatMigrated`` when told so.
        """
        request = partial(
            self._inner.do_request, url, method, request_data, *timeouts, **named_timeouts
        )
        endpoint = url.rsplit("/", maxsplit=1)[-1]
        of_a_file = method == "GET" or endpoint in _FILES
        ask = partial(_asked, request, within=LONGEST_FILE if of_a_file else self._within)
        if method == "GET":  # a file, which is whatever somebody sent
            return await ask()
        if endpoint not in _POLLING:
            return _answered(endpoint, *judged(endpoint, *await ask()))
        with self._polls.one(for_news=endpoint == GET_UPDATES):
            status, payload = judged(endpoint, *await ask())
        if status in _TOKEN_REFUSED:
            self._polls.refused()
            raise TokenDoubted(f"telegram does not know the token ({status})")
        self._polls.known()
        return status, payload


def _answered(endpoint: str, status: int, payload: bytes) -> tuple[int, bytes]:
    """The same, where it says something about what was asked.

    Raises: ``AnswerLost`` for a server in trouble, ``TokenDoubted`` for a refusal that passes.
    """
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise AnswerLost(f"telegram is in trouble itself ({status})")
    if status in _PASSING and endpoint != "getMe":
        raise TokenDoubted(f"telegram refuses for a moment ({status})")
    return status, payload


async def _asked(
    request: Callable[[], Awaitable[tuple[int, bytes]]], *, within: float
) -> tuple[int, bytes]:
    """What comes back; the package calls late also what it could not send.

    Its own patience is for each piece of an answer, and an answer may come letter by letter.
    Raises: ``TimedOut`` for what most likely arrived, ``AnswerLost`` for what may have,
    ``NetworkError`` for what has not.
    """
    try:
        async with asyncio.timeout(within):
            return await request()
    except TimeoutError as error:
        raise TimedOut(f"no whole answer within {within:g} s") from error
    except TimedOut as error:
        if not isinstance(error.__cause__, _NOT_SENT):
            raise
        raise NetworkError(f"httpx.{type(error.__cause__).__name__}") from error.__cause__
    except NetworkError as error:
        if not isinstance(error.__cause__, _CUT_OFF):
            raise
        raise AnswerLost(error.message) from error.__cause__


def judged(endpoint: str, status: int, payload: bytes) -> tuple[int, bytes]:
    """The status and the body that this answer stands for.

    Raises: ``NetworkError``, ``RetryAfter``, ``ChatMigrated``, ``TooLarge``.
    """
    answer = _fields(payload)
    ok = answer.get("ok")
    if ok is True and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        if endpoint == GET_UPDATES:
            return status, _updates(answer.get("result"))
        if "result" not in answer or not _readable(endpoint, answer["result"]):
            # The package asks again at once what it takes for late; of a network it rests first.
            kind = NetworkError if endpoint in _POLLING else MayHaveArrived
            raise kind(f"an answer of another shape than Telegram's ({endpoint})")
        return status, payload
    if HTTPStatus.REQUEST_ENTITY_TOO_LARGE in (status, answer.get("error_code")):
        raise TooLarge(f"more than telegram takes ({endpoint})")
    refused = ok is False and isinstance(answer.get("description"), str)
    if not refused and HTTPStatus.TOO_MANY_REQUESTS not in (status, answer.get("error_code")):
        kind = AnswerLost if status >= HTTPStatus.INTERNAL_SERVER_ERROR else NetworkError
        raise kind(f"an answer that is not Telegram's ({status})")
    return _refusal(endpoint, status, answer)


def _refusal(endpoint: str, status: int, answer: Mapping[str, Any]) -> tuple[int, bytes]:
    code, words = _code(status, answer), answer.get("description")
    words = words if isinstance(words, str) else ""
    given = answer.get("parameters")
    parameters = given if isinstance(given, dict) else {}
    if code == HTTPStatus.TOO_MANY_REQUESTS:
        longest = LONGEST_REST_FROM_POLLING if endpoint in _POLLING else LONGEST_REST
        rest = min(_rest(parameters.get("retry_after"), words), longest)
        raise RetryAfter(timedelta(seconds=rest))
    moved_to = parameters.get("migrate_to_chat_id")
    if isinstance(moved_to, int):
        raise ChatMigrated(moved_to)
    return code, json.dumps({"ok": False, "error_code": code, "description": words}).encode()


def _code(status: int, answer: Mapping[str, Any]) -> int:
    """Telegram's own code; a 200 that says it went wrong does not say so in its status.

    "Gone" is what Telegram answers for a person who is no longer there, as a kind of forbidden.
    """
    for code in (status, answer.get("error_code")):
        if isinstance(code, int) and HTTPStatus.BAD_REQUEST <= code < _ABOVE_ALL_ERRORS:
            return HTTPStatus.FORBIDDEN if code == HTTPStatus.GONE else code
    return HTTPStatus.BAD_GATEWAY


def _rest(told: object, words: str) -> float:
    """How many seconds Telegram asks us to rest, read with doubt."""
    in_words = _RETRY_AFTER.search(words)
    for candidate in (told, in_words[1] if in_words else None):
        try:
            seconds = float(str(candidate))
        except ValueError:
            continue
        if 0 < seconds <= LONGEST_REST_BELIEVED:
            return min(seconds, LONGEST_REST)
    return REST_UNTOLD


def _readable(endpoint: str, result: object) -> bool:
    """Whether the package can make of it what its callers are promised."""
    if endpoint in _MESSAGES:
        return _is_message(result) or (endpoint == "editMessageText" and result is True)
    if endpoint not in _RECORDS:
        return True
    kind, needed = _RECORDS[endpoint]
    return _parsed(kind, result) and _holds(needed, result)


def _holds(needed: Mapping[str, type], result: object) -> bool:
    """The package lets pass a record in which these are missing or of another type."""
    return isinstance(result, dict) and all(
        type(result.get(name)) is kind for name, kind in needed.items()
    )


def _is_message(result: object) -> bool:
    if not _parsed(Message, result) or not isinstance(result, dict):
        return False
    return isinstance(result["message_id"], int) and isinstance(result["chat"]["id"], int)


def _parsed(kind: type[TelegramObject], result: object) -> bool:
    if not isinstance(result, dict):
        return False
    try:
        kind.de_json(result, None)
    except _MISSHAPEN as error:
        log.warning("telegram's answer cannot be read", kind=kind.__name__, why=repr(error))
        return False
    return True


def _updates(result: object) -> bytes:
    """The updates, each as far as it can be read.

    Raises: ``NetworkError`` when there are some, and not even one has a number.
    """
    if not isinstance(result, list):
        raise NetworkError("updates of another shape than Telegram's")
    numbered = [one for one in result if isinstance(one, dict) and _numbered(one)]
    if result and not numbered:
        raise NetworkError("updates without numbers")
    if len(numbered) < len(result):
        log.error("updates without numbers are left out", count=len(result) - len(numbered))
    kept = [_legible(one) for one in numbered]
    return json.dumps({"ok": True, "result": kept}).encode()


def _legible(update: Mapping[str, Any]) -> Mapping[str, Any]:
    """The update; else what of it says who wants what; else its number, so that it is passed by.

    Telegram goes on: what somebody's message quotes may be of a kind that the package cannot read.
    """
    for candidate in (update, _bare(update)):
        if _shallow(candidate) and _parsed(Update, candidate) and _told_apart(candidate):
            return candidate
    return {"update_id": update["update_id"]}


def _told_apart(update: Mapping[str, Any]) -> bool:
    """Whether what is in it has the numbers that messages, chats and people are told apart by.

    The package lets pass what is none, and its polling would end by that.
    """
    contents = [update[kind] for kind in _KINDS if isinstance(update.get(kind), dict)]
    messages = [update.get("message"), *(one.get("message") for one in contents)]
    messages = [one for one in messages if one is not None]
    sides = [one.get(side) for one in (*contents, *messages) for side in ("chat", "from")]
    return all(_has_numbers(one, "message_id", "date") for one in messages) and all(
        _has_numbers(one, "id") for one in sides if one is not None
    )


def _has_numbers(content: Mapping[str, Any], *names: str) -> bool:
    numbers = [content.get(name) for name in names]
    return all(type(one) is int and abs(one) < _MOST_OF_A_NUMBER for one in numbers)


def _bare(update: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its number and who wants what; the words of somebody else's that are passed on are left."""
    bare: dict[str, Any] = {"update_id": update["update_id"]}
    message, query = update.get("message"), update.get("callback_query")
    if isinstance(message, dict):
        needed = _SAID if _SOMEBODY_ELSES.isdisjoint(message) else _SENT
        bare["message"] = _only(needed, message, replied="reply_to_message")
    if isinstance(query, dict):
        bare["callback_query"] = _only(_TAPPED, query, replied="message")
    return bare


def _only(
    needed: Iterable[str], content: Mapping[str, Any], *, replied: str | None = None
) -> dict[str, Any]:
    """These fields of it, and which message it is about."""
    kept = {name: content[name] for name in needed if name in content}
    about = content.get(replied) if replied else None
    if replied and isinstance(about, dict):
        kept[replied] = _only(_A_MESSAGE, about)
    return kept


def _shallow(value: object, levels: int = DEEPEST) -> bool:
    """Whether it is nested no deeper than anything of Telegram's."""
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_shallow(one, levels - 1) for one in inner)


def _numbered(update: Mapping[str, Any]) -> bool:
    number = update.get("update_id")
    return type(number) is int and 0 <= number < _HIGHEST_UPDATE


def _fields(payload: bytes) -> Mapping[str, Any]:
    """The answer's fields; none where it is no JSON object."""
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
