"""From a Telegram update to somebody saying something: what every handler receives.

Who they are, in which language, and the ways to answer. No handler reads an ``Update`` by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Unpack
from zoneinfo import ZoneInfo

import structlog
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    MessageEntity,
    Update,
    User,
)
from telegram.error import BadRequest, TelegramError
from telegram.ext import Application, CallbackContext, ExtBot

from vibe_bot.formatting import Html, button, keyboard, tell
from vibe_bot.gone_chats import chat_is_gone, surely_gone
from vibe_bot.held_answers import HeldAnswers
from vibe_bot.inbox import WrittenQueue, key_of
from vibe_bot.launches import Launches
from vibe_bot.polls import Polls
from vibe_bot.progress import RunTrackers
from vibe_bot.questions import Questions
from vibe_bot.sending import Edited, Markup, Unreached, Unsent, edit, edit_or_send, send
from vibe_bot.services import BotServices
from vibe_bot.store_writes import StoreWrites, Written
from vibe_bot.twins import only_one_of
from vibe_pipeline.accounts.errors import AccountsUnreadable, UnknownPerson
from vibe_pipeline.accounts.records import Account, AccountChanges
from vibe_pipeline.clients.text_cleaning import clean
from vibe_pipeline.locales import say, spoken

log = structlog.get_logger()

Data = dict[Any, Any]
Context = CallbackContext[ExtBot[None], Data, Data, Data]
FETCHED_AT_ONCE = 2
NAMELESS = "🙂"
"""Whom we greet that has no name, or none that is seen."""
App = Application[Any, Context, Data, Data, Data, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BotState:
    """What lasts from one interaction to the next: services, followed runs, open questions."""

    services: BotServices
    watchers: RunTrackers
    launches: Launches
    polls: Polls
    held_answers: HeldAnswers
    questions: Questions = field(default_factory=Questions)
    writes: StoreWrites = field(default_factory=StoreWrites)
    fetching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(FETCHED_AT_ONCE))
    """Taken by whoever fetches a file, which is in memory meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A file that somebody sent: Telegram's name for it, its own, its bytes as far as told."""

    file_id: str
    name: str
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """One person saying or tapping one thing.

    ``args`` is what followed the command. ``tapped`` is the message whose button was tapped,
    ``file`` what was sent instead of words. ``asked_at`` is when it was written, which may be
    hours before it is read; of a tap nobody tells, so it counts as of now.
    ``links``: the words of each link in the tapped message, by its address.
    ``request_id`` is the same each time this is handled, should a process end while it was;
    ``again`` says that a former one may have answered. ``waited``: it may be hours old, for it
    was sent while nobody listened.
    """

    state: BotState
    bot: Bot
    account: Account
    first_name: str
    args: str
    request_id: str
    asked_at: datetime
    tapped: int | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    file: SentFile | None = None
    again: bool = False
    waited: bool = False

    @property
    def services(self) -> BotServices:
        """What the bot works with."""
        return self.state.services

    @property
    def language(self) -> str:
        """The language to answer in."""
        return self.account.language

    @property
    def zone(self) -> ZoneInfo:
        """The person's own clock."""
        return self.account.zone

    def html(self, key: str, /, **blanks: object) -> Html:
        """A sentence in the person's language, as HTML."""
        return tell(self.language, key, **blanks)

    def text(self, key: str, /, **blanks: object) -> str:
        """A sentence in the person's language, plain: for buttons and toasts."""
        return say(self.language, key, **blanks)

    def button(self, key: str, data: str, /, **blanks: object) -> InlineKeyboardButton:
        """A button in the person's language."""
        return button(self.text(f"button.{key}", **blanks), data)

    async def answer(
        self,
        text: str,
        *rows: Iterable[InlineKeyboardButton | None],
        markup: Markup | None = None,
        preview: str | None = None,
    ) -> Message:
        """Say it in a new message, with rows of buttons under it, and a preview of an address."""
        chat_id, markup = self.account.chat_id, markup or keyboard(*rows)
        say_it = partial(send, self.bot, chat_id, text, markup, preview=preview)
        async with self._held_if_unsaid(say_it):
            sent = await say_it()
        message_id = await only_one_of(self.bot, sent) if self.again else sent.message_id
        await self._told_in(message_id)
        return sent

    async def show(self, text: str, *rows: Iterable[InlineKeyboardButton | None]) -> None:
        """Say it in the message that was tapped, or in a new one."""
        if self.tapped is None or not await self._shown(self.tapped, text, keyboard(*rows)):
            await self.answer(text, *rows)
        self.state.held_answers.drop(self.account.chat_id, self.tapped)

    async def _shown(self, message_id: int, text: str, markup: InlineKeyboardMarkup | None) -> bool:
        """Whether this message of ours says it now."""
        chat_id = self.account.chat_id
        say_it = partial(edit_or_send, self.bot, chat_id, message_id, text, markup)
        async with self._held_if_unsaid(say_it, message_id=message_id):
            try:
                done = await edit(self.bot, chat_id, message_id, text, markup) is Edited.DONE
            except BadRequest as refusal:
                if chat_is_gone(refusal):
                    raise
                log.warning("telegram refuses an edit", why=refusal.message)
                return False
        if done:
            await self._told_in(message_id)
        return done

    @asynccontextmanager
    async def _held_if_unsaid(
        self, again: Callable[[], Awaitable[object]], *, message_id: int | None = None
    ) -> AsyncIterator[None]:
        """What Telegram does not take now is said when it does; the handler ends by it.

        So is what it refuses for a chat that is there at a second look.
        """
        held, chat_id = self.state.held_answers, self.account.chat_id
        try:
            yield
        except (Unsent, Unreached) as unsaid:
            held.keep(chat_id, unsaid, request_id=self.request_id)
            raise
        except TelegramError as error:
            gone = chat_is_gone(error)
            if not gone or await surely_gone(self.bot, chat_id, error, self.services.sleep):
                raise
            passing = Unreached(error.message, again, message_id=message_id)
            held.keep(chat_id, passing, request_id=self.request_id)
            raise passing from error

    def with_args(self, args: str) -> Interaction:
        """The same interaction with other arguments."""
        return replace(self, args=clean(args))

    def ask(self, command: str) -> None:
        """Take the next plain words from this chat as what was missing after ``command``.

        What was understood so far may follow the command, after a space.
        """
        self.state.questions.ask(self.account.chat_id, command, self.request_id)

    async def ask_no_more(self) -> None:
        """What was asked has its answer; the next words are no answer to it."""
        asking = self.state.questions.asking(self.account.chat_id)
        self.state.questions.pop(self.account.chat_id)
        await self.answered(asking)

    async def answered(self, asking: int | None) -> None:
        """What this message asked, if any did, is open no more for a bot that is started later."""
        if asking is not None:
            answered = self.services.store.open_questions.answered
            await self._noted(partial(answered, self.account.user_id, asking))

    async def answered_before(self, message_id: int) -> None:
        """The same of whatever was asked before this message."""
        answered = self.services.store.open_questions.answered_before
        await self._noted(partial(answered, self.account.user_id, message_id))

    async def _told_in(self, message_id: int) -> None:
        command = self.state.questions.told(self.account.chat_id, message_id, self.request_id)
        if command is not None:
            asked = self.services.store.open_questions.asked
            await self._noted(partial(asked, self.account.user_id, message_id, command))

    async def _noted(self, note: Callable[[], None]) -> None:
        """Have it noted for a later bot; this one goes on without that, if need be."""
        try:
            await self.in_store(note)
        except (AccountsUnreadable, UnknownPerson) as error:
            log.warning("cannot note what is asked", why=str(error))

    async def in_store(self, write: Callable[[], Written]) -> Written:
        """Write to the account store beside everybody else's interactions, which go on meanwhile.

        A store may be locked for long. What one person asks for is written in that order.
        """
        return await self.state.writes.write(self.account.chat_id, write)

    async def change(self, **changes: Unpack[AccountChanges]) -> Interaction:
        """Change the person's settings; gives the interaction with them as they are then.

        Beside everybody else's interactions, which need not wait for a store that is locked; one
        person's changes in the order they asked for them.
        """
        return await self.change_by(lambda _: changes)

    async def change_by(self, changes: Callable[[Account], AccountChanges]) -> Interaction:
        """The same for what follows from the settings as they are when its turn comes."""
        people, user_id = self.services.store.people, self.account.user_id

        def change() -> Account:
            return people.change(user_id, **changes(people.get(user_id) or self.account))

        return replace(self, account=await self.in_store(change))


