"""From the link in the chat to a linked account."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.oauth_site import Site, token_on, words
from vibe_oauth.pages import STATUS, Page
from vibe_pipeline.accounts.records import StateKind
from vibe_pipeline.authorization import RefusalReason, Refused, ToConfirm, pkce_challenge
from vibe_pipeline.clients.spotify_accounts import SCOPES
from vibe_pipeline.locales import LANGUAGES, say
from vibe_pipeline.simulator.faults import Fault


def page_is(page: httpx.Response, name: str, language: str = "en") -> bool:
    return str(say(language, f"oauth.{name}.title")) in words(page)


async def test_the_link_leads_to_spotifys_consent_page_with_pkce(here: Site) -> None:
    address = await here.to_spotify(here.person())

    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert asked["show_dialog"] == "true"
    assert set(asked["scope"].split()) == set(SCOPES)
    assert len(asked["state"]) >= 43
    assert (await here.spotify.get(address)).status_code == 200


async def test_what_is_agreed_to_is_linked_only_after_the_named_confirmation(here: Site) -> None:
    account = here.person("Anna")

    page = await here.back(account)

    assert page.status_code == 200
    assert "Anna" in words(page)
    assert here.simulation.world.listeners[0].name in words(page)
    assert here.store.tokens.get(account.user_id) is None

    done = await here.browser.post("/confirm", data={"token": token_on(page)})

    assert page_is(done, "connected")
    linked = here.store.people.get(account.user_id)
    assert linked is not None
    assert linked.connected
    assert linked.spotify_name == here.simulation.world.listeners[0].name
    kept = here.store.tokens.get(account.user_id)
    assert kept is not None
    assert kept.scopes == frozenset(SCOPES)


async def test_the_chat_is_told_once_and_the_library_is_read(here: Site) -> None:
    account = here.person()

    await here.connect(account)

    message, question = here.store.outbox.take_due()
    assert (message.key, question.key) == ("bot.connected", "bot.zone_question")
    assert message.params == {"spotify_name": here.simulation.world.listeners[0].name}
    assert account.user_id in here.dagster.partitions
    (launch,) = here.dagster.launches
    assert launch["job"] == "prepare_first_vibe"
    assert launch["tags"].pop("vibe/request")
    assert here.store.pending_launches.open() == []
    assert launch["tags"] == {
        "vibe/asked_by": "connecting",
        "dagster/priority": "5",
        "dagster/partition": account.user_id,
    }


async def test_dagster_being_away_does_not_spoil_the_connection(here: Site) -> None:
    here.dagster.down = True
    account = here.person()

    done = await here.connect(account)

    assert page_is(done, "connected")
    assert here.store.tokens.get(account.user_id) is not None


async def test_the_way_back_leads_into_the_chat_with_the_bot(here: Site) -> None:
    done = await here.connect(here.person())

    assert 'href="https://t.me/' in done.text


@pytest.mark.parametrize(
    "fault",
    [
        Fault(service="telegram", kind="nested"),
        Fault(service="telegram", kind="huge"),
        Fault(service="telegram", kind="drip", delay=30),
    ],
    ids=lambda fault: fault.kind,
)
async def test_who_is_connected_reads_so_whatever_comes_in_telegrams_place(
    here: Site, fault: Fault
) -> None:
    here.simulation.faults.add(fault)

    async with asyncio.timeout(10):
        done = await here.connect(here.person())

    assert page_is(done, "connected")
    assert [one["job"] for one in here.dagster.launches] == ["prepare_first_vibe"]


async def test_declining_throws_the_access_away(here: Site) -> None:
    account = here.person()
    page = await here.back(account)

    declined = await here.browser.post("/decline", data={"token": token_on(page)})
    late = await here.browser.post("/confirm", data={"token": token_on(page)})

    assert page_is(declined, "declined")
    assert page_is(late, "unusable")
    assert here.store.tokens.get(account.user_id) is None


async def test_a_link_works_once(here: Site) -> None:
    link = here.link(here.person())
    await here.browser.get(link)

    again = await here.browser.get(link)

    assert page_is(again, "unusable")
    assert again.status_code == 410


async def test_a_preview_does_not_use_the_link_up(here: Site) -> None:
    link = here.link(here.person())
    looks: tuple[dict[str, str], ...] = (
        {"User-Agent": "TelegramBot (like TwitterBot)"},
        {"User-Agent": "WhatsApp/2.23"},
        {"Sec-Purpose": "prefetch;prerender"},
    )

    seen = [await here.browser.get(link, headers=headers) for headers in looks]
    seen.append(await here.browser.head(link))

    assert {page.status_code for page in seen} == {200}
    assert (await here.browser.get(link)).status_code == 303


async def test_a_preview_of_the_way_back_does_not_use_the_consent_up(here: Site) -> None:
    address = await here.decide(await here.to_spotify(here.person()))

    seen = [
        await here.browser.get(address, headers={"User-Agent": "TelegramBot (like TwitterBot)"}),
        await here.browser.get(address, headers={"Sec-Purpose": "prefetch"}),
        await here.browser.head(address),
    ]

    assert {page.status_code for page in seen} == {200}
    assert page_is(await here.browser.get(address), "confirm")


async def test_a_link_ends_after_ten_minutes(here: Site) -> None:
    link = here.link(here.person())
    here.simulation.clock.advance(601)

    late = await here.browser.get(link)

    assert page_is(late, "unusable")


async def test_a_return_works_once(here: Site) -> None:
    address = await here.decide(await here.to_spotify(here.person()))
    await here.browser.get(address)

    again = await here.browser.get(address)

    assert page_is(again, "unusable")


async def test_a_confirmation_works_once_and_a_second_tap_reads_what_came_of_it(
    here: Site,
) -> None:
    account = here.person()
    page = await here.back(account)
    first = await here.browser.post("/confirm", data={"token": token_on(page)})

    again = await here.browser.post("/confirm", data={"token": token_on(page)})

    assert page_is(again, "connected")
    assert again.text == first.text
    said = [message.key for message in here.store.outbox.take_due()]
    assert said == ["bot.connected", "bot.zone_question"]
    here.store.erasures.disconnect(account.user_id)
    late = await here.browser.post("/confirm", data={"token": token_on(page)})
    assert page_is(late, "unusable")


async def test_a_confirmation_waits_ten_minutes(here: Site) -> None:
    account = here.person()
    page = await here.back(account)
    here.simulation.clock.advance(601)

    late = await here.browser.post("/confirm", data={"token": token_on(page)})

    assert page_is(late, "unusable")
    assert here.store.tokens.get(account.user_id) is None


@pytest.mark.parametrize("parting", ["disconnect", "forget"])
async def test_who_parts_while_spotify_is_being_asked_is_asked_nothing_more(
    parting: str, here: Site
) -> None:
    account = here.person()
    back = urlsplit(await here.decide(await here.to_spotify(account))).query
    answer = {name: values[0] for name, values in parse_qs(back).items()}
    outcome = await here.services.linking.came_back(answer)
    assert isinstance(outcome, ToConfirm)

    getattr(here.store.erasures, parting)(account.user_id)
    held = here.services.linking.hold(outcome)

    assert held == Refused(reason=RefusalReason.UNUSABLE)
    assert here.store.erasures.everything_of(account.user_id)["oauth_states"] == []


async def test_no_state_stands_in_for_another_kind(here: Site) -> None:
    account = here.person()
    link = here.link(account).rpartition("/")[2]
    consent = here.store.oauth_states.make(account.user_id, StateKind.CONSENT, "v" * 43)

    answers = [
        await here.browser.get("/callback", params={"code": "x", "state": link}),
        await here.browser.get(f"/connect/{consent}"),
        await here.browser.post("/confirm", data={"token": link}),
        await here.browser.post("/confirm", data={"token": consent}),
    ]

    assert {page.status_code for page in answers} == {410}


async def test_unknown_used_and_expired_states_are_answered_alike(here: Site) -> None:
    used, old = here.link(here.person("Anna", "uk")), here.link(here.person("Ben", "nl", 101))
    await here.browser.get(used)
    here.simulation.clock.advance(601)

    answers = [
        await here.browser.get(path) for path in (used, old, "/connect/nobody-has-ever-made-this")
    ]
    answers += [
        await here.browser.get("/callback", params={"state": state, "code": "c"})
        for state in ("", "forged", used.rpartition("/")[2])
    ]
    answers.append(await here.browser.post("/confirm", data={"token": "forged"}))
    answers.append(await here.browser.post("/confirm"))

    assert len({(page.status_code, page.text) for page in answers}) == 1


async def test_somebody_elses_link_shows_whose_it_is_and_links_nothing_by_itself(
    here: Site,
) -> None:
    mallory = here.person("Mallory", chat_id=666)

    page = await here.back(mallory, listener=here.listener(1))

    assert "Mallory" in words(page)
    assert here.simulation.world.listeners[1].name in words(page)
    assert say("en", "oauth.confirm.caution") in words(page)
    assert here.store.people.get(mallory.user_id) == mallory


async def test_a_form_on_another_site_confirms_nothing(here: Site) -> None:
    account = here.person()
    page = await here.back(account)

    forged = await here.browser.post(
        "/confirm", data={"token": token_on(page)}, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert page_is(forged, "unusable")
    assert here.store.tokens.get(account.user_id) is None


@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_refuses_is_told_so_in_their_language(here: Site, language: str) -> None:
    account = here.person("Олена", language)

    address = await here.decide(await here.to_spotify(account), decision="cancel")
    page = await here.browser.get(address)

    assert page_is(page, "refused", language)
    assert f'<html lang="{language}" dir="ltr">' in page.text
    assert page.headers["content-language"] == language


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_confirmation_speaks_the_persons_language(here: Site, language: str) -> None:
    page = await here.back(here.person("Олена", language))

    assert page_is(page, "confirm", language)
    assert "Олена" in words(page)


async def test_a_stranger_is_answered_in_the_browsers_language(here: Site) -> None:
    wanted = {"Accept-Language": "zz-ZZ, nl;q=0.5, uk-UA;q=0.8"}

    page = await here.browser.get("/connect/whatever", headers=wanted)

    assert page_is(page, "unusable", "uk")


async def test_names_are_shown_as_text_whatever_they_hold(here: Site) -> None:
    name = "<script>alert(1)</script>\"' &amp; \u202eabc"

    page = await here.back(here.person(name))
    done = await here.browser.post("/confirm", data={"token": token_on(page)})

    for shown in (page, done):
        assert "<script>" not in shown.text
        assert "alert(1)" in shown.text
    assert f"<bdi>{'&lt;script&gt;'}" in page.text


async def test_a_code_that_spotify_does_not_take_links_nothing(here: Site) -> None:
    account = here.person()
    asked = parse_qs(urlsplit(await here.to_spotify(account)).query)

    page = await here.browser.get("/callback", params={"code": "bad", "state": asked["state"][0]})

    assert page_is(page, "failed")
    assert here.store.tokens.get(account.user_id) is None


async def test_a_code_of_another_journey_is_no_good(here: Site) -> None:
    """The verifier belongs to one state: a stolen code does not fit another's."""
    anna, ben = here.person("Anna"), here.person("Ben", chat_id=101)
    stolen = parse_qs(urlsplit(await here.decide(await here.to_spotify(anna))).query)["code"][0]
    own = parse_qs(urlsplit(await here.to_spotify(ben)).query)["state"][0]

    page = await here.browser.get("/callback", params={"code": stolen, "state": own})

    assert page_is(page, "failed")


