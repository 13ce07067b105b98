"""The Telegram application: which update goes to which handler (dispatch), what happens to errors.

What a command does belongs to ``vibe_bot.handlers``; starting and stopping, to ``lifecycle``.
"""

from __future__ import annotations

import asyncio
import itertools
import unicodedata

import structlog
from telegram import CallbackQuery, Message, Update
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.ext import (
    ApplicationBuilder,
    CallbackQueryHandler,
    ChatMemberHandler,
    MessageHandler,
    filters,
)
from telegram.request import BaseRequest, HTTPXRequest

from vibe_bot.formatting import escaped, tell
from vibe_bot.gone_chats import BLOCKED, chat_is_gone, has_left, is_back, surely_gone
from vibe_bot.handlers import BUTTONS, COMMANDS, connection, history_file, welcome
from vibe_bot.handlers import paste_callback as pasting
from vibe_bot.held_answers import HeldAnswers
from vibe_bot.inbox import InboxProcessor, UnconfirmedPolls, WrittenQueue
from vibe_bot.interactions import (
    App,
    BotState,
    Context,
    Handler,
    Interaction,
    bot_state,
    interaction_from,
    was_taken_up,
)
from vibe_bot.launches import Launches
from vibe_bot.polls import Polls
from vibe_bot.progress import RunTrackers
from vibe_bot.rate_limiter import ChatRateLimiter
from vibe_bot.sending import edit_or_send, send
from vibe_bot.services import BotServices
from vibe_bot.telegram_answers import JudgedRequest
from vibe_bot.twins import SentAnew
from vibe_pipeline.accounts.errors import AccountsUnreadable, UnknownPerson
from vibe_pipeline.locales import say, spoken

log = structlog.get_logger()

UPDATES_AT_ONCE = 64
TOAST_LIMIT = 200
LINE_BY_LINE = "artists"
KINDS = [Update.MESSAGE, Update.CALLBACK_QUERY, Update.MY_CHAT_MEMBER]
"""What we ask Telegram for."""


def build(services: BotServices, token: str, *, request: BaseRequest | None = None) -> App:
    """The application, ready to be initialized; ``request`` stands in for the network in tests."""
    limiter = ChatRateLimiter(
        sleep=services.sleep, clock=services.clock, observer=services.calls.observe
    )
    polls, held = Polls(services.clock), HeldAnswers(services)
    queue = WrittenQueue(services.store.inbox)
    sending = request or HTTPXRequest(connect_timeout=10, read_timeout=20, pool_timeout=20)
    polling = request or HTTPXRequest(connection_pool_size=1)
    app: App = (
        ApplicationBuilder()
        .token(token)
        .base_url(f"{services.settings.telegram_api_url}/bot")
        .base_file_url(f"{services.settings.telegram_api_url}/file/bot")
        .update_queue(queue)
        .concurrent_updates(InboxProcessor(services.store.inbox, UPDATES_AT_ONCE, held.holds))
        .rate_limiter(limiter)
        .request(JudgedRequest(sending, polls))
        .get_updates_request(JudgedRequest(polling, polls))
        .build()
    )
    if app.updater is not None:
        app.updater.bot = UnconfirmedPolls(app.bot, queue)  # type: ignore[assignment]
    limiter.on_doubt = SentAnew(app.bot)
    trackers = RunTrackers(services, app.bot, limiter)
    launches = Launches(services=services, bot=app.bot, watchers=trackers)
    app.bot_data["state"] = BotState(
        services=services,
        watchers=trackers,
        launches=launches,
        polls=polls,
        held_answers=held,
    )
    _route(app)
    return app


def _route(app: App) -> None:
    alone = filters.ChatType.PRIVATE & filters.UpdateType.MESSAGE
    app.add_handler(MessageHandler(alone & filters.TEXT, _text))
    app.add_handler(MessageHandler(alone & filters.Document.ALL, _file))
    app.add_handler(MessageHandler(alone & ~filters.StatusUpdate.ALL, _other_kind))
    group = filters.ChatType.GROUPS & filters.UpdateType.MESSAGE
    app.add_handler(MessageHandler(group & filters.COMMAND, _in_a_group))
    app.add_handler(CallbackQueryHandler(_tap))
    app.add_handler(ChatMemberHandler(_membership, ChatMemberHandler.MY_CHAT_MEMBER))
    app.add_error_handler(_error)


