"""Messages on their way to Telegram, and what its refusals mean.

``Forbidden`` (the person blocked us) and ``RetryAfter`` (a long flood pause) pass through: what
to do then is for the caller to decide. What a message says is not known here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from functools import partial

import structlog
from telegram import (
    Bot,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest, NetworkError, RetryAfter, TelegramError, TimedOut

from vibe_bot.formatting import keyboard, link, pages, plain
from vibe_bot.gone_chats import chat_is_gone
from vibe_bot.telegram_answers import AnswerLost, TooLarge
from vibe_bot.twins import only_one_of

log = structlog.get_logger()

Markup = InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_BAD_BUTTON = ("button_url_invalid", "wrong http url", "unsupported url protocol")
_BAD_MARKUP = ("can't parse entities", "can't find end of the entity", "entity_bounds_invalid")
_UNCHANGED = ("message is not modified", "message_not_modified")
_GONE = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "message_edit_time_expired",
)


class Edited(StrEnum):
    """How an edit ended."""

    DONE = "done"
    GONE = "gone"
    """The message is no longer there; say it in a new one."""


class Unsent(RetryAfter):
    """A long pause was asked for; ``again`` says what was not said by then.

    ``message_id`` is the message that was to say it, where there is one.
    """

    def __init__(
        self,
        retry_after: int | timedelta,
        again: Callable[[], Awaitable[object]],
        *,
        message_id: int | None = None,
    ) -> None:
        super().__init__(retry_after)
        self.again = again
        self.message_id = message_id


class Unreached(NetworkError):
    """Telegram was not reached, or its answer was lost; ``again`` says what was not said by then.

    ``message_id`` is the message that was to say it, where there is one.
    """

    def __init__(
        self,
        message: str,
        again: Callable[[], Awaitable[object]],
        *,
        message_id: int | None = None,
        lost: bool = False,
    ) -> None:
        super().__init__(message)
        self.again = again
        self.message_id = message_id
        self.lost = lost
        """Whether it may have arrived all the same."""


async def send(
    bot: Bot,
    chat_id: int,
    text: str,
    markup: Markup | None = None,
    *,
    preview: str | None = None,
) -> Message:
    """Send HTML, in several messages if it is long; the last one carries the buttons.

    ``preview``: the one address that Telegram shows a picture of, above the words.
    Raises: ``Unsent`` for a long pause, ``Unreached`` for a network that fails.
    """
    *first, last = [_Page(text=page) for page in pages(text)]
    return await _send_all(bot, chat_id, [*first, replace(last, markup=markup, preview=preview)])


async def take_away(bot: Bot, chat_id: int, message_id: int) -> None:
    """Delete a message of ours that is true no more; what Telegram does not delete stays."""
    try:
        await bot.delete_message(chat_id, message_id)
    except TelegramError as error:
        log.warning("telegram deletes no message", why=type(error).__name__)


async def send_picture(bot: Bot, chat_id: int, png: bytes, caption: str) -> None:
    """Send a picture that only repeats what was said: without it nothing is missing."""
    try:
        await bot.send_photo(chat_id, png, caption=caption, parse_mode=ParseMode.HTML)
    except BadRequest as refusal:
        log.warning("telegram takes no picture", reason=refusal.message)


async def edit(
    bot: Bot, chat_id: int, message_id: int, text: str, markup: InlineKeyboardMarkup | None = None
) -> Edited:
    """Make one of our messages say this; saying what it says already is fine.

    Raises: ``Unsent`` for a long pause, ``Unreached`` for a network that fails.
    """
    again = partial(edit_or_send, bot, chat_id, message_id, text, markup)
    page = _Page(text=pages(text)[0], markup=markup)
    try:
        return await _edited_or_simpler(bot, chat_id, message_id, page)
    except RetryAfter as pause:
        raise Unsent(pause.retry_after, again, message_id=message_id) from pause
    except NetworkError as trouble:
        if settled(trouble):
            raise
        raise Unreached(trouble.message, again, message_id=message_id) from trouble


def settled(trouble: NetworkError) -> bool:
    """Whether Telegram refused it, or most likely has it: saying it again would not help."""
    return isinstance(trouble, BadRequest | TimedOut)


async def edit_or_send(
    bot: Bot, chat_id: int, message_id: int, text: str, markup: InlineKeyboardMarkup | None = None
) -> None:
    """Say it in one of our messages, or in a new one where that is gone.

    Raises: ``Unsent`` for a long pause, ``Unreached`` for a network that fails.
    """
    if await edit(bot, chat_id, message_id, text, markup) is Edited.GONE:
        await send(bot, chat_id, text, markup)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """One message as Telegram gets it."""

    text: str
    markup: Markup | None = None
    parse_mode: str | None = ParseMode.HTML
    preview: str | None = None

    @property
    def link_preview(self) -> LinkPreviewOptions:
        """Which address is shown, if any."""
        if self.preview is None:
            return _NO_PREVIEW
        return LinkPreviewOptions(url=self.preview, prefer_small_media=True, show_above_text=True)


async def _send_all(
    bot: Bot, chat_id: int, unsent: Sequence[_Page], *, doubted: bool = False
) -> Message:
    """These pages; the last one's message. ``doubted``: the first of them may be there already."""
    for number, page in enumerate(unsent):
        doubt = doubted and not number
        try:
            sent = await _send_or_simpler(bot, chat_id, page)
        except RetryAfter as pause:
            again = partial(_send_all, bot, chat_id, unsent[number:], doubted=doubt)
            raise Unsent(pause.retry_after, again) from pause
        except NetworkError as trouble:
            if settled(trouble):
                raise
            lost = doubt or isinstance(trouble, AnswerLost)
            again = partial(_send_all, bot, chat_id, unsent[number:], doubted=lost)
            raise Unreached(trouble.message, again, lost=lost) from trouble
        if doubt:
            await only_one_of(bot, sent)
    return sent


