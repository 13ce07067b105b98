"""Undoing and restoring; asking what is missing; what the sources brought."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tests.support.bot_world import BotWorld, ChatUser, data_of, saying
from tests.support.pipeline_stand_in import StandInRun
from tests.support.telegram_site import eventually
from vibe_bot.jobs import job_named
from vibe_bot.why_not import find
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import (
    BlockKind,
    Considered,
    ConsideredList,
    EditionKind,
    SourceOutcome,
)
from vibe_pipeline.accounts.tracked_runs import TrackedRuns
from vibe_pipeline.locales import LANGUAGES, day, knows, say
from vibe_pipeline.records import DropReason, EditionId, UserId
from vibe_pipeline.runs import LaunchRequest

SINCE = datetime(2026, 11, 20, 6, tzinfo=UTC)
FIRST = "00000000-0000-4000-8000-000000000001"
SECOND = "00000000-0000-4000-8000-000000000002"
THIRD = "00000000-0000-4000-8000-000000000003"
FOURTH = "00000000-0000-4000-8000-000000000004"
DAYS = {FIRST: date(2026, 11, 19), SECOND: date(2026, 11, 20)}
HOSTILE = (
    "<b>x</b>",
    "../../etc/passwd",
    "'; DROP TABLE considered; --",
    "\u202egnp.exe",
    "\x00\x07",
    "💥" * 60,
    "a" * 4000,
    "שלום",
)


async def with_lists(place: BotWorld, *, language: str = "en") -> ChatUser:
    anna = await place.person(language=language)
    await anna.says("/start")
    anna.connected()
    for edition_id, made_on in DAYS.items():
        anna.edition(edition_id, vibe_date=made_on)
    return anna


def obeys(place: BotWorld) -> None:
    """Have the pipeline do at once what a run of it would."""

    def act(run: StandInRun) -> None:
        edition_id = EditionId(run.tags["vibe/edition"])
        if "vibe/undo" in run.tags:
            place.store.editions.take_back(edition_id)
        else:
            place.store.editions.put_back(edition_id)
        run.status = "SUCCESS"

    place.pipeline.on_launch = act


@pytest.mark.parametrize("language", LANGUAGES)
async def test_undo_takes_the_last_list_back_and_one_tap_restores_it(
    place: BotWorld, language: str
) -> None:
    anna = await with_lists(place, language=language)
    obeys(place)
    told = {one: day(language, made_on) for one, made_on in DAYS.items()}

    await anna.types("/undo")
    words = say(language, "bot.undo.previous", day=told[SECOND], previous=told[FIRST])
    undone = await anna.sees(saying(words))
    await anna.taps(f"rs:{SECOND}")
    await anna.sees(saying(say(language, "bot.undo.restored", day=told[SECOND])))

    first, second = place.pipeline.launched
    assert f"rs:{SECOND}" in data_of(undone)
    assert say(language, "bot.undo.counts") in undone["text"]
    assert first.job == second.job == "restore_edition"
    assert first.tags["vibe/edition"] == second.tags["vibe/edition"] == SECOND
    assert "vibe/undo" not in second.tags
    since = place.store.editions.required(EditionId(SECOND)).created_at
    assert runs.stood_since(first.tags) == since


@pytest.mark.parametrize("language", LANGUAGES)
async def test_where_nothing_is_left_of_the_list_that_stands_the_one_before_is_told(
    place: BotWorld, language: str
) -> None:
    anna = await with_lists(place, language=language)
    left = place.store.editions.required(EditionId(SECOND))

    def act(run: StandInRun) -> None:
        if place.store.editions.latest(anna.account.user_id) == left:
            place.store.editions.take_back(left.edition_id)
        else:
            run.tags.update(runs.missing_tags(len(left.tracks)))
        run.status = "SUCCESS"

    place.pipeline.on_launch = act
    await anna.types("/undo")
    await anna.sees(saying(say(language, "bot.undo.counts")))
    told = {one: day(language, made_on) for one, made_on in DAYS.items()}

    await anna.taps(f"rs:{SECOND}")
    words = say(language, "bot.undo.nothing_left", day=told[SECOND], previous=told[FIRST])
    answer = await anna.sees(saying(words))

    assert f"rs:{SECOND}" not in data_of(answer)
    assert say(language, "bot.undo.counts") in answer["text"]


async def test_a_tap_on_what_was_told_a_moment_ago_is_taken(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await with_lists(place)
    obeys(place)
    tapped, finish = threading.Event(), TrackedRuns.finish

    def finish_after_the_tap(watches: TrackedRuns, run_id: str) -> bool:
        tapped.wait(10)
        return finish(watches, run_id)

    monkeypatch.setattr(TrackedRuns, "finish", finish_after_the_tap)
    await anna.types("/undo")
    told = {one: day("en", made_on) for one, made_on in DAYS.items()}
    await anna.sees(saying(say("en", "bot.undo.previous", day=told[SECOND], previous=told[FIRST])))
    await anna.taps(f"rs:{SECOND}")
    await eventually(lambda: len(place.pipeline.launched) == 2)
    tapped.set()

    await anna.sees(saying(say("en", "bot.undo.restored", day=told[SECOND])))


@pytest.mark.parametrize("lists", [1, 2])
async def test_a_second_undo_of_what_was_put_back_tells_what_the_first_one_told(
    place: BotWorld, lists: int
) -> None:
    anna = await place.person()
    await anna.says("/start")
    anna.connected()
    for edition_id in (FIRST, SECOND)[:lists]:
        last = anna.edition(edition_id, vibe_date=DAYS[EditionId(edition_id)])
    obeys(place)

    await anna.types("/undo")
    told = await anna.sees(saying(say("en", "bot.undo.counts")))
    await anna.taps(f"rs:{last.edition_id}")
    await anna.sees(saying(say("en", "bot.undo.restored", day=day("en", last.vibe_date))))
    await anna.types("/undo")
    again = await anna.sees(
        lambda one: one["text"] == told["text"] and one["message_id"] != told["message_id"]
    )

    assert say("en", "bot.undo.counts") in again["text"]
    assert len(place.store.editions.standing(anna.account.user_id)) == lists - 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_undo_without_a_list_says_so(place: BotWorld, language: str) -> None:
    anna = await place.person(language=language)

    message = await anna.says("/undo whatever")

    assert message["text"] == say(language, "bot.undo.none")
    assert place.pipeline.launched == []


async def test_undoing_the_only_list_says_that_its_playlist_is_gone(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    anna.connected()
    anna.edition(FIRST)
    obeys(place)

    await anna.types("/undo")

    told = day("en", date(2026, 11, 20))
    assert await anna.sees(saying(say("en", "bot.undo.gone", day=told)))


async def test_an_undo_that_fails_says_so(place: BotWorld) -> None:
    anna = await with_lists(place)

    def fail(run: StandInRun) -> None:
        run.status = "FAILURE"
        run.tags[runs.FAILURE_REASON] = runs.STEP_FAILED
        run.tags |= runs.failure_tags("service_unavailable", None)

    place.pipeline.on_launch = fail
    await anna.types("/undo")

    told = await anna.sees(saying(say("en", "bot.failed.restore")))
    assert say("en", "bot.failed.service_unavailable") in told["text"]
    assert anna.bot_world.store.editions.required(EditionId(SECOND)).undone_at is None


@pytest.mark.parametrize(
    ("launch", "expected"),
    [
        (LaunchRequest.publication(UserId("u"), EditionId("e")), "pb:e"),
        (LaunchRequest.restoration(UserId("u"), EditionId("e")), "rs:e"),
        (LaunchRequest.undoing(UserId("u"), EditionId("e"), stood_since=SINCE), "go:undo"),
        (LaunchRequest.preview(UserId("u")), "go:preview"),
    ],
)
def test_trying_again_is_about_the_same_list(launch: LaunchRequest, expected: str | None) -> None:
    assert job_named(launch.job).again(launch.tags) == expected


async def test_a_past_day_can_be_put_back_but_not_the_one_that_stands(place: BotWorld) -> None:
    anna = await with_lists(place)
    obeys(place)
    current = await anna.says("/day 2026-11-20")
    past = await anna.says("/day 2026-11-19")

    await anna.taps(f"rs:{FIRST}")
    await anna.sees(saying(say("en", "bot.undo.restored", day=day("en", DAYS[FIRST]))))

    assert f"rs:{FIRST}" in data_of(past)
    assert not any(one.startswith("rs:") for one in data_of(current))
    latest = place.store.editions.latest(anna.account.user_id)
    assert latest is not None
    assert latest.edition_id == FIRST


async def test_a_day_s_lists_are_all_shown_and_after_undo_the_one_that_counts(
    place: BotWorld,
) -> None:
    anna = await with_lists(place)
    anna.edition(THIRD, vibe_date=DAYS[SECOND])
    place.store.editions.take_back(EditionId(THIRD))

    history = await anna.says("/history")
    shown = await anna.says("/day 2026-11-20")

    for text in (history["text"], shown["text"]):
        assert text.count(say("en", "bot.history.counts")) == 1
        assert text.count(say("en", "bot.history.undone")) == 1
    assert len([one for one in data_of(history) if one.startswith("go:day:")]) == 2
    tapped = data_of(shown)
    assert {f"tr:{THIRD}:0", f"rs:{THIRD}"} <= set(tapped)
    assert f"tr:{SECOND}:0" in tapped
    assert f"rs:{SECOND}" not in tapped


async def test_nobody_can_restore_somebody_elses_list(place: BotWorld) -> None:
    await with_lists(place)
    boris = await place.person(202, name="Boris")
    await boris.says("/start")
    boris.connected()
    boris.edition("00000000-0000-4000-8000-00000000beef")
    await boris.says("/latest")

    await boris.taps_forged(f"rs:{FIRST}")
    await boris.notices(say("en", "bot.not_yours"))

    assert place.pipeline.launched == []


def considered(place: BotWorld, anna: ChatUser) -> None:
    fates = list(DropReason)
    items = [
        Considered(
            artist="Artist & Sons 1",
            title="Song <b>1",
            fate="chosen",
            rank=1,
            is_new=True,
            position=1,
            speaks_for=("similarity", "tags"),
            speaks_against=("popularity", "a term of tomorrow"),
        ),
        *(
            Considered(
                artist=f"Band {fate.value.replace('_', ' ')}",
                title=f"Tune {number}",
                fate=fate.value,
                rank=number,
                is_new=True,
            )
            for number, fate in enumerate(fates, 2)
        ),
        Considered(
            artist="Сплин",
            title="Выхода нет",
            fate="lower_ranked",
            rank=40,
            is_new=True,
            speaks_against=("fatigue",),
        ),
        Considered(artist="Сплин", title="Романс", fate="rested", rank=41, is_new=False),
    ]
    place.store.considered.keep(EditionId(SECOND), anna.account.user_id, DAYS[SECOND], items)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_whynot_gives_every_reason_in_words(place: BotWorld, language: str) -> None:
    anna = await with_lists(place, language=language)
    considered(place, anna)

    for fate in DropReason:
        message = await anna.says(f"/whynot Band {fate.value.replace('_', ' ')}")
        assert say(language, f"bot.whynot.fate.{fate}") in message["text"]
        assert day(language, DAYS[SECOND]) in message["text"]
    here = await anna.says("/whynot artist & sons 1 - song <b>1")
    never = await anna.says("/whynot Nobody Whatsoever")

    assert "/why" in here["text"]
    assert day(language, DAYS[SECOND]) in here["text"]
    assert "Nobody Whatsoever" in never["text"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_spoke_for_and_against_a_track_is_told_in_words(
    place: BotWorld, language: str
) -> None:
    anna = await with_lists(place, language=language)
    considered(place, anna)

    on_it = await anna.says("/why 1")
    not_on_it = await anna.says("/whynot Сплин")
    unremarkable = await anna.says("/why 2")

    spoke = [say(language, f"bot.why.for.{term}") for term in ("similarity", "tags")]
    assert say(language, "bot.why.spoke_for", reasons="; ".join(spoke)) in on_it["text"]
    well_known = say(language, "bot.why.against.popularity")
    assert say(language, "bot.why.spoke_against", reasons=well_known) in on_it["text"]
    tired = say(language, "bot.why.against.fatigue")
    assert say(language, "bot.why.spoke_against", reasons=tired) in not_on_it["text"]
    assert spoke[0] not in unremarkable["text"]


async def test_whynot_forgives_spelling_and_script(place: BotWorld) -> None:
    anna = await with_lists(place)
    considered(place, anna)

    latin = await anna.says("/whynot splin")
    track = await anna.says("/whynot Сплин - Романс")
    typo = await anna.says("/whynot Сплинн")

    assert "Выхода нет" in latin["text"]
    assert say("en", "bot.whynot.more", count=1) in latin["text"]
    assert say("en", "bot.whynot.fate.rested") in track["text"]
    assert say("en", "bot.whynot.meant", name="Сплинн") in typo["text"]


async def test_whynot_speaks_of_lists_that_came_and_of_previews_alone(place: BotWorld) -> None:
    anna = await with_lists(place)
    considered(place, anna)
    band = Considered(artist="", title="T", fate="chosen", rank=1, is_new=True, position=1)
    for edition_id, artist in ((THIRD, "Band blocked"), (FOURTH, "Band rested")):
        kind = EditionKind.PREVIEW if edition_id == THIRD else EditionKind.DAILY
        made = anna.edition(edition_id, kind=kind, recorded=False, vibe_date=date(2026, 11, 21))
        items = [replace(band, artist=artist)]
        place.store.considered.keep(made.edition_id, made.user_id, made.vibe_date, items)

    previewed = await anna.says("/whynot Band blocked")
    never_came = await anna.says("/whynot Band rested")

    assert "in your preview" in previewed["text"]
    assert say("en", "bot.whynot.fate.rested") in never_came["text"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_whynot_asks_and_takes_the_answer_and_knows_what_you_blocked(
    place: BotWorld, language: str
) -> None:
    anna = await with_lists(place, language=language)
    place.store.blocks.add(anna.account.user_id, BlockKind.ARTIST, "nickelback", "Nickelback")

    asked = await anna.says("/whynot")
    answer = await anna.says("Nickelback")

    assert asked["text"] == say(language, "bot.whynot.ask")
    assert answer["text"] == say(language, "bot.whynot.you_blocked", name="Nickelback")


@pytest.mark.parametrize("command", ["/whynot", "/undo", "/sources", "/day"])
async def test_hostile_words_get_an_answer(place: BotWorld, command: str) -> None:
    anna = await place.person()
    await anna.says("/start")

    for words in HOSTILE:
        message = await anna.says(f"{command} {words}")
        assert say("en", "bot.trouble") not in message["text"]


async def test_whynot_before_the_first_list_offers_to_make_one(place: BotWorld) -> None:
    anna = await place.person()

    message = await anna.says("/whynot Anybody")

    assert data_of(message) == ["go:generate"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_sources_are_counted_best_first(place: BotWorld, language: str) -> None:
    anna = await with_lists(place, language=language)
    place.store.source_outcomes.replace(
        anna.account.user_id,
        [
            SourceOutcome(source="rediscovered_likes", chosen=9, liked=0, replayed=1),
            SourceOutcome(source="lastfm_similar_artists", chosen=40, liked=5, replayed=3),
        ],
    )

    message = await anna.says("/sources")

    best = say(language, "source.lastfm_similar_artists")
    assert message["text"].index(best) < message["text"].index(
        say(language, "source.rediscovered_likes")
    )
    assert "40" in message["text"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_sources_without_a_list_say_so(place: BotWorld, language: str) -> None:
    anna = await place.person(language=language)

    message = await anna.says("/sources <i>x</i>")

    wanted = say(language, "bot.sources.none", generate=say(language, "keyboard.generate"))
    assert message["text"] == wanted


def test_every_reason_for_dropping_has_its_sentence() -> None:
    assert all(knows(f"bot.whynot.fate.{fate}") for fate in DropReason)


def test_the_newest_list_with_the_exact_name_wins() -> None:
    def one(edition: str, artist: str) -> ConsideredList:
        item = Considered(artist=artist, title="T", fate="rested", rank=1, is_new=True)
        return ConsideredList(
            edition_id=EditionId(edition), vibe_date=date(2026, 11, 20), items=(item,)
        )

    found = find([one("new", "Portishedd"), one("old", "Portishead")], "Portishead")

    assert found is not None
    assert found.among.edition_id == "old"
    assert found.exact
