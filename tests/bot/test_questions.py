"""Which words are the answer to what the bot asked, and which are about something else."""

from __future__ import annotations

import pytest

from tests.bot.test_lists import unhandled
from tests.support.bot_world import BotWorld, data_of, living_bot, until
from vibe_bot import questions
from vibe_bot.interactions import BotState
from vibe_bot.questions import ANSWERED_WITHIN, Questions
from vibe_pipeline.locales import say

ANNA, BORIS = 101, 202


class _Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_the_next_words_complete_what_was_asked_and_those_after_them_do_not() -> None:
    asked = Questions()
    asked.ask(ANNA, "setsize", "r1")

    assert asked.pop(BORIS) is None
    assert asked.pop(ANNA) == "setsize"
    assert asked.pop(ANNA) is None


def test_words_that_come_much_later_are_about_something_else() -> None:
    clock = _Clock()
    asked = Questions(clock=clock)
    asked.ask(ANNA, "block", "r1")
    asked.ask(BORIS, "block", "r2")

    clock.seconds = ANSWERED_WITHIN
    in_time = asked.pop(ANNA)
    clock.seconds += 1
    late = asked.pop(BORIS)

    assert (in_time, late) == ("block", None)


def test_a_reply_goes_to_the_message_that_asked_however_late() -> None:
    clock = _Clock()
    asked = Questions(clock=clock)
    asked.ask(ANNA, "setsize", "r1")
    asked.told(ANNA, 7, "r1")
    asked.ask(ANNA, "block", "r2")
    asked.told(ANNA, 9, "r2")
    clock.seconds = 2 * ANSWERED_WITHIN

    assert asked.pop(ANNA, 7) == "setsize"
    assert asked.pop(ANNA, 9) == "block"
    assert asked.pop(BORIS, 9) is None


def test_a_reply_to_what_asked_nothing_answers_no_question() -> None:
    asked = Questions()
    asked.told(ANNA, 5, "r0")
    asked.ask(ANNA, "block", "r1")
    asked.told(ANNA, 6, "another request")

    assert asked.pop(ANNA, 5) is None
    asked.ask(ANNA, "block", "r1")
    assert asked.pop(ANNA, 6) is None


def test_no_more_messages_are_remembered_than_there_is_room_for() -> None:
    asked = Questions()
    asked.ask(ANNA, "block", "r1")
    for message_id in range(questions.MOST_REMEMBERED + 1):
        asked.told(ANNA, message_id, "r1")

    assert asked.pop(ANNA, 0) is None
    assert asked.pop(ANNA, 1) == "block"


async def test_words_a_day_after_a_question_block_nobody(empty_place: BotWorld) -> None:
    async with living_bot(empty_place) as app:
        state: BotState = app.bot_data["state"]
        anna = await empty_place.person()
        await anna.says("/block")
        now = state.questions.clock
        state.questions.clock = lambda: now() + 24 * 3600

        answer = await anna.says("thanks, good night")

    assert answer["text"] == say("en", "bot.unknown_text")
    assert empty_place.store.blocks.list(anna.account.user_id) == []


async def test_the_message_that_asked_is_known_whether_it_was_sent_or_edited(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place) as app:
        state: BotState = app.bot_data["state"]
        anna = await empty_place.person()
        sent = await anna.says("/setsize")
        await until(lambda: unhandled(empty_place) == 0)
        await anna.says("/leaveout 22-7")
        edited = await anna.says("/leaveout 2026-11-01")
        (again,) = data_of(edited)
        await anna.taps(again)
        await anna.notices(say("en", "bot.leaveout.back", name="1 Nov 2026"))

        answered = [
            state.questions.pop(anna.telegram_id, one["message_id"]) for one in (sent, edited)
        ]

    assert answered == ["setsize", "leaveout"]


async def test_a_reply_is_the_answer_to_the_message_it_replies_to(place: BotWorld) -> None:
    anna = await place.person()
    size = await anna.says("/setsize")
    await until(lambda: unhandled(place) == 0)
    await anna.says("/block")

    answer = place.telegram.type_text(anna.telegram_id, "50", reply_to=size["message_id"])
    await anna.sees(since=answer.message_id)

    assert anna.account.playlist_size == 50
    assert place.store.blocks.list(anna.account.user_id) == []


async def test_a_reply_to_what_asked_nothing_is_talk(place: BotWorld) -> None:
    anna = await place.person()
    status = await anna.says("/status")
    await anna.says("/block")

    said = place.telegram.type_text(anna.telegram_id, "great", reply_to=status["message_id"])
    told = await anna.sees(since=said.message_id)

    assert told["text"] == say("en", "bot.unknown_text")


@pytest.mark.parametrize(
    "command",
    [
        *("\u200f/setsize", "\u200e/setsize", "\u2067/setsize", "\ufeff/setsize"),
        *("\u200b/setsize", "/setsize\u200b", "/set\u00adsize", "\uff0fsetsize"),
    ],
)
async def test_a_command_with_signs_that_nobody_sees_is_a_command(
    place: BotWorld, command: str
) -> None:
    anna = await place.person()

    told = await anna.says(f"{command} 50")

    assert told["text"] == say("en", "bot.settings.size_set", count=50)