async def _text(update: Update, context: Context) -> None:
    """A command, a key, an answer to our question, the way back from Spotify, or talk."""
    message = update.effective_message
    words = (message.text if message else None) or ""
    chat_id = message.chat_id if message else 0
    query = pasting.landed_on(words, bot_state(context).services.settings)
    if query is not None:
        await _call(update, context, pasting.landed, query)
        return
    if message is not None and (message.forward_origin or message.via_bot):
        await _call(update, context, welcome.forwarded, "")
        return
    state = bot_state(context)
    asking = state.questions.asking(chat_id)
    question = state.questions.pop(
        chat_id, _replied_to(message), written_ago=_written_ago(message, state.services)
    )
    handler, args = _meant(words, question, us=context.bot.username)
    found = await interaction_from(update, context, args=args)
    if found is None or message is None:
        return
    try:
        await handler(found)
    except Exception:
        if not state.held_answers.holds(found.request_id):  # or it may be handled again
            context.application.create_task(_close_question(found, asking, message.message_id))
        raise
    # only now: a bot that ends before leaves the answer to the next one
    await _close_question(found, asking, message.message_id)


async def _close_question(found: Interaction, asking: int | None, message_id: int) -> None:
    """What was asked before the words of this message is open no more for a bot started later.

    Not where it was asked again in the same message; nor while something is still to be said in
    this chat, for that may be the answer's, which a later bot would take up.
    """
    state, chat_id = found.state, found.account.chat_id
    asking_now = state.questions.asking(chat_id)
    if asking is not None and asking_now != asking:
        await found.answered(asking)
    elif asking is None and asking_now is None and not state.held_answers.waits(chat_id):
        await found.answered_before(message_id)


def _written_ago(message: Message | None, services: BotServices) -> float:
    """Seconds since then; clocks that disagree make nothing younger than it is."""
    ago = 0.0 if message is None else (services.now() - message.date).total_seconds()
    return max(0.0, ago)


def _replied_to(message: Message | None) -> int | None:
    replied = None if message is None else message.reply_to_message
    return None if replied is None else replied.message_id


def _meant(words: str, question: str | None, *, us: str) -> tuple[Handler, str]:
    words = _without_unseen_start(words)
    head, *rest = words.split(maxsplit=1) or [""]
    head = _as_typed(head)
    if head.startswith("/"):
        name = _command_for_us(head, us)
        if name is not None:
            return COMMANDS[name], _one_line(name, rest[0] if rest else "")
        return welcome.unknown_command, head
    key = welcome.command_of_key(words.strip())
    if key is not None:
        return COMMANDS[key], ""
    if question is not None:
        command, _, begun = question.partition(" ")
        return COMMANDS[command], _one_line(command, f"{begun} {words}".strip())
    return welcome.small_talk, words


def _without_unseen_start(words: str) -> str:
    """Keyboards of languages that are written from the right put marks of direction before."""
    unseen = itertools.takewhile(_is_unseen, words)
    return words[sum(1 for _ in unseen) :]


def _as_typed(head: str) -> str:
    """A command with the slash that keyboards have, and without signs that nobody sees.

    Pages that it is copied from may have a space of no width behind it.
    """
    return unicodedata.normalize("NFKC", "".join(itertools.filterfalse(_is_unseen, head)))


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) == "Cf"


def _one_line(command: str, words: str) -> str:
    """What was written line by line, where a command takes several things at once."""
    return words.replace("\n", ";") if command == LINE_BY_LINE else words


def _command_for_us(head: str, us: str) -> str | None:
    """Our command that is called, alone or as ``/command@us``; another bot's is not ours."""
    name, _, addressee = head[1:].lower().partition("@")
    return name if name in COMMANDS and addressee in {"", us.lower()} else None


async def _other_kind(update: Update, context: Context) -> None:
    await _call(update, context, welcome.unknown_kind, "")


async def _file(update: Update, context: Context) -> None:
    await _call(update, context, history_file.history_file, "")


async def _call(update: Update, context: Context, handler: Handler, args: str) -> None:
    found = await interaction_from(update, context, args=args)
    if found is not None:
        await handler(found)


async def _in_a_group(update: Update, context: Context) -> None:
    """We know people by their private chat; in a group we only say so, to who calls us.

    Words for other bots are none of our business, and where we may not write we need not. A reply
    goes to the topic it was asked in. Whoever speaks for the whole group, as an administrator may
    without being named, has a bot of Telegram's for their user.
    """
    message, user = update.effective_message, update.effective_user
    if message is None or user is None or (user.is_bot and message.sender_chat is None):
        return
    head, *_ = (message.text or message.caption or "").split(maxsplit=1) or [""]
    if _command_for_us(head, context.bot.username) is None:
        return
    words = tell(spoken(user.language_code), "bot.private_only", bot=context.bot.username)
    try:
        await message.reply_html(words, do_quote=False)
    except (BadRequest, ChatMigrated, Forbidden) as error:
        log.info("a group takes no words of ours", why=error.message)


