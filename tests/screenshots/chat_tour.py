"""A walk through the chat in two languages, as a phone shows it: four screens to a picture.

What is said first, with nobody looking; then a browser goes to each place of the finished chat.
"""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
from PIL import Image
from playwright.async_api import Page

from tests.support.sent_history import plays
from vibe_pipeline.demo.demo_user import DemoUser, Message, connect_link
from vibe_pipeline.demo.installation import DemoInstallation

LANGUAGES = ("en", "ru")
NAMES = {"en": "Robin", "ru": "Мария-Александра"}
LONG_TITLE = "Музыка для долгих вечеров у окна, 日本の夜 & <b>дождь</b> 🎧 – очень длинное имя"
TAP = "tap "
"""How a step begins that taps a button, whose data begin so, in place of typing."""
SAID: tuple[tuple[str, str], ...] = (
    ("tracks", f"{TAP}tr:"),
    ("why", "/why 3"),
    ("steering", "/more shoegaze"),
    ("steering", "/less metal"),
    ("steering", "/mood calm"),
    ("status", "/status"),
    ("artists", "/artists Map & Foxs, Zzzyx"),
    ("artists", f"{TAP}ac:"),
    ("time zone", "/timezone"),
    ("history from", "/history_from"),
    ("history from", "/history_from lastfm"),
    ("explicit", "/explicit off"),
    ("sources", "/sources"),
    ("source off", f"{TAP}so:lastfm_similar_tracks"),
    ("title", "/title"),
    ("title", f"/title {LONG_TITLE}"),
    ("cover", "/cover on"),
)
LATER: tuple[tuple[str, str], ...] = (
    ("past lists", "/history"),
    ("day", "/day {today}"),
    ("notices", "/notify"),
    ("notices", "/notify {receiver}"),
    ("notices", "/status"),
)
"""What is said once a second list is there, with a cover."""
LEAVING: tuple[tuple[str, str], ...] = (("erase", "/forget"), ("erase", f"{TAP}sure:forget"))
SHOWN = (
    *("connect", "connected", "list", "tracks"),
    *("why", "steering", "status", "artists"),
    *("time zone", "history from", "explicit", "source off"),
    *("title", "cover", "file", "again"),
    *("past lists", "notices", "export", "erase"),
)
"""From each of these on the chat is looked at, a screen each."""
ON_A_PICTURE = 4
COLOURS = 32
SECONDS = 120.0
SETTLES_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """A finished chat, and the message at which each of its parts begins."""

    person: DemoUser
    language: str
    begins: dict[str, int]


async def told(
    stage: DemoInstallation, http: httpx.AsyncClient, language: str, receiver: str
) -> Tour:
    """Everything there is to say in a chat, said once; notices go to ``receiver`` too."""
    person = await DemoUser.arrive(
        http, stage.simulator, name=NAMES[language], language_code=language
    )
    begins: dict[str, int] = {}
    await answered(person, await person.types("/start"))
    begins["connect"] = asked = await person.types("/connect")
    link = await person.sees("a link", _has_link, since=asked, within=SECONDS)
    await person.sees("a code", _has_photo, since=asked, within=SECONDS)
    begins["connected"] = last = (await person.chat())["messages"][-1]["message_id"]
    await person.consents(str(connect_link(link)))
    await answered(person, last)
    begins["list"] = await _asks_for_list(person)
    await _goes_through(person, begins, SAID)
    agreed = await person.sees("a link", _has_link, since=begins["cover"], within=SECONDS)
    last = (await person.chat())["messages"][-1]["message_id"]
    await person.consents(str(connect_link(agreed)))
    await answered(person, last)
    begins["file"] = asked = await _sends_history(person)
    await person.sees("its end", lambda one: "2019" in one["text"], since=asked, within=SECONDS)
    begins["again"] = await _asks_for_list(person)
    blanks = {"today": datetime.now(UTC).date().isoformat(), "receiver": receiver}
    await _goes_through(person, begins, LATER, **blanks)
    begins["export"] = asked = await person.types("/export")
    await person.sees("a file", lambda one: bool(one["file"]), since=asked, within=SECONDS)
    await _goes_through(person, begins, LEAVING)
    await person.sees("a receipt", _is_receipt, since=asked, within=3 * SECONDS)
    return Tour(person=person, language=language, begins=begins)


async def _asks_for_list(person: DemoUser) -> int:
    asked = await person.types("/generate")
    await person.sees("a list", _is_a_list, since=asked, within=SECONDS)
    return asked


async def _goes_through(
    person: DemoUser, begins: dict[str, int], steps: Sequence[tuple[str, str]], **blanks: str
) -> None:
    """Say and tap one after another, and note at which message each part begins."""
    for part, step in steps:
        if step.startswith(TAP):
            asked = await _taps(person, step.removeprefix(TAP))
        else:
            asked = await person.types(step.format_map(blanks))
            await answered(person, asked)
        begins.setdefault(part, asked)


async def _taps(person: DemoUser, data: str) -> int:
    """Tap the newest button with such data; gives the message that comes then, or that changes."""
    messages = (await person.chat())["messages"]
    found = [
        (one["message_id"], button["callback_data"])
        for one in messages
        for row in one["buttons"]
        for button in row
        if str(button.get("callback_data", "")).startswith(data)
    ]
    message, whole = found[-1]
    order = {"telegram_id": person.telegram_id, "message_id": message, "data": whole}
    answer = await person.http.post(f"{person.simulator}/control/telegram/taps", json=order)
    answer.raise_for_status()
    await asyncio.sleep(2 * SETTLES_SECONDS)
    last = (await person.chat())["messages"][-1]["message_id"]
    return int(last if last > messages[-1]["message_id"] else message)


async def answered(person: DemoUser, since: int) -> Message:
    """Any word of the bot; a moment later there may be another, which belongs to it."""
    message = await person.sees("an answer", bool, since=since, within=SECONDS)
    await asyncio.sleep(SETTLES_SECONDS)
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


def _has_photo(message: Message) -> bool:
    return bool((message["file"] or {}).get("width"))


def _is_receipt(message: Message) -> bool:
    return str(message["text"]).startswith("🧾")


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
