"""/artists: three names make a start, however they are spelt, and whoever changes their mind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bot.test_paste_callback import ELSEWHERE, landed
from tests.support.bot_world import BotWorld, ChatUser, bot_world, data_of, living_bot, until
from vibe_pipeline.locales import LANGUAGES, say
from vibe_pipeline.simulator.server import RunningSimulator, running
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld


@pytest.fixture(scope="module")
def spotify() -> Iterator[RunningSimulator]:
    """A Spotify for all tests here."""
    with running(Simulation(BuiltInWorld(1, artists=64, listeners=8))) as simulator:
        yield simulator


@pytest.fixture
async def town(tmp_path: Path, spotify: RunningSimulator) -> AsyncIterator[BotWorld]:
    """A place for a bot whose Spotify is the simulated one."""
    names = ("SPOTIFY_API_URL", "SPOTIFY_ACCOUNTS_URL", "SPOTIFY_CLIENT_ID")
    given: dict[str, Any] = {name.lower(): spotify.environment()[name] for name in names}
    given["spotify_client_secret"] = spotify.environment()["SPOTIFY_CLIENT_SECRET"]
    given["spotify_redirect_uri"] = ELSEWHERE
    async with bot_world(tmp_path, **given) as place:
        yield place


@pytest.fixture
async def home(town: BotWorld) -> AsyncIterator[BotWorld]:
    """The same with the bot in it."""
    async with living_bot(town):
        yield town


def named(anna: ChatUser) -> list[str]:
    chosen = anna.bot_world.store.chosen_artists.list(anna.account.user_id)
    return [one.name for one in chosen]


async def test_names_typed_misspelt_and_tapped_become_a_start(
    home: BotWorld, spotify: RunningSimulator
) -> None:
    first, second, third = [one.name for one in spotify.simulation.world.artists[:3]]
    anna = await home.person()
    await anna.says("/start")
    asked = await anna.says(await landed(anna, spotify))
    await anna.taps(next(one for one in data_of(asked) if one.startswith("cn:")))
    await anna.sees(lambda one: "where are you" in one["text"])

    assert (await anna.says("/artists"))["text"] == say("en", "bot.artists.ask")
    told = await anna.says(f"{first.upper()}\n{second}")
    assert named(anna) == [first, second]
    assert say("en", "bot.artists.more", count=1) in told["text"]

    offered = await anna.says(f"{third} zz")
    assert offered["text"].startswith(say("en", "bot.artists.which", name=f"{third} zz"))
    assert third in offered["text"]
    (tap,) = [
        one["callback_data"] for row in offered["buttons"] for one in row if one["text"] == third
    ]
    await anna.taps(tap)
    enough = await anna.sees(lambda one: say("en", "bot.artists.enough") in one["text"])
    assert (await anna.says("thanks!"))["text"] == say("en", "bot.unknown_text")
    assert named(anna) == [first, second, third]
    assert all(
        one.spotify_id is not None for one in home.store.chosen_artists.list(anna.account.user_id)
    )
    assert data_of(enough)[0] == "go:generate"
    await until(lambda: [run.job for run in home.pipeline.launched] == ["prepare_first_vibe"] * 2)
    assert f"To start from: {first}, {second}" in (await anna.says("/status"))["text"]

    await anna.taps(data_of(enough)[1])
    await until(lambda: named(anna) == [second, third])
    nobody = await anna.says("/artists Qqqqxxxyyzz")
    assert nobody["text"] == say("en", "bot.artists.not_found", name="Qqqqxxxyyzz")
    assert (await anna.says("/artists off"))["text"] == say("en", "bot.artists.cleared")
    assert named(anna) == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_names_nobody_is_answered_and_what_cannot_be_looked_up_is_taken_as_written(
    home: BotWorld, language: str
) -> None:
    anna = await home.person(language=language)
    await anna.says("/start")

    for hostile in ("🙂🙂", "  ,, ; ", "\u202e\u200b!", "…"):
        answer = await anna.says(f"/artists {hostile}")
        assert answer["text"] == say(language, "bot.artists.wrong"), hostile
    nobody = await anna.says("/artists Various Artists")
    assert nobody["text"] == say(language, "bot.artists.nobody", name="Various Artists")
    assert named(anna) == []

    await anna.says("/artists Земфира, 椎名林檎, <b>Tyler</b>, The Creator")
    assert named(anna) == ["Земфира", "椎名林檎", "<b>Tyler</b>, The Creator"]
    await anna.says("/artists " + ", ".join(f"Name {number}" * 12 for number in range(40)))
    assert len(named(anna)) <= 10


async def test_an_artist_that_was_offered_is_taken_after_a_restart_of_the_bot(
    town: BotWorld, spotify: RunningSimulator
) -> None:
    name = spotify.simulation.world.artists[2].name
    async with living_bot(town):
        anna = await town.person()
        await anna.says("/start")
        asked = await anna.says(await landed(anna, spotify))
        await anna.taps(next(one for one in data_of(asked) if one.startswith("cn:")))
        await anna.sees(lambda one: "where are you" in one["text"])
        offered = await anna.says(f"/artists {name} zz")
    (tap,) = [
        one["callback_data"] for row in offered["buttons"] for one in row if one["text"] == name
    ]

    async with living_bot(town):
        await anna.taps(tap)
        await until(lambda: named(anna) == [name])

    (chosen,) = town.store.chosen_artists.list(anna.account.user_id)
    assert chosen.spotify_id == tap.removeprefix("ac:")