Handler = Callable[[Interaction], Awaitable[str | None]]
"""Reads, decides, answers. What it gives back is shown shortly over a tapped button."""


async def interaction_from(update: Update, context: Context, *, args: str) -> Interaction | None:
    """Who this update is from, registered on first sight; ``None`` when it is from nobody."""
    user, chat = update.effective_user, update.effective_chat
    if user is None or chat is None:
        return None
    state = bot_state(context)
    account = await _registered(state, chat.id, user)
    query, written = update.callback_query, update.message
    again = was_taken_up(update, context)
    message = None if query is None else query.message
    return Interaction(
        state=state,
        bot=context.bot,
        account=account,
        first_name=clean(user.first_name) or user.username or NAMELESS,
        args=clean(args),
        request_id=key_of(update),
        again=again,
        waited=again or state.polls.behind,
        asked_at=state.services.now() if written is None else written.date,
        tapped=None if message is None else message.message_id,
        links=_links(message) if isinstance(message, Message) else {},
        file=_sent_file(update.effective_message) if query is None else None,
    )


async def _registered(state: BotState, chat_id: int, user: User) -> Account:
    """The account of this chat, as it is after all that was asked for there before.

    Only a newcomer's is written, and that of who is called otherwise now.
    """
    await state.writes.settled(chat_id)
    people, name = state.services.store.people, display_name(user)
    if (known := people.registered(chat_id, name)) is not None:
        return known
    register = partial(people.register, chat_id, name, spoken(user.language_code))
    return await state.writes.write(chat_id, register)


def was_taken_up(update: Update, context: Context) -> bool:
    """Whether a former bot was given this and did not get to it, or not to the end of it."""
    queue = context.update_queue
    return isinstance(queue, WrittenQueue) and key_of(update) in queue.taken_up


def _sent_file(message: Message | None) -> SentFile | None:
    document = None if message is None else message.document
    if document is None or (message and message.animation):
        return None
    name = clean(document.file_name or "")
    return SentFile(file_id=document.file_id, name=name, size=document.file_size)


def _links(message: Message) -> dict[str, str]:
    entities = message.parse_entities([MessageEntity.TEXT_LINK])
    return {entity.url: words for entity, words in entities.items() if entity.url}


def bot_state(context: Context) -> BotState:
    """What this application works with."""
    state: BotState = context.bot_data["state"]
    return state


def display_name(user: User) -> str:
    """The name under which a page outside Telegram speaks of the person; it is never empty."""
    full_name = " ".join(clean(user.full_name or "").split())[:80] or str(user.id)
    return f"{full_name} (@{user.username})" if user.username else full_name
