"""What is asked for is written down before it is answered, and begun once, whatever happens."""

from __future__ import annotations

import os
import signal
from datetime import datetime, timedelta

import pytest

from tests.support.bot_process import started
from tests.support.bot_world import BotWorld, ChatUser, data_of, living_bot, saying, until
from vibe_pipeline.accounts.store import utc_now
from vibe_pipeline.locales import LANGUAGES, say
from vibe_pipeline.runs import LaunchRequest

JOBS = {
    "/generate": "daily_vibe",
    "/preview": "preview_vibe",
    "/sync": "sync_library",
    "/undo": "restore_edition",
    "/export": "export_person",
}
HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"
JSON = '{"ok":false,"error_code":500,"description":"Internal Server Error"}'


async def connected(place: BotWorld, language: str = "en") -> ChatUser:
    anna = await place.person(language=language)
    await anna.says("/start")
    anna.connected()
    return anna


async def begun(place: BotWorld, number: int = 1) -> str:
    """The one run there is, as soon as it is followed; gives its job."""
    await until(lambda: len(place.pipeline.launched) == number)
    run = place.pipeline.launched[-1]
    await until(lambda: place.store.watches.get(run.run_id) is not None)
    return run.job


async def test_a_wish_is_in_the_store_before_its_answer_is_in_the_chat(place: BotWorld) -> None:
    anna = await connected(place)
    seen: list[int] = []

    def look(method: str) -> None:
        if method == "sendMessage":
            seen.append(len(place.store.pending_launches.open()))

    place.trouble.then = look
    await anna.says("/generate")

    assert seen == [1]


@pytest.mark.parametrize("moment", ["getUpdates", "sendMessage", "launch", "editMessageText"])
async def test_a_wish_outlives_the_bot_that_took_it(empty_place: BotWorld, moment: str) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    process = await started(empty_place, empty_place.settings.home)
    await anna.says("/help")
    await until(lambda: len(empty_place.telegram.updates) == 0)

    def die(at: str) -> None:
        if at == moment and process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)

    empty_place.pipeline.on_launch = lambda _: die("launch")
    empty_place.trouble.then = die
    asked = await anna.types("/generate")
    await process.wait()
    empty_place.trouble.then = empty_place.pipeline.on_launch = None
    async with living_bot(empty_place):
        await begun(empty_place)
        run = empty_place.pipeline.launched[0]
        anna.edition(run.run_id)
        run.status = "SUCCESS"
        await anna.sees(saying("Anna's day"), since=asked)
        await until(lambda: empty_place.store.watches.open() == [])

    told = [one for one in await anna.said_by_bot() if one["message_id"] > asked]
    assert ["Anna's day" in one["text"] for one in told] == [True]
    assert len(empty_place.pipeline.launched) == 1
    assert empty_place.store.pending_launches.open() == []


