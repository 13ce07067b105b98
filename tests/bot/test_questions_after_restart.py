"""What the bot asked is still understood once it was killed and started again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from telegram.error import BadRequest

from tests.bot.test_lists import unhandled
from tests.support.accounts_site import Clock, made
from tests.support.bot_world import BotWorld, ChatUser, living_bot, until
from vibe_bot.handlers import COMMANDS
from vibe_bot.interactions import Interaction
from vibe_bot.questions import ANSWERED_WITHIN
from vibe_pipeline.accounts.errors import AccountsBusy, UnknownPerson
from vibe_pipeline.accounts.inbox import Inbox
from vibe_pipeline.accounts.open_questions import KEPT, OpenQuestions
from vibe_pipeline.accounts.store import open_for, utc_now
from vibe_pipeline.locales import say
from vibe_pipeline.records import UserId


async def asked(place: BotWorld, words: str) -> ChatUser:
    """Somebody who was asked something by a bot that is gone since."""
    async with living_bot(place):
        anna = await place.person()
        await anna.says(words)
        await until(lambda: unhandled(place) == 0)
    return anna


@pytest.mark.parametrize(
    ("command", "answer", "told"),
    [
        ("/setsize", "20", say("en", "bot.settings.size_set", count=20)),
        ("/title", "Morning", say("en", "bot.settings.title_set", name="Morning")),
        ("/explicit", "off", say("en", "bot.settings.explicit_off")),
        ("/mode", "daily", say("en", "bot.settings.mode_daily")),
        ("/history_from lastfm", "a b/c?", None),
    ],
)
async def test_an_answer_that_comes_after_a_restart_is_understood(
    empty_place: BotWorld, command: str, answer: str, told: str | None
) -> None:
    anna = await asked(empty_place, command)

    async with living_bot(empty_place):
        said = await anna.says(answer)

    wrong = say("en", "bot.history_from.name_wrong", service="Last.fm")
    assert said["text"] == (told or wrong)


async def test_an_answer_that_was_written_while_no_bot_ran_is_understood_however_late_one_does(
    empty_place: BotWorld,
) -> None:
    anna = await asked(empty_place, "/setsize")
    sent = await anna.types("20")
    later = timedelta(seconds=ANSWERED_WITHIN + 60)

    async with living_bot(empty_place, now=lambda: utc_now() + later):
        told = await anna.sees(since=sent)

    assert told["text"] == say("en", "bot.settings.size_set", count=20)


async def test_words_long_after_a_restart_are_talk(empty_place: BotWorld) -> None:
    anna = await asked(empty_place, "/block")
    (row,) = empty_place.store.open_questions.all()
    long_ago = utc_now() - timedelta(seconds=ANSWERED_WITHIN + 1)
    earlier = open_for(empty_place.settings, now=lambda: long_ago)
    earlier.open_questions.asked(anna.account.user_id, row.message_id, row.command)

    async with living_bot(empty_place):
        told = await anna.says("good night")

    assert told["text"] == say("en", "bot.unknown_text")
    assert empty_place.store.blocks.list(anna.account.user_id) == []


async def test_what_was_answered_is_asked_no_more_after_a_restart(empty_place: BotWorld) -> None:
    async with living_bot(empty_place):
        anna = await empty_place.person()
        await anna.says("/block")
        await anna.says("/setsize 20")
        await until(lambda: unhandled(empty_place) == 0)
        size = await anna.says("/setsize")
        await until(lambda: unhandled(empty_place) == 0)
        await anna.taps("go:setsize:30")
        await until(lambda: anna.account.playlist_size == 30)
        await until(lambda: unhandled(empty_place) == 0)

    async with living_bot(empty_place):
        told = await anna.says("thanks")
        again = empty_place.telegram.type_text(anna.telegram_id, "50", reply_to=size["message_id"])
        await anna.sees(since=again.message_id)

    assert told["text"] == say("en", "bot.unknown_text")
    assert empty_place.store.blocks.list(anna.account.user_id) == []
    assert anna.account.playlist_size == 50


async def test_an_answer_over_which_the_bot_died_is_understood_by_the_next_one(
    empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await asked(empty_place, "/setsize")
    with monkeypatch.context() as patched:
        patched.setattr(Inbox, "done", lambda *_: None)
        patched.setattr(OpenQuestions, "answered", lambda *_: None)
        async with living_bot(empty_place):
            told = await anna.says("20")

    async with living_bot(empty_place):
        await until(lambda: unhandled(empty_place) == 0)
        later = await anna.says("thanks")

    texts = [one["text"] for one in await anna.said_by_bot()]
    assert told["text"] == say("en", "bot.settings.size_set", count=20)
    assert texts.count(told["text"]) == 1
    assert texts.count(say("en", "bot.unknown_text")) == 1
    assert later["text"] == say("en", "bot.unknown_text")


@pytest.mark.parametrize(
    "trouble", [AccountsBusy("held"), BadRequest("odd"), UnknownPerson(UserId("u0"))]
)
async def test_an_answer_that_came_to_nothing_leaves_no_question_open_for_the_next_bot(
    empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    async def fails(_: Interaction) -> None:
        raise trouble

    anna = await asked(empty_place, "/block")
    with monkeypatch.context() as patched:
        patched.setitem(COMMANDS, "block", fails)
        async with living_bot(empty_place):
            await anna.says("Muse")
            await until(lambda: unhandled(empty_place) == 0)

    async with living_bot(empty_place):
        told = await anna.says("good night")

    assert told["text"] == say("en", "bot.unknown_text")
    assert empty_place.store.blocks.list(anna.account.user_id) == []


async def test_a_question_whose_answer_could_not_be_noted_is_closed_by_later_words(
    empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object) -> None:
        raise AccountsBusy("held")

    anna = await asked(empty_place, "/setsize")
    async with living_bot(empty_place):
        with monkeypatch.context() as patched:
            patched.setattr(OpenQuestions, "answered", held)
            await anna.says("20")
            await until(lambda: unhandled(empty_place) == 0)
        await anna.says("thanks")
        await until(lambda: unhandled(empty_place) == 0)

    async with living_bot(empty_place):
        told = await anna.says("50")

    assert told["text"] == say("en", "bot.unknown_text")
    assert anna.account.playlist_size == 20


async def test_a_question_that_is_asked_again_by_the_next_bot_is_open_for_the_one_after(
    empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living_bot(empty_place):
        anna = await empty_place.person()
        await anna.says("/help")
        await until(lambda: unhandled(empty_place) == 0)
        with monkeypatch.context() as patched:
            patched.setattr(Inbox, "done", lambda *_: None)
            first = await anna.says("/setsize")
            await until(lambda: len(empty_place.store.open_questions.all()) == 1)
    async with living_bot(empty_place):
        await until(lambda: unhandled(empty_place) == 0)

    (row,) = empty_place.store.open_questions.all()
    async with living_bot(empty_place):
        told = await anna.says("20")

    assert (row.message_id, row.answered) == (first["message_id"], False)
    assert told["text"] == say("en", "bot.settings.size_set", count=20)


def test_of_a_persons_questions_only_the_newest_is_open_and_old_ones_are_let_go_of(
    tmp_path: Path,
) -> None:
    clock = Clock()
    store = made(tmp_path, clock=clock)
    anna = store.people.register(101, "Anna", "en")

    store.open_questions.asked(anna.user_id, 3, "block")
    store.open_questions.asked(anna.user_id, 5, "setsize")
    store.open_questions.answered(anna.user_id, 4)
    told = [(one.message_id, one.answered) for one in store.open_questions.all()]
    clock.advance(days=KEPT.days)

    assert told == [(3, True), (5, False)]
    assert store.open_questions.all() == []
    assert store.open_questions.drop_old() == 2
    with pytest.raises(UnknownPerson):
        store.open_questions.asked(UserId("u0"), 1, "block")


def test_words_close_what_was_asked_before_them_and_nothing_of_later_or_of_others(
    tmp_path: Path,
) -> None:
    store = made(tmp_path)
    anna, boris = (store.people.register(number, "Anna", "en").user_id for number in (101, 202))
    store.open_questions.asked(anna, 3, "block")
    store.open_questions.asked(boris, 3, "block")

    store.open_questions.answered_before(anna, 3)
    before = [one.answered for one in store.open_questions.all()]
    store.open_questions.answered_before(anna, 4)
    after = {one.chat_id: one.answered for one in store.open_questions.all()}

    assert before == [False, False]
    assert after == {101: True, 202: False}
