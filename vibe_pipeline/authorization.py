"""A person's lasting key to Spotify: renewed in time, by one process at a time (token refresh).

Access tokens live an hour. Sealing and keeping them is ``accounts.tokens``', the first grant the
consent flow's.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vibe_pipeline.accounts.messages import Connected
from vibe_pipeline.accounts.records import OAuthState, PendingConnection, Tokens
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.errors import AuthorizationExpired, ServiceUnavailable
from vibe_pipeline.clients.rate_limiter import Sleep
from vibe_pipeline.clients.spotify_accounts import SCOPES, Grant, SpotifyAccounts
from vibe_pipeline.clients.spotify_records import SpotifyProfile
from vibe_pipeline.records import UserId

SERVICE = "spotify"
VERIFIER_BYTES = 64
"""Gives 86 characters; PKCE wants 43 to 128."""


class ScopesMissing(Exception):
    """The person's consent does not cover what a list needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalPolicy:
    """When a token is renewed, and how long anybody waits for it.

    The wait outlasts the lease, so that nobody is lost when the one who renews is killed.
    """

    ahead: timedelta = timedelta(seconds=60)
    lease_seconds: float = 50.0
    wait_seconds: float = 55.0
    poll_seconds: float = 0.2
    recheck_seconds: float = 1.0


def first_tokens(grant: Grant, *, consented_at: datetime) -> Tokens:
    """What a fresh consent gives us to keep."""
    if grant.refresh_token is None:
        raise AuthorizationExpired(SERVICE, "the consent came without a lasting token")
    return Tokens(
        access_token=grant.access_token,
        refresh_token=grant.refresh_token,
        expires_at=grant.expires_at,
        scopes=grant.scopes,
        consented_at=consented_at,
    )


def new_pkce_verifier(random_bytes: Callable[[int], bytes]) -> str:
    """A fresh secret that ties a consent to whoever asked for it."""
    return _base64url(random_bytes(VERIFIER_BYTES))


def pkce_challenge(verifier: str) -> str:
    """PKCE's S256 challenge."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


async def complete_consent(
    accounts: SpotifyAccounts,
    profile: Callable[[str], Awaitable[SpotifyProfile]],
    *,
    consent: OAuthState,
    code: str,
    now: Callable[[], datetime],
) -> PendingConnection:
    """What a person's consent comes to: whose account it is, ready to be confirmed."""
    grant = await accounts.exchange(code=code, verifier=consent.verifier)
    if grant.scopes and not grant.scopes.issuperset(SCOPES):
        raise ScopesMissing
    named = await profile(grant.access_token)
    return PendingConnection(
        user_id=consent.user_id,
        spotify_account_id=named.account_id,
        spotify_name=named.name,
        market=named.market,
        tokens=first_tokens(grant, consented_at=now()),
    )


def link_account(store: AccountStore, pending: PendingConnection) -> None:
    """Link what its person has confirmed, and have the chat told."""
    store.people.connect(
        pending.user_id,
        pending.spotify_account_id,
        pending.spotify_name,
        pending.tokens,
        market=pending.market,
    )
    linked = Connected.after_consent(
        pending.user_id,
        spotify_name=pending.spotify_name or pending.spotify_account_id,
        consented_at=pending.tokens.consented_at,
    )
    store.outbox.put(pending.user_id, linked)


class SpotifyConnection:
    """Gives each person's clients a token that works."""

    def __init__(
        self,
        store: AccountStore,
        accounts: SpotifyAccounts,
        *,
        renewal: RenewalPolicy | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Sleep = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._vault = store.tokens
        self._accounts = accounts
        self._renewal = renewal or RenewalPolicy()
        self._now = now
        self._sleep = sleep
        self._monotonic = monotonic

    def access_for(self, user_id: UserId) -> PersonalAccess:
        """The key of one person; ask for it once per task."""
        return PersonalAccess(self, user_id)

    async def good_token(self, user_id: UserId, *, refused: str | None) -> str:
        """A token that is not ``refused`` and lasts a while; renewed by us or by somebody else."""
        deadline = self._monotonic() + self._renewal.wait_seconds
        while True:
            tokens = self._kept(user_id)
            if not self._stale(tokens, refused):
                return tokens.access_token
            if self._vault.lease_renewal(user_id, self._renewal.lease_seconds):
                return await self._renewed_under_lease(user_id, refused)
            if self._monotonic() >= deadline:
                raise ServiceUnavailable(SERVICE, "a renewal by another process does not end")
            await self._sleep(self._renewal.poll_seconds)

    async def _renewed_under_lease(self, user_id: UserId, refused: str | None) -> str:
        try:
            tokens = self._kept(user_id)
            if not self._stale(tokens, refused):
                return tokens.access_token
            return await self._renewed(user_id, tokens)
        finally:
            self._vault.release(user_id)

    async def _renewed(self, user_id: UserId, tokens: Tokens) -> str:
        try:
            grant = await self._grant(tokens)
        except AuthorizationExpired:
            if self._kept(user_id).refresh_token == tokens.refresh_token:
                self._vault.expire_consent(user_id)
            raise
        renewed = Tokens(
            access_token=grant.access_token,
            refresh_token=grant.refresh_token or tokens.refresh_token,
            expires_at=grant.expires_at,
            scopes=grant.scopes or tokens.scopes,
            consented_at=tokens.consented_at,
        )
        if not self._vault.save(user_id, renewed):
            raise _not_connected()
        return renewed.access_token

    async def _grant(self, tokens: Tokens) -> Grant:
        """The renewed grant; a refusal is checked once more, for Spotify has erred before."""
        try:
            return await self._accounts.renew(tokens.refresh_token)
        except AuthorizationExpired:
            await self._sleep(self._renewal.recheck_seconds)
            return await self._accounts.renew(tokens.refresh_token)

    def _kept(self, user_id: UserId) -> Tokens:
        tokens = self._vault.get(user_id)
        if tokens is None:
            raise _not_connected()
        return tokens

    def _stale(self, tokens: Tokens, refused: str | None) -> bool:
        ends_soon = tokens.expires_at - self._renewal.ahead <= self._now()
        return ends_soon or tokens.access_token == refused


class PersonalAccess:
    """One person's ``Access``; remembers which token was last used, so as to know it refused."""

    def __init__(self, connection: SpotifyConnection, user_id: UserId) -> None:
        self._connection = connection
        self._user_id = user_id
        self._last: str | None = None

    async def token(self, *, force_refresh: bool = False) -> str:
        """A token that should be good; with ``force_refresh`` another than the last."""
        refused = self._last if force_refresh else None
        self._last = await self._connection.good_token(self._user_id, refused=refused)
        return self._last


def _not_connected() -> AuthorizationExpired:
    return AuthorizationExpired(SERVICE, "the person is not connected to Spotify")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
