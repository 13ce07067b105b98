"""/generate, /preview and /sync: one message that follows the run to its end."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from tests.support.bot_world import BotWorld, ChatUser, data_of, living_bot, saying, until, urls_of
from tests.support.pipeline_stand_in import StandInRun
from vibe_bot import progress
from vibe_bot.formatting import plain
from vibe_bot.launches import NO_MESSAGE
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import EditionKind, EditionState, FailureCause
from vibe_pipeline.accounts.store import utc_now
from vibe_pipeline.accounts.tables import pending_launches, service_calls
from vibe_pipeline.locales import LANGUAGES, moment, say
from vibe_pipeline.records import EditionId
from vibe_pipeline.runs import LaunchRequest

STEPS = ("library", "seed_profile", "candidates", "ranked_selection", "playlist")


async def connected(place: BotWorld, *, language: str = "en") -> ChatUser:
    anna = await place.person(language=language)
    await anna.says("/start")
    anna.connected()
    return anna


async def the_run(place: BotWorld, number: int = 1) -> StandInRun:
    await until(lambda: len(place.pipeline.launched) >= number)
    run = place.pipeline.launched[number - 1]
    await until(lambda: place.store.watches.get(run.run_id) is not None)
    return run


def at(run: StandInRun, step: str) -> None:
    run.status = "STARTED"
    done = STEPS.index(step)
    run.steps = dict.fromkeys(STEPS[:done], "SUCCESS") | {step: "IN_PROGRESS"}


def _asked_long_ago(place: BotWorld) -> None:
    long_ago = datetime.now(UTC) - timedelta(minutes=place.settings.wish_minutes + 1)
    with place.store.database.writing() as connection:
        connection.execute(pending_launches.update().values(asked_at=long_ago))


def refused(place: BotWorld) -> list[str]:
    """What Telegram did not take."""
    return [call.method for call in list(place.telegram.calls) if call.code == 429]


def to_be_published(anna: ChatUser) -> EditionId:
    """A preview that somebody wanted on Spotify, where it is not yet."""
    shown = anna.edition(kind=EditionKind.PREVIEW)
    editions, chosen = anna.bot_world.store.editions, EditionState.CHOSEN
    editions.advance(shown.edition_id, chosen, chosen, kind=EditionKind.DAILY)
    return shown.edition_id


@pytest.mark.parametrize("language", LANGUAGES)
async def test_one_message_goes_through_the_stages_and_ends_with_the_list(
    place: BotWorld, language: str
) -> None:
    anna = await connected(place, language=language)
    asked = await anna.types("/generate")
    first = await anna.sees(since=asked)
    run = await the_run(place)

    for step in STEPS:
        at(run, step)
        words = f"⏳ {say(language, f'bot.progress.{step}')}"
        message = await anna.sees(saying(words), since=asked)
        assert message["message_id"] == first["message_id"]
    anna.edition(run.run_id)
    run.status = "SUCCESS"
    done = await anna.sees(lambda one: "Anna's day <3" in one["text"], since=asked)

    assert done["message_id"] == first["message_id"]
    assert say(language, "bot.count.new", count=9) in done["text"]
    assert say(language, "bot.count.familiar", count=3) in done["text"]
    assert say(language, "source.lastfm_similar_artists") in done["text"]
    assert urls_of(done) == ["https://open.spotify.com/playlist/pl1"]
    assert data_of(done) == [f"tr:{run.run_id}:0", f"ys:{run.run_id}:0", "go:generate"]
    await until(lambda: place.store.watches.open() == [])


async def test_a_wish_launched_twice_is_told_the_list_of_the_run_that_came_first(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    second = await the_run(place)

    anna.edition("00000000-0000-4000-8000-00000000f125", asked=second.tags[runs.REQUEST])
    second.status = "SUCCESS"
    done = await anna.sees(lambda one: "Anna's day <3" in one["text"], since=asked)

    assert urls_of(done) == ["https://open.spotify.com/playlist/pl1"]


async def test_the_run_is_launched_for_this_person_and_marked_as_asked_for(place: BotWorld) -> None:
    anna = await connected(place)

    await anna.says("/generate")
    run = await the_run(place)

    assert run.job == "daily_vibe"
    assert run.tags["dagster/partition"] == anna.account.user_id
    assert run.tags["vibe/asked_by"] == "chat"
    assert place.pipeline.partitions == {anna.account.user_id}
    assert "secret" not in str(run.tags)


async def test_a_second_generate_is_answered_at_once(place: BotWorld) -> None:
    anna = await connected(place)
    await anna.says("/generate")
    await the_run(place)

    again = await anna.says("/generate")

    assert again["text"] == say("en", "bot.progress.already")
    assert len(place.pipeline.launched) == 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_whoever_asks_for_something_else_meanwhile_reads_what_is_being_done_and_may_ask_again(
    place: BotWorld, language: str
) -> None:
    anna = await connected(place, language=language)
    anna.edition()
    await anna.says("/sync")
    run = await the_run(place)

    answers = [await anna.says(wish) for wish in ("/generate", "/undo", "/sync")]
    run.status = "SUCCESS"
    await until(lambda: place.store.watches.open() == [])
    await anna.taps("go:undo")
    await the_run(place, 2)

    doing = plain(say(language, "bot.progress.title_sync"))
    busy = f"{doing}\n\n{say(language, 'bot.progress.busy')}"
    already = say(language, "bot.progress.already")
    assert [one["text"] for one in answers] == [busy, busy, already]
    assert [data_of(one) for one in answers] == [["go:generate"], ["go:undo"], []]
    assert [one.job for one in place.pipeline.launched] == ["sync_library", "restore_edition"]


async def test_two_taps_at_the_same_moment_launch_once(place: BotWorld) -> None:
    anna = await connected(place)

    await asyncio.gather(anna.types("/generate"), anna.types("/generate"))
    await anna.sees(lambda one: one["text"] == say("en", "bot.progress.already"))
    await the_run(place)

    assert len(place.pipeline.launched) == 1


async def test_a_list_under_way_at_night_is_not_started_a_second_time(place: BotWorld) -> None:
    anna = await connected(place)
    night = place.pipeline.begin("daily_vibe", anna.account.user_id)
    night.tags.update(LaunchRequest.nightly(anna.account.user_id, date(2026, 11, 20)).tags)

    asked = await anna.types("/generate")
    answer = await anna.sees(
        lambda one: one["text"] == say("en", "bot.progress.already_night"), since=asked
    )

    assert answer
    assert len(place.pipeline.launched) == 1


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE"])
async def test_a_list_that_an_operator_began_is_told_to_whoever_asks_meanwhile(
    place: BotWorld, status: str
) -> None:
    anna = await connected(place)
    run = place.pipeline.begin("daily_vibe", anna.account.user_id)

    asked = await anna.types("/generate")
    await until(lambda: place.store.watches.get(run.run_id) is not None)
    if status == "SUCCESS":
        anna.edition(run.run_id)
    else:
        anna.failed_edition(run.run_id, FailureCause.NOTHING_TO_CHOOSE)
    run.status = status
    expected = "Anna's day" if status == "SUCCESS" else say("en", "bot.failed.nothing_to_choose")

    assert await anna.sees(saying(expected), since=asked)
    assert len(place.pipeline.launched) == 1


async def test_a_rerun_bears_the_first_runs_tags_and_is_followed_all_the_same(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    rerun = place.pipeline.begin("daily_vibe", anna.account.user_id)
    rerun.tags[runs.REQUEST] = "what was asked for yesterday"
    rerun.root_run_id = "the first of them"

    asked = await anna.types("/generate")
    await until(lambda: place.store.watches.get(rerun.run_id) is not None)
    anna.failed_edition(rerun.root_run_id, FailureCause.NOTHING_TO_CHOOSE)
    rerun.status = "FAILURE"

    assert await anna.sees(saying(say("en", "bot.failed.nothing_to_choose")), since=asked)


async def test_the_first_refresh_after_connecting_is_not_in_the_way(place: BotWorld) -> None:
    anna = await connected(place)
    place.pipeline.begin("sync_library", anna.account.user_id)

    await anna.says("/generate")
    run = await the_run(place, 2)

    assert run.job == "daily_vibe"


async def test_whoever_is_not_connected_is_shown_the_way_at_once(place: BotWorld) -> None:
    anna = await place.person()

    message = await anna.says("/generate")

    assert "http://127.0.0.1:8000/connect/" in message["text"]
    assert place.pipeline.launched == []


async def test_a_blocked_budget_is_said_at_once_with_its_end(place: BotWorld) -> None:
    anna = await connected(place)
    ends = datetime.now(UTC) + timedelta(hours=7)
    place.store.budget.block("spotify", ends, "quota")

    message = await anna.says("/generate")

    assert moment("en", ends) in message["text"]
    assert place.pipeline.launched == []


@pytest.mark.parametrize("wish", ["/generate", "/preview", "/sync"])
async def test_a_day_whose_calls_are_used_up_is_said_at_once_with_the_time_it_goes_on(
    place: BotWorld, wish: str
) -> None:
    anna = await connected(place)
    two_hours_ago = datetime.now(UTC) - timedelta(hours=2)
    spent = {"service": "spotify", "minute": two_hours_ago, "edition_id": "others", "calls": 900}
    with place.store.database.writing() as connection:
        connection.execute(insert(service_calls).values({**spent, "share": "asked"}))

    message = await anna.says(wish)

    opens = two_hours_ago + timedelta(days=1, minutes=1)
    assert moment("en", opens) in message["text"]
    assert place.pipeline.launched == []


async def test_whoever_asks_while_a_list_takes_the_last_calls_is_told_that_it_is_being_made(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    await anna.says("/generate")
    await the_run(place)
    place.store.budget.block("spotify", datetime.now(UTC) + timedelta(hours=7), "quota")

    again = await anna.says("/generate")

    assert again["text"] == say("en", "bot.progress.already")


@pytest.mark.parametrize(
    ("language", "cause"),
    [
        ("en", FailureCause.UNEXPECTED),
        ("ru", FailureCause.NOTHING_TO_CHOOSE),
        ("uk", FailureCause.CONSENT_EXPIRED),
        ("nl", FailureCause.OWNER_NOT_PREMIUM),
    ],
)
async def test_a_failed_run_says_why_and_what_to_do(
    place: BotWorld, language: str, cause: FailureCause
) -> None:
    anna = await connected(place, language=language)
    asked = await anna.types("/generate")
    run = await the_run(place)

    anna.failed_edition(run.run_id, cause)
    run.status = "FAILURE"
    message = await anna.sees(
        lambda one: say(language, f"bot.failed.{cause}") in one["text"], since=asked
    )

    assert len(data_of(message)) == 1


async def test_a_failure_with_an_end_names_it_on_the_persons_clock(place: BotWorld) -> None:
    anna = await connected(place)
    place.store.people.change(anna.account.user_id, timezone="Europe/Kyiv")
    asked = await anna.types("/generate")
    run = await the_run(place)

    ends = datetime.now(UTC) + timedelta(hours=20)
    anna.failed_edition(run.run_id, FailureCause.QUOTA, until=ends)
    run.status = "FAILURE"
    message = await anna.sees(lambda one: "couldn't" in one["text"], since=asked)

    on_their_clock = moment("en", ends, ZoneInfo("Europe/Kyiv"))
    assert say("en", "bot.failed.quota_until", until=on_their_clock) in message["text"]


async def test_a_list_whose_run_was_killed_is_waited_for_and_told_once(place: BotWorld) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)

    run.status = "FAILURE"
    await anna.sees(lambda one: say("en", "bot.progress.going_on") in one["text"], since=asked)
    anna.edition(run.run_id)
    await anna.sees(lambda one: "Anna's day" in one["text"], since=asked)

    said = [one for one in await anna.said_by_bot() if one["message_id"] > asked]
    assert len(said) == 1


@pytest.mark.parametrize("command", ["/preview", "/sync", "/export", "/undo"])
async def test_what_a_killed_run_was_asked_for_is_told_by_the_run_that_repeats_it(
    place: BotWorld, command: str
) -> None:
    anna = await connected(place)
    anna.edition()
    asked = await anna.types(command)
    run = await the_run(place)

    run.status = "FAILURE"
    await anna.sees(lambda one: say("en", "bot.progress.going_on") in one["text"], since=asked)
    again = place.pipeline.begin(run.job, anna.account.user_id)
    again.tags |= {**run.tags, runs.REPEATS: run.run_id}
    await until(lambda: place.store.watches.get(again.run_id) is not None)
    again.status, again.tags[runs.FAILURE_REASON] = "FAILURE", runs.STEP_FAILED
    await until(lambda: place.store.watches.open() == [])

    said = [one for one in await anna.said_by_bot() if one["message_id"] > asked]
    assert [say("en", "bot.failed.unexpected") in one["text"] for one in said] == [True]


async def test_with_a_full_disk_nothing_is_begun_and_the_way_out_is_told(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await connected(place)
    monkeypatch.setattr("vibe_pipeline.installation.home.ROOM_FOR_A_LIST", 10**18)
    place.settings.home.mkdir(exist_ok=True)

    asked = await anna.types("/generate")
    await anna.sees(lambda one: say("en", "bot.failed.store_full") in one["text"], since=asked)

    assert place.pipeline.runs == {}


async def test_a_list_finished_by_another_run_is_told_however_late_the_ledger_is_looked_at(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vibe_bot.run_poller.LEDGER_SECONDS", 3.0)
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)
    await anna.sees(bool, since=asked)

    anna.edition(run.run_id)
    run.status = "FAILURE"
    await anna.sees(lambda one: "Anna's day" in one["text"], since=asked)

    said = [one for one in await anna.said_by_bot() if one["message_id"] > asked]
    assert [say("en", "bot.failed.list") in one["text"] for one in said] == [False]


async def test_a_playlist_changed_half_way_is_not_called_untouched(place: BotWorld) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)

    anna.failed_edition(run.run_id, FailureCause.CONSENT_EXPIRED, state=EditionState.PLAYLIST_MADE)
    run.status = "FAILURE"
    message = await anna.sees(lambda one: "consent" in one["text"], since=asked)

    assert say("en", "bot.failed.untouched") not in message["text"]


async def test_a_run_that_nobody_knows_any_more_is_begun_anew_in_the_same_message(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "NOTICED_WITHIN", timedelta(seconds=0.2))
    anna = await connected(place)
    asked = await anna.types("/generate")
    lost = await the_run(place)

    del place.pipeline.runs[lost.run_id]
    anew = await the_run(place)
    anna.edition(anew.run_id)
    anew.status = "SUCCESS"
    await anna.sees(lambda one: "Anna's day" in one["text"], since=asked)
    await until(lambda: place.store.watches.open() == [])

    assert anew.tags[runs.REQUEST] == lost.tags[runs.REQUEST]
    assert len([one for one in await anna.said_by_bot() if one["message_id"] > asked]) == 1


async def test_a_run_lost_long_after_it_was_asked_for_is_told_with_a_button(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "NOTICED_WITHIN", timedelta(seconds=0.2))
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)

    _asked_long_ago(place)
    del place.pipeline.runs[run.run_id]
    message = await anna.sees(
        lambda one: say("en", "bot.failed.vanished") in one["text"], since=asked
    )

    assert data_of(message) == ["go:generate"]
    assert place.store.pending_launches.open() == []


async def test_a_list_whose_run_nobody_knows_any_more_is_told_when_it_is_there(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)

    del place.pipeline.runs[run.run_id]
    await anna.sees(lambda one: say("en", "bot.progress.going_on") in one["text"], since=asked)
    anna.edition(run.run_id)

    assert await anna.sees(lambda one: "Anna's day" in one["text"], since=asked)


async def test_a_run_that_was_ended_is_told(place: BotWorld) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)

    run.status = "CANCELED"
    message = await anna.sees(
        lambda one: say("en", "bot.failed.canceled") in one["text"], since=asked
    )

    assert data_of(message) == ["go:generate"]


async def test_a_pipeline_that_goes_away_meanwhile_is_waited_for(place: BotWorld) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)

    place.pipeline.down = True
    await anna.sees(
        lambda one: say("en", "bot.progress.out_of_reach") in one["text"], since=asked, within=30
    )
    place.pipeline.down = False
    anna.edition(run.run_id)
    run.status = "SUCCESS"

    assert await anna.sees(lambda one: "Anna's day" in one["text"], since=asked)


async def test_a_result_is_told_at_once_however_fast_the_stages_went_by(
    empty_place: BotWorld,
) -> None:
    empty_place.telegram.flood.switched_on = True
    async with living_bot(empty_place, speed=1):
        anna = await connected(empty_place)
        asked = await anna.types("/generate")
        run = await the_run(empty_place)

        for step in STEPS:
            at(run, step)
            await asyncio.sleep(0.6)
        edits = empty_place.calls("editMessageText")
        anna.edition(run.run_id)
        await anna.sees(lambda one: "Anna's day" in one["text"], since=asked, within=0.9)

    assert 1 <= edits <= len(STEPS)
    assert refused(empty_place) == []


async def test_a_message_with_nothing_new_to_say_says_how_long_it_has_been(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)
    at(run, "candidates")

    first = await anna.sees(lambda one: "0:01" in one["text"], since=asked)
    later = await anna.sees(lambda one: "0:02" in one["text"], since=asked)

    assert first["text"].replace("0:01", "0:02") == later["text"]


async def test_a_restarted_bot_tells_the_result_once(empty_place: BotWorld) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
        asked = await anna.types("/generate")
        first = await anna.sees(since=asked)
        run = await the_run(empty_place)
        at(run, "candidates")
        await anna.sees(lambda one: "⏳" in one["text"], since=asked)
    anna.edition(run.run_id)
    run.status = "SUCCESS"

    async with living_bot(empty_place):
        done = await anna.sees(lambda one: "Anna's day" in one["text"], since=asked)
        await asyncio.sleep(0.3)
    async with living_bot(empty_place):
        await asyncio.sleep(0.3)

    told = [one for one in await anna.said_by_bot() if "Anna's day" in one["text"]]
    assert [one["message_id"] for one in told] == [first["message_id"]]
    assert done["message_id"] == first["message_id"]


async def test_waiting_is_bounded_and_its_end_honest(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SLOW_AFTER", timedelta(seconds=0.3))
    monkeypatch.setattr(progress, "GIVE_UP_AFTER", timedelta(seconds=1))
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)
    at(run, "candidates")

    await anna.sees(lambda one: say("en", "bot.progress.slow") in one["text"], since=asked)
    ended = await anna.sees(lambda one: "I stopped waiting" in one["text"], since=asked)

    assert data_of(ended) == ["go:generate"]
    await until(lambda: place.store.watches.open() == [])


@pytest.mark.parametrize("command", ["/preview", "/sync"])
async def test_whoever_blocks_the_bot_meanwhile_becomes_inactive(
    place: BotWorld, command: str
) -> None:
    anna = await connected(place)
    await anna.says(command)
    run = await the_run(place)

    place.telegram.block(anna.telegram_id)
    at(run, "candidates")
    await until(lambda: not place.store.watches.open())

    assert not anna.account.active


@pytest.mark.parametrize("restarted", [False, True])
async def test_whoever_leaves_while_a_list_is_made_hears_of_it_once_when_they_are_back(
    empty_place: BotWorld, *, restarted: bool
) -> None:
    place = empty_place
    async with AsyncExitStack() as first_life:
        await first_life.enter_async_context(living_bot(place))
        anna = await connected(place)
        first = await anna.says("/generate")
        run = await the_run(place)
        place.telegram.block(anna.telegram_id)
        at(run, "candidates")
        await until(lambda: not anna.account.active)
        second_life = first_life.pop_all()
        if restarted:
            await second_life.aclose()
            await second_life.enter_async_context(living_bot(place))
        async with second_life:
            anna.edition(run.run_id, vibe_date=utc_now().date())
            run.status = "SUCCESS"
            await until(lambda: place.store.watches.open() == [])
            place.telegram.unblock(anna.telegram_id)
            await anna.types("/help")

            told = await anna.sees(saying(say("en", "bot.ready_after_all")))

            mended = await anna.sees(saying(say("en", "bot.mended")))
            assert "Anna's day" in told["text"]
            assert mended["message_id"] == first["message_id"]
            assert sum("Anna's day" in one["text"] for one in await anna.said_by_bot()) == 1


async def test_whoever_leaves_while_a_list_fails_is_followed_no_longer(place: BotWorld) -> None:
    anna = await connected(place)
    await anna.says("/generate")
    run = await the_run(place)
    place.telegram.block(anna.telegram_id)
    at(run, "candidates")
    await until(lambda: not anna.account.active)

    anna.failed_edition(run.run_id, FailureCause.NOTHING_TO_CHOOSE)
    run.status = "FAILURE"

    await until(lambda: place.store.watches.open() == [])
    assert not anna.account.active


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_refresh_ends_with_counts(place: BotWorld, language: str) -> None:
    anna = await connected(place, language=language)
    asked = await anna.types("/sync")
    run = await the_run(place)

    place.store.people.change(anna.account.user_id, likes_cached=321)
    run.figures = {"liked_tracks": {"added": 12, "removed": 3}, "recent_plays": {"added": 7}}
    run.status = "SUCCESS"
    total = say(language, "bot.count.likes", count=321)
    message = await anna.sees(lambda one: total in one["text"], since=asked)

    assert run.job == "sync_library"
    assert say(language, "bot.synced.changes", added=12, removed=3) in message["text"]
    assert say(language, "bot.synced.plays", count=7) in message["text"]


async def test_a_refresh_that_changed_nothing_says_so(place: BotWorld) -> None:
    anna = await connected(place)
    asked = await anna.types("/sync")
    run = await the_run(place)

    run.figures = {"liked_tracks": {"added": 0, "removed": 0}}
    run.status = "SUCCESS"

    assert await anna.sees(
        lambda one: say("en", "bot.synced.no_changes") in one["text"], since=asked
    )


async def test_a_preview_is_shown_and_exactly_it_is_published(place: BotWorld) -> None:
    anna = await connected(place)
    asked = await anna.types("/preview")
    run = await the_run(place)
    edition = anna.edition(run.run_id, kind=EditionKind.PREVIEW)
    run.status = "SUCCESS"
    shown = await anna.sees(lambda one: "Like it?" in one["text"], since=asked)

    await anna.taps(f"pb:{edition.edition_id}")
    publishing = await the_run(place, 2)

    assert run.job == "preview_vibe"
    assert urls_of(shown) == []
    assert publishing.job == "publish_preview"
    assert publishing.tags["vibe/edition"] == edition.edition_id


async def test_a_published_preview_ends_with_its_link(place: BotWorld) -> None:
    anna = await connected(place)
    await anna.types("/preview")
    run = await the_run(place)
    anna.edition(run.run_id)
    publishing = place.pipeline.begin("publish_preview", anna.account.user_id)
    publishing.tags["vibe/edition"] = run.run_id
    run.status = publishing.status = "SUCCESS"

    message = await anna.sees(lambda one: "Anna's day" in one["text"])

    assert urls_of(message) == ["https://open.spotify.com/playlist/pl1"]


async def test_a_preview_whose_publication_failed_is_published_at_the_next_tap(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    edition_id = to_be_published(anna)

    await anna.says("/latest")
    await anna.taps_forged(f"pb:{edition_id}")
    failing = await the_run(place)
    place.store.editions.fail(edition_id, FailureCause.WRITING_REFUSED)
    failing.status = "FAILURE"
    told = await anna.sees(saying(say("en", "bot.failed.writing_refused")))
    await anna.taps(data_of(told)[0])
    again = await the_run(place, 2)

    assert again.job == "publish_preview"
    assert again.tags[runs.EDITION] == edition_id


async def test_a_published_preview_that_was_taken_back_is_put_back_by_its_button(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    edition = anna.edition()
    place.store.editions.take_back(edition.edition_id)

    await anna.says("/latest")
    await anna.taps_forged(f"pb:{edition.edition_id}")
    run = await the_run(place)

    assert run.job == "restore_edition"
    assert run.tags[runs.EDITION] == edition.edition_id
    assert runs.UNDO not in run.tags


async def test_a_published_preview_is_shown_by_its_button_as_it_is_there(place: BotWorld) -> None:
    anna = await connected(place)
    edition = anna.edition()

    latest = await anna.says("/latest")
    await anna.taps_forged(f"pb:{edition.edition_id}")
    shown = await anna.sees(saying("Anna's day"), since=latest["message_id"])

    assert urls_of(shown) == ["https://open.spotify.com/playlist/pl1"]
    assert place.pipeline.launched == []


async def test_latest_shows_the_last_list_or_says_there_is_none(place: BotWorld) -> None:
    anna = await connected(place)

    none = await anna.says("/latest")
    anna.edition()
    there = await anna.says("/latest")

    assert "no list yet" in none["text"]
    assert "Anna's day <3" in there["text"]
    assert "20 November 2026" in there["text"]
    assert urls_of(there) == ["https://open.spotify.com/playlist/pl1"]


async def test_what_did_not_come_out_as_wished_is_said(place: BotWorld) -> None:
    anna = await connected(place)
    anna.edition(notes=("fewer_new_than_wished", "rest_shortened", "a_note_nobody_words"))

    message = await anna.says("/latest")

    assert "You asked for at least 9 new" in message["text"]
    assert say("en", "bot.note.rest_shortened") in message["text"]
    assert "nobody" not in message["text"]
    assert "This one without: listeners like you" in message["text"]


TODAY = {"en": "today", "ru": "сегодня", "uk": "сьогодні", "nl": "vandaag"}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_list_of_before_is_told_by_what_was_wished_for_it(
    place: BotWorld, language: str
) -> None:
    anna = await connected(place)
    notes = ("shorter_than_wished", "fewer_new_than_wished", "one_source_exceeds_half")
    anna.edition(notes=notes, wished=30)
    place.store.people.change(anna.account.user_id, language=language, playlist_size=75)

    message = await anna.says("/latest")

    tracks = say(language, "bot.count.tracks", count=12)
    told = say(language, "bot.note.shorter_than_wished", tracks=tracks, wished=30)
    assert told in message["text"]
    assert "75" not in message["text"]
    assert TODAY[language] not in message["text"].lower()


async def test_nobody_guesses_what_was_wished_for_a_list_that_does_not_tell(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    anna.edition(notes=("shorter_than_wished", "rest_shortened"))

    message = await anna.says("/latest")

    assert say("en", "bot.note.rest_shortened") in message["text"]
    assert "you asked for" not in message["text"]


@pytest.mark.parametrize("language", ["en", "ru", "uk", "nl"])
async def test_a_source_that_had_no_time_is_named_once_and_promised_for_the_next_list(
    place: BotWorld, language: str
) -> None:
    anna = await connected(place)
    place.store.people.change(anna.account.user_id, language=language)
    anna.edition(missing="cut_off")

    message = await anna.says("/latest")

    name = say(language, "source.listenbrainz")
    assert say(language, "bot.made.cut_off", sources=name) in message["text"]
    assert say(language, "bot.made.without", sources=name) not in message["text"]


async def test_only_favourites_are_called_by_that_name(place: BotWorld) -> None:
    anna = await connected(place)
    anna.edition(notes=("fewer_new_than_wished", "only_familiar"))

    message = await anna.says("/latest")

    assert say("en", "bot.note.only_familiar") in message["text"]
    assert "You asked for" not in message["text"]


async def test_the_link_is_told_while_the_run_still_goes_on_and_stays_told(place: BotWorld) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)
    at(run, "playlist")

    anna.edition(run.run_id)
    told = await anna.sees(lambda one: "Anna's day" in one["text"], since=asked)
    await until(lambda: place.store.watches.open() == [])
    run.status = "FAILURE"
    await asyncio.sleep(0.2)

    assert urls_of(told) == ["https://open.spotify.com/playlist/pl1"]
    assert [one["text"] for one in await anna.said_by_bot()][-1] == told["text"]


async def test_a_list_that_stands_is_told_though_the_rest_of_its_run_failed(
    empty_place: BotWorld,
) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
        asked = await anna.types("/generate")
        run = await the_run(empty_place)
    anna.edition(run.run_id)
    run.status = "FAILURE"

    async with living_bot(empty_place):
        assert await anna.sees(lambda one: "Anna's day" in one["text"], since=asked)


async def test_the_link_is_told_though_the_pipeline_cannot_be_reached(place: BotWorld) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)

    place.pipeline.down = True
    anna.edition(run.run_id)

    assert await anna.sees(lambda one: "Anna's day" in one["text"], since=asked)


async def test_a_list_chosen_but_not_recorded_is_not_told_yet(place: BotWorld) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)

    anna.edition(run.run_id, recorded=False)
    at(run, "playlist")
    await anna.sees(saying(f"⏳ {say('en', 'bot.progress.playlist')}"), since=asked)

    assert place.store.watches.open() != []


async def test_a_preview_is_told_when_its_choice_is_through(place: BotWorld) -> None:
    anna = await connected(place)
    asked = await anna.types("/preview")
    run = await the_run(place)
    anna.edition(run.run_id, kind=EditionKind.PREVIEW)

    at(run, "ranked_selection")
    await anna.sees(saying(f"⏳ {say('en', 'bot.progress.ranked_selection')}"), since=asked)
    run.steps["ranked_selection"] = "SUCCESS"

    assert await anna.sees(saying("Like it?"), since=asked)


async def test_a_refresh_is_told_when_its_step_is_through(place: BotWorld) -> None:
    anna = await connected(place)
    asked = await anna.types("/sync")
    run = await the_run(place)
    place.store.people.change(anna.account.user_id, likes_cached=321)
    run.figures = {"liked_tracks": {"added": 12, "removed": 3}}

    run.status, run.steps = "STARTED", {"library": "SUCCESS"}

    message = await anna.sees(saying(say("en", "bot.count.likes", count=321)), since=asked)
    assert say("en", "bot.synced.changes", added=12, removed=3) in message["text"]


async def test_the_next_list_may_be_asked_for_as_soon_as_the_last_was_told(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    asked = await anna.types("/generate")
    run = await the_run(place)
    at(run, "playlist")
    anna.edition(run.run_id)
    await anna.sees(lambda one: "Anna's day" in one["text"], since=asked)
    await until(lambda: place.store.watches.open() == [])

    await anna.says("/generate")

    assert (await the_run(place, 2)).job == "daily_vibe"


async def test_what_could_not_be_answered_is_told_in_a_new_message(empty_place: BotWorld) -> None:
    async with living_bot(empty_place):
        anna = await connected(empty_place)
    run = empty_place.pipeline.begin("daily_vibe", anna.account.user_id)
    watch = empty_place.store.watches.add(
        run.run_id, anna.account.user_id, anna.telegram_id, NO_MESSAGE, "daily_vibe"
    )
    anna.edition(run.run_id)

    async with living_bot(empty_place):
        told = await anna.sees(lambda one: "Anna's day" in one["text"])

    assert told["message_id"] != watch.message_id


async def test_a_preview_published_long_ago_is_told_with_the_way_back_where_a_newer_list_stands(
    place: BotWorld,
) -> None:
    anna = await connected(place)
    old = anna.edition("00000000-0000-4000-8000-00000000aaaa", vibe_date=date(2026, 11, 1))
    await anna.says("/latest")
    anna.edition("00000000-0000-4000-8000-00000000bbbb")

    await anna.taps_forged(f"pb:{old.edition_id}")
    told = await anna.sees(saying(say("en", "bot.made.replaced")))
    await anna.taps(f"rs:{old.edition_id}")
    run = await the_run(place)

    assert "Anna's day" in told["text"]
    assert (run.job, run.tags["vibe/edition"]) == ("restore_edition", old.edition_id)
