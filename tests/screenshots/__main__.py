"""Starts the demo, plays two newcomers in a real browser, and keeps what is seen as small pictures.

``python -m tests.screenshots [FOLDER]``: into ``docs/pictures``, or elsewhere to look at first.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from PIL import Image
from playwright.async_api import Browser, Locator, Page, async_playwright

from tests.screenshots import chat_tour
from tests.screenshots.covers import contact_sheet
from tests.support.chromium import FLAGS, executable
from tests.support.notice_receiver import notice_receiver
from vibe_pipeline.accounts.records import Account, Edition
from vibe_pipeline.accounts.store import open_for
from vibe_pipeline.commands.supervisor import running
from vibe_pipeline.demo.demo_user import DemoUser, Message, connect_link
from vibe_pipeline.demo.installation import DemoInstallation, demo_installation
from vibe_pipeline.playlists.cover import drawn
from vibe_pipeline.playlists.cover_upload import cover_of
from vibe_pipeline.settings import settings_from

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
MOST_BYTES = 150_000
PUBLIC = "https://vibe.example.org"
"""Where the tours' installation is said to be reached."""
PHONE, DESK = (390, 844), (1440, 940)
LINEAGE = "assets/published_playlist?view=lineage&lineageScope=upstream&lineageDepth=6"
SECONDS = 120.0
SETTLES_MS = 2_500
"""So long a page of Dagster's may still draw after its words are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """The running demo, a browser, and where pictures go."""

    stage: DemoInstallation
    browser: Browser
    http: httpx.AsyncClient
    folder: Path

    async def page(self, address: str, size: tuple[int, int]) -> Page:
        """A fresh window of this size at an address."""
        width, height = size
        context = await self.browser.new_context(
            viewport={"width": width, "height": height}, locale="en-GB", color_scheme="light"
        )
        opened = await context.new_page()
        await opened.goto(address)
        return opened

    async def keep(self, page: Page, name: str) -> None:
        """What the window shows, as a PNG of few colours."""
        await page.wait_for_timeout(SETTLES_MS)
        picture = Image.open(io.BytesIO(await page.screenshot())).convert("RGB")
        few = picture.quantize(colors=128, dither=Image.Dither.NONE)
        self._written(name, _saved(few, "PNG"))
        await page.context.close()

    def keep_bytes(self, name: str, content: bytes) -> None:
        """A picture that is one already."""
        self._written(name, content)

    def _written(self, name: str, content: bytes) -> None:
        if len(content) > MOST_BYTES:
            raise SystemExit(f"{name} would have {len(content)} bytes, more than {MOST_BYTES}")
        (self.folder / name).write_bytes(content)
        sys.stdout.write(f"{name}: {len(content) / 1000:.0f} kB\n")


def _saved(picture: Image.Image, kind: str) -> bytes:
    memory = io.BytesIO()
    picture.save(memory, kind, optimize=True)
    return memory.getvalue()


async def of_chat(studio: Studio) -> tuple[Account, Edition]:
    """Somebody connects, asks for a list and looks at it; gives what the store knows of it."""
    person = await DemoUser.arrive(studio.http, studio.stage.simulator, name="Robin")
    page = await studio.page(f"{studio.stage.chat_page}#{person.telegram_id}", PHONE)
    link = await offered_link(person)
    told = (await person.chat())["messages"][-1]["message_id"]
    await person.consents(link)
    await person.sees("that it is done", bool, since=told, within=SECONDS)
    asked = await person.types("/generate")
    await person.sees("a list", _has_playlist, since=asked, within=SECONDS)
    await page.locator("#keys-toggle").click()
    await _at_the_top(page, page.locator(".row.mine").last)
    await studio.keep(page, "chat.png")
    page = await studio.page(f"{studio.stage.chat_page}#{person.telegram_id}", PHONE)
    await page.get_by_role("button", name="See the tracks").click()
    await page.locator("#keys-toggle").click()
    await _at_the_top(page, page.locator(".row:not(.mine)").last)
    await studio.keep(page, "list.png")
    store = open_for(studio.stage.settings)
    account = store.people.by_chat(person.telegram_id)
    edition = None if account is None else store.editions.latest(account.user_id)
    assert account is not None
    assert edition is not None
    return account, edition


async def of_tour(studio: Studio, tour: chat_tour.Tour) -> None:
    """Every part of a chat in one language, four screens to a picture."""
    page = await studio.page(f"{studio.stage.chat_page}#{tour.person.telegram_id}", PHONE)
    await page.wait_for_timeout(SETTLES_MS)
    taken = await chat_tour.screens(page, tour)
    await page.context.close()
    chat_tour.sheets(
        taken,
        lambda number, content: studio.keep_bytes(f"tour-{tour.language}-{number}.png", content),
    )


async def _at_the_top(page: Page, row: Locator) -> None:
    """Scroll the chat so that it begins with this message."""
    await page.wait_for_timeout(SETTLES_MS)
    await row.evaluate("row => row.scrollIntoView({block: 'start'})")


async def of_consent(studio: Studio) -> None:
    """The page that names both accounts, before anything is linked."""
    person = await DemoUser.arrive(studio.http, studio.stage.simulator, name="Anna")
    page = await studio.page(await offered_link(person), PHONE)
    await page.locator("button[value=agree]").click()
    await studio.keep(page, "consent.png")


async def of_dagster(studio: Studio, edition: Edition) -> None:
    """The lineage, and the run of a list."""
    page = await studio.page(f"{studio.stage.dagster_page}/{LINEAGE}", DESK)
    await page.get_by_text("ranked_selection").first.wait_for(timeout=SECONDS * 1000)
    await studio.keep(page, "lineage.png")
    page = await studio.page(f"{studio.stage.dagster_page}/runs/{edition.edition_id}", DESK)
    await page.get_by_text("RUN_SUCCESS").first.wait_for(timeout=SECONDS * 1000)
    await studio.keep(page, "run.png")


async def offered_link(person: DemoUser) -> str:
    """The way to Spotify that the bot offers."""
    asked = await person.types("/start")
    await person.sees("a greeting", bool, since=asked, within=SECONDS)
    asked = await person.types("/connect")
    offered = await person.sees("a link", _has_link, since=asked, within=SECONDS)
    return str(connect_link(offered))


def _has_link(message: Message) -> bool:
    return connect_link(message) is not None


def _has_playlist(message: Mapping[str, object]) -> bool:
    return "/playlist/" in json.dumps([message["buttons"], message["entities"]])


async def take_all(stage: DemoInstallation, folder: Path) -> None:
    """Every picture of one person's way, and those of Dagster."""
    async with _studio(stage, folder) as studio:
        account, edition = await of_chat(studio)
        await of_consent(studio)
        await of_dagster(studio, edition)
        studio.keep_bytes("cover.jpg", drawn(cover_of(account, edition)))


