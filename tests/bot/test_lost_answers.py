"""Telegram took a message, or refuses one, and what it says of it does not help: told once."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from telegram import Bot, Message
from telegram.error import NetworkError, TimedOut
from telegram.request import HTTPXRequest

from tests.bot.test_generate import connected, the_run
from tests.bot.test_leaving import is_sure, sweeps
from tests.support.accounts_site import messages_waiting
from tests.support.bot_world import WITHIN, BotWorld, ChatUser, data_of, living_bot, saying, until
from tests.support.pipeline_stand_in import StandInRun
from vibe_bot import outbox, progress, receipts
from vibe_bot.launches import NO_MESSAGE
from vibe_bot.progress import SURPRISES_BORNE
from vibe_bot.sending import send
from vibe_bot.twins import LOOKED_AT, only_one_of, twins_of
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.messages import NightReady
from vibe_pipeline.accounts.tracked_runs import TrackedRuns
from vibe_pipeline.locales import say
from vibe_pipeline.personal_data.archives import archive_path, being_sent


def answers_late(monkeypatch: pytest.MonkeyPatch, method: str, times: int) -> None:
    """Let Telegram do what this method asks of it, and its answer not come back so many times."""
    ask, left = HTTPXRequest.do_request, [None] * times

    async def do_request(
        self: HTTPXRequest, url: str, *rest: Any, **more: Any
    ) -> tuple[int, bytes]:
        answer = await ask(self, url, *rest, **more)
        if left and url.endswith(f"/{method}"):
            left.pop()
            raise TimedOut from httpx.ReadTimeout("no answer")
        return answer

    monkeypatch.setattr(HTTPXRequest, "do_request", do_request)


@pytest.mark.parametrize("late", [1, 9])
async def test_a_result_in_a_new_message_is_told_once_though_no_answer_comes_back(
    empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    """While no answer ever comes it is said a second time, and no third."""
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    run = empty_place.pipeline.begin("daily_vibe", anna.account.user_id)
    watches, user_id = empty_place.store.watches, anna.account.user_id
    watches.add(run.run_id, user_id, anna.telegram_id, NO_MESSAGE, "daily_vibe")
    anna.edition(run.run_id)
    monkeypatch.setattr(progress, "RETRY_SECONDS", 0.2)
    answers_late(monkeypatch, "sendMessage", late)

    async with living_bot(empty_place):
        await anna.sees(saying("Anna's day"))
        await until(lambda: empty_place.store.watches.open() == [])
        await asyncio.sleep(0.6)

    told = sum("Anna's day" in one["text"] for one in await anna.said_by_bot())
    assert told == (1 if late == 1 else 2)


def hangs(monkeypatch: pytest.MonkeyPatch, method: str, times: int) -> None:
    """Let Telegram take nothing of this method so many times, and say nothing either."""
    ask, left = HTTPXRequest.do_request, [None] * times

    async def do_request(
        self: HTTPXRequest, url: str, *rest: Any, **more: Any
    ) -> tuple[int, bytes]:
        if left and url.endswith(f"/{method}"):
            left.pop()
            raise TimedOut from httpx.ReadTimeout("nothing was taken")
        return await ask(self, url, *rest, **more)

    monkeypatch.setattr(HTTPXRequest, "do_request", do_request)


@pytest.mark.parametrize("method", ["sendMessage", "editMessageText"])
async def test_a_result_that_telegram_hung_over_is_told_once_all_the_same(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    anna = await connected(place)
    await anna.says("/generate")
    run = await the_run(place)
    if method == "sendMessage":
        place.trouble.next = [("editMessageText", 400, refusal("message to edit not found"))] * 9
    hangs(monkeypatch, method, 1)

    anna.edition(run.run_id)
    run.status = "SUCCESS"
    await anna.sees(saying("Anna's day"))
    await until(lambda: place.store.watches.open() == [])

    assert sum("Anna's day" in one["text"] for one in await anna.said_by_bot()) == 1


@pytest.mark.parametrize("goes_wrong", [hangs, answers_late])
async def test_a_night_that_telegram_hung_over_is_told_once_all_the_same(
    place: BotWorld,
    monkeypatch: pytest.MonkeyPatch,
    goes_wrong: Callable[[pytest.MonkeyPatch, str, int], None],
) -> None:
    monkeypatch.setattr(outbox, "RETRY", timedelta(seconds=0.2))
    anna = await connected(place)
    edition = anna.edition()
    goes_wrong(monkeypatch, "sendMessage", 1)

    place.store.outbox.put(anna.account.user_id, NightReady.of(edition.edition_id))
    await anna.sees(saying("Anna's day"))
    await until(lambda: messages_waiting(place.store) == 0)

    assert sum("Anna's day" in one["text"] for one in await anna.said_by_bot()) == 1


async def test_an_export_is_sent_once_though_no_answer_comes_back(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await connected(place)
    answers_late(monkeypatch, "sendDocument", 3)

    def write(run: StandInRun) -> None:
        path = archive_path(place.settings.home, run.run_id)
        path.parent.mkdir()
        path.write_bytes(b"PK")
        run.status = "SUCCESS"

    place.pipeline.on_launch = write
    await anna.says("/export")
    await until(lambda: len(place.pipeline.launched) == 1)
    (run,) = place.pipeline.launched
    await until(lambda: (watch := place.store.watches.get(run.run_id)) is not None and watch.done)

    assert place.calls("sendDocument") == 1
    assert not archive_path(place.settings.home, run.run_id).exists()


async def test_a_receipt_is_told_once_though_no_answer_comes_back(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "RETRY", timedelta())
    anna = await connected(place)
    asked = saying("Counted again afterwards")
    place.pipeline.down = True
    await is_sure(anna, "/forget")
    await until(lambda: len(place.store.erasures.waiting()) == 1)
    answers_late(monkeypatch, "sendMessage", 3)

    place.pipeline.down = False
    sweeps(place)
    await anna.sees(asked)
    await until(lambda: place.store.erasures.to_tell() == [])

    assert sum(asked(one) for one in await anna.said_by_bot()) == 1


def refusal(words: str) -> str:
    return json.dumps({"ok": False, "error_code": 400, "description": f"Bad Request: {words}"})


async def test_a_result_whose_message_takes_no_edit_is_told_once_in_a_new_one(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    first = await anna.says("/generate")
    run = await the_run(place)
    place.trouble.next = [("editMessageText", 400, refusal("MESSAGE_EDIT_REFUSED_SOMEHOW"))] * 9

    anna.edition(run.run_id)
    run.status = "SUCCESS"
    told = await anna.sees(saying("Anna's day"))
    await until(lambda: place.store.watches.open() == [])

    assert told["message_id"] != first["message_id"]
    assert sum("Anna's day" in one["text"] for one in await anna.said_by_bot()) == 1


async def test_a_result_that_is_refused_in_a_new_message_too_is_not_tried_without_end(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    await anna.says("/generate")
    run = await the_run(place)
    tried: list[str] = []

    def refuse(method: str) -> None:
        tried.append(method)
        if method in {"editMessageText", "sendMessage"}:
            place.trouble.next.insert(0, (method, 400, refusal("MESSAGE_REFUSED_SOMEHOW")))

    place.trouble.then = refuse
    anna.edition(run.run_id)
    run.status = "SUCCESS"
    most = 2 * (SURPRISES_BORNE + 1)  # each is sent once more, for the refusal may pass
    await until(lambda: tried.count("sendMessage") == most)
    await asyncio.sleep(0.6)

    assert tried.count("sendMessage") == most
    assert place.store.watches.open() == []


async def test_a_stage_that_telegram_refuses_does_not_keep_the_list_from_being_told(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    first = await anna.says("/generate")
    run = await the_run(place)
    place.trouble.next = [("editMessageText", 400, refusal("MESSAGE_REFUSED_SOMEHOW"))] * 5

    await until(lambda: place.trouble.next == [])
    anna.edition(run.run_id)
    run.status = "SUCCESS"

    told = await anna.sees(saying("Anna's day"))
    assert told["message_id"] == first["message_id"]


def breaks_off(monkeypatch: pytest.MonkeyPatch, method: str, times: int) -> None:
    """Let Telegram do what is asked, and the connection break before it says so."""
    ask, left = HTTPXRequest.do_request, [None] * times

    async def do_request(
        self: HTTPXRequest, url: str, *rest: Any, **more: Any
    ) -> tuple[int, bytes]:
        answer = await ask(self, url, *rest, **more)
        if left and url.endswith(f"/{method}"):
            left.pop()
            raise NetworkError("httpx.ReadError") from httpx.ReadError("reset by peer")
        return answer

    monkeypatch.setattr(HTTPXRequest, "do_request", do_request)


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_an_answer_whose_arrival_was_not_told_is_there_once(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    anna = await connected(place)
    breaks_off(monkeypatch, "sendMessage", times)

    asked = await anna.types("/setsize 20")
    await until(lambda: place.calls("sendMessage") > times)

    await told_once(anna, "20 ", since=asked)


async def told_once(anna: ChatUser, words: str, *, since: int) -> None:
    """Wait until these words stand there once, and nothing by which others were looked for."""
    async with asyncio.timeout(WITHIN):
        while True:
            said = [one["text"] for one in await anna.said_by_bot() if one["message_id"] > since]
            if "…" not in said and sum(words in one for one in said) == 1:
                return
            await asyncio.sleep(0.02)


async def test_an_answer_that_repeats_an_earlier_one_leaves_that_alone(place: BotWorld) -> None:
    anna = await connected(place)
    first = await anna.says("/setsize 20")
    place.trouble.next = [("sendMessage", 502, "")]

    second = await anna.says("/setsize 20")
    await anna.says("/latest")

    there = [one["message_id"] for one in await anna.said_by_bot()]
    assert {first["message_id"], second["message_id"]} <= set(there)


async def test_a_nights_message_whose_arrival_was_not_told_is_there_once(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RETRY", timedelta(seconds=0.5))
    anna = await connected(place)
    edition = anna.edition()
    asked = (await anna.says("/help"))["message_id"]
    breaks_off(monkeypatch, "sendMessage", 5)

    place.store.outbox.put(anna.account.user_id, NightReady.of(edition.edition_id))
    before = place.calls("sendMessage")
    await until(lambda: place.calls("sendMessage") > before + 4)

    await told_once(anna, "Anna's day", since=asked)


async def test_a_list_that_waits_for_a_flood_pause_is_told_once_by_the_next_bot(
    empty_place: BotWorld,
) -> None:
    pause = {"ok": False, "error_code": 429, "description": "Too Many Requests: retry after 3000"}
    async with living_bot(empty_place):
        anna = await connected(empty_place)
        await anna.says("/generate")
        run = await the_run(empty_place)
        await until(lambda: empty_place.store.watches.get(run.run_id) is not None)
        gone = ("editMessageText", 400, refusal("message to edit not found"))
        empty_place.trouble.next = [gone, ("sendMessage", 429, json.dumps(pause))]
        anna.edition(run.run_id)
        run.status = "SUCCESS"
        await until(lambda: empty_place.trouble.next == [])
    empty_place.trouble.next = [gone]

    async with living_bot(empty_place):
        await until(lambda: empty_place.store.watches.open() == [])
        await told_once(anna, "Anna's day", since=0)


async def test_a_list_told_in_a_new_message_as_the_bot_died_is_there_once(
    empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
        for _ in range(LOOKED_AT):
            await anna.says("/help")
    user_id, run = anna.account.user_id, empty_place.pipeline.begin("daily_vibe", "x")
    watches = empty_place.store.watches
    watches.add(run.run_id, user_id, anna.telegram_id, NO_MESSAGE, "daily_vibe")
    anna.edition(run.run_id)
    finish, died = TrackedRuns.finish, threading.Event()

    def dies(_: TrackedRuns, __: str) -> bool:
        died.set()
        raise AccountsUnreadable("killed here")

    monkeypatch.setattr(TrackedRuns, "finish", dies)
    async with living_bot(empty_place):
        await until(died.is_set)

    monkeypatch.setattr(TrackedRuns, "finish", finish)
    async with living_bot(empty_place):
        await until(lambda: watches.open() == [])
        await told_once(anna, "Anna's day", since=0)


async def test_a_bot_that_ends_as_it_looks_for_an_earlier_message_leaves_nothing_of_that(
    empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    ask, address = HTTPXRequest.do_request, f"{empty_place.settings.telegram_api_url}/bot"
    async with Bot(empty_place.telegram.token, base_url=address) as bot:
        sent = await send(bot, anna.account.chat_id, "once")
        looking = asyncio.create_task(only_one_of(bot, sent))

        async def do_request(
            self: HTTPXRequest, url: str, *rest: Any, **more: Any
        ) -> tuple[int, bytes]:
            answer = await ask(self, url, *rest, **more)
            if url.endswith("/sendMessage"):
                looking.cancel()
            return answer

        monkeypatch.setattr(HTTPXRequest, "do_request", do_request)
        with pytest.raises(asyncio.CancelledError):
            await looking

    assert (await anna.said_by_bot())[-1]["text"] == "once"


async def test_a_file_that_may_have_been_sent_as_the_bot_died_is_offered_anew_not_sent_again(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    run = empty_place.pipeline.begin("export_person", anna.account.user_id)
    watches, user_id = empty_place.store.watches, anna.account.user_id
    watches.add(run.run_id, user_id, anna.telegram_id, NO_MESSAGE, "export_person")
    path = archive_path(empty_place.settings.home, run.run_id)
    path.parent.mkdir()
    path.write_bytes(b"PK")
    being_sent(path).touch()
    run.status = "SUCCESS"

    async with living_bot(empty_place):
        offered = await anna.sees(saying(say("en", "bot.export.perhaps_sent")))
        await until(lambda: watches.open() == [])

    assert data_of(offered) == ["go:export"]
    assert empty_place.calls("sendDocument") == 0
    assert list(path.parent.iterdir()) == []


async def test_a_file_is_there_once_and_no_other_is_offered_where_the_bot_died_looking_for_a_double(
    empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    run = empty_place.pipeline.begin("export_person", anna.account.user_id)
    watches, user_id = empty_place.store.watches, anna.account.user_id
    watches.add(run.run_id, user_id, anna.telegram_id, NO_MESSAGE, "export_person")
    path, died = archive_path(empty_place.settings.home, run.run_id), threading.Event()
    path.parent.mkdir()
    path.write_bytes(b"PK")
    run.status = "SUCCESS"
    breaks_off(monkeypatch, "sendDocument", 5)

    async def dies(bot: Bot, message: Message) -> int:
        await twins_of(bot, message)
        died.set()
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(progress, "only_one_of", dies)
        async with living_bot(empty_place):
            await until(died.is_set)
    async with living_bot(empty_place):
        await until(lambda: watches.open() == [])

    files = [one for one in await anna.said_by_bot() if "vibe.zip" in json.dumps(one)]
    offered = say("en", "bot.export.perhaps_sent")
    assert len(files) == 1
    assert offered not in [one["text"] for one in await anna.said_by_bot()]
    assert list(path.parent.iterdir()) == []


async def test_a_file_that_telegram_finds_too_large_is_told_once_with_the_way_out(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    place.trouble.next = [("sendDocument", 413, "<html>Request Entity Too Large</html>")]

    def write(run: StandInRun) -> None:
        path = archive_path(place.settings.home, run.run_id)
        path.parent.mkdir()
        path.write_bytes(b"PK")
        run.status = "SUCCESS"

    place.pipeline.on_launch = write
    await anna.says("/export")
    await anna.sees(saying(say("en", "bot.export.too_big")))
    await until(lambda: place.store.watches.open() == [])

    assert place.calls("sendDocument") == 0
