"""The way to Spotify and back in a real browser, at the size of a phone, in four languages."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from cryptography.fernet import Fernet
from playwright.sync_api import Browser, Page, expect

from tests.support.blank_accounts import set_up_store
from tests.support.chromium import chromium
from vibe_oauth.app import create_app
from vibe_oauth.services import open_services
from vibe_pipeline.accounts.records import Account, StateKind
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.locales import LANGUAGES, say
from vibe_pipeline.settings import Settings
from vibe_pipeline.simulator.prompt_server import PromptServer
from vibe_pipeline.simulator.server import running
from vibe_pipeline.simulator.simulation import Simulation
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld

_WIDTH, _HEIGHT = 360, 740
_NAMES = {"en": "Anna Bell", "ru": "Мария Ветрова", "uk": "Олена Гай", "nl": "Sanne de Wit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """The service and Spotify behind real ports."""

    address: str
    store: AccountStore
    simulation: Simulation

    def person(self, language: str) -> Account:
        """Somebody who has written to the bot."""
        number = LANGUAGES.index(language)
        return self.store.people.register(100 + number, _NAMES[language], language)

    def link(self, account: Account) -> str:
        """The address the bot would send."""
        state = self.store.oauth_states.make(account.user_id, StateKind.LINK)
        return f"{self.address}/connect/{state}"

    def connected(self, account: Account) -> bool:
        """Whether anything was linked."""
        return self.store.tokens.get(account.user_id) is not None


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def street(tmp_path: Path, world: BuiltInWorld) -> Iterator[Street]:
    simulation = Simulation(world)
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with running(simulation) as simulator:
        given: dict[str, Any] = {
            **{name.lower(): value for name, value in simulator.environment().items()},
            "vibe_home": tmp_path,
            "vibe_secret_key": Fernet.generate_key().decode(),
            "public_url": address,
            "spotify_redirect_uri": f"{address}/callback",
        }
        settings = Settings(**given)
        set_up_store(settings.accounts_address)
        services = open_services(settings, now=simulation.clock.now)
        with _served(uvicorn.Config(create_app(services), log_level="error"), listener):
            yield Street(address=address, store=services.store, simulation=simulation)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A phone without JavaScript: the pages have to be right all the same."""
    context = browser.new_context(
        viewport={"width": _WIDTH, "height": _HEIGHT}, java_script_enabled=False, locale="uk-UA"
    )
    yield context.new_page()
    context.close()


@contextmanager
def _served(config: uvicorn.Config, listener: socket.socket) -> Iterator[None]:
    config.timeout_graceful_shutdown = 1
    server = PromptServer(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


def says(page: Page, language: str, name: str) -> None:
    """The page has this title, in this language, and fits the phone's width."""
    expect(page.locator("h1")).to_have_text(say(language, f"oauth.{name}.title"))
    expect(page.locator("html")).to_have_attribute("lang", language)
    box = page.locator("main").bounding_box()
    assert box is not None
    assert box["width"] <= _WIDTH
    for element in page.locator("main *").all():
        inner = element.bounding_box()
        assert inner is None or inner["x"] + inner["width"] <= _WIDTH


def shot(page: Page, folder: Path, name: str) -> None:
    """A picture to look at; pytest keeps the folder for a while."""
    page.screenshot(path=folder / f"{name}.png", full_page=True)


def agree(page: Page) -> None:
    """Sign in on Spotify's page as the first of its listeners, and agree."""
    page.locator("input[name=listener]").first.check()
    page.locator("button[value=agree]").click()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_person_agrees_confirms_and_is_connected(
    street: Street, page: Page, tmp_path: Path, language: str
) -> None:
    account = street.person(language)
    link = street.link(account)

    page.goto(link)
    agree(page)

    says(page, language, "confirm")
    expect(page.locator("dl")).to_contain_text(_NAMES[language])
    expect(page.locator("dl")).to_contain_text(street.simulation.world.listeners[0].name)
    shot(page, tmp_path, f"{language}-confirm")
    assert not street.connected(account)
    page.get_by_role("button", name=say(language, "oauth.confirm.yes")).click()

    says(page, language, "connected")
    expect(page.locator("a.button")).to_have_attribute("rel", "noreferrer")
    shot(page, tmp_path, f"{language}-connected")
    assert street.connected(account)

    page.goto(link)
    says(page, "uk", "unusable")
    shot(page, tmp_path, "uk-unusable")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_on_spotifys_page_links_nothing(
    street: Street, page: Page, tmp_path: Path, language: str
) -> None:
    account = street.person(language)

    page.goto(street.link(account))
    page.locator("button[value=cancel]").click()

    says(page, language, "refused")
    shot(page, tmp_path, f"{language}-refused")
    assert not street.connected(account)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_no_on_the_confirmation_page_links_nothing(
    street: Street, page: Page, tmp_path: Path, language: str
) -> None:
    account = street.person(language)

    page.goto(street.link(account))
    agree(page)
    page.get_by_role("button", name=say(language, "oauth.confirm.no")).click()

    says(page, language, "declined")
    shot(page, tmp_path, f"{language}-declined")
    assert not street.connected(account)


@pytest.mark.parametrize("language", LANGUAGES)
def test_whom_spotify_does_not_admit_is_told_what_to_do(
    street: Street, page: Page, tmp_path: Path, language: str
) -> None:
    street.simulation.rules.allowlist_limit = 0
    account = street.person(language)

    page.goto(street.link(account))
    agree(page)

    says(page, language, "not_allowlisted")
    shot(page, tmp_path, f"{language}-not-allowlisted")
    assert not street.connected(account)


def test_old_and_unknown_links_look_the_same(street: Street, page: Page) -> None:
    old = street.link(street.person("nl"))
    street.simulation.clock.advance(601)

    page.goto(old)
    says(page, "uk", "unusable")
    expired = page.content()
    page.goto(f"{street.address}/connect/nobody-has-ever-made-this")

    assert page.content() == expired


def test_going_back_and_confirming_again_links_nothing_twice(street: Street, page: Page) -> None:
    account = street.person("en")
    page.goto(street.link(account))
    agree(page)
    token = page.locator("input[name=token]").first.get_attribute("value")
    page.get_by_role("button", name=say("en", "oauth.confirm.yes")).click()
    says(page, "en", "connected")

    again = page.request.post(f"{street.address}/confirm", form={"token": token or ""})

    assert again.status == 200
    assert say("en", "oauth.connected.title") in again.text()
    said = [message.key for message in street.store.outbox.take_due()]
    assert said.count("bot.connected") == 1
