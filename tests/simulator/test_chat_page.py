"""The chat page's own small API."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.telegram_site import TelegramSite, telegram_site
from vibe_pipeline.simulator.server import running
from vibe_pipeline.simulator.simulation import Simulation

ANNA = 101


@pytest.fixture(scope="module")
def site() -> Iterator[TelegramSite]:
    with telegram_site() as running_site:
        running_site.state.flood.switched_on = False
        yield running_site


@pytest.fixture
def page(site: TelegramSite) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.address) as client:
        yield client


def test_the_page_is_one_file_that_asks_nobody_else(page: httpx.Client) -> None:
    answer = page.get("/chat")

    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    outside = answer.text.replace("http://www.w3.org/2000/svg", "").replace("https://t.me/", "")
    assert 'src="http' not in outside
    assert "//cdn" not in outside


def test_everybody_can_be_chosen_and_newcomers_come_in_four_languages(
    site: TelegramSite, page: httpx.Client
) -> None:
    made = [
        page.post("/chat/api/people", json={"name": name, "language_code": code}).json()
        for name, code in (("Emma", "en"), ("Анна", "ru"), ("Олена", "uk"), ("Daan", "nl"))
    ]

    listed = page.get("/chat/api/people").json()["people"]

    assert [person["language_code"] for person in made] == ["en", "ru", "uk", "nl"]
    assert [person["name"] for person in listed] == ["Anna", "Emma", "Анна", "Олена", "Daan"]
    assert len({person["telegram_id"] for person in listed}) == 5


@pytest.mark.parametrize("name", ["", "  ", "x" * 65])
def test_a_newcomer_needs_a_name(page: httpx.Client, name: str) -> None:
    answer = page.post("/chat/api/people", json={"name": name, "language_code": "en"})

    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "a name has 1 to 64 characters"},
    )


def test_only_what_changed_is_told(site: TelegramSite, page: httpx.Client) -> None:
    site.say("one")
    number = site.say("two")["message_id"]
    seen = page.get(f"/chat/api/chats/{ANNA}").json()
    site.call("editMessageText", chat_id=ANNA, message_id=number, text="three")

    news = page.get(f"/chat/api/chats/{ANNA}", params={"after": seen["revision"]}).json()

    assert [message["text"] for message in seen["messages"]][-2:] == ["one", "two"]
    assert [message["text"] for message in news["messages"]] == ["three"]


def test_an_unknown_person_has_no_chat(page: httpx.Client) -> None:
    assert page.get("/chat/api/chats/404404").status_code == 409
    assert page.get(f"/chat/api/chats/{ANNA}", params={"after": "x"}).status_code == 400


def test_files_are_saved_not_run(site: TelegramSite, page: httpx.Client) -> None:
    sent = site.http.post(
        f"{site.base_url}{site.state.token}/sendDocument",
        data={"chat_id": ANNA},
        files={"document": ("<b>.html", b"<script>alert(1)</script>", "text/html")},
    ).json()

    answer = page.get(f"/chat/api/files/{sent['result']['document']['file_id']}")

    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert page.get("/chat/api/files/none").status_code == 404


def test_a_newcomer_of_the_page_has_a_listener_until_the_world_is_full() -> None:
    simulation = Simulation()
    newcomer = {"name": "Emma", "language_code": "en"}
    with running(simulation) as simulator, httpx.Client(base_url=simulator.address) as client:
        person = client.post("/chat/api/people", json=newcomer).json()
        answers = [
            client.post("/chat/api/people", json=newcomer)
            for _ in range(len(simulation.world.listeners))
        ]

    assert simulation.people.get(person["telegram_id"]).name == "Emma"
    assert answers[-1].status_code == 409
    assert answers[-1].json() == {
        "error": "every listener of this world belongs to somebody already"
    }
