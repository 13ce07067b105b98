"""Leaving, wholly or from Spotify only: erased at once, a receipt when all of it is; exports."""

from __future__ import annotations

import asyncio
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.bot_world import BotWorld, ChatUser, data_of, living_bot, saying, until
from tests.support.pipeline_stand_in import StandInRun
from vibe_bot.formatting import plain
from vibe_bot.handlers import connection
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Considered, Erasure
from vibe_pipeline.accounts.store import utc_now
from vibe_pipeline.locales import LANGUAGES, say
from vibe_pipeline.personal_data.archives import archive_path
from vibe_pipeline.records import EditionId

EDITION = "00000000-0000-4000-8000-00000000abcd"


async def with_list(place: BotWorld, *, language: str = "en") -> ChatUser:
    anna = await place.person(language=language)
    await anna.says("/start")
    anna.connected()
    anna.edition(EDITION)
    return anna


async def is_sure(anna: ChatUser, command: str) -> None:
    asked = await anna.says(command)
    await anna.taps(data_of(asked)[0])


def sweeps(place: BotWorld) -> None:
    """Have the pipeline erase as soon as it is asked to."""

    def sweep(run: StandInRun) -> None:
        receipt = run.config["ops"]["forget"]["config"]["receipt"]
        place.store.erasures.swept(receipt, {"warehouse.liked_tracks": 1234, "dagster.runs": 7})

    place.pipeline.on_launch = sweep


@pytest.mark.parametrize("language", LANGUAGES)
async def test_being_forgotten_ends_with_a_receipt_and_nothing_is_left(
    place: BotWorld, language: str
) -> None:
    anna = await with_list(place, language=language)
    user_id = anna.account.user_id
    sweeps(place)

    await is_sure(anna, "/forget")
    receipt = await anna.sees(lambda one: "1" in one["text"] and "234" in one["text"])

    (run,) = place.pipeline.launched
    assert run.job == "forget_person"
    assert run.tags["vibe/receipt"] in receipt["text"]
    assert user_id not in f"{run.tags} {run.config}"
    assert place.store.people.get(user_id) is None
    assert place.store.erasures.left_of(user_id) == 0
    await until(lambda: place.store.erasures.to_tell() == [])
    assert place.store.erasures.get(run.tags["vibe/receipt"]) is None


async def test_runs_under_way_are_ended_before_erasing(place: BotWorld) -> None:
    anna = await with_list(place)
    busy = place.pipeline.begin("daily_vibe", anna.account.user_id)

    await is_sure(anna, "/forget")
    await until(lambda: len(place.pipeline.launched) == 2)

    assert busy.status == "CANCELED"


@pytest.mark.parametrize("begun", [True, False])
async def test_whoever_is_forgotten_reads_no_more_that_a_list_is_being_made(
    place: BotWorld, *, begun: bool
) -> None:
    anna = await with_list(place)
    place.pipeline.down = not begun
    asked = await anna.types("/generate")
    promise = plain(say("en", "bot.progress.title_daily"))
    await anna.sees(lambda one: promise in one["text"], since=asked)
    if begun:
        await until(lambda: place.store.watches.open() != [])

    await is_sure(anna, "/forget")
    place.pipeline.down = False
    await until(lambda: place.calls("deleteMessage") > 0)

    assert place.store.people.all() == []
    assert not any(promise in one["text"] for one in await anna.said_by_bot())


async def test_a_second_tap_on_forget_me_makes_nobody_new_and_promises_nothing(
    place: BotWorld,
) -> None:
    anna = await with_list(place)
    once, again = [data_of(await anna.says("/forget"))[0] for _ in range(2)]

    await anna.taps(once)
    await anna.sees(saying(say("en", "bot.forget.done")))
    await anna.taps(again)
    await anna.notices(say("en", "bot.stale_button"))
    await until(lambda: len(place.pipeline.launched) == 1)

    assert len(place.store.erasures.waiting()) == 1
    assert place.store.people.by_chat(anna.telegram_id) is None


async def test_a_tap_on_forget_me_forgets_nobody_who_came_back_since(place: BotWorld) -> None:
    anna = await with_list(place)
    sure = data_of(await anna.says("/forget"))[0]
    place.store.erasures.forget(anna.account.user_id)
    await anna.says("/start")

    await anna.taps(sure)
    await anna.notices(say("en", "bot.stale_button"))

    assert len(place.store.erasures.waiting()) == 1
    assert anna.account.active


async def test_a_second_tap_on_disconnect_is_told_that_nothing_is_connected(
    place: BotWorld,
) -> None:
    anna = await with_list(place)
    once, again = [data_of(await anna.says("/disconnect"))[0] for _ in range(2)]

    await anna.taps(once)
    await anna.sees(saying(say("en", "bot.disconnect.done")))
    await anna.taps(again)
    await anna.notices(say("en", "bot.disconnect.not_connected"))

    assert len(place.store.erasures.waiting()) == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_being_forgotten_works_while_the_workshop_is_down(
    place: BotWorld, language: str
) -> None:
    anna = await with_list(place, language=language)
    user_id = anna.account.user_id
    place.pipeline.down = True

    await is_sure(anna, "/forget")
    (note,) = await _waiting(place)
    later = say(language, "bot.receipt.later", receipt=note.receipt)
    await anna.sees(saying(later))
    gone = place.store.people.get(user_id)
    place.store.erasures.swept(note.receipt, {"warehouse.liked_tracks": 3})
    words = say(language, "bot.receipt.person", receipt=note.receipt)
    await anna.sees(saying(words.split("\n")[1]))

    assert gone is None