async def test_the_sixth_account_is_told_to_ask_the_owner(here: Site) -> None:
    here.simulation.rules.allowlist_limit = 0

    page = await here.back(here.person())

    assert page_is(page, "not_allowlisted")
    assert page.status_code == 403


async def test_an_owner_without_premium_is_named_as_the_cause(here: Site) -> None:
    here.simulation.rules.owner_has_premium = False

    page = await here.back(here.person())

    assert page_is(page, "owner_not_premium")


async def test_an_unreachable_spotify_is_told_as_that(here: Site) -> None:
    here.simulation.faults.add(Fault(service="spotify", kind="status", status=503))

    page = await here.back(here.person())

    assert page_is(page, "unavailable")
    assert page.status_code == 503


async def test_a_busy_moment_at_spotify_does_not_cost_the_person_their_consent(here: Site) -> None:
    account = here.person()
    busy = Fault(service="spotify", kind="status", status=429, retry_after=0.1, times=2)
    here.simulation.faults.add(busy)

    page = await here.connect(account)

    assert page_is(page, "connected")
    assert here.store.budget.blocked_until("spotify") is None


async def test_a_used_up_quota_is_told_with_its_end(here: Site) -> None:
    account = here.person()
    here.store.people.change(account.user_id, timezone="Europe/Kyiv")
    here.simulation.faults.add(Fault(service="spotify", kind="quota", retry_after=40_000))

    page = await here.back(account)
    next_time = await here.browser.get(here.link(account))

    assert page_is(page, "limited")
    assert page_is(next_time, "limited")