async def _tap(update: Update, context: Context) -> None:
    """A tapped button; its spinner is stopped whatever happens, but for a bot that ends meanwhile.

    Whoever is not known was forgotten since the button was shown: a tap makes nobody new.
    """
    query, chat = update.callback_query, update.effective_chat
    if query is None or chat is None or chat.type != ChatType.PRIVATE:
        return
    toast: str | None = None
    found: Interaction | None = None
    try:
        if bot_state(context).services.store.people.by_chat(chat.id) is None:
            toast = await _tapped_by_nobody(query, chat.id, update, context)
        elif (found := await interaction_from(update, context, args="")) is not None:
            toast = await _tapped(found, query.data or "")
    except Exception:
        await _toast(query, found, None)
        raise
    await _toast(query, found, toast)


async def _tapped_by_nobody(
    query: CallbackQuery, chat_id: int, update: Update, context: Context
) -> str | None:
    """An old button; or the one that had somebody forgotten, over which a former bot died."""
    message = query.message
    if message is not None and (query.data or "").startswith("sure:forget:"):
        words = connection.forgotten_before(bot_state(context).services.store, chat_id)
        if words is not None and was_taken_up(update, context):
            await edit_or_send(context.bot, chat_id, message.message_id, words)
            return None
    return say(spoken(query.from_user.language_code), "bot.stale_button")


async def _toast(query: CallbackQuery, found: Interaction | None, words: str | None) -> None:
    """Stop the spinner, with a few words; said in a message where they cannot be shown over it.

    Telegram shows nothing over what was tapped too long ago, as while we were away.
    """
    try:
        await query.answer(words[:TOAST_LIMIT] if words else None)
    except TelegramError as error:
        log.info("a tap was answered too late", why=error.message)
        if words and found is not None:
            await found.answer(escaped(words))
        elif words:
            await send(query.get_bot(), query.from_user.id, escaped(words))


async def _tapped(found: Interaction, data: str) -> str | None:
    verb, _, rest = data.partition(":")
    handler = BUTTONS.get(verb)
    if verb == "go":
        verb, _, rest = rest.partition(":")
        handler = COMMANDS.get(verb)
        await found.ask_no_more()
    if handler is None:
        return found.text("bot.stale_button")
    return await handler(found.with_args(rest))


async def _membership(update: Update, context: Context) -> None:
    """Somebody lets us in again, or blocks us, without a word; it makes nobody new.

    Several such updates may be handled at once, so a block is believed at a look of our own.
    """
    changed, state = update.my_chat_member, bot_state(context)
    if changed is None or changed.chat.type != ChatType.PRIVATE:
        return
    chat_id, status = changed.chat.id, changed.new_chat_member.status
    if status == ChatMemberStatus.MEMBER:
        await asyncio.to_thread(is_back, state.services.store, chat_id)
    elif await surely_gone(context.bot, chat_id, BLOCKED, state.services.sleep):
        await asyncio.to_thread(_lost, state.services, chat_id)


async def _error(update: object, context: Context) -> None:
    """What went wrong in a handler: the person is told, unless they are who left."""
    error, state = context.error, bot_state(context)
    if not isinstance(update, Update) or update.effective_chat is None:
        log.error("trouble outside any chat", exc_info=error)
        return
    chat_id, user = update.effective_chat.id, update.effective_user
    if error is not None and chat_is_gone(error):
        if await surely_gone(context.bot, chat_id, error, state.services.sleep):
            await asyncio.to_thread(_lost, state.services, chat_id)
        return
    if isinstance(error, RetryAfter | NetworkError) and not isinstance(error, BadRequest):
        log.warning("telegram did not take an answer", why=type(error).__name__)
        return
    known = isinstance(error, AccountsUnreadable)
    log.error("a handler failed", exc_info=error)
    language = spoken(user.language_code if user else None)
    if not known and not isinstance(error, UnknownPerson):
        account = state.services.store.people.by_chat(chat_id)
        language = account.language if account else language
    if update.effective_chat.type != ChatType.PRIVATE:
        return
    words = say(language, "bot.busy_store" if known else "bot.trouble")
    try:
        await send(context.bot, chat_id, words)
    except TelegramError as error_too:
        log.warning("the trouble cannot be told", why=error_too.message)


def _lost(services: BotServices, chat_id: int) -> None:
    account = services.store.people.by_chat(chat_id)
    if account is not None and account.active:
        has_left(services.store, account.user_id)
