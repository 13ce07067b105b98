"""A walk through the chat in two languages, as a phone shows it: four screens to a picture.

What is said first, with nobody looking; then a browser goes to each place of the finished chat.
"""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx
from PIL import Image
from playwright.async_api import Page

from tests.support.sent_history import plays
from vibe_pipeline.demo.demo_user import DemoUser, Message, connect_link
from vibe_pipeline.demo.installation import DemoInstallation

LANGUAGES = ("en", "ru")
NAMES = {"en": "Robin", "ru": "Мария-Александра"}
LONG_TITLE = "Музыка для долгих вечеров у окна, 日本の夜 & <b>дождь</b> 🎧 – очень длинное имя"
TYPED = (
    ("why", "/why 3"),
    ("steering", "/more shoegaze"),
    ("steering", "/less metal"),
    ("steering", "/mood calm"),
    ("status", "/status"),
    ("artists", "/artists Map & Foxs, Zzzyx"),
    ("time zone", "/timezone"),
    ("history from", "/history_from"),
    ("history from", "/history_from lastfm"),
    ("explicit", "/explicit off"),
    ("sources", "/sources"),
    ("title", f"/title {LONG_TITLE}"),
    ("cover", "/cover"),
    ("history", "/history"),
    ("day", "/day"),
    ("notices", "/notify"),
    ("notices", "/notify https://10.0.0.1/hook"),
    ("left out", "/leaveout"),
)
SHOWN = (
    "connect",
    "connected",
    "list",
    "why",
    "steering",
    "status",
    "artists",
    "history from",
    "file",
    "explicit",
    "title",
    "history",
)
"""From each of these on the chat is looked at, a screen each."""
ON_A_PICTURE = 4
COLOURS = 32
SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """A finished chat, and the message at which each of its parts begins."""

    person: DemoUser
    language: str
    begins: dict[str, int]


async def told(stage: DemoInstallation, http: httpx.AsyncClient, language: str) -> Tour:
    """Everything there is to say in a chat, said once."""
    person = await DemoUser.arrive(
        http, stage.simulator, name=NAMES[language], language_code=language
    )
    begins: dict[str, int] = {}
    await answered(person, await person.types("/start"))
    begins["connect"] = asked = await person.types("/connect")
    link = await person.sees("a link", _has_link, since=asked, within=SECONDS)
    begins["connected"] = last = (await person.chat())["messages"][-1]["message_id"]
    await person.consents(str(connect_link(link)))
    await answered(person, last)
    begins["list"] = asked = await person.types("/generate")
    await person.sees("a list", _is_a_list, since=asked, within=SECONDS)
    for part, words in TYPED:
        asked = await person.types(words)
        begins.setdefault(part, asked)
        await answered(person, asked)
    begins["file"] = asked = await _sends_history(person)
    await person.sees("its end", lambda one: "2019" in one["text"], since=asked, within=SECONDS)
    return Tour(person=person, language=language, begins=begins)


async def answered(person: DemoUser, since: int) -> Message:
    """Any word of the bot; a moment later there may be another, which belongs to it."""
    message = await person.sees("an answer", bool, since=since, within=SECONDS)
    await asyncio.sleep(0.5)
    return message


async def _sends_history(person: DemoUser) -> int:
    content = base64.b64encode(plays(2019)).decode()
    order = {"telegram_id": person.telegram_id, "name": "Streaming_History_Audio_2019.json"}
    answer = await person.http.post(
        f"{person.simulator}/control/telegram/files", json={**order, "content": content}
    )
    answer.raise_for_status()
    return int(answer.json()["message_id"])


def _has_link(message: Message) -> bool:
    return connect_link(message) is not None


def _is_a_list(message: Message) -> bool:
    return "/playlist/" in str([message["buttons"], message["entities"]])


async def screens(page: Page, tour: Tour) -> Sequence[Image.Image]:
    """The chat at each of its parts, in a window of a phone's width."""
    await page.locator("#keys-toggle").click()
    taken = []
    for part in SHOWN:
        row = page.locator(f'[data-id="{tour.begins[part]}"]').first
        await row.evaluate("row => row.scrollIntoView({block: 'start'})")
        await page.wait_for_timeout(250)
        picture = Image.open(io.BytesIO(await page.screenshot()))
        taken.append(picture.convert("RGB"))
    return taken


def sheets(
    pictures: Sequence[Image.Image], keep: Callable[[int, bytes], None], *, gap: int = 12
) -> None:
    """So many screens side by side as fit a picture, handed on with its number."""
    for number, at in enumerate(range(0, len(pictures), ON_A_PICTURE), start=1):
        some = pictures[at : at + ON_A_PICTURE]
        width, height = some[0].size
        sheet = Image.new("RGB", (len(some) * (width + gap) - gap, height), "white")
        for place, picture in enumerate(some):
            sheet.paste(picture, (place * (width + gap), 0))
        memory = io.BytesIO()
        few = sheet.quantize(colors=COLOURS, dither=Image.Dither.NONE)
        few.save(memory, "PNG", optimize=True)
        keep(number, memory.getvalue())
