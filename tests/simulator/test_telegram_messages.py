"""Sending, editing and deleting: what the simulated Telegram takes and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.telegram_site import TelegramSite, telegram_site

ANNA = 101


@pytest.fixture(scope="module")
def shared_site() -> Iterator[TelegramSite]:
    with telegram_site() as running:
        yield running


@pytest.fixture
def site(shared_site: TelegramSite) -> TelegramSite:
    shared_site.state.flood.forget()
    return shared_site


def _buttons(**button: Any) -> dict[str, Any]:
    return {"inline_keyboard": [[{"text": "Press", **button}]]}


def test_a_message_comes_back_with_its_words_and_marks(site: TelegramSite) -> None:
    message = site.say("  🎧 <b>Hello</b> &amp; <i>welcome</i>\n", parse_mode="HTML")

    assert message["text"] == "🎧 Hello & welcome"
    assert message["entities"] == [
        {"type": "bold", "offset": 3, "length": 5},
        {"type": "italic", "offset": 11, "length": 7},
    ]
    assert message["from"]["is_bot"] is True
    assert message["chat"] == {
        "id": ANNA,
        "type": "private",
        "first_name": "Anna",
        "username": "anna",
    }


@pytest.mark.parametrize(
    ("parameters", "refusal"),
    [
        ({"chat_id": ANNA}, "message text is empty"),
        ({"chat_id": ANNA, "text": ""}, "message text is empty"),
        ({"chat_id": ANNA, "text": " \n "}, "text must be non-empty"),
        ({"chat_id": ANNA, "text": "x" * 4097}, "message is too long"),
        ({"chat_id": ANNA, "text": "x" * 40_000}, "text is too long"),
        ({"text": "x"}, "chat_id is empty"),
        ({"chat_id": 999, "text": "x"}, "chat not found"),
        ({"chat_id": "@nobody", "text": "x"}, "chat not found"),
        ({"chat_id": -5, "text": "x"}, "chat not found"),
        ({"chat_id": ANNA, "text": "x", "parse_mode": "BBCode"}, "unsupported parse_mode"),
        (
            {"chat_id": ANNA, "text": "x", "reply_parameters": {"message_id": 99_999}},
            "message to be replied not found",
        ),
        ({"chat_id": ANNA, "text": "x", "message_thread_id": 3}, "message thread not found"),
        ({"chat_id": ANNA, "text": "x", "message_effect_id": "no"}, "EFFECT_ID_INVALID"),
        (
            {"chat_id": ANNA, "text": "x", "link_preview_options": {"is_disabled": "yes"}},
            'field "is_disabled" must be of type Boolean',
        ),
    ],
)
def test_a_wrong_message_is_refused_in_telegrams_words(
    site: TelegramSite, parameters: dict[str, Any], refusal: str
) -> None:
    assert site.refusal("sendMessage", **parameters) == f"Bad Request: {refusal}"


def test_a_text_is_measured_after_its_marks_were_read(site: TelegramSite) -> None:
    message = site.say("<b>" + "x" * 4096 + "</b>", parse_mode="HTML")

    assert len(message["text"]) == 4096


def test_a_hundred_marks_are_kept(site: TelegramSite) -> None:
    message = site.say("<b>x</b> " * 150, parse_mode="HTML")

    assert len(message["entities"]) == 100


@pytest.mark.parametrize(
    ("markup", "refusal"),
    [
        (_buttons(callback_data="x" * 65), "BUTTON_DATA_INVALID"),
        (_buttons(callback_data="я" * 33), "BUTTON_DATA_INVALID"),
        (
            _buttons(callback_data=""),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            _buttons(url="http://localhost:8000/connect"),
            "inline keyboard button URL 'http://localhost:8000/connect' is invalid: Wrong HTTP URL",
        ),
        (
            _buttons(url="ftp://example.org"),
            "inline keyboard button URL 'ftp://example.org' is invalid: Unsupported URL protocol",
        ),
        (_buttons(copy_text={"text": ""}), "BUTTON_COPY_TEXT_INVALID"),
        (_buttons(url="https://example.org", callback_data="x"), "BUTTON_TYPE_INVALID"),
        (
            _buttons(web_app={"url": "http://example.org"}),
            (
                "inline keyboard button Web App URL 'http://example.org' is invalid:"
                " Only HTTPS links are allowed"
            ),
        ),
        (_buttons(login_url={"url": "https://example.org"}), "BOT_DOMAIN_INVALID"),
        (
            {"inline_keyboard": [[{"callback_data": "x"}]]},
            "can't parse inline keyboard button: Can't find field \"text\"",
        ),
        ({"inline_keyboard": "x"}, 'field "inline_keyboard" must be of type Array'),
        (
            {"inline_keyboard": [[{"text": str(n), "callback_data": "x"}] for n in range(101)]},
            "reply markup is too long",
        ),
        (
            {"keyboard": [[{"text": "A"}]], "is_persistent": 1},
            'field "is_persistent" must be of type Boolean',
        ),
        ({"remove_keyboard": "yes"}, 'field "remove_keyboard" must be of type Boolean'),
        ([], "object expected as reply markup"),
    ],
)
def test_wrong_buttons_are_refused_in_telegrams_words(
    site: TelegramSite, markup: object, refusal: str
) -> None:
    description = site.refusal("sendMessage", chat_id=ANNA, text="x", reply_markup=markup)

    assert description == f"Bad Request: {refusal}"


@pytest.mark.parametrize(
    "button",
    [
        {"callback_data": "x" * 64},
        {"url": "http://127.0.0.1:8000/connect?state=abc"},
        {"url": "http://[::1]:8000/connect"},
        {"url": "https://vibe.example.org"},
        {"url": "tg://user?id=101"},
        {"copy_text": {"text": "http://localhost:8000/connect"}},
    ],
)
def test_good_buttons_pass(site: TelegramSite, button: dict[str, Any]) -> None:
    message = site.say("x", reply_markup=_buttons(**button))

    assert message["reply_markup"]["inline_keyboard"][0][0]["text"] == "Press"


def test_an_edit_replaces_words_and_buttons_in_place(site: TelegramSite) -> None:
    before = site.say("one", reply_markup=_buttons(callback_data="a"))

    after = site.call("editMessageText", chat_id=ANNA, message_id=before["message_id"], text="two")[
        "result"
    ]

    assert (after["message_id"], after["text"]) == (before["message_id"], "two")
    assert after["edit_date"] >= after["date"]
    assert "reply_markup" not in after


def test_an_edit_that_changes_nothing_is_refused(site: TelegramSite) -> None:
    buttons = _buttons(callback_data="a")
    number = site.say("<b>one</b>", parse_mode="HTML", reply_markup=buttons)["message_id"]

    same: dict[str, Any] = {"text": "<b>one</b> ", "parse_mode": "HTML", "reply_markup": buttons}
    description = site.refusal("editMessageText", chat_id=ANNA, message_id=number, **same)
    untouched = site.refusal(
        "editMessageReplyMarkup", chat_id=ANNA, message_id=number, reply_markup=buttons
    )

    assert description.startswith("Bad Request: message is not modified")
    assert untouched == description


def test_only_own_plain_messages_can_be_edited(site: TelegramSite) -> None:
    theirs = site.state.type_text(ANNA, "mine")
    keyboard = {"keyboard": [[{"text": "A"}]]}
    with_keyboard = site.say("keys", reply_markup=keyboard)["message_id"]
    gone = site.say("gone")["message_id"]
    site.call("deleteMessage", chat_id=ANNA, message_id=gone)

    def edit(number: int) -> str:
        return site.refusal("editMessageText", chat_id=ANNA, message_id=number, text="new")

    assert edit(theirs.message_id) == "Bad Request: message can't be edited"
    assert edit(with_keyboard) == "Bad Request: message can't be edited"
    assert edit(gone) == "Bad Request: message to edit not found"
    assert edit(0) == "Bad Request: message identifier is not specified"


def test_a_deleted_message_is_gone_once(site: TelegramSite) -> None:
    number = site.say("one")["message_id"]

    first = site.call("deleteMessage", chat_id=ANNA, message_id=number)
    again = site.refusal("deleteMessage", chat_id=ANNA, message_id=number)

    assert first["result"] is True
    assert again == "Bad Request: message to delete not found"


def test_a_file_can_be_sent_fetched_and_sent_again(site: TelegramSite) -> None:
    url = f"{site.base_url}{site.state.token}"
    sent = site.http.post(
        f"{url}/sendDocument",
        data={"chat_id": ANNA, "caption": "<b>all</b>", "parse_mode": "HTML"},
        files={"document": ("экспорт.zip", b"PK all of it", "application/zip")},
    ).json()["result"]
    document = sent["document"]
    path = site.call("getFile", file_id=document["file_id"])["result"]["file_path"]
    fetched = site.http.get(f"{site.address}/telegram/file/bot{site.state.token}/{path}")
    again = site.call("sendDocument", chat_id=ANNA, document=document["file_id"])

    assert (document["file_name"], document["file_size"]) == ("экспорт.zip", 12)
    assert sent["caption_entities"] == [{"type": "bold", "offset": 0, "length": 3}]
    assert fetched.content == b"PK all of it"
    assert again["result"]["document"] == document


@pytest.mark.parametrize(
    ("method", "files", "refusal"),
    [
        ("sendDocument", {}, "there is no document in the request"),
        ("sendDocument", {"document": ("a.txt", b"")}, "file must be non-empty"),
        ("sendPhoto", {"photo": ("a.png", b"no picture")}, "IMAGE_PROCESS_FAILED"),
    ],
)
def test_a_wrong_file_is_refused(
    site: TelegramSite, method: str, files: dict[str, Any], refusal: str
) -> None:
    url = f"{site.base_url}{site.state.token}/{method}"
    answer = site.http.post(url, data={"chat_id": ANNA}, files=files or None).json()

    assert answer["description"] == f"Bad Request: {refusal}"


def test_a_person_decides_who_may_write(site: TelegramSite) -> None:
    for number, name in ((201, "Shy"), (202, "Gone"), (203, "Angry")):
        site.state.add_person(telegram_id=number, name=name)
    for number in (202, 203):
        site.state.type_text(number, "/start")
    site.state.deactivate(202)
    site.state.block(203)

    def refused(chat_id: int) -> dict[str, Any]:
        return site.call("sendMessage", chat_id=chat_id, text="Hello?")

    assert refused(201)["description"] == ("Forbidden: bot can't initiate conversation with a user")
    assert refused(202)["description"] == "Forbidden: user is deactivated"
    assert refused(203)["description"] == "Forbidden: bot was blocked by the user"
    assert refused(203)["error_code"] == 403
    site.state.unblock(203)
    assert refused(203)["ok"] is True


def test_a_flood_is_stopped_and_let_in_again_after_the_wait(site: TelegramSite) -> None:
    answers = [site.call("sendMessage", chat_id=ANNA, text=str(n)) for n in range(9)]

    assert [answer["ok"] for answer in answers] == [True] * 8 + [False]
    assert answers[-1]["error_code"] == 429
    assert answers[-1]["description"] == "Too Many Requests: retry after 3"
    assert answers[-1]["parameters"] == {"retry_after": 3}
    site.time.advance(2)
    assert site.call("sendMessage", chat_id=ANNA, text="early")["parameters"]["retry_after"] == 1
    site.time.advance(1)
    assert site.call("sendMessage", chat_id=ANNA, text="in time")["ok"] is True


def test_edits_count_as_messages_and_one_a_second_passes(site: TelegramSite) -> None:
    number = site.say("0")["message_id"]
    outcomes = []
    for step in range(1, 20):
        site.time.advance(1)
        answer = site.call("editMessageText", chat_id=ANNA, message_id=number, text=str(step))
        outcomes.append(answer["ok"])

    assert outcomes == [True] * 19


def test_the_whole_bot_may_send_thirty_a_second(site: TelegramSite) -> None:
    chats = range(301, 341)
    for number in chats:
        site.state.add_person(telegram_id=number, name="Listener")
        site.state.type_text(number, "/start")

    codes = [
        site.call("sendMessage", chat_id=number, text="Good morning").get("error_code", 200)
        for number in chats
    ]

    assert codes == [200] * 30 + [429] * 10


def test_flood_limits_can_be_switched_off(site: TelegramSite) -> None:
    control = f"{site.address}/control/telegram/flood"
    site.http.post(control, json={"on": False})

    answers = [site.call("sendMessage", chat_id=ANNA, text=str(n))["ok"] for n in range(60)]

    site.http.post(control, json={"on": True})
    assert all(answers)


def test_wrong_addresses_are_refused_as_telegram_does(site: TelegramSite) -> None:
    def ask(path: str) -> tuple[int, str]:
        response = site.http.get(f"{site.address}/telegram/{path}")
        return response.status_code, response.json()["description"]

    assert ask("bot123:wrong/getMe") == (401, "Unauthorized")
    assert ask("botwithoutcolon/getMe") == (404, "Not Found")
    assert ask(f"bot{site.state.token}/sendSong") == (404, "Not Found: method not found")
    assert ask("elsewhere") == (404, "Not Found")


@pytest.mark.parametrize("how", ["query", "form", "multipart", "json", "json-with-strings"])
def test_parameters_come_in_every_usual_way(site: TelegramSite, how: str) -> None:
    url = f"{site.base_url}{site.state.token}/SendMessage"
    flat = {"chat_id": "101", "text": "y", "reply_markup": '{"keyboard":[[{"text":"A"}]]}'}
    requests: dict[str, dict[str, Any]] = {
        "query": {"params": flat},
        "form": {"data": flat},
        "multipart": {"files": {name: (None, value) for name, value in flat.items()}},
        "json": {"json": flat | {"chat_id": ANNA, "reply_markup": {"keyboard": [["A"]]}}},
        "json-with-strings": {"json": flat},
    }

    answer = site.http.post(url, **requests[how]).json()

    assert answer["ok"], answer
    keyboard = site.state.chat(ANNA).keyboard
    assert keyboard is not None
    assert keyboard["keyboard"] == [[{"text": "A"}]]


def test_unknown_parameters_are_ignored_but_remembered(site: TelegramSite) -> None:
    site.say("x", disable_web_page_previews=True)

    assert site.state.calls[-1].unknown == ("disable_web_page_previews",)
