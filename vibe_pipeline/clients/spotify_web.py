"""How one person's calls to Spotify are made, and what its refusals mean.

Bearer token, capabilities, reading of 401, 403, 404 and 429. Which calls there are: ``spotify``.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NoReturn

import httpx

from vibe_pipeline.clients.budget import Access, Capabilities
from vibe_pipeline.clients.errors import (
    BrokenAnswer,
    CapabilityAbsent,
    GrantDoubted,
    NotAllowlisted,
    NotThere,
    OwnerNotPremium,
    PassinglyRefused,
    PermissionMissing,
    ServiceError,
    ServiceUnavailable,
    UnexpectedResponse,
    WriteRefused,
    endpoint_named,
)
from vibe_pipeline.clients.json_fields import fields, integer, objects, text
from vibe_pipeline.clients.rate_limiter import Sleep
from vibe_pipeline.clients.transport import (
    Again,
    AnswerKind,
    Call,
    ServiceAnswer,
    Transport,
    kind_by_status,
)

SERVICE = "spotify"
RECOMMENDATIONS = "spotify_recommendations"
ARTIST_TOP_TRACKS = "artist_top_tracks"
SECOND_LOOK_SECONDS = 2.0
"""So long after what is hard to believe it is looked at once more: Spotify may be slow."""

_ONE_OF_MANY = re.compile(r"\b(non.?exist\w*|payload|tracks?|uris?)\b", re.IGNORECASE)
_NOT_LISTED = re.compile(
    r"not (be )?registered|allowlist|developer dashboard|spotify\.com/dashboard", re.IGNORECASE
)
_NO_PREMIUM = re.compile(r"premium.*\bowner\b|\bowner\b.*premium", re.IGNORECASE | re.DOTALL)
_NO_SCOPE = re.compile(r"\b(insufficient|missing|client|required)\b.{0,20}\bscope", re.IGNORECASE)
_CLOSED = frozenset({403, 404, 405, 410, 451})
"""How a door that was shut may answer; what 403 means is told apart before."""
_QUOTA = re.compile(r"quota[_ -]?(limit[_ -]?)?exceeded|exceeded[^.]{0,40}quota", re.IGNORECASE)

_PROBE = Call(method="GET", path="/me", endpoint="GET /me")
_LISTENING = ("GET /me/tracks", "GET /me/player/recently-played", "GET /me/top/")
_PROOF_LASTS = timedelta(hours=1)
_FIRST_CLOSING = timedelta(minutes=15)
_SWITCHED_OFF_FOR = timedelta(days=1)
_SWITCHED_OFF_AT_MOST = timedelta(days=14)


class SpotifyWeb:
    """Sends calls with the person's token; answers with JSON, or with the error that fits.

    ``proved_at``: when Spotify last granted this person something, as far as others saw.
    """

    def __init__(
        self,
        transport: Transport,
        access: Access,
        capabilities: Capabilities,
        *,
        proved_at: datetime | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._transport = transport
        self._sleep = sleep
        self._access = access
        self._capabilities = capabilities
        self._proved_at = proved_at or transport.now() - 2 * _PROOF_LASTS
        self._open: set[str] = set()
        self._renewed_for: set[str] = set()
        self._asked_again: set[str] = set()
        self._first_try = asyncio.Lock()

    async def ask(self, call: Call) -> Mapping[str, Any] | list[Any]:
        """The JSON Spotify answers with."""
        answer = await self._last_word(call)
        if status_of(answer) >= 400:
            await self._refused(call, answer)
        with endpoint_named(call.endpoint):
            return _believed(call, answer)

    async def tell(self, call: Call) -> Mapping[str, Any]:
        """Do a write; what it answers with is nothing where its endpoint promises nothing."""
        answer = await self._last_word(call)
        if status_of(answer) >= 400:
            await self._refused(call, answer)
        return fields(_believed(call, answer)) if call.wants_json else fields(answer.json())

    async def ask_if_open(self, call: Call, capability: str) -> Mapping[str, Any]:
        """The same for what Spotify closed for most apps.

        A closed door is tried once more a quarter of an hour later, for one refusal may pass. Then
        it is left alone for a day, and twice as long each time it is found closed again.
        """
        if capability in self._open:
            return await self._through(call, capability)
        async with self._first_try:
            answer = await self._through(call, capability)
            self._open.add(capability)
            return answer

    async def _through(self, call: Call, capability: str) -> Mapping[str, Any]:
        if self._capabilities.absent(capability):
            raise self._absent(capability)
        answer = await self._authorized(call)
        status = status_of(answer)
        if _is_closed(call, answer):
            await self._prove_token()
            until = self._transport.now() + self._closing(capability)
            self._capabilities.switch_off(capability, until, f"{call.endpoint} answered {status}")
            raise self._absent(capability)
        if status >= 400:
            await self._refused(call, answer)
        if capability not in self._open and self._capabilities.times_closed(capability):
            self._capabilities.switch_on(capability)
        return fields(_believed(call, answer))

    def _closing(self, capability: str) -> timedelta:
        times = self._capabilities.times_closed(capability)
        if times == 0:
            return _FIRST_CLOSING
        return min(_SWITCHED_OFF_FOR * (1 << min(times - 1, 10)), _SWITCHED_OFF_AT_MOST)

    async def _last_word(self, call: Call) -> ServiceAnswer:
        """The answer; that there is no such thing, or that it is closed, only when said twice.

        One such answer has been wrong before. An endpoint that stood by it once is believed.
        """
        answer = await self._authorized(call)
        hasty = call.again in {Again.FREELY, Again.AFTER_A_LOOK} and _is_closed(call, answer)
        if not hasty or call.endpoint in self._asked_again:
            return answer
        self._asked_again.add(call.endpoint)
        if call.again is Again.AFTER_A_LOOK:
            sentence = f"{call.endpoint} was refused ({status_of(answer)})"
            raise PassinglyRefused(SERVICE, sentence)
        await self._sleep(SECOND_LOOK_SECONDS)
        return await self._authorized(call)

    async def _authorized(self, call: Call) -> ServiceAnswer:
        """The answer to a call with a token; one that is refused is renewed once."""
        for force_refresh in (False, True):
            token = await self._access.token(force_refresh=force_refresh)
            headers = {**call.headers, "Authorization": f"Bearer {token}"}
            answer = await self._transport.send(replace(call, headers=headers))
            status = status_of(answer)
            if status >= 400 and _is_a_page(answer):
                raise _somebody_between(call, status)
            if status < 400:
                self._proved_at = self._transport.now()
            if status != httpx.codes.UNAUTHORIZED:
                return answer
            if (known := _kind_of_403(answer)) is not None:
                known.endpoint = call.endpoint
                raise known
            if call.again is Again.NOT_NOW:
                raise PermissionMissing(SERVICE, f"{call.endpoint} is not part of the consent")
            looked_for = call.again is Again.AFTER_A_LOOK
            if looked_for and call.endpoint in self._renewed_for:
                break
            if looked_for:
                self._renewed_for.add(call.endpoint)
                await self._access.token(force_refresh=True)
                raise PassinglyRefused(SERVICE, f"{call.endpoint} refused a token that was renewed")
        refusal = await self._meaning_of_refused_tokens(call, answer, token)
        refusal.endpoint = call.endpoint
        raise refusal

    async def _meaning_of_refused_tokens(
        self, call: Call, answer: ServiceAnswer, token: str
    ) -> ServiceError:
        """Tell a token that is good for nothing from one that leaves a part of listening out.

        Only that part is missing then, and whatever else is known makes a list.
        """
        doubt = GrantDoubted(SERVICE, "the person's token is refused, also a fresh one")
        if not call.endpoint.startswith(_LISTENING):
            return doubt
        try:
            headers = {"Authorization": f"Bearer {token}"}
            probe = await self._transport.send(replace(_PROBE, headers=headers))
        except ServiceError as error:
            doubt.__cause__ = error
            return doubt
        if status_of(probe) >= 400:
            return doubt
        self._proved_at = self._transport.now()
        if "permission" in answer.text.lower():
            return PermissionMissing(SERVICE, f"{call.endpoint} is not part of the consent")
        sentence = f"{call.endpoint} is not allowed here"
        return CapabilityAbsent(SERVICE, sentence, capability=call.endpoint)

    async def _refused(self, call: Call, answer: ServiceAnswer) -> NoReturn:
        with endpoint_named(call.endpoint):
            await self._raise_what_it_means(call, answer)

    async def _raise_what_it_means(self, call: Call, answer: ServiceAnswer) -> NoReturn:
        status = status_of(answer)
        if call.all_or_nothing and _blames_one_of_many(status, answer):
            raise WriteRefused(SERVICE, f"{call.endpoint} was refused as a whole ({status})")
        if status == httpx.codes.FORBIDDEN:
            known = _kind_of_403(answer)
            if known is not None:
                raise known
            await self._prove_token()
            raise CapabilityAbsent(
                SERVICE, f"{call.endpoint} is not allowed here", capability=call.endpoint
            )
        if status == httpx.codes.NOT_FOUND and _has_message(answer):
            sentence = f"{call.endpoint}: no such thing"
            raise NotThere(SERVICE, sentence, endpoint=call.endpoint)
        if status in _CLOSED or status >= 500:
            raise ServiceUnavailable(
                SERVICE, f"{call.endpoint} failed ({status})", may_have_happened=not call.repeatable
            )
        raise UnexpectedResponse(SERVICE, f"{call.endpoint} was refused ({status})")

    async def _prove_token(self) -> None:
        """Tell "nobody may do this" from "you may do nothing" by one call that is always open.

        Whatever Spotify granted within the hour proves as much.
        """
        if self._transport.now() - self._proved_at < _PROOF_LASTS:
            return
        answer = await self._authorized(_PROBE)
        status = status_of(answer)
        if status == httpx.codes.FORBIDDEN:
            raise _kind_of_403(answer) or _not_allowlisted()
        if status >= 400:
            raise UnexpectedResponse(SERVICE, f"GET /me was refused ({status})")

    @staticmethod
    def _absent(capability: str) -> CapabilityAbsent:
        return CapabilityAbsent(
            SERVICE, "Spotify does not offer this to the app", capability=capability
        )


def answer_kind(answer: ServiceAnswer) -> AnswerKind:
    """Spotify's way: the day's quota is told from a moment's limit by the reason in the body.

    Where it answers with success and a body, that is JSON; a page was written by somebody else.
    """
    status = status_of(answer)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return AnswerKind.QUOTA if _QUOTA.search(answer.text) else AnswerKind.SLOW_DOWN
    if answer.good and answer.text.strip() and answer.json() is None:
        return AnswerKind.AGAIN
    return kind_by_status(replace(answer, status=status))


def bucket_of(call: Call) -> str:
    """The endpoints that Spotify probably limits together: a method and where its path begins.

    Spotify keeps quotas per group of endpoints and does not say which belong to one.
    """
    if call.again is Again.NOT_NOW:
        return call.endpoint
    method, _, path = call.endpoint.partition(" ")
    return f"{method} {'/'.join(path.split('/')[:3]).removesuffix('/{id}')}"


def status_of(answer: ServiceAnswer) -> int:
    """The status that counts: an error inside a body overrules a 200 outside."""
    if not answer.good:
        return answer.status
    body = fields(answer.json())
    error = body.get("error")
    inside = next(objects(error), next(objects(body.get("errors")), {}))
    for said in (inside.get("status"), inside.get("code"), body.get("status")):
        status = integer(said)
        if (error or inside) and status is not None and 400 <= status < 600:
            return status
    return httpx.codes.BAD_GATEWAY if error or inside else answer.status


def _is_closed(call: Call, answer: ServiceAnswer) -> bool:
    """Whether a refusal is for the address, and not for the person or one of many things."""
    status = status_of(answer)
    one_of_many = call.all_or_nothing and _blames_one_of_many(status, answer)
    return status in _CLOSED and _kind_of_403(answer) is None and not one_of_many


def _is_a_page(answer: ServiceAnswer) -> bool:
    """Whether this was written for readers: refusals of Spotify's are JSON, plain text or empty."""
    return answer.text.lstrip().startswith("<")


