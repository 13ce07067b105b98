"""Tokens are renewed in time, by one at a time, and thrown away only when Spotify says so."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from tests.support.blank_accounts import set_up_store
from tests.support.outside_world import NOON, OutsideWorld, outside_world, unmetered
from vibe_pipeline.accounts.people import consent_end
from vibe_pipeline.accounts.records import Tokens
from vibe_pipeline.accounts.store import AccountStore, open_store
from vibe_pipeline.authorization import RenewalPolicy, SpotifyConnection, first_tokens
from vibe_pipeline.clients.errors import (
    AuthorizationExpired,
    GrantDoubted,
    KeyRefused,
    ServiceError,
    ServiceUnavailable,
)
from vibe_pipeline.clients.spotify_accounts import SCOPES, Grant
from vibe_pipeline.records import UserId
from vibe_pipeline.settings import Settings
from vibe_pipeline.simulator.spotify.state import SpotifyAccounts

QUICKLY = RenewalPolicy(wait_seconds=20.0, poll_seconds=0.05, recheck_seconds=0.0)


@dataclass(slots=True, kw_only=True)
class House:
    """A connected person, their store, and the world outside."""

    world: OutsideWorld
    url: str
    key: str
    user_id: UserId
    now: datetime = NOON

    def store(self) -> AccountStore:
        """The store as one more process would open it."""
        return open_store(self.url, self.key, now=lambda: self.now)

    def connection(self, settings: Settings | None = None) -> SpotifyConnection:
        accounts = self.world.clients(settings, now=lambda: self.now).spotify_accounts()
        return SpotifyConnection(self.store(), accounts, renewal=QUICKLY, now=lambda: self.now)

    def tokens(self) -> Tokens:
        found = self.store().tokens.get(self.user_id)
        assert found is not None
        return found

    def renewals(self) -> int:
        return len(self.world.asked("spotify_accounts"))


@asynccontextmanager
async def house(folder: Path, *, with_pkce: bool = False, **rules: bool) -> AsyncIterator[House]:
    """A person who agreed an hour ago."""
    async with outside_world(rules=rules) as world:
        url = f"sqlite:///{folder / 'accounts.sqlite'}"
        set_up_store(url)
        key = Fernet.generate_key().decode()
        store = open_store(url, key, now=lambda: NOON)
        person = store.people.register(7, "Anna", "en")
        accounts = world.simulation.part(SpotifyAccounts)
        accounts.admit(world.listener)
        grant = accounts.grant(world.listener, frozenset(SCOPES), with_pkce=with_pkce)
        tokens = Tokens(
            access_token=accounts.access_token(grant),
            refresh_token=grant.refresh_token,
            expires_at=NOON + timedelta(hours=1),
            scopes=frozenset(SCOPES),
            consented_at=NOON - timedelta(hours=1),
        )
        store.people.connect(person.user_id, "spotify-anna", "Anna", tokens)
        yield House(world=world, url=url, key=key, user_id=person.user_id)


async def test_a_token_with_time_left_is_used_as_it_is(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        token = await home.connection().access_for(home.user_id).token()

        assert token == home.tokens().access_token
        assert home.renewals() == 0


async def test_a_token_is_renewed_before_it_expires(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        before = home.tokens()
        home.now = before.expires_at - timedelta(seconds=30)

        token = await home.connection().access_for(home.user_id).token()

        after = home.tokens()
        assert token == after.access_token != before.access_token
        assert after.expires_at == home.now + timedelta(hours=1)
        assert home.renewals() == 1


async def test_the_old_lasting_token_is_kept_when_none_comes(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        before = home.tokens()
        home.now += timedelta(hours=2)

        await home.connection().access_for(home.user_id).token()

        assert home.tokens().refresh_token == before.refresh_token
        assert home.tokens().consented_at == before.consented_at


async def test_a_new_lasting_token_replaces_the_old_one(tmp_path: Path) -> None:
    async with house(tmp_path, with_pkce=True, pkce_rotates=True) as home:
        before = home.tokens()
        without_secret = home.world.settings.model_copy(update={"spotify_client_secret": None})
        for _ in range(2):
            home.now += timedelta(hours=2)
            await home.connection(without_secret).access_for(home.user_id).token()

        assert home.tokens().refresh_token != before.refresh_token


async def test_many_who_need_a_token_at_once_renew_it_once(tmp_path: Path) -> None:
    async with house(tmp_path, with_pkce=True, pkce_rotates=True) as home:
        without_secret = home.world.settings.model_copy(update={"spotify_client_secret": None})
        home.now += timedelta(hours=2)
        home.world.simulation.faults.latency["spotify_accounts"] = 0.1
        processes = [home.connection(without_secret) for _ in range(8)]

        tokens = await asyncio.gather(
            *(process.access_for(home.user_id).token() for process in processes)
        )

        assert len(set(tokens)) == 1
        assert home.renewals() == 1


async def test_a_refused_token_is_renewed_though_it_had_time_left(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.world.simulation.part(SpotifyAccounts).expire_access(home.world.listener)
        access = home.connection().access_for(home.user_id)

        profile = await home.world.spotify(access=access).me()

        assert profile.account_id
        assert home.renewals() == 1


async def test_a_token_refused_to_several_is_renewed_once(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.world.simulation.part(SpotifyAccounts).expire_access(home.world.listener)
        accesses = [home.connection().access_for(home.user_id) for _ in range(4)]

        await asyncio.gather(*(home.world.spotify(access=access).me() for access in accesses))

        assert home.renewals() == 1


async def test_a_consent_that_ended_is_thrown_away_after_a_second_look(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.world.simulation.part(SpotifyAccounts).end_grants(home.world.listener, "revoked")
        home.now += timedelta(hours=2)

        with pytest.raises(GrantDoubted):
            await home.connection().access_for(home.user_id).token()
        home.now += timedelta(minutes=14)
        with pytest.raises(GrantDoubted):
            await home.connection().access_for(home.user_id).token()
        assert home.tokens()
        home.now += timedelta(minutes=1)
        with pytest.raises(AuthorizationExpired):
            await home.connection().access_for(home.user_id).token()

        assert home.store().tokens.get(home.user_id) is None
        account = home.store().people.get(home.user_id)
        assert account is not None
        assert not account.connected


async def test_a_consent_whose_half_year_is_over_needs_no_second_look(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.world.simulation.part(SpotifyAccounts).end_grants(home.world.listener, "revoked")
        home.now = consent_end(home.tokens().consented_at)

        with pytest.raises(AuthorizationExpired):
            await home.connection().access_for(home.user_id).token()

        assert home.store().tokens.get(home.user_id) is None


async def test_refusals_with_a_success_between_them_are_each_the_first(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        for _ in range(3):
            home.now += timedelta(hours=2)
            refusal = '{"error": "invalid_grant"}'
            home.world.fault("spotify_accounts", "status", status=400, body=refusal, times=2)
            with pytest.raises(GrantDoubted):
                await home.connection().access_for(home.user_id).token()

            assert await home.connection().access_for(home.user_id).token()


@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"code": "invalid_grant", "status": 400}}',
        "error=invalid_grant&error_description=Refresh+token+revoked",
        '{"error": " INVALID_GRANT "}',
    ],
)
async def test_a_refusal_in_another_wrapping_is_the_same(body: str, tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.world.fault("spotify_accounts", "status", status=401, body=body)
        home.now += timedelta(hours=2)

        with pytest.raises(GrantDoubted):
            await home.connection().access_for(home.user_id).token()


async def test_one_wrong_refusal_does_not_cost_the_person_their_consent(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        wrong = '{"error": "invalid_grant"}'
        home.world.fault("spotify_accounts", "status", status=400, body=wrong, times=1)
        home.now += timedelta(hours=2)

        await home.connection().access_for(home.user_id).token()

        assert home.tokens().expires_at > home.now


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        ("status", {"status": 500}),
        ("status", {"status": 503}),
        ("rate", {"retry_after": 3600}),
        ("html", {}),
        ("empty", {}),
        ("garbage", {}),
        ("drop", {}),
        ("status", {"status": 400, "body": "Bad Request"}),
    ],
)
async def test_trouble_at_spotify_never_costs_the_token(
    kind: str, order: dict[str, object], tmp_path: Path
) -> None:
    async with house(tmp_path) as home:
        before = home.tokens()
        home.world.fault("spotify_accounts", kind, **order)
        home.now += timedelta(hours=2)

        with pytest.raises(ServiceError):
            await home.connection().access_for(home.user_id).token()

        assert home.tokens() == before
        home.world.simulation.faults.clear()
        assert await home.connection().access_for(home.user_id).token()


async def test_a_wrong_client_secret_is_the_operators_matter(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        wrong = home.world.settings.model_validate(
            {**home.world.settings.model_dump(), "spotify_client_secret": "nonsense"}
        )
        home.now += timedelta(hours=2)

        with pytest.raises(KeyRefused):
            await home.connection(wrong).access_for(home.user_id).token()

        assert home.tokens()


@pytest.mark.parametrize("outcome", ["renewed", "refused"])
async def test_a_consent_given_while_a_former_one_is_renewed_is_the_one_that_counts(
    outcome: str, tmp_path: Path
) -> None:
    async with house(tmp_path) as home:
        spotify = home.world.simulation.part(SpotifyAccounts)
        before = home.tokens()
        home.now = consent_end(before.consented_at)
        if outcome == "refused":
            spotify.end_grants(home.world.listener, "revoked")
        home.world.simulation.faults.latency["spotify_accounts"] = 0.2

        renewing = asyncio.create_task(home.connection().access_for(home.user_id).token())
        await asyncio.sleep(0.1)
        grant = spotify.grant(home.world.listener, frozenset(SCOPES), with_pkce=False)
        anew = replace(
            before,
            access_token=spotify.access_token(grant),
            refresh_token=grant.refresh_token,
            expires_at=home.now + timedelta(hours=1),
            consented_at=home.now,
        )
        home.store().people.connect(home.user_id, "spotify-anna", "Anna", anew)

        assert await renewing == anew.access_token
        assert home.tokens() == anew


ODD_TOKENS: tuple[object, ...] = (
    "null",
    "None",
    "undefined",
    "R\0",
    "B\u0416",
    "BQ\r\nX: y",
    "B" * 300_000,
    " ",
    5,
    [],
)


@pytest.mark.parametrize("odd", ODD_TOKENS)
async def test_a_renewal_with_an_odd_lasting_token_leaves_the_good_one_in_its_place(
    odd: object, tmp_path: Path
) -> None:
    async with house(tmp_path) as home:
        before = home.tokens()
        body = json.dumps({"access_token": "A1", "refresh_token": odd, "expires_in": 3600})
        home.world.fault("spotify_accounts", "status", status=200, body=body, times=1)
        home.now += timedelta(hours=2)
        assert await home.connection().access_for(home.user_id).token() == "A1"
        home.now += timedelta(hours=2)

        assert await home.connection().access_for(home.user_id).token()

        assert home.tokens().refresh_token == before.refresh_token


@pytest.mark.parametrize("odd", ODD_TOKENS)
async def test_an_access_token_that_no_header_can_carry_is_never_kept(
    odd: object, tmp_path: Path
) -> None:
    async with house(tmp_path) as home:
        before = home.tokens()
        body = json.dumps({"access_token": odd, "refresh_token": "R1", "expires_in": 3600})
        home.world.fault("spotify_accounts", "status", status=200, body=body)
        home.now += timedelta(hours=2)

        with pytest.raises(ServiceUnavailable):
            await home.connection().access_for(home.user_id).token()

        assert home.tokens() == before


async def test_a_new_lasting_token_that_reached_us_spoiled_gives_way_to_the_former(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as home:
        good = home.tokens().refresh_token
        body = json.dumps({"access_token": "A1", "refresh_token": "spoiled", "expires_in": 3600})
        home.world.fault("spotify_accounts", "status", status=200, body=body, times=1)
        home.now += timedelta(hours=2)
        await home.connection().access_for(home.user_id).token()
        assert home.tokens().refresh_token == "spoiled"
        home.now += timedelta(hours=2)

        assert await home.connection().access_for(home.user_id).token()

        assert home.tokens().refresh_token == good
        assert home.tokens().former_refresh_token is None


async def test_somebody_who_is_not_connected_has_no_token(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        with pytest.raises(AuthorizationExpired):
            await home.connection().access_for(UserId("nobody")).token()


async def test_waiting_for_anothers_renewal_is_bounded(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.now += timedelta(hours=2)
        assert home.store().tokens.lease_renewal(home.user_id, 600)
        renewal = RenewalPolicy(wait_seconds=0.1, poll_seconds=0.02)
        accounts = home.world.clients().spotify_accounts()
        connection = SpotifyConnection(
            home.store(), accounts, renewal=renewal, now=lambda: home.now
        )

        with pytest.raises(ServiceUnavailable):
            await connection.access_for(home.user_id).token()

        assert home.renewals() == 0


async def test_a_failed_renewal_leaves_the_next_one_free_to_try(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        home.world.fault("spotify_accounts", "status", status=500, times=2)
        home.now += timedelta(hours=2)
        with pytest.raises(ServiceUnavailable):
            await home.connection().access_for(home.user_id).token()

        assert await home.connection().access_for(home.user_id).token()


async def test_a_code_is_exchanged_once_for_a_lasting_grant() -> None:
    async with outside_world() as world:
        accounts = world.clients(now=lambda: NOON).spotify_accounts()
        verifier = "v" * 64
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        code = world.simulation.part(SpotifyAccounts).consent(
            world.listener, frozenset(SCOPES), world.settings.spotify_redirect_uri, challenge
        )

        grant = await accounts.exchange(code=code, verifier=verifier)

        with pytest.raises(AuthorizationExpired):
            await accounts.exchange(code=code, verifier=verifier)
    assert grant.expires_at == NOON + timedelta(hours=1)
    assert first_tokens(grant, consented_at=NOON).refresh_token == grant.refresh_token
    assert grant.access_token not in repr(grant)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        *((length, length) for length in (60, 3600, 86_400)),
        *((odd, 3600) for odd in (1e18, 0, -5, 30, 86_401, "soon", None)),
    ],
)
def test_a_token_lasts_as_long_as_is_said_or_an_hour_where_that_cannot_be(
    said: object, seconds: int
) -> None:
    grant = Grant.from_api({"access_token": "a", "expires_in": said}, now=NOON)

    assert grant is not None
    assert grant.expires_at == NOON + timedelta(seconds=seconds)


def test_a_grant_without_a_lasting_token_is_no_connection() -> None:
    grant = Grant(access_token="a", refresh_token=None, expires_at=NOON, scopes=frozenset())

    with pytest.raises(AuthorizationExpired):
        first_tokens(grant, consented_at=NOON)


def test_the_way_to_consent_names_state_challenge_and_permissions() -> None:
    settings = Settings(spotify_client_id="app")
    accounts = unmetered(httpx.AsyncClient(), settings).spotify_accounts()

    address = accounts.authorize_url(state="s t", challenge="c")

    assert address.startswith("https://accounts.spotify.com/authorize?")
    assert "state=s+t" in address
    assert "code_challenge_method=S256&code_challenge=c" in address
    assert "user-library-read" in address