@pytest.mark.parametrize("said", ["/help", "/status", "/setsize 45"])
async def test_any_other_words_outlive_the_bot_that_took_them_too(
    empty_place: BotWorld, said: str
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    process = await started(empty_place, empty_place.settings.home)
    await anna.says("/help")

    def die(method: str) -> None:
        if method == "sendMessage" and process.returncode is None:
            os.kill(process.pid, signal.SIGKILL)

    before = empty_place.calls("sendMessage")
    empty_place.trouble.then = die
    asked = await anna.types(said)
    await process.wait()
    empty_place.trouble.then = None
    async with living_bot(empty_place):
        assert await anna.sees(since=asked)

    assert empty_place.calls("sendMessage") > before
    assert empty_place.store.inbox.take_up() == []


@pytest.mark.parametrize(("said", "job"), JOBS.items())
async def test_what_the_pipeline_does_not_take_is_kept_and_begun_when_it_does(
    place: BotWorld, said: str, job: str
) -> None:
    anna = await connected(place)
    anna.edition()
    place.pipeline.down = True

    asked = await anna.types(said)
    waits = await anna.sees(saying(say("en", "bot.progress.waits")), since=asked)
    again = await anna.says(said)
    place.pipeline.down = False

    assert await begun(place) == job
    assert data_of(waits) == []
    assert again["text"] == say("en", "bot.progress.already")
    assert place.store.watches.open()[0].message_id == waits["message_id"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_wish_before_the_code_is_loaded_is_kept_too(place: BotWorld, language: str) -> None:
    anna = await connected(place, language)
    place.pipeline.loaded = False

    asked = await anna.types("/generate")
    await anna.sees(saying(say(language, "bot.progress.waits")), since=asked)
    place.pipeline.loaded = True

    assert await begun(place) == "daily_vibe"


async def test_what_waits_is_begun_by_the_next_bot(empty_place: BotWorld) -> None:
    empty_place.pipeline.down = True
    async with living_bot(empty_place):
        anna = await connected(empty_place)
        asked = await anna.types("/generate")
        waits = await anna.sees(saying(say("en", "bot.progress.waits")), since=asked)

    empty_place.pipeline.down = False
    async with living_bot(empty_place):
        assert await begun(empty_place) == "daily_vibe"

    assert empty_place.store.watches.open()[0].message_id == waits["message_id"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_waited_too_long_is_asked_back_with_a_button(
    empty_place: BotWorld, language: str
) -> None:
    clock = _Clock()
    empty_place.pipeline.down = True
    async with living_bot(empty_place, now=clock):
        anna = await connected(empty_place, language)
        asked = await anna.types("/generate")
        waits = await anna.sees(saying(say(language, "bot.progress.waits")), since=asked)

        clock.ahead = timedelta(minutes=empty_place.settings.wish_minutes + 1)
        old = await anna.sees(saying(say(language, "bot.progress.too_old")), since=asked)
        await until(lambda: empty_place.store.pending_launches.open() == [])
        empty_place.pipeline.down = False

    assert old["message_id"] == waits["message_id"]
    assert data_of(old) == ["go:generate"]
    assert empty_place.pipeline.launched == []


BAD_ANSWERS = ((500, JSON), (502, HTML), (503, ""), (500, "null"))


@pytest.mark.parametrize(
    ("said", "status", "body"),
    [
        *(
            ("/generate", *answer)
            for answer in ((500, JSON), (502, HTML), (503, ""), (500, "null"))
        ),
        ("/status", 502, HTML),
        ("/help", 500, JSON),
    ],
)
async def test_one_bad_answer_of_telegrams_swallows_nothing(
    place: BotWorld, said: str, status: int, body: str
) -> None:
    anna = await connected(place)
    place.trouble.next = [("sendMessage", status, body)]

    assert await anna.says(said)
    assert place.trouble.next == []
    if said == "/generate":
        assert await begun(place) == "daily_vibe"


async def test_a_wish_does_not_hang_on_its_answers_arrival(place: BotWorld) -> None:
    anna = await connected(place)
    place.trouble.next = [("sendMessage", 500, JSON)] * 4

    asked = await anna.types("/generate")
    await begun(place)
    (run,) = place.pipeline.launched
    anna.edition(run.run_id)
    run.status = "SUCCESS"

    assert await anna.sees(saying("Anna's day"), since=asked)


async def test_one_passing_word_that_the_chat_is_gone_costs_nobody_their_list(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    gone = '{"ok": false, "error_code": 403, "description": "Forbidden: bot was blocked"}'
    place.trouble.next = [("sendMessage", 403, gone), ("sendMessage", 403, gone)]

    asked = await anna.types("/generate")
    await begun(place)
    (run,) = place.pipeline.launched
    anna.edition(run.run_id)
    run.status = "SUCCESS"

    assert await anna.sees(saying("Anna's day"), since=asked)
    assert place.trouble.next == []
    assert anna.account.active


async def test_a_wish_whose_person_left_waits_and_is_served_when_they_are_back(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    user_id, wishes = anna.account.user_id, empty_place.store.pending_launches
    empty_place.pipeline.down = True
    wishes.add("asked", user_id, LaunchRequest.asked_list(user_id))
    empty_place.telegram.block(anna.telegram_id)

    async with living_bot(empty_place):
        await until(lambda: not anna.account.active)
        waiting = wishes.open(user_id)
        empty_place.telegram.unblock(anna.telegram_id)
        empty_place.pipeline.down = False
        await anna.types("/help")
        await begun(empty_place)

    assert [one.request_id for one in waiting] == ["asked"]


async def test_the_first_reading_after_connecting_is_begun_when_the_pipeline_answers(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    place.pipeline.down = True
    linking, user_id = place.services().linking, anna.account.user_id
    linking.note_first_preparation(user_id)
    await linking.begin_first_preparation(user_id)

    place.pipeline.down = False
    await until(lambda: len(place.pipeline.launched) == 1)
    await until(lambda: place.store.pending_launches.open() == [])

    assert place.pipeline.launched[0].job == "prepare_first_vibe"
    assert place.store.watches.open() == []


async def test_an_update_that_ends_the_program_each_time_is_left_alone(
    empty_place: BotWorld,
) -> None:
    store = empty_place.store
    store.inbox.add("key", "{}")

    taken = [len(store.inbox.take_up()) for _ in range(5)]

    assert taken == [1, 1, 1, 0, 0]


async def test_nothing_of_what_was_said_stays_once_it_was_handled(place: BotWorld) -> None:
    anna = await connected(place)

    await anna.says("/block A Secret Band")
    await until(lambda: place.store.inbox.take_up() == [])

    assert b"A Secret Band" not in _payloads(place)


class _Clock:
    """The bot's clock, which a test may put ahead."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


def _payloads(place: BotWorld) -> bytes:
    with place.store.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT payload FROM inbox").all()
    return b"".join(row[0] or b"" for row in rows)