async def take_tours(stage: DemoInstallation, folder: Path) -> None:
    """Every part of a chat, of an installation that is reached under a public address."""
    behind = BehindProxy(PUBLIC, f"http://127.0.0.1:{stage.ports.oauth}")
    with notice_receiver() as receiver:
        async with _studio(_public(stage), folder, {PUBLIC: behind}) as studio:
            for language in chat_tour.LANGUAGES:
                where = f"ntfy://{receiver.host}/vibe"
                await of_tour(
                    studio, await chat_tour.told(studio.stage, studio.http, language, where)
                )


def _public(stage: DemoInstallation) -> DemoInstallation:
    """The same, told that browsers elsewhere reach it, and that notices may go to this machine."""
    public = {
        "PUBLIC_URL": PUBLIC,
        "SPOTIFY_REDIRECT_URI": f"{PUBLIC}/callback",
        "VIBE_OAUTH_HOST": "127.0.0.1",
        "NOTIFY_PRIVATE_ADDRESSES": "true",
    }
    told = {**stage.environment, **public}
    return replace(stage, environment=told, settings=settings_from(told))


class BehindProxy(httpx.AsyncHTTPTransport):
    """Leads what is asked of a public address to where the service listens."""

    def __init__(self, public: str, here: str) -> None:
        super().__init__()
        self._public, self._here = httpx.URL(public), httpx.URL(here)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer of the service itself."""
        here = request.url.copy_with(
            scheme=self._here.scheme, host=self._here.host, port=self._here.port
        )
        moved = httpx.Request(
            request.method,
            here,
            headers=request.headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return await super().handle_async_request(moved)


@asynccontextmanager
async def _studio(
    stage: DemoInstallation,
    folder: Path,
    mounts: Mapping[str, httpx.AsyncBaseTransport] | None = None,
) -> AsyncIterator[Studio]:
    """The demo, running, and a browser that looks at it."""
    chromium = executable()
    if chromium is None:
        raise SystemExit("Chromium is not on the PATH; install it, for these pictures alone.")
    async with (
        running(stage.managed_processes()),
        httpx.AsyncClient(timeout=30, trust_env=False, mounts=mounts) as http,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield Studio(stage=stage, browser=browser, http=http, folder=folder)
        await browser.close()


def main() -> None:
    """Take them."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    with demo_installation(None) as stage:
        asyncio.run(take_tours(stage, folder))
    with demo_installation(None) as stage:
        asyncio.run(take_all(stage, folder))
    (folder / "covers.jpg").write_bytes(contact_sheet())


if __name__ == "__main__":
    main()
