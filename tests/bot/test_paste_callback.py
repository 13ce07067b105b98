"""Without a public address: the address somebody landed on, sent to the bot, connects them."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.bot_world import BotWorld, ChatUser, bot_world, data_of, living_bot, until
from vibe_bot.handlers.paste_callback import landed_on
from vibe_pipeline.authorization import RefusalReason
from vibe_pipeline.locales import LANGUAGES, say
from vibe_pipeline.settings import Settings, settings_from
from vibe_pipeline.simulator.server import RunningSimulator, running
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

ELSEWHERE = "http://127.0.0.1:8000/callback"


@pytest.fixture(scope="module")
def world() -> BuiltInWorld:
    """Made once; nothing here changes it."""
    return BuiltInWorld(1, artists=64, listeners=8)


@pytest.fixture
async def home(
    tmp_path: Path, world: BuiltInWorld
) -> AsyncIterator[tuple[BotWorld, RunningSimulator]]:
    """A bot whose Spotify is the simulated one."""
    with running(Simulation(world)) as spotify:
        names = ("SPOTIFY_API_URL", "SPOTIFY_ACCOUNTS_URL", "SPOTIFY_CLIENT_ID")
        given: dict[str, Any] = {name.lower(): spotify.environment()[name] for name in names}
        given["spotify_client_secret"] = spotify.environment()["SPOTIFY_CLIENT_SECRET"]
        given["spotify_redirect_uri"] = ELSEWHERE
        async with bot_world(tmp_path, **given) as place, living_bot(place):
            yield place, spotify


async def landed(anna: ChatUser, spotify: RunningSimulator, decision: str = "agree") -> str:
    """Go to Spotify by the link in the chat, decide; gives the address that cannot open."""
    await anna.says("/connect")
    (message,) = [
        one
        for one in anna.bot_world.telegram.chat(anna.telegram_id).messages.values()
        if "authorize?" in str(one)
    ][-1:]
    found = re.search(r"http://[^\s\"'<>]+/authorize\?[^\s\"'<>]+", str(message))
    assert found is not None
    authorize = found[0].replace("&amp;", "&")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(authorize).query).items()}
    listener = spotify.simulation.world.listeners[0].id
    form = asked | {"listener": listener, "decision": decision}
    async with httpx.AsyncClient() as phone:
        address = authorize.partition("?")[0] + "/decision"
        answer = await phone.post(address, data=form)
    return answer.headers["location"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_address_one_landed_on_connects_after_both_names_were_confirmed(
    home: tuple[BotWorld, RunningSimulator], language: str
) -> None:
    place, spotify = home
    anna = await place.person(language=language)
    address = await landed(anna, spotify)

    question = await anna.says(address)

    name = spotify.simulation.world.listeners[0].name
    assert say(language, "oauth.confirm.title") in question["text"]
    assert name in question["text"]
    assert "Anna" in question["text"]
    assert not anna.account.connected
    await anna.taps(data_of(question)[0])
    told = await anna.sees(lambda one: one["text"].startswith("✅"))
    assert name in told["text"]
    assert anna.account.connected
    await until(lambda: [run.job for run in place.pipeline.launched] == ["prepare_first_vibe"])
    (run,) = place.pipeline.launched
    assert run.tags.pop("vibe/request")
    assert run.tags == {
        "vibe/asked_by": "connecting",
        "dagster/priority": "5",
        "dagster/partition": anna.account.user_id,
    }


async def test_an_address_works_once_and_for_its_own_chat(
    home: tuple[BotWorld, RunningSimulator],
) -> None:
    place, spotify = home
    anna, ben = await place.person(), await place.person(102, name="Ben")
    address = await landed(anna, spotify)

    foreign = await ben.says(address)
    used = await anna.says(address)
    unknown = await anna.says(f"{ELSEWHERE}?code=x&state=nobody-has-ever-made-this")

    assert say("en", "oauth.unusable.title") in foreign["text"]
    assert foreign["text"] == used["text"] == unknown["text"]
    assert not anna.account.connected
    assert not ben.account.connected


async def test_a_no_throws_the_access_away(home: tuple[BotWorld, RunningSimulator]) -> None:
    place, spotify = home
    anna = await place.person()
    question = await anna.says(await landed(anna, spotify))

    await anna.taps(data_of(question)[1])

    assert await anna.sees(lambda one: one["text"] == say("en", "bot.connect.kept"))
    assert not anna.account.connected


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_refusal_and_a_missing_admission_are_told_in_words(
    home: tuple[BotWorld, RunningSimulator], language: str
) -> None:
    place, spotify = home
    anna = await place.person(language=language)

    refused = await anna.says(await landed(anna, spotify, "cancel"))
    spotify.simulation.rules.allowlist_limit = 0
    sixth = await anna.says(await landed(anna, spotify))

    assert say(language, "oauth.refused.title") in refused["text"]
    assert say(language, "oauth.not_allowlisted.title") in sixth["text"]
    assert data_of(sixth) == ["go:connect"]
    assert not anna.account.connected


async def test_other_addresses_are_ordinary_words(home: tuple[BotWorld, RunningSimulator]) -> None:
    place, _ = home
    anna = await place.person()

    for words in ("https://example.org/callback?state=1&code=2", "http://[bad/callback?state=1"):
        assert (await anna.says(words))["text"] == say("en", "bot.unknown_text")


@pytest.mark.parametrize("words", ["a" * 100_000, "a/" * 50_000, "?" + "a" * 100_000])
def test_no_words_are_too_long_to_look_through(words: str) -> None:
    since = time.monotonic()

    assert landed_on(words, Settings()) is None

    assert time.monotonic() - since < 2


@pytest.mark.parametrize(
    ("redirect", "address"),
    [
        ("https://vibe.example.org:443/callback", "https://vibe.example.org/callback"),
        ("http://127.0.0.1:80/callback", "http://127.0.0.1/callback"),
        ("http://127.0.0.1:80/callback", "127.0.0.1/callback"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/"),
        ("https://Vibe.Example.org/callback", "https://vibe.example.org/callback"),
    ],
)
def test_an_address_is_ours_however_a_browser_writes_it(redirect: str, address: str) -> None:
    settings = settings_from({"VIBE_HOME": "/nowhere", "SPOTIFY_REDIRECT_URI": redirect})

    assert landed_on(f"{address}?code=a&state=b", settings) == "code=a&state=b"
    assert landed_on(f"{address}more?code=a&state=b", settings) is None
    assert landed_on("https://elsewhere.example.org/callback?code=a&state=b", settings) is None
    assert landed_on("http://127.0.0.1:99999/callback?code=a&state=b", settings) is None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", RefusalReason)
def test_every_refusal_has_its_words(language: str, reason: RefusalReason) -> None:
    blanks = {"until": "later"} if reason is RefusalReason.LIMITED else {}

    assert say(language, f"oauth.{reason}.title")
    assert say(language, f"oauth.{reason}.text", **blanks)


async def test_a_spotify_account_of_another_chat_is_not_linked_by_hand_either(
    home: tuple[BotWorld, RunningSimulator],
) -> None:
    place, spotify = home
    anna, ben = await place.person(), await place.person(102, name="Ben")
    for person in (anna, ben):
        question = await person.says(await landed(person, spotify))
        await person.taps(data_of(question)[0])

    assert await ben.sees(lambda one: say("en", "oauth.taken.title") in one["text"])
    assert not ben.account.connected