async def _waiting(place: BotWorld) -> list[Erasure]:
    await until(lambda: place.store.erasures.waiting() != [])
    return place.store.erasures.waiting()


async def test_a_receipt_survives_a_restart_of_the_bot(empty_place: BotWorld) -> None:
    empty_place.pipeline.down = True
    async with living_bot(empty_place):
        anna = await with_list(empty_place)
        await is_sure(anna, "/forget")
        (note,) = await _waiting(empty_place)
    empty_place.store.erasures.swept(note.receipt, {})

    async with living_bot(empty_place):
        assert await anna.sees(lambda one: "Counted again afterwards: 0 left" in one["text"])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_unlinking_erases_the_tokens_at_once_and_the_listening_with_a_receipt(
    place: BotWorld, language: str
) -> None:
    anna = await with_list(place, language=language)
    place.store.considered.keep(
        EditionId(EDITION),
        anna.account.user_id,
        place.store.editions.required(EditionId(EDITION)).vibe_date,
        [Considered(artist="A", title="B", fate="chosen", rank=1, is_new=True)],
    )
    sweeps(place)

    await is_sure(anna, "/disconnect")
    await anna.sees(lambda one: "1" in one["text"] and "234" in one["text"])

    assert place.store.tokens.get(anna.account.user_id) is None
    assert anna.account.spotify_account_id is None
    assert list(place.store.considered.newest_first(anna.account.user_id)) == []
    assert place.store.editions.latest(anna.account.user_id) is not None


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_export_is_sent_as_one_file_and_deleted(place: BotWorld, language: str) -> None:
    anna = await place.person(language=language)
    await anna.says("/start")
    made: list[Path] = []

    def write(run: StandInRun) -> None:
        path = archive_path(place.settings.home, run.run_id)
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("README.txt", "all of it")
        made.append(path)
        run.status = "SUCCESS"

    place.pipeline.on_launch = write

    await anna.types("/export")
    sent = await anna.sees(lambda one: one["file"] is not None)
    await until(lambda: place.store.watches.open(anna.account.user_id) == [])

    (run,) = place.pipeline.launched
    assert run.job == "export_person"
    assert run.tags["dagster/partition"] == anna.account.user_id
    assert sent["text"] == say(language, "bot.export.caption")
    assert sent["file"]["name"] == "vibe.zip"
    assert not made[0].exists()


def fail_of_itself(run: StandInRun) -> None:
    """End as a run does that says why, which one that was killed cannot."""
    run.status = "FAILURE"
    run.tags[runs.FAILURE_REASON] = runs.STEP_FAILED


async def test_an_export_that_fails_says_so(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    place.pipeline.on_launch = fail_of_itself

    await anna.types("/export")
    message = await anna.sees(saying(say("en", "bot.failed.export")))

    assert data_of(message) == ["go:export"]


async def test_an_archive_that_is_gone_is_not_promised(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    place.pipeline.on_launch = lambda run: setattr(run, "status", "SUCCESS")

    await anna.types("/export")

    assert await anna.sees(saying(say("en", "bot.export.gone")))


@pytest.mark.parametrize("what", ["disconnect", "forget"])
async def test_a_yes_over_which_the_bot_died_shows_what_it_did(
    empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    died = asyncio.Event()

    async def dies(*_: object) -> None:
        died.set()
        raise asyncio.CancelledError

    monkeypatch.setattr(connection, "_show_and_follow", dies)
    async with living_bot(empty_place):
        anna = await with_list(empty_place)
        await is_sure(anna, f"/{what}")
        await until(died.is_set)

    async with living_bot(empty_place):
        done = await anna.sees(saying(say("en", f"bot.{what}.done")))

    (note,) = empty_place.store.erasures.waiting()
    assert note.receipt in done["text"]
    assert done["buttons"] == []


async def test_no_after_yes_does_not_say_that_everything_stays(place: BotWorld) -> None:
    anna = await with_list(place)
    await is_sure(anna, "/disconnect")
    await anna.sees(saying(say("en", "bot.disconnect.done")))
    await anna.says("/forget")

    await anna.taps("no")

    assert await anna.sees(saying(say("en", "bot.disconnect.kept_unlinked")))


async def test_unlinking_is_told_before_a_workshop_answers_that_hangs(place: BotWorld) -> None:
    anna = await with_list(place)
    place.pipeline.launches_hang = True

    await is_sure(anna, "/disconnect")
    done = say("en", "bot.disconnect.done")
    told = await anna.sees(saying(done), within=10)
    place.pipeline.launches_hang = False

    assert told["text"] == done


async def test_a_yes_that_was_tapped_while_nobody_listened_counts_however_late_it_is_read(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place):
        anna = await with_list(empty_place)
        asked = await anna.says("/forget")
    await anna.taps(data_of(asked)[0])

    async with living_bot(empty_place, now=lambda: utc_now() + timedelta(minutes=12)):
        await anna.sees(saying(say("en", "bot.forget.done")))

    assert empty_place.store.people.by_chat(anna.telegram_id) is None


@pytest.mark.parametrize("what", ["forget", "disconnect"])
async def test_a_yes_under_a_question_of_former_days_counts_no_more_though_the_bot_was_away(
    empty_place: BotWorld, what: str
) -> None:
    async with living_bot(empty_place):
        anna = await with_list(empty_place)
        asked = await anna.says(f"/{what}")
    await anna.taps(data_of(asked)[0])

    async with living_bot(empty_place, now=lambda: utc_now() + timedelta(days=2)):
        await anna.notices(say("en", "bot.stale_button"))

    assert anna.account.connected
    assert empty_place.store.erasures.waiting() == []
