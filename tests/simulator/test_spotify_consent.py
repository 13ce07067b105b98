"""Spotify's consent page and token endpoint, as an app and a browser meet them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.support.music_site import CALLBACK, MusicSite, music_site
from vibe_pipeline.simulator.clock import Clock
from vibe_pipeline.simulator.spotify.accounts import redirect_uri_allowed


@pytest.fixture
def site() -> Iterator[MusicSite]:
    with music_site() as site:
        yield site


def test_the_consent_page_offers_the_person_first_and_needs_no_script(site: MusicSite) -> None:
    answer = site.http.get("/accounts/authorize", params=site.asked_for(state='"><script>'))

    assert answer.status_code == 200
    assert answer.text.index(">Anna<") < answer.text.index("listener from")
    assert "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_whoever_has_not_agreed_yet_is_chosen_beforehand(site: MusicSite) -> None:
    site.simulation.create_person(8, name="Bo")
    site.tokens()

    page = site.http.get("/accounts/authorize", params=site.asked_for()).text

    assert page.index(">Bo<") < page.index(">Anna<")


def test_agreeing_sends_a_code_and_the_state_back(site: MusicSite) -> None:
    back = site.decide("agree", state="a b&c")

    assert set(back) == {"code", "state"}
    assert back["state"] == "a b&c"


def test_cancelling_sends_access_denied_back(site: MusicSite) -> None:
    assert site.decide("cancel") == {"error": "access_denied", "state": "some state"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"client_id": "nobody"}, "Invalid client"),
        ({"redirect_uri": "http://localhost:8000/callback"}, "Insecure redirect URI"),
        ({"redirect_uri": "http://192.168.1.7/callback"}, "Insecure redirect URI"),
        ({"response_type": "token"}, "response_type"),
        ({"code_challenge_method": "plain"}, "S256"),
        ({"scope": "user-read-everything"}, "Invalid scope"),
    ],
)
def test_a_wrong_request_is_never_sent_back_to_the_app(
    site: MusicSite, change: dict[str, str], sentence: str
) -> None:
    answer = site.http.get("/accounts/authorize", params=site.asked_for(**change))

    assert answer.status_code == 400
    assert sentence in answer.text


def test_loopback_numbers_and_https_are_allowed_as_redirects() -> None:
    assert redirect_uri_allowed("http://127.0.0.1:9999/callback")
    assert redirect_uri_allowed("http://[::1]:80/callback")
    assert redirect_uri_allowed("https://vibe.example.org/callback")


def test_a_code_works_once(site: MusicSite) -> None:
    code = site.decide()["code"]

    first, second = site.exchange(code), site.exchange(code)

    assert first.status_code == 200
    assert first.json()["expires_in"] == 3600
    assert second.status_code == 400
    assert second.json() == {
        "error": "invalid_grant",
        "error_description": "Invalid authorization code",
    }


def test_a_code_is_good_for_ten_minutes(site: MusicSite) -> None:
    code = site.decide()["code"]
    site.simulation.clock.advance(601)

    assert site.exchange(code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"redirect_uri": f"{CALLBACK}/other"}, "invalid_grant"),
    ],
)
def test_the_exchange_checks_what_the_consent_was_for(
    site: MusicSite, change: dict[str, str], error: str
) -> None:
    answer = site.exchange(site.decide()["code"], **change)

    assert answer.status_code == 400
    assert answer.json()["error"] == error


def test_a_wrong_client_secret_is_refused(site: MusicSite) -> None:
    answer = site.http.post(
        "/accounts/api/token", data={"grant_type": "refresh_token"}, auth=("nobody", "nothing")
    )

    assert answer.json()["error"] == "invalid_client"


def test_pkce_alone_needs_only_the_client_id(site: MusicSite) -> None:
    form = {
        "grant_type": "authorization_code",
        "client_id": site.simulation.credentials.spotify_client_id,
        "code": site.decide()["code"],
        "redirect_uri": CALLBACK,
        "code_verifier": "v" * 64,
    }

    answer = site.http.post("/accounts/api/token", data=form)

    assert answer.status_code == 200


def renew(site: MusicSite, refresh_token: str) -> httpx.Response:
    return site.token_call(grant_type="refresh_token", refresh_token=refresh_token)


def test_a_renewal_brings_no_new_refresh_token(site: MusicSite) -> None:
    tokens = site.tokens()

    renewed = renew(site, tokens["refresh_token"]).json()

    assert "refresh_token" not in renewed
    assert renewed["access_token"] != tokens["access_token"]


def test_a_consent_ends_after_half_a_year_however_often_it_was_renewed(site: MusicSite) -> None:
    refresh_token = site.tokens()["refresh_token"]
    site.simulation.clock.advance(170 * 86_400)
    assert renew(site, refresh_token).status_code == 200
    site.simulation.clock.advance(14 * 86_400)

    answer = renew(site, refresh_token)

    assert answer.status_code == 400
    assert answer.json()["error_description"] == "Refresh token expired"


@pytest.mark.parametrize(
    ("what", "sentence"),
    [("revoke", "Refresh token revoked"), ("expire", "Refresh token expired")],
)
def test_a_grant_can_be_ended_from_outside(site: MusicSite, what: str, sentence: str) -> None:
    tokens = site.tokens()

    site.http.post(f"/control/spotify/{what}", json={"listener": site.anna.listener})

    assert renew(site, tokens["refresh_token"]).json()["error_description"] == sentence
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert site.http.get("/spotify/v1/me", headers=bearer).status_code == 401


def test_an_unknown_refresh_token_is_an_invalid_grant(site: MusicSite) -> None:
    assert renew(site, "nonsense").json()["error_description"] == "Invalid refresh token"


def test_the_clock_can_be_set_and_goes_on() -> None:
    clock = Clock()
    before = clock.now()

    assert (clock.advance(86_400) - before).total_seconds() >= 86_400