async def test_an_answer_that_says_later_does_not_use_the_link_up(here: Site) -> None:
    account = here.person()
    link = here.link(account)
    budget, soon = here.store.budget, datetime.now(UTC) + timedelta(hours=1)
    budget.block("spotify", soon, "resting")
    assert page_is(await here.browser.get(link), "limited")
    assert page_is(await here.browser.get(link), "limited")

    with here.store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE services SET blocked_until = NULL")
    onward = await here.browser.get(link)
    again = await here.browser.get(link)

    assert onward.status_code == 303
    assert page_is(again, "unusable")


async def test_a_long_pause_of_spotifys_consent_is_told_to_the_next_before_they_agree(
    here: Site,
) -> None:
    token = "POST /api/token"
    long = Fault(service="spotify_accounts", endpoint=token, kind="rate", retry_after=3600)
    here.simulation.faults.add(long)
    refused = await here.back(here.person())
    here.simulation.faults.clear()
    link = here.link(here.person("Ben", chat_id=101))

    later = [await here.browser.get(link) for _ in range(2)]

    assert page_is(refused, "limited")
    assert [page_is(page, "limited") for page in later] == [True, True]
    assert here.store.budget.used("spotify_accounts") == 0


async def test_a_consent_with_less_than_asked_for_is_not_taken(here: Site) -> None:
    account = here.person()
    authorize = await here.to_spotify(account)
    less = authorize.replace("user-library-read", "user-follow-read")

    page = await here.browser.get(await here.decide(less))

    assert page_is(page, "scopes_missing")


