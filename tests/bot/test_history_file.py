"""A streaming history that somebody sends as a file: fetched, read by a run, told, deleted."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.bot_process import started
from tests.support.bot_world import BotWorld, ChatUser, living_bot, saying, until
from tests.support.pipeline_stand_in import StandInRun
from vibe_bot.handlers.history_file import LARGEST_FETCHED, MOST_WAITING
from vibe_bot.import_words import imported_words
from vibe_bot.jobs import Job
from vibe_pipeline import runs
from vibe_pipeline.locales import LANGUAGES, knows, say
from vibe_pipeline.personal_data.sent_files import FOLDER, receiving, sent_file, waiting_files
from vibe_pipeline.taste.streaming_archive import ArchiveTrouble

PLAYS = json.dumps([{"ts": "2019-03-01T10:00:00Z", "ms_played": 180_000}]).encode()
ADDED = {"files": 3, "plays": 1200, "added": 1100, "first year": 2012, "last year": 2025}


def files(place: BotWorld) -> list[Path]:
    return [path for path in (place.settings.home / FOLDER).rglob("*") if path.is_file()]


def reads(figures: dict[str, int], reason: str | None = None) -> Callable[[StandInRun], None]:
    """How the pipeline plays the run that takes a file in."""

    def play(run: StandInRun) -> None:
        run.tags |= runs.failure_tags(reason, None) if reason else {}
        run.figures = {"listening_history": figures} if figures else {}
        run.steps = {"sent_history": "SUCCESS"}
        run.status = "SUCCESS"

    return play


async def somebody(place: BotWorld, language: str = "en") -> ChatUser:
    anna = await place.person(language=language)
    await anna.says("/start")
    return anna


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_sent_history_is_fetched_for_a_run_and_its_plays_are_told_in_one_message(
    place: BotWorld, language: str
) -> None:
    place.pipeline.on_launch = reads(ADDED)
    anna = await somebody(place, language)

    sent = await anna.sends("my_spotify_data ../../ä.zip", b"PK\x03\x04rest")

    told = await anna.sees(saying("2012"), since=sent)
    (run,), (path,) = place.pipeline.launched, files(place)
    assert told["text"] == say(language, "bot.import.done", count=1100, first="2012", last="2025")
    assert [one["message_id"] for one in await anna.said_by_bot()][1:] == [told["message_id"]]
    assert run.job == "import_history"
    assert path == sent_file(place.settings.home, anna.account.user_id, run.tags["vibe/file"])
    assert path.read_bytes() == b"PK\x03\x04rest"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_can_be_no_history_is_refused_in_a_sentence_and_leaves_no_file(
    place: BotWorld, language: str
) -> None:
    anna = await somebody(place, language)
    user_id, home = anna.account.user_id, place.settings.home

    async def answered(name: str, content: bytes, key: str, **blanks: object) -> None:
        sent = await anna.sends(name, content)
        await anna.sees(saying(say(language, f"bot.import.{key}", **blanks)[:60]), since=sent)

    await answered("holiday.jpg", b"\xff\xd8", "other_file")
    await answered("", b"PK", "other_file")
    await answered("my_spotify_data.zip", b"<html>Log in</html>", "not_an_archive")
    await answered("empty.json", b"", "not_an_archive")
    sent = place.telegram.send_file(101, "all.zip", b"PK" + bytes(LARGEST_FETCHED))
    await anna.sees(saying(say(language, "bot.import.too_big")[:60]), since=sent.message_id)
    nowhere = {"file_id": "a", "file_unique_id": "b", "file_size": "2"}
    for status, told in ((500, "{}"), (200, json.dumps({"ok": True, "result": nowhere}))):
        place.trouble.next = [("getFile", status, told)] * 3
        await answered("my_spotify_data.zip", b"PK", "not_fetched")
    left = files(place)
    for number in range(MOST_WAITING):
        with receiving(sent_file(home, user_id, f"{number}.zip")) as file:
            file.write(b"PK")
    await answered("my_spotify_data.zip", b"PK", "too_many", count=MOST_WAITING)

    assert left == []
    assert place.pipeline.launched == []
    assert waiting_files(home, user_id) == MOST_WAITING


async def test_a_file_is_fetched_and_read_though_the_first_answer_does_not_come_back(
    place: BotWorld,
) -> None:
    place.pipeline.on_launch = reads(ADDED)
    anna = await somebody(place)
    place.trouble.next = [("sendMessage", 200, json.dumps({"ok": True, "result": 1}))]

    sent = await anna.sends("my_spotify_data.zip", b"PK\x03\x04rest")

    told = await anna.sees(saying("2012"), since=sent)
    assert told["text"] == say("en", "bot.import.done", count=1100, first="2012", last="2025")


@pytest.mark.parametrize("lost", ["answer", "message"])
async def test_a_file_that_is_refused_is_told_in_a_new_message_where_the_first_is_gone(
    place: BotWorld, lost: str
) -> None:
    anna = await somebody(place)
    if lost == "answer":
        place.trouble.next = [("sendMessage", 200, json.dumps({"ok": True, "result": 1}))]

    def delete(method: str) -> None:
        messages = place.telegram.chat(anna.telegram_id).messages
        for number, message in messages.items():
            if method == "getFile" and message.from_bot:
                messages[number] = replace(message, deleted=True)

    place.trouble.then = delete
    sent = await anna.sends("my_spotify_data.zip", b"<html>Log in</html>")

    refused = say("en", "bot.import.not_an_archive")
    assert await anna.sees(saying(refused[:60]), since=sent)


@pytest.mark.parametrize("moment", ["getFile", "editMessageText"])
async def test_a_sent_file_outlives_the_bot_that_fetched_it(
    empty_place: BotWorld, moment: str
) -> None:
    async with living_bot(empty_place):
        anna = await somebody(empty_place)
    process = await started(empty_place, empty_place.settings.home)

    def kill(method: str) -> None:
        if method == moment and process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)

    empty_place.trouble.then = kill
    await anna.sends("Streaming_History_Audio_2019.json", PLAYS)
    await process.wait()
    empty_place.trouble.then = None
    async with living_bot(empty_place):
        await until(lambda: len(empty_place.pipeline.launched) == 1)
        run = empty_place.pipeline.launched[0]
        await until(lambda: empty_place.store.watches.get(run.run_id) is not None)

    (path,) = files(empty_place)
    assert path.name == run.tags["vibe/file"]
    assert path.read_bytes() == PLAYS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_its_sentence_and_what_was_read_before_it_is_told(language: str) -> None:
    for reason in (*ArchiveTrouble, "gone"):
        words = say(language, f"bot.import.{reason}")

        assert imported_words(language, {}, reason) == words
        assert imported_words(language, ADDED, reason).startswith(f"{words}\n\n")
        assert "1" in imported_words(language, ADDED, reason).removeprefix(words)


def test_every_job_has_a_title_and_words_for_its_stages() -> None:
    keys = [f"title_{job.name}" for job in Job] + [stage for job in Job for stage in job.stages]

    assert [key for key in keys if not knows(f"bot.progress.{key}")] == []


@pytest.mark.parametrize(
    ("figures", "key"),
    [
        ({}, "done_uncounted"),
        ({"files": 1, "plays": 0, "added": 0}, "none_count"),
        (
            {"files": 1, "plays": 9, "added": 0, "first year": 2019, "last year": 2019},
            "nothing_new",
        ),
    ],
)
def test_a_file_that_adds_nothing_says_why(figures: dict[str, int], key: str) -> None:
    assert imported_words("en", figures, None) == say("en", f"bot.import.{key}")
