"""Whoever asks while Spotify rests is told until when, and gets their list by itself, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update

from tests.bot.test_generate import connected, the_run
from tests.support.accounts_site import BEGINNING, Clock, made, opened
from tests.support.accounts_site import connected as known
from tests.support.bot_world import BotWorld, ChatUser, data_of, living_bot, saying, until
from vibe_bot.postponed import (
    KEPT_FOR,
    OTHERS_FIRST_FOR,
    Outlook,
    Turn,
    next_try,
    outlook,
    rests_until,
    waiting_before,
)
from vibe_pipeline import runs
from vibe_pipeline.accounts.budget_shares import Ceiling
from vibe_pipeline.accounts.records import Account, EditionState, FailureCause, PendingLaunch
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.accounts.tables import pending_launches, service_calls, services
from vibe_pipeline.locales import LANGUAGES, moment, say
from vibe_pipeline.runs import LaunchRequest

HOUR = timedelta(hours=1)
LATER = BEGINNING + 3 * HOUR


async def at_rest(place: BotWorld, *, language: str = "en") -> tuple[ChatUser, datetime]:
    """Somebody who is connected, while Spotify rests for seven hours."""
    anna = await connected(place, language=language)
    ends = datetime.now(UTC) + 7 * HOUR
    place.store.budget.block("spotify", ends, "quota")
    return anna, ends


def resting(place: BotWorld) -> list[PendingLaunch]:
    return [wish for wish in place.store.pending_launches.open() if wish.rests]


def rest_ends(place: BotWorld, *, blocked: bool = False) -> None:
    """Let the moment come that was told; Spotify may be asked then, unless still ``blocked``."""
    now = datetime.now(UTC)
    with place.store.database.writing() as connection:
        if not blocked:
            connection.execute(delete(services))
        connection.execute(
            update(pending_launches)
            .where(pending_launches.c.done.is_(False))
            .values(postponed_until=now - timedelta(seconds=1), asked_at=now - 7 * HOUR)
        )


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_list_is_promised_once_and_begun_in_a_new_message_when_the_rest_ends(
    place: BotWorld, language: str
) -> None:
    anna, ends = await at_rest(place, language=language)
    told = [await anna.says("/generate") for _ in range(2)]
    (wish,) = resting(place)

    rest_ends(place)
    run = await the_run(place)
    anna.edition(run.run_id)
    run.status = "SUCCESS"
    list_made = await anna.sees(saying("Anna's day"), since=told[1]["message_id"])

    for answer in told:
        assert moment(language, ends) in answer["text"]
        assert say(language, "bot.failed.comes_by_itself") in answer["text"]
        assert data_of(answer) == []
    assert wish.wanted_at == ends
    assert run.tags[runs.ASKED_BY] == runs.CHAT
    assert list_made["message_id"] == told[1]["message_id"] + 1
    await until(lambda: place.store.pending_launches.open() == [])
    assert len(place.pipeline.launched) == 1


@pytest.mark.parametrize("said", ["/preview", "/sync"])
async def test_nothing_else_is_promised(place: BotWorld, said: str) -> None:
    anna, ends = await at_rest(place)

    answer = await anna.says(said)

    assert moment("en", ends) in answer["text"]
    assert say("en", "bot.failed.comes_by_itself") not in answer["text"]
    assert resting(place) == []


async def test_what_rests_is_in_the_status_and_in_nobodys_way(place: BotWorld) -> None:
    anna, ends = await at_rest(place)
    await anna.says("/generate")

    status = await anna.says("/status")
    await anna.says("/export")

    assert say("en", "bot.status.postponed", when=moment("en", ends)) in status["text"]
    assert say("en", "bot.status.running") not in status["text"]
    await until(lambda: [run.job for run in place.pipeline.launched] == [runs.EXPORT_PERSON])


async def test_whoever_has_to_wait_noticeably_longer_is_told_and_still_gets_it(
    place: BotWorld,
) -> None:
    anna, ends = await at_rest(place)
    first = await anna.says("/generate")

    rest_ends(place, blocked=True)
    again = await anna.sees(since=first["message_id"])
    await until(lambda: [wish.wanted_at for wish in resting(place)] == [ends])

    assert moment("en", ends) in again["text"]
    assert say("en", "bot.failed.comes_by_itself") in again["text"]
    assert resting(place)[0].wanted_at == ends
    assert place.pipeline.launched == []


async def test_waiting_longer_bit_by_bit_is_told_once_it_is_noticeable(place: BotWorld) -> None:
    anna, _ = await at_rest(place)
    first = await anna.says("/generate")
    told = datetime.now(UTC) - timedelta(seconds=1)
    with place.store.database.writing() as connection:
        connection.execute(update(services).values(blocked_until=told + timedelta(minutes=20)))
        connection.execute(update(pending_launches).values(postponed_until=told))
    await until(lambda: place.store.pending_launches.open()[0].not_before > datetime.now(UTC))
    (quiet,) = resting(place)

    ends = told + timedelta(minutes=40)
    with place.store.database.writing() as connection:
        connection.execute(update(services).values(blocked_until=ends))
        connection.execute(update(pending_launches).values(not_before=told))
    again = await anna.sees(since=first["message_id"])

    assert quiet.wanted_at == told
    assert moment("en", ends) in again["text"]
    await until(lambda: [wish.wanted_at for wish in resting(place)] == [ends])


async def test_a_moment_that_may_have_been_told_is_not_told_again_and_again(
    place: BotWorld,
) -> None:
    anna, ends = await at_rest(place)
    first = await anna.says("/generate")
    odd = ("sendMessage", 200, '{"ok": true, "result": {"odd": 1}}')
    place.trouble.next = [odd] * 3

    rest_ends(place, blocked=True)
    await until(lambda: [wish.wanted_at for wish in resting(place)] == [ends])

    assert len(place.trouble.next) == 2
    assert first["message_id"] > 0


@pytest.mark.parametrize("postponed", [True, False])
async def test_a_list_that_is_there_is_told_however_late_the_next_bot_comes(
    empty_place: BotWorld, *, postponed: bool
) -> None:
    async with living_bot(empty_place):
        anna, _ = await at_rest(empty_place)
    wishes, user_id = empty_place.store.pending_launches, anna.account.user_id
    launch = LaunchRequest.asked_list(user_id)
    wishes.add("r1", user_id, launch)
    wishes.answered("r1", 2)
    run = empty_place.pipeline.begin(runs.DAILY_VIBE, user_id)
    run.tags.update(launch.marked("r1").tags)
    anna.edition(run.run_id, asked="r1")
    run.status = "SUCCESS"
    hours_ago = datetime.now(UTC) - 2 * HOUR
    with empty_place.store.database.writing() as connection:
        turn = hours_ago if postponed else None
        late = {"asked_at": hours_ago, "postponed_until": turn, "begun_at": turn}
        connection.execute(update(pending_launches).values(**late))

    async with living_bot(empty_place):
        await anna.sees(saying("Anna's day"))
        await until(lambda: wishes.open() == [])

    assert empty_place.pipeline.launched == [run]


async def test_a_bot_killed_as_soon_as_it_launched_is_followed_by_one_that_tells(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place):
        anna, ends = await at_rest(empty_place)
    wishes, user_id = empty_place.store.pending_launches, anna.account.user_id
    launch = LaunchRequest.asked_list(user_id)
    wishes.postpone("r1", user_id, launch, ends)
    rest_ends(empty_place)
    wishes.begin("r1")
    run = empty_place.pipeline.begin(runs.DAILY_VIBE, user_id)
    run.tags.update(launch.marked("r1").tags)
    anna.edition(run.run_id, asked="r1")
    run.status = "SUCCESS"

    async with living_bot(empty_place):
        await anna.sees(saying("Anna's day"))
        await until(lambda: wishes.open() == [])

    assert empty_place.pipeline.launched == [run]


async def test_a_promise_that_nobody_could_keep_for_hours_is_kept_and_waited_for_from_then_on(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place):
        anna, ends = await at_rest(empty_place)
    wishes, user_id = empty_place.store.pending_launches, anna.account.user_id
    wishes.postpone("r1", user_id, LaunchRequest.asked_list(user_id), ends)
    rest_ends(empty_place)
    with empty_place.store.database.writing() as connection:
        hours_ago = datetime.now(UTC) - 5 * HOUR
        connection.execute(update(pending_launches).values(postponed_until=hours_ago))

    async with living_bot(empty_place):
        await until(lambda: len(empty_place.pipeline.launched) == 1)
        (run,) = empty_place.pipeline.launched
        run.status = "FAILURE"
        await anna.sees(saying(say("en", "bot.progress.going_on")))
        anna.edition(run.run_id)
        assert await anna.sees(saying("Anna's day"))


async def test_a_run_that_meets_the_rest_is_begun_again_when_it_ends_whoever_tells_of_it_twice(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)
    ends = datetime.now(UTC) + 20 * HOUR

    place.trouble.next = [("editMessageText", 500, "")]
    anna.failed_edition(run.run_id, FailureCause.RATE_LIMITED, until=ends)
    run.status = "FAILURE"
    told = await anna.sees(saying(say("en", "bot.failed.comes_by_itself")), since=asked)

    assert moment("en", ends) in told["text"]
    assert data_of(told) == []
    (wish,) = resting(place)
    first = place.store.pending_launches.get(run.tags[runs.REQUEST])
    assert first is not None
    assert (wish.wanted_at, wish.asked_at, wish.job) == (ends, first.asked_at, runs.DAILY_VIBE)


@pytest.mark.parametrize("begun_again", [True, False])
async def test_nothing_is_promised_late_that_came_or_was_begun_by_then(
    empty_place: BotWorld, *, begun_again: bool
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
        asked = await anna.types("/generate")
        run = await the_run(empty_place)
    wishes, user_id = empty_place.store.pending_launches, anna.account.user_id
    ended = datetime.now(UTC) - timedelta(seconds=1)
    anna.failed_edition(run.run_id, FailureCause.QUOTA, until=ended)
    run.status = "FAILURE"
    if begun_again:
        wishes.postpone(f"again:{run.run_id}", user_id, LaunchRequest.asked_list(user_id), ended)
        wishes.close(f"again:{run.run_id}")
    else:
        anna.edition()

    async with living_bot(empty_place):
        told = await anna.sees(saying(say("en", "bot.failed.list")), since=asked)
        await until(lambda: empty_place.store.watches.open() == [])

    assert say("en", "bot.failed.comes_by_itself") not in told["text"]
    assert data_of(told) == ["go:generate"]
    assert resting(empty_place) == []


async def test_a_question_that_may_have_arrived_is_not_asked_again_and_again(
    place: BotWorld,
) -> None:
    anna, _ = await at_rest(place)
    await anna.says("/generate")
    place.trouble.next = [("sendMessage", 200, '{"ok": true, "result": {"odd": 1}}')] * 3

    with place.store.database.writing() as connection:
        days_ago = datetime.now(UTC) - KEPT_FOR
        connection.execute(
            update(pending_launches).values(asked_at=days_ago, postponed_until=days_ago)
        )
    await until(lambda: place.store.pending_launches.open() == [])

    assert len(place.trouble.next) == 2


async def test_what_was_chosen_before_the_rest_is_promised_too(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)

    anna.failed_edition(
        run.run_id,
        FailureCause.QUOTA,
        until=datetime.now(UTC) + 20 * HOUR,
        state=EditionState.CHOSEN,
    )
    run.status = "FAILURE"
    await anna.sees(saying(say("en", "bot.failed.comes_by_itself")), since=asked)

    assert len(resting(place)) == 1


async def test_a_promise_whose_bot_was_killed_before_it_answered_is_told_by_the_next(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place):
        anna, ends = await at_rest(empty_place)
    wishes, user_id = empty_place.store.pending_launches, anna.account.user_id
    wishes.postpone("written down", user_id, LaunchRequest.asked_list(user_id), ends)

    async with living_bot(empty_place):
        answer = await anna.says("/generate")

    assert say("en", "bot.failed.comes_by_itself") in answer["text"]
    assert [wish.request_id for wish in resting(empty_place)] == ["written down"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> AccountStore:
    return made(tmp_path, clock)


@pytest.fixture
def anna(store: AccountStore) -> Account:
    """Connected, and without nightly lists."""
    return store.people.change(known(store).user_id, nightly_at=None)


@pytest.fixture
def wish(store: AccountStore, anna: Account, clock: Clock) -> PendingLaunch:
    """Asked for at the beginning, promised for three hours later; that moment has come."""
    launch = LaunchRequest.asked_list(anna.user_id)
    store.pending_launches.postpone("r1", anna.user_id, launch, LATER)
    assert store.pending_launches.due() == []
    clock.moment = LATER
    (due,) = store.pending_launches.due()
    return due


def spend(store: AccountStore, at: datetime, *, calls: int) -> None:
    """Let others have spent so many calls then."""
    spent = {"service": "spotify", "minute": at, "edition_id": f"others {at}", "calls": calls}
    with store.database.writing() as connection:
        connection.execute(insert(service_calls).values({**spent, "share": "asked"}))


def turn(store: AccountStore, wish: PendingLaunch, clock: Clock) -> Turn:
    return outlook(store, wish, clock()).turn


def test_it_is_begun_when_nothing_stands_in_the_way(
    store: AccountStore, wish: PendingLaunch, clock: Clock
) -> None:
    assert turn(store, wish, clock) is Turn.BEGIN


def test_it_rests_on_while_spotify_does_for_three_days_at_most(
    store: AccountStore, wish: PendingLaunch, clock: Clock
) -> None:
    store.budget.block("spotify", LATER + HOUR, "quota")
    assert outlook(store, wish, clock()) == Outlook(turn=Turn.REST, until=LATER + HOUR)

    clock.moment = BEGINNING + KEPT_FOR - HOUR
    store.budget.block("spotify", clock() + 2 * HOUR, "quota")
    assert turn(store, wish, clock) is Turn.ASK_BACK


def test_those_who_wait_for_the_same_calls_are_begun_one_after_the_other(
    store: AccountStore, clock: Clock
) -> None:
    for number in range(12):
        anna = store.people.change(known(store, number + 1).user_id, nightly_at=None)
        launch = LaunchRequest.asked_list(anna.user_id)
        store.pending_launches.postpone(f"r{number:02}", anna.user_id, launch, LATER)
    spend(store, LATER - 22 * HOUR, calls=850)
    clock.moment = LATER

    turns = [turn(store, wish, clock) for wish in store.pending_launches.due()]

    begun = turns.count(Turn.BEGIN)
    assert 0 < begun < 8
    assert turns == [Turn.BEGIN] * begun + [Turn.WAIT] * (12 - begun)
    clock.moment += OTHERS_FIRST_FOR
    assert {turn(store, wish, clock) for wish in store.pending_launches.due()} == {Turn.BEGIN}


def test_each_who_waits_for_a_day_that_is_used_up_is_told_when_there_is_enough_for_them(
    store: AccountStore, clock: Clock
) -> None:
    for minutes in range(60):
        spend(store, BEGINNING - 23 * HOUR + timedelta(minutes=minutes), calls=15)
    told = []
    for number in range(30):
        anna = known(store, number + 1)
        ahead = waiting_before(store, anna.user_id)
        until = rests_until(store, anna.user_id, ahead=ahead)
        assert until is not None
        launch = LaunchRequest.asked_list(anna.user_id)
        store.pending_launches.postpone(f"r{number:02}", anna.user_id, launch, until)
        told.append(until)

    clock.moment = max(told)
    turns = {turn(store, wish, clock) for wish in store.pending_launches.due()}

    assert told == sorted(told)
    assert len(set(told)) > 3
    assert Turn.REST not in turns


def test_a_small_installation_sends_nobody_to_tomorrow_while_calls_are_there(
    tmp_path: Path, clock: Clock
) -> None:
    store = made(tmp_path, clock)
    ceilings = {"spotify": Ceiling.of(50)}
    small = replace(store, budget=replace(store.budget, ceilings=ceilings))
    for number in range(6):
        anna = small.people.change(known(small, number + 1).user_id, nightly_at=None)
        launch = LaunchRequest.asked_list(anna.user_id)
        small.pending_launches.postpone(f"r{number}", anna.user_id, launch, LATER)
    clock.moment = LATER

    turns = {turn(small, wish, clock) for wish in small.pending_launches.due()}

    assert turns == {Turn.BEGIN, Turn.WAIT}


def test_what_a_former_bot_began_is_gone_on_with(
    store: AccountStore, wish: PendingLaunch, clock: Clock, anna: Account
) -> None:
    wishes = store.pending_launches
    wishes.begin(wish.request_id)

    own = opened(store, anna, "own", occasion="asked:r1")
    assert [(one.request_id, one.rests) for one in wishes.due()] == [("r1", False)]

    store.editions.advance(own.edition_id, EditionState.STARTED, EditionState.RECORDED)
    assert [(one.request_id, one.wanted_at) for one in wishes.due()] == [("r1", clock())]


def test_a_run_that_meets_the_rest_again_and_again_is_begun_ever_more_rarely_and_asked_back(
    wish: PendingLaunch, clock: Clock
) -> None:
    now = clock()
    pauses = [
        next_try(replace(wish, tries=tries), now + timedelta(minutes=1), now) for tries in range(7)
    ]

    minutes = [None if one is None else (one - now).total_seconds() / 60 for one in pauses]
    assert minutes == [5, 10, 20, 40, 80, None, None]
    assert next_try(None, now + 9 * HOUR, now) == now + 9 * HOUR
    assert next_try(wish, BEGINNING + KEPT_FOR + HOUR, now) is None


@pytest.mark.parametrize("begun", [timedelta(hours=-1), timedelta(hours=1)])
def test_a_list_that_came_meanwhile_is_all_that_was_asked_for(
    store: AccountStore, wish: PendingLaunch, clock: Clock, anna: Account, begun: timedelta
) -> None:
    clock.moment = BEGINNING + begun
    other = opened(store, anna, "other")
    clock.moment = BEGINNING + 2 * HOUR
    store.editions.advance(other.edition_id, EditionState.STARTED, EditionState.RECORDED)
    clock.moment = LATER

    assert turn(store, wish, clock) is Turn.LET_GO


def test_a_list_dated_in_the_future_is_not_the_one_that_was_promised(
    store: AccountStore, wish: PendingLaunch, clock: Clock, anna: Account
) -> None:
    clock.moment = LATER + timedelta(days=30)
    ahead = opened(store, anna, "ahead")
    store.editions.advance(ahead.edition_id, EditionState.STARTED, EditionState.RECORDED)
    clock.moment = LATER

    assert turn(store, wish, clock) is Turn.BEGIN


def test_a_list_that_came_and_was_taken_back_was_all_that_was_asked_for(
    store: AccountStore, wish: PendingLaunch, clock: Clock, anna: Account
) -> None:
    clock.moment = BEGINNING + HOUR
    other = opened(store, anna, "other")
    store.editions.advance(other.edition_id, EditionState.STARTED, EditionState.RECORDED)
    store.editions.take_back(other.edition_id)
    clock.moment = LATER

    assert turn(store, wish, clock) is Turn.LET_GO


def test_an_older_list_that_waits_for_its_record_is_not_the_one(
    store: AccountStore, wish: PendingLaunch, clock: Clock, anna: Account
) -> None:
    clock.moment = BEGINNING - 40 * HOUR
    older = opened(store, anna, "older")
    store.editions.advance(older.edition_id, EditionState.STARTED, EditionState.ITEMS_WRITTEN)
    clock.moment = BEGINNING + HOUR
    store.editions.fail(older.edition_id, FailureCause.STORE_BUSY)
    clock.moment = LATER

    assert turn(store, wish, clock) is Turn.BEGIN


def test_an_older_list_is_not(
    store: AccountStore, wish: PendingLaunch, clock: Clock, anna: Account
) -> None:
    clock.moment = BEGINNING - HOUR
    older = opened(store, anna, "older")
    store.editions.advance(older.edition_id, EditionState.STARTED, EditionState.RECORDED)
    clock.moment = BEGINNING + HOUR
    store.editions.take_back(older.edition_id)
    store.editions.put_back(older.edition_id)
    clock.moment = LATER

    assert turn(store, wish, clock) is Turn.BEGIN


def test_the_night_goes_first_but_not_for_ever(
    store: AccountStore, wish: PendingLaunch, clock: Clock, anna: Account
) -> None:
    clock.moment = BEGINNING - 24 * HOUR
    store.people.change(anna.user_id, nightly_at=time(8, 0), timezone="UTC")
    clock.moment = LATER

    assert turn(store, wish, clock) is Turn.WAIT
    clock.moment += OTHERS_FIRST_FOR
    assert turn(store, wish, clock) is Turn.BEGIN


async def test_what_lets_the_night_go_first_is_in_nobodys_way(place: BotWorld) -> None:
    anna, _ = await at_rest(place)
    an_hour_ago = (datetime.now(UTC) - HOUR).time()
    day_ago = replace(place.store.people, now=lambda: datetime.now(UTC) - timedelta(days=2))
    day_ago.change(anna.account.user_id, nightly_at=an_hour_ago, timezone="UTC")
    anna.connected(ago=timedelta(days=3))
    await anna.says("/generate")

    rest_ends(place)
    await until(lambda: place.store.pending_launches.open()[0].not_before > datetime.now(UTC))
    await anna.says("/export")

    await until(lambda: place.pipeline.launched != [])
    assert [run.job for run in place.pipeline.launched] == [runs.EXPORT_PERSON]


def test_a_list_that_was_left_half_way_goes_first(
    store: AccountStore, wish: PendingLaunch, clock: Clock, anna: Account
) -> None:
    clock.moment = BEGINNING + HOUR
    other = opened(store, anna, "other")
    store.editions.advance(other.edition_id, EditionState.STARTED, EditionState.CHOSEN)
    store.editions.fail(other.edition_id, FailureCause.QUOTA, until=LATER)
    clock.moment = LATER

    assert turn(store, wish, clock) is Turn.WAIT


def test_whoever_left_gets_nothing_also_not_with_another_spotify_account(
    store: AccountStore, wish: PendingLaunch, clock: Clock, anna: Account
) -> None:
    store.erasures.disconnect(anna.user_id)

    assert store.pending_launches.due() == []
    assert turn(store, wish, clock) is Turn.LET_GO


def test_who_asks_again_is_promised_anew_and_a_run_that_met_the_rest_only_later(
    store: AccountStore, wish: PendingLaunch, clock: Clock, anna: Account
) -> None:
    clock.moment = BEGINNING + HOUR / 2
    launch, wishes = LaunchRequest.asked_list(anna.user_id), store.pending_launches

    wishes.postpone("r2", anna.user_id, launch, BEGINNING + HOUR, before=replace(wish, tries=2))
    (later,) = wishes.open()
    wishes.postpone("r3", anna.user_id, launch, BEGINNING + 2 * HOUR)
    (anew,) = wishes.open()

    assert (later.request_id, later.wanted_at) == (wish.request_id, BEGINNING + HOUR)
    assert later.asked_at == BEGINNING
    assert (anew.wanted_at, anew.asked_at) == (BEGINNING + 2 * HOUR, BEGINNING + HOUR / 2)


def test_launches_that_come_to_nothing_are_no_tries(
    store: AccountStore, wish: PendingLaunch, anna: Account
) -> None:
    for _ in range(7):
        store.pending_launches.later(wish.request_id, timedelta(seconds=1))
    (tried,) = store.pending_launches.open()
    store.pending_launches.close(wish.request_id)
    launch = LaunchRequest.asked_list(anna.user_id)
    store.pending_launches.postpone("r2", anna.user_id, launch, LATER, before=tried)

    (again,) = store.pending_launches.open()
    assert (tried.attempts, again.tries) == (7, 1)


def test_a_clock_set_back_by_days_has_nobody_wait_for_days(
    store: AccountStore, anna: Account, clock: Clock
) -> None:
    launch = LaunchRequest.asked_list(anna.user_id)
    store.pending_launches.postpone("r1", anna.user_id, launch, LATER)

    clock.advance(days=-4)

    assert [wish.request_id for wish in store.pending_launches.due()] == ["r1"]


def test_only_what_was_postponed_can_be_asked_about(
    store: AccountStore, wish: PendingLaunch, clock: Clock
) -> None:
    with pytest.raises(ValueError, match="waits for nothing"):
        outlook(store, replace(wish, postponed_until=None), clock())
