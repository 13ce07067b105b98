"""/history_from: a name at Last.fm or ListenBrainz, tried at once, and what is said of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.bot_world import BotWorld, ChatUser, bot_world, data_of, living_bot, until
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import HistoryService, HistorySource, HistoryTrouble
from vibe_pipeline.locales import LANGUAGES, say
from vibe_pipeline.simulator.faults import fault_from_json
from vibe_pipeline.simulator.scrobbles import Scrobbles
from vibe_pipeline.simulator.server import RunningSimulator, running
from vibe_pipeline.simulator.simulation import Simulation

BLANKS = {"service": "Last.fm", "name": "player"}


@pytest.fixture(scope="module")
def outside() -> Iterator[RunningSimulator]:
    """Last.fm and ListenBrainz, for all tests here."""
    with running(Simulation()) as simulator:
        yield simulator


@asynccontextmanager
async def town(folder: Path, outside: RunningSimulator) -> AsyncIterator[BotWorld]:
    async with (
        bot_world(
            folder,
            lastfm_api_key=outside.simulation.credentials.lastfm_api_key,
            lastfm_api_url=f"{outside.address}/lastfm/2.0",
            listenbrainz_api_url=f"{outside.address}/listenbrainz",
            metabrainz_contact="tests@example.org",
            service_pace=100,
        ) as made,
        living_bot(made),
    ):
        yield made


@pytest.fixture
async def place(tmp_path: Path, outside: RunningSimulator) -> AsyncIterator[BotWorld]:
    outside.simulation.faults.clear()
    async with town(tmp_path, outside) as made:
        yield made


def player(outside: RunningSimulator, number: int = 0) -> str:
    """Somebody with years of scrobbles."""
    return outside.simulation.world.listeners[number].id


def named(anna: ChatUser) -> list[HistorySource]:
    return anna.bot_world.store.history_sources.list(anna.account.user_id)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_name_is_tried_kept_shown_and_let_go(
    place: BotWorld, outside: RunningSimulator, language: str
) -> None:
    anna, name = await place.person(language=language), player(outside)
    scrobbles = outside.simulation.part(Scrobbles).of(name) or []
    blanks = {"service": "Last.fm", "name": name}

    told = await anna.says(f"/history_from lastfm {name}")
    assert told["text"] == say(language, "bot.history_from.set", **blanks, count=len(scrobbles))
    (source,) = named(anna)
    assert (source.service, source.name, source.total) == ("lastfm", name, len(scrobbles))

    shown = await anna.says("/history_from")
    line = say(language, "bot.history_from.line_begins", **blanks)
    assert line.replace("<b>", "").replace("</b>", "") in shown["text"]
    assert {"go:history_from:lastfm", "go:history_from:lastfm off"} <= set(data_of(shown))

    await anna.taps("go:history_from:lastfm off")
    off = say(language, "bot.history_from.off", service="Last.fm")
    await anna.sees(lambda one: one["text"] == off)
    assert named(anna) == []
    again = await anna.says("/history_from off")
    assert again["text"] == say(language, "bot.history_from.off_none")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_is_wrong_with_a_name_is_told_at_once(
    place: BotWorld, outside: RunningSimulator, language: str
) -> None:
    anna, name = await place.person(language=language), player(outside, 1)
    everybody = outside.simulation.part(Scrobbles)

    def words(key: str, service: str = "Last.fm", called: str = name) -> str:
        return say(language, f"bot.history_from.{key}", service=service, name=called, count=0)

    unknown = await anna.says("/history_from lastfm nobody_at_all")
    assert unknown["text"] == words("unknown", called="nobody_at_all")
    stranger = await anna.says("/history_from listenbrainz nobody_at_all")
    assert stranger["text"] == words("unknown", "ListenBrainz", "nobody_at_all")
    empty = await anna.says("/history_from lastfm")
    assert empty["text"] == words("name_ask")
    wrong = await anna.says("a/b?c")
    assert wrong["text"] == words("name_wrong")
    everybody.hidden.add(name)
    hidden = await anna.says(f"/history_from lastfm {name}")
    everybody.hidden.clear()
    assert hidden["text"] == words("hidden")
    assert data_of(hidden) == [f"go:history_from:lastfm {name}"]
    assert named(anna) == []

    everybody.silent.add(name)
    silent = await anna.says(f"/history_from listenbrainz {name}")
    everybody.silent.clear()
    assert silent["text"] == words("set_empty", "ListenBrainz")
    outside.simulation.faults.add(
        fault_from_json({"service": "lastfm", "kind": "status", "status": 500})
    )
    away = await anna.says(f"/history_from lastfm {name}")
    assert away["text"] == words("set_away")
    assert {one.service for one in named(anna)} == set(HistoryService)


async def test_a_name_is_asked_for_where_it_is_missing_and_where_when_that_is(
    place: BotWorld, outside: RunningSimulator
) -> None:
    anna, name = await place.person(), player(outside, 2)

    where = await anna.says(f"/history_from {name}")
    assert where["text"] == say("en", "bot.history_from.where", name=name)
    await anna.taps(f"go:history_from:listenbrainz {name}")
    await anna.sees(lambda one: "ListenBrainz" in one["text"] and name in one["text"])
    await anna.says("/history_from lastfm")
    told = await anna.says(f"https://www.last.fm/user/{name}")

    assert name in told["text"]
    assert {one.service for one in named(anna)} == set(HistoryService)


async def test_the_pipeline_is_asked_to_read_soon_and_only_for_the_connected(
    place: BotWorld, outside: RunningSimulator
) -> None:
    anna = await place.person()
    await anna.says(f"/history_from lastfm {player(outside, 3)}")
    assert place.store.pending_launches.open(anna.account.user_id) == []

    bob = await place.person(102, name="Bob")
    await bob.says("/start")
    bob.connected()
    await bob.says(f"/history_from lastfm {player(outside, 4)}")

    await until(lambda: bool(place.pipeline.launched))
    (launched,) = place.pipeline.launched
    assert launched.job == runs.READ_HISTORY
    assert launched.tags[runs.PRIORITY] == runs.CAN_WAIT


async def test_a_service_without_a_key_is_named_as_not_set_up(empty_place: BotWorld) -> None:
    async with living_bot(empty_place):
        anna = await empty_place.person()

        told = await anna.says("/history_from lastfm player")

    assert told["text"] == say("en", "bot.history_from.not_set_up", **BLANKS)
    assert named(anna) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_trouble_has_its_line_and_its_sentence(language: str) -> None:
    for trouble in HistoryTrouble:
        assert say(language, f"bot.history_from.line_{trouble}", **BLANKS)
        if trouble is not HistoryTrouble.AWAY:
            assert say(language, f"bot.history_from.{trouble}", **BLANKS)