async def _send_or_simpler(bot: Bot, chat_id: int, page: _Page) -> Message:
    try:
        return await _send(bot, chat_id, page)
    except BadRequest as refusal:
        if chat_is_gone(refusal) or isinstance(refusal, TooLarge):
            raise
        return await _send(bot, chat_id, _simpler(page, refusal))


async def _send(bot: Bot, chat_id: int, page: _Page) -> Message:
    return await bot.send_message(
        chat_id,
        page.text,
        parse_mode=page.parse_mode,
        reply_markup=page.markup,
        link_preview_options=page.link_preview,
    )


async def _edited_or_simpler(bot: Bot, chat_id: int, message_id: int, page: _Page) -> Edited:
    try:
        return await _edited(bot, chat_id, message_id, page)
    except BadRequest as refusal:
        if (simpler := _simpler(page, refusal)) is page:
            raise
        return await _edited(bot, chat_id, message_id, simpler)


async def _edited(bot: Bot, chat_id: int, message_id: int, page: _Page) -> Edited:
    """Raises: ``BadRequest`` for what says neither that it is so already nor that it is gone."""
    try:
        await _edit(bot, chat_id, message_id, page)
    except BadRequest as refusal:
        words = _words(refusal)
        if any(sign in words for sign in _UNCHANGED):
            return Edited.DONE
        if any(sign in words for sign in _GONE):
            return Edited.GONE
        raise
    return Edited.DONE


async def _edit(bot: Bot, chat_id: int, message_id: int, page: _Page) -> None:
    await bot.edit_message_text(
        page.text,
        chat_id=chat_id,
        message_id=message_id,
        parse_mode=page.parse_mode,
        reply_markup=page.markup if isinstance(page.markup, InlineKeyboardMarkup) else None,
        link_preview_options=_NO_PREVIEW,
    )


def _simpler(page: _Page, refusal: BadRequest) -> _Page:
    """The same message in a form Telegram cannot refuse for this reason again.

    As it is where we know of none: one refusal alone may pass.
    """
    words = _words(refusal)
    if any(sign in words for sign in _BAD_MARKUP):
        log.error("telegram cannot read our HTML; sent as plain text", reason=refusal.message)
        return replace(page, text=plain(page.text), parse_mode=None)
    if any(sign in words for sign in _BAD_BUTTON) and isinstance(page.markup, InlineKeyboardMarkup):
        log.warning("telegram refuses a link in a button; sent as text")
        return _with_links_as_text(page, page.markup)
    return page


def _words(refusal: BadRequest) -> str:
    """Telegram's words with one kind of apostrophe; it has been seen to write both."""
    return refusal.message.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def _with_links_as_text(page: _Page, markup: InlineKeyboardMarkup) -> _Page:
    buttons = [one for row in markup.inline_keyboard for one in row]
    links = [link(str(one.url), one.text) for one in buttons if one.url is not None]
    rows = [[one for one in row if one.url is None] for row in markup.inline_keyboard]
    return replace(page, text="\n".join([page.text, *links]), markup=keyboard(*rows))
