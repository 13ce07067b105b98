"""Several questions asked concurrently (fan-out), with answers as if they were asked in turn.

How many are really under way at a time is the rate limiter's business. Not here: what may be asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def side_by_side(questions: Iterable[Awaitable[T]]) -> list[T]:
    """All answers, in the order of the questions, whichever came first.

    Raises:
        Exception: the first trouble in that order, once every question has ended.
    """
    answers = await asyncio.gather(*questions, return_exceptions=True)
    return [_answer(answer) for answer in answers]


def _answer(answer: T | BaseException) -> T:
    if isinstance(answer, BaseException):
        raise answer
    return answer
