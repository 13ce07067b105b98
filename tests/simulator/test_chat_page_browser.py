"""The chat page in a real browser, at the size of a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import chromium
from tests.support.telegram_site import TelegramSite, telegram_site

ANNA = 101
_LIST = (
    "<b>Your Monday vibe</b>\n<a href='https://open.spotify.com/playlist/1'>Open it</a>\n"
    "30 tracks, <i>24 new</i> &lt;3 /why <code>VIBE-42</code>"
)
_KEYBOARD: dict[str, Any] = {
    "keyboard": [[{"text": "Make my list"}, {"text": "Status"}]],
    "resize_keyboard": True,
    "is_persistent": True,
    "input_field_placeholder": "What shall I do?",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def site() -> Iterator[TelegramSite]:
    with telegram_site() as running:
        running.state.flood.switched_on = False
        yield running


@pytest.fixture
def page(browser: Browser, site: TelegramSite) -> Iterator[Page]:
    """The page on a phone; nothing may go wrong in its console."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    opened = context.new_page()
    trouble: list[str] = []
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on("console", lambda line: trouble.append(line.text) if line.type == "error" else None)
    opened.goto(f"{site.address}/chat#{ANNA}")
    expect(opened.locator(".row.mine")).to_have_count(1)
    yield opened
    context.close()
    assert trouble == []


def test_words_are_shown_with_their_marks_and_never_as_markup(
    site: TelegramSite, page: Page
) -> None:
    site.say(_LIST, parse_mode="HTML")
    site.say("<img src=x onerror=alert(1)>")

    message = page.locator(".row:not(.mine)").first
    expect(message.locator("b")).to_have_text("Your Monday vibe")
    expect(message.locator("a")).to_have_attribute("href", "https://open.spotify.com/playlist/1")
    expect(message.locator("a")).to_have_attribute("rel", "noopener noreferrer")
    expect(message.locator("code")).to_have_text("VIBE-42")
    expect(message).to_contain_text("24 new <3")
    expect(page.locator(".row").last).to_contain_text("<img src=x onerror=alert(1)>")
    expect(page.locator(".text img")).to_have_count(0)


def test_what_is_typed_is_sent_and_seen_as_taken(site: TelegramSite, page: Page) -> None:
    page.fill("#text", "hello bot")
    page.press("#text", "Enter")

    row = page.locator(".row.mine").last
    expect(row).to_contain_text("hello bot")
    expect(row.locator(".meta")).to_have_attribute("data-read", "false")
    update = site.call("getUpdates")["result"][0]
    assert update["message"]["text"] == "hello bot"
    site.call("getUpdates", offset=update["update_id"] + 1)
    expect(row.locator(".meta")).to_have_attribute("data-read", "true")
    expect(page.locator("#text")).to_have_value("")


def test_an_edit_changes_the_bubble_in_place(site: TelegramSite, page: Page) -> None:
    number = site.say("Listening…")["message_id"]
    expect(page.locator(".row").last).to_contain_text("Listening…")

    site.call("editMessageText", chat_id=ANNA, message_id=number, text="Done")

    expect(page.locator(".row:not(.mine)")).to_have_count(1)
    expect(page.locator(".row").last).to_contain_text("Done")
    expect(page.locator(".row").last.locator(".meta")).to_contain_text("edited")
    site.call("deleteMessage", chat_id=ANNA, message_id=number)
    expect(page.locator(".row:not(.mine)")).to_have_count(0)


def test_typing_dots_come_and_go(site: TelegramSite, page: Page) -> None:
    site.call("sendChatAction", chat_id=ANNA, action="typing")

    expect(page.locator(".typing .dots")).to_be_visible()
    expect(page.locator("#status")).to_have_text("typing…")
    site.say("Here")
    expect(page.locator(".typing")).to_have_count(0)
    expect(page.locator("#status")).to_have_text("bot")


def test_an_inline_button_spins_until_answered_and_tells_the_answer(
    site: TelegramSite, page: Page
) -> None:
    buttons = [
        [
            {"text": "Open", "url": "https://open.spotify.com"},
            {"text": "Why?", "callback_data": "w"},
        ]
    ]
    site.say("List", reply_markup={"inline_keyboard": buttons})
    key = page.get_by_role("button", name="Why?")

    with page.expect_response("**/chat/api/taps"):
        key.click()

    expect(key).to_have_class("waiting")
    expect(page.get_by_role("link", name="Open")).to_have_attribute("target", "_blank")
    tap = next(iter(site.state.taps.values()))
    site.call("answerCallbackQuery", callback_query_id=tap.query_id, text="Because you played it")
    expect(page.locator("#toast")).to_have_text("Because you played it")
    expect(key).not_to_have_class("waiting")