def _somebody_between(call: Call, status: int) -> ServiceUnavailable:
    """What a page of somebody between tells of the person, their grant and their playlists:
    nothing.
    """
    sentence = f"{call.endpoint} is refused by somebody between us and Spotify ({status})"
    error = ServiceUnavailable(SERVICE, sentence, may_have_happened=not call.repeatable)
    error.endpoint = call.endpoint
    return error


def _has_message(answer: ServiceAnswer) -> bool:
    """Whether a refusal has the form that Spotify's have."""
    return isinstance(fields(fields(answer.json()).get("error")).get("message"), str)


def _blames_one_of_many(status: int, answer: ServiceAnswer) -> bool:
    """Whether a refusal is for what was to be written, and not for where.

    "Payload contains a non-existing ID" and the like; a playlist that is gone is "not found". What
    somebody between writes has no message of Spotify's.
    """
    message = text(fields(fields(answer.json()).get("error")).get("message")) or ""
    return status in {400, 422} or (
        status in {403, 404, 410} and _ONE_OF_MANY.search(message) is not None
    )


def _believed(call: Call, answer: ServiceAnswer) -> Mapping[str, Any] | list[Any]:
    """The JSON of a success, when it is what the endpoint promises."""
    found = answer.json()
    if isinstance(found, dict | list) and call.shape(found):
        return found
    raise BrokenAnswer(
        SERVICE,
        f"{call.endpoint} answered with something else than it promises",
        may_have_happened=not call.repeatable,
    )


def _kind_of_403(
    answer: ServiceAnswer,
) -> NotAllowlisted | OwnerNotPremium | PermissionMissing | None:
    """The refusals that say what they mean; their text is plain in some answers, JSON in others."""
    if status_of(answer) not in {httpx.codes.FORBIDDEN, httpx.codes.UNAUTHORIZED}:
        return None
    if _is_a_page(answer):
        return None
    if _NO_PREMIUM.search(answer.text):
        return OwnerNotPremium(SERVICE, "the app's owner needs an active Premium subscription")
    if _NOT_LISTED.search(answer.text):
        return _not_allowlisted()
    if _NO_SCOPE.search(answer.text):
        return PermissionMissing(SERVICE, "the person's consent lacks a permission")
    return None


def _not_allowlisted() -> NotAllowlisted:
    return NotAllowlisted(SERVICE, "the person is not on the list of the app's users")