async def test_a_wrong_client_secret_is_the_owners_matter(here: Site) -> None:
    here.simulation.credentials = replace(
        here.simulation.credentials, spotify_client_secret="another"
    )

    page = await here.back(here.person())

    assert page_is(page, "misconfigured")


async def test_a_spotify_account_serves_one_chat_at_a_time(here: Site) -> None:
    await here.connect(here.person("Anna"))
    ben = here.person("Ben", chat_id=101)

    done = await here.connect(ben)

    assert page_is(done, "taken")
    assert here.store.tokens.get(ben.user_id) is None


async def test_another_spotify_account_than_before_is_pointed_out(here: Site) -> None:
    account = here.person()
    await here.connect(account)
    here.store.people.change(account.user_id, playlist_id="p1", playlist_url="https://p1")
    former = here.simulation.world.listeners[0].name

    page = await here.back(account, listener=here.listener(1))
    await here.browser.post("/confirm", data={"token": token_on(page)})

    assert former in words(page)
    changed = here.store.people.get(account.user_id)
    assert changed is not None
    assert changed.spotify_name == here.simulation.world.listeners[1].name
    assert changed.playlist_id is None


async def test_connecting_again_renews_the_consent_and_keeps_the_playlist(here: Site) -> None:
    account = here.person()
    await here.connect(account)
    here.store.people.change(account.user_id, playlist_id="p1")
    first = here.store.people.get(account.user_id)
    here.simulation.clock.advance(86_400)

    done = await here.connect(account)

    again = here.store.people.get(account.user_id)
    assert page_is(done, "connected")
    assert first is not None
    assert again is not None
    assert again.consented_at is not None
    assert first.consented_at is not None
    assert again.consented_at > first.consented_at
    assert again.playlist_id == "p1"
    said = [message.key for message in here.store.outbox.take_due()]
    assert said == ["bot.connected", "bot.zone_question", "bot.connected"]


async def test_somebody_forgotten_on_the_way_is_not_connected(here: Site) -> None:
    account = here.person()
    page = await here.back(account)
    here.store.erasures.forget(account.user_id)

    done = await here.browser.post("/confirm", data={"token": token_on(page)})

    assert page_is(done, "unusable")


async def test_somebody_forgotten_while_spotify_is_asked_is_not_connected(here: Site) -> None:
    account = here.person()
    address = await here.decide(await here.to_spotify(account))
    here.simulation.faults.latency["spotify_accounts"] = 0.2

    asking = asyncio.create_task(here.browser.get(address))
    await asyncio.sleep(0.1)
    here.store.erasures.forget(account.user_id)

    assert page_is(await asking, "unusable")


async def test_an_endless_form_is_not_read(here: Site) -> None:
    page = await here.browser.post("/confirm", content=b"token=" + b"a" * 1_000_000)

    assert page.status_code == 413


def test_the_challenge_is_the_one_of_the_standard() -> None:
    """The example of RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert pkce_challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize("reason", RefusalReason)
def test_every_refusal_has_its_page_and_status(reason: RefusalReason) -> None:
    assert Page(reason) in STATUS
