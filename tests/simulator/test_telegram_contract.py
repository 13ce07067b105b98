"""What the simulated Bot API says and accepts, held against the published description of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.telegram_site import TelegramSite, telegram_site
from vibe_pipeline.simulator.telegram.parameters import PARAMETERS

Json = dict[str, Any]
_SIMPLE = {"Integer": int, "String": str, "Boolean": bool, "True": bool, "Float": float}
_BUTTONS = {"inline_keyboard": [[{"text": "Again", "callback_data": "again"}]]}
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x20\0\0\0\x10"


@cache
def _read(path: Path) -> Json:
    contract: Json = json.loads(path.read_text("utf-8"))
    return contract


@pytest.fixture
def contract(shared: Path) -> Json:
    path = shared / "contracts" / "telegram-bot-api.json"
    if not path.is_file():
        pytest.skip("needs contracts/telegram-bot-api.json in the shared folder")
    return _read(path)


@pytest.fixture
def site() -> Iterator[TelegramSite]:
    with telegram_site() as running:
        running.state.flood.switched_on = False
        yield running


def _complaints(contract: Json, value: object, kinds: list[str], where: str) -> list[str]:
    """What speaks against a value being of one of these types; the mildest verdict counts."""
    verdicts = [list(_against(contract, value, kind, where)) for kind in kinds]
    return min(verdicts, key=len)


def _against(contract: Json, value: object, kind: str, where: str) -> Iterator[str]:
    if kind in _SIMPLE:
        fits = isinstance(value, _SIMPLE[kind]) and (kind != "Integer" or value is not True)
        if not fits:
            yield f"{where} is no {kind}: {value!r}"
        return
    if kind.startswith("Array of "):
        if not isinstance(value, list):
            yield f"{where} is no array"
            return
        for index, item in enumerate(value):
            yield from _against(contract, item, kind.removeprefix("Array of "), f"{where}[{index}]")
        return
    described = contract["types"][kind]
    if described.get("subtypes"):
        yield from _complaints(contract, value, described["subtypes"], where)
        return
    if not isinstance(value, dict):
        yield f"{where} is no {kind}"
        return
    fields = {field["name"]: field for field in described.get("fields", [])}
    for name, field in fields.items():
        if field["required"] and name not in value:
            yield f"{where} lacks {name} of {kind}"
    for name, item in value.items():
        if name not in fields:
            yield f"{where} has {name}, which {kind} has not"
        else:
            yield from _complaints(contract, item, fields[name]["types"], f"{where}.{name}")


def _upload(site: TelegramSite, method: str, name: str, content: bytes) -> Json:
    answer: Json = site.http.post(
        f"{site.base_url}{site.state.token}/{method}",
        data={"chat_id": str(site.anna.telegram_id), "caption": "/latest for you"},
        files={name: (f"{name}.png", content, "image/png")},
    ).json()
    return answer


def _every_result(site: TelegramSite) -> dict[str, Json]:
    """One good answer of every method."""
    me = site.anna.telegram_id
    first = site.say("<b>One</b> https://example.org", parse_mode="HTML", reply_markup=_BUTTONS)
    reply = {"message_id": first["message_id"]}
    tap = site.state.tap(me, first["message_id"], "again")
    site.state.block(me)
    site.state.unblock(me)
    site.state.type_text(me, "/start abc")
    document = _upload(site, "sendDocument", "document", b"all of it")
    file_id = document["result"]["document"]["file_id"]
    this = {"chat_id": me, "message_id": first["message_id"]}
    commands = [{"command": "start", "description": "Begin"}]
    answers = {
        "getMe": site.call("getMe"),
        "getUpdates": site.call("getUpdates"),
        "sendMessage": site.call("sendMessage", chat_id=me, text="Two", reply_parameters=reply),
        "sendDocument": document,
        "sendPhoto": _upload(site, "sendPhoto", "photo", _PNG),
        "editMessageText": site.call("editMessageText", **this, text="Three"),
        "editMessageReplyMarkup": site.call(
            "editMessageReplyMarkup", **this, reply_markup=_BUTTONS
        ),
        "editMessageCaption": site.call(
            "editMessageCaption",
            chat_id=me,
            message_id=document["result"]["message_id"],
            caption="Four",
        ),
        "answerCallbackQuery": site.call("answerCallbackQuery", callback_query_id=tap.query_id),
        "sendChatAction": site.call("sendChatAction", chat_id=me, action="typing"),
        "setMyCommands": site.call("setMyCommands", commands=commands),
        "getMyCommands": site.call("getMyCommands"),
        "deleteMyCommands": site.call("deleteMyCommands"),
        "setChatMenuButton": site.call("setChatMenuButton", menu_button={"type": "commands"}),
        "getChatMenuButton": site.call("getChatMenuButton", chat_id=me),
        "getFile": site.call("getFile", file_id=file_id),
        "getChat": site.call("getChat", chat_id=me),
        "deleteMessage": site.call("deleteMessage", **this),
        "getWebhookInfo": site.call("getWebhookInfo"),
        "setWebhook": site.call("setWebhook", url="https://vibe.example.org/hook"),
        "deleteWebhook": site.call("deleteWebhook"),
    }
    for name in ("Name", "Description", "ShortDescription"):
        field = {"ShortDescription": "short_description"}.get(name, name.lower())
        answers[f"setMy{name}"] = site.call(f"setMy{name}", **{field: "Vibe"})
        answers[f"getMy{name}"] = site.call(f"getMy{name}", language_code="uk")
    answers["close"] = site.call("close")
    answers["logOut"] = site.call("logOut")
    return answers


def test_every_result_has_the_shape_that_is_published(contract: Json, site: TelegramSite) -> None:
    answers = _every_result(site)

    assert set(answers) == set(PARAMETERS)
    assert [name for name, answer in answers.items() if not answer["ok"]] == []
    wrong = [
        complaint
        for name, answer in answers.items()
        for complaint in _complaints(
            contract, answer["result"], contract["methods"][name]["returns"], name
        )
    ]
    assert wrong == []


def test_updates_of_every_kind_were_looked_at(contract: Json, site: TelegramSite) -> None:
    _every_result(site)

    kinds = {kind for update in site.state.updates.first(100) for kind in update}
    assert kinds == {"update_id", "message", "callback_query", "my_chat_member"}


@pytest.mark.parametrize("method", sorted(PARAMETERS))
def test_parameters_are_named_as_published(contract: Json, method: str) -> None:
    published = {field["name"] for field in contract["methods"][method].get("fields", [])}

    assert PARAMETERS[method] == published
