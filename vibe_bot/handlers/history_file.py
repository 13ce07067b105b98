"""A file that somebody sends: their streaming history from Spotify, fetched and taken in by a run.

Here it is fetched and put where the run finds it; what it holds is read there. Until the wish for
the run is written down the message counts as not handled, so a bot that dies is followed by one
that fetches the file again.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import structlog
from telegram.error import BadRequest, TelegramError

from vibe_bot.formatting import Html
from vibe_bot.gone_chats import chat_is_gone
from vibe_bot.handlers.welcome import unknown_kind
from vibe_bot.interactions import Interaction, SentFile
from vibe_bot.results import because
from vibe_bot.sending import send
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.records import FailureCause
from vibe_pipeline.personal_data.sent_files import receiving, sent_file, sent_name, waiting_files
from vibe_pipeline.runs import LaunchRequest

log = structlog.get_logger()

LARGEST_FETCHED = 20 * 1024**2
"""What Telegram hands to a bot."""
MOST_WAITING = 30
"""Files of one person: an archive of twenty years, unpacked."""
FETCHED_WITHIN = 180.0
TRIES, PAUSE = 3, 3.0
"""A file that Telegram does not hand over at once is asked for again, after so many seconds."""
_KINDS = (".zip", ".json")
_BEGINNINGS = (b"PK", b"[", b"\xef\xbb\xbf[")


class _NotFetched(Exception):
    """The file is not here; ``reason`` is its sentence under ``bot.import``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def history_file(interaction: Interaction) -> None:
    """A document: take it in if it may be a history, else say what we can read."""
    file, launches = interaction.file, interaction.state.launches
    if file is None:
        await unknown_kind(interaction)
        return
    if launches.known(interaction.request_id):
        return
    if not file.name.lower().endswith(_KINDS):
        await interaction.answer(interaction.html("bot.import.other_file"))
        return
    if file.size is not None and file.size > LARGEST_FETCHED:
        await interaction.answer(interaction.html("bot.import.too_big"))
        return
    waiting = waiting_files(interaction.services.settings.home, interaction.account.user_id)
    if waiting >= MOST_WAITING:
        await interaction.answer(interaction.html("bot.import.too_many", count=waiting))
        return
    await _take_in(interaction, file)


async def _take_in(interaction: Interaction, file: SentFile) -> None:
    """Say that it came, fetch it, and have it read."""
    user_id, home = interaction.account.user_id, interaction.services.settings.home
    name = sent_name(interaction.request_id, file.name)
    path = sent_file(home, user_id, name)
    message_id = await _said_to_be_fetched(interaction)
    try:
        async with interaction.state.fetching, asyncio.timeout(FETCHED_WITHIN):
            await _fetch(interaction, file, path)
    except (_NotFetched, TimeoutError) as error:
        reason = error.reason if isinstance(error, _NotFetched) else "not_fetched"
        await _refuse(interaction, message_id, interaction.html(f"bot.import.{reason}"))
        return
    except OSError as error:
        log.warning("a sent file cannot be kept", why=type(error).__name__)
        words = because(interaction.account, FailureCause.STORE_FULL, None)
        await _refuse(interaction, message_id, words)
        return
    launch = LaunchRequest.importing(user_id, name)
    try:
        await interaction.state.launches.begin(
            interaction.account, launch, interaction.request_id, message_id=message_id
        )
    except UnknownPerson:
        path.unlink(missing_ok=True)
        raise


async def _said_to_be_fetched(interaction: Interaction) -> int | None:
    """The message that says so; the file is fetched without it too."""
    chat_id, words = interaction.account.chat_id, interaction.html("bot.import.fetching")
    try:
        return (await send(interaction.bot, chat_id, words)).message_id
    except TelegramError as error:
        if chat_is_gone(error):
            raise
        log.warning("telegram did not take an answer", why=type(error).__name__)
        return None


async def _refuse(interaction: Interaction, message_id: int | None, words: Html) -> None:
    """Say why not in the message that said it is fetched, or in a new one where that is gone."""
    await replace(interaction, tapped=message_id).show(words)


async def _fetch(interaction: Interaction, file: SentFile, path: Path) -> None:
    """The file as Telegram has it, if it begins like one that can be read."""
    for left in reversed(range(TRIES)):
        try:
            with receiving(path) as target:
                handle = await interaction.bot.get_file(file.file_id)
                if (handle.file_size or 0) > LARGEST_FETCHED:
                    raise _NotFetched("too_big")
                await handle.download_to_memory(target)
            break
        except BadRequest as error:
            log.info("telegram does not hand over a file", why=error.message)
            too_big = "too big" in error.message
            raise _NotFetched("too_big" if too_big else "not_fetched") from error
        except TelegramError as error:
            log.warning("a file could not be fetched", why=type(error).__name__)
            if not left:
                raise _NotFetched("not_fetched") from error
        await interaction.services.sleep(PAUSE)
    if not await asyncio.to_thread(_kept, path):
        raise _NotFetched("not_an_archive")


def _kept(path: Path) -> bool:
    """Whether it begins like a zip or a list in JSON; a file that does not is deleted."""
    with path.open("rb") as file:
        beginning = file.read(64).lstrip(b" \t\r\n")
    if beginning.startswith(_BEGINNINGS):
        return True
    path.unlink()
    return False