def test_an_alert_has_to_be_closed(site: TelegramSite, page: Page) -> None:
    markup = {"inline_keyboard": [[{"text": "Forget me", "callback_data": "f"}]]}
    site.say("Sure?", reply_markup=markup)
    with page.expect_response("**/chat/api/taps"):
        page.get_by_role("button", name="Forget me").click()
    expect(page.locator(".waiting")).to_have_count(1)
    tap = next(iter(site.state.taps.values()))
    answer = {"callback_query_id": tap.query_id, "text": "All gone", "show_alert": True}

    site.call("answerCallbackQuery", **answer)

    expect(page.locator("#alert")).to_contain_text("All gone")
    page.click("#alert-close")
    expect(page.locator("#alert")).to_be_hidden()


def test_the_reply_keyboard_types_for_the_person(site: TelegramSite, page: Page) -> None:
    site.say("Hello", reply_markup=_KEYBOARD)
    expect(page.locator("#text")).to_have_attribute("placeholder", "What shall I do?")

    page.get_by_role("button", name="Status").click()

    expect(page.locator(".row.mine").last).to_contain_text("Status")
    page.click("#keys-toggle")
    expect(page.locator("#keys")).to_be_hidden()
    site.say("Bye", reply_markup={"remove_keyboard": True})
    expect(page.locator("#keys-toggle")).to_be_hidden()


def test_the_command_menu_sends_what_is_chosen(site: TelegramSite, page: Page) -> None:
    commands = [
        {"command": "start", "description": "Begin"},
        {"command": "status", "description": "How things stand"},
    ]
    site.call("setMyCommands", commands=commands)
    expect(page.locator("#menu")).to_be_visible()

    page.fill("#text", "/sta")
    expect(page.locator("#commands button")).to_have_count(2)
    page.fill("#text", "/stat")
    page.get_by_text("How things stand").click()

    expect(page.locator(".row.mine").last).to_contain_text("/status")
    expect(page.locator("#commands")).to_be_hidden()


def test_a_command_in_a_text_and_a_link_to_the_bot_are_typed(
    site: TelegramSite, page: Page
) -> None:
    site.say("Try /latest or https://t.me/daily_vibe_bot?start=abc")

    page.get_by_role("button", name="/latest").click()
    expect(page.locator(".row.mine").last).to_contain_text("/latest")
    page.get_by_role("link", name="t.me").click()

    expect(page.locator(".row.mine").last).to_contain_text("/start abc")


def test_a_file_can_be_saved(site: TelegramSite, page: Page) -> None:
    site.http.post(
        f"{site.base_url}{site.state.token}/sendDocument",
        data={"chat_id": ANNA, "caption": "Everything"},
        files={"document": ("export.zip", b"PK everything", "application/zip")},
    )

    with page.expect_download() as waiting:
        page.get_by_role("link", name="export.zip").click()

    assert waiting.value.suggested_filename == "export.zip"


@pytest.mark.parametrize(
    ("language", "start", "menu"),
    [
        ("English", "Start", "Message"),
        ("Українська", "Почати", "Повідомлення"),
        ("Русский", "Начать", "Сообщение"),
        ("Nederlands", "Starten", "Bericht"),
    ],
)
def test_somebody_new_sees_the_chat_in_their_language(
    site: TelegramSite, page: Page, language: str, start: str, menu: str
) -> None:
    page.click("#who")
    page.get_by_role("button", name=language, exact=True).click()
    expect(page.locator("#wide")).to_have_text(start)

    page.click("#wide")

    expect(page.locator(".row.mine")).to_contain_text("/start")
    expect(page.locator("#text")).to_have_attribute("placeholder", menu)
    assert site.state.people()[-1].telegram_id == int(page.url.rpartition("#")[2])


def test_the_bot_can_be_blocked_and_let_in_again(site: TelegramSite, page: Page) -> None:
    page.click("#more")
    page.get_by_role("menuitem", name="Block the bot").click()
    expect(page.locator("#wide")).to_have_text("Unblock")
    assert site.state.chat(ANNA).blocked is True

    page.click("#wide")

    expect(page.locator("#composer")).to_be_visible()
    assert site.state.chat(ANNA).blocked is False


def test_dark_and_light_can_be_chosen(page: Page) -> None:
    page.click("#more")
    page.get_by_role("menuitem", name="Dark colours").click()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize(("width", "height"), [(320, 568), (390, 844), (844, 390), (1280, 900)])
def test_nothing_sticks_out_at_any_size(
    site: TelegramSite, page: Page, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    row = [{"text": "A rather long label", "callback_data": str(n)} for n in range(3)]
    site.say("x" * 300, reply_markup={"inline_keyboard": [row]})
    site.say("one", reply_markup=_KEYBOARD)
    expect(page.locator(".row:not(.mine)")).to_have_count(2)

    overflow = page.evaluate(
        "[document.documentElement, document.getElementById('log')]"
        ".map((node) => node.scrollWidth - node.clientWidth)"
    )

    assert overflow == [0, 0]
    expect(page.locator("#send")).to_be_in_viewport()
    expect(page.locator(".row").last).to_be_in_viewport()
