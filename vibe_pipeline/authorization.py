"""Everything about people's access to Spotify: linking an account, and keys that stay good.

``AccountLinking`` leads from consent to a linked account (OAuth 2, authorization code with PKCE),
for the consent page and the chat alike. ``SpotifyConnection`` renews tokens in time, one process
at a time (token refresh); access tokens live an hour. Sealing and keeping them is
``accounts.tokens``', pages, sentences and buttons the two programs'.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Self

import httpx
import structlog

from vibe_pipeline.accounts.call_allowance import budget_for, listening_of
from vibe_pipeline.accounts.errors import ConsentWithdrawn, SpotifyAccountTaken, UnknownPerson
from vibe_pipeline.accounts.messages import Connected, Message, ZoneQuestion
from vibe_pipeline.accounts.people import consent_end
from vibe_pipeline.accounts.records import (
    Account,
    OAuthState,
    PendingConnection,
    StateKind,
    Tokens,
)
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.dagster import DagsterGraphQL
from vibe_pipeline.clients.errors import (
    AuthorizationExpired,
    GrantDoubted,
    KeyRefused,
    NotAllowlisted,
    OwnerNotPremium,
    RateLimited,
    ServiceError,
    ServiceUnavailable,
    endpoint_named,
)
from vibe_pipeline.clients.factory import QUICK, ClientFactory, Observer
from vibe_pipeline.clients.rate_limiter import Sleep
from vibe_pipeline.clients.spotify_accounts import SCOPES, Grant, SpotifyAccounts
from vibe_pipeline.clients.spotify_accounts import SERVICE as ACCOUNTS_SERVICE
from vibe_pipeline.clients.spotify_records import SpotifyProfile
from vibe_pipeline.clients.transport import no_observer
from vibe_pipeline.records import UserId
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.settings import Settings

log = structlog.get_logger()

SERVICE = "spotify"
WHO_IT_IS = "GET /me"
"""The bucket of the one call that a consent is completed with."""
OURS_ALONE = timedelta(seconds=20)
"""So long nobody else launches what we are launching."""
VERIFIER_BYTES = 64
"""Gives 86 characters; PKCE wants 43 to 128."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalPolicy:
    """When a token is renewed, and how long anybody waits for it.

    The wait outlasts the lease, so that nobody is lost when the one who renews is killed.
    ``second_look``: a grant that is refused is believed to have ended when it is refused again so
    long after; at once, when its half year is over.
    """

    ahead: timedelta = timedelta(seconds=60)
    lease_seconds: float = 50.0
    wait_seconds: float = 55.0
    poll_seconds: float = 0.2
    recheck_seconds: float = 1.0
    second_look: timedelta = timedelta(minutes=15)


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


def clients_for_people(
    http: httpx.AsyncClient,
    settings: Settings,
    store: AccountStore,
    *,
    now: Callable[[], datetime],
    observer: Observer = no_observer,
) -> ClientFactory:
    """The clients of a program that people wait for, in a chat or in front of a page."""
    return ClientFactory(
        http=http,
        settings=settings,
        budget=store.budget,
        capabilities=store.capabilities,
        patience=QUICK,
        observer=observer,
        now=now,
    )


class RefusalReason(StrEnum):
    """Why nothing was linked; the value is its section under ``[oauth]`` in the catalogues."""

    UNUSABLE = "unusable"
    """A link, return or confirmation that was used, has expired, or is somebody else's."""
    REFUSED = "refused"
    """The person said no on Spotify's page."""
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    LIMITED = "limited"
    NOT_ALLOWLISTED = "not_allowlisted"
    OWNER_NOT_PREMIUM = "owner_not_premium"
    MISCONFIGURED = "misconfigured"
    SCOPES_MISSING = "scopes_missing"
    TAKEN = "taken"
    """The Spotify account serves another chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Nothing was linked; ``account`` is ``None`` when we cannot tell whose attempt it was."""

    reason: RefusalReason
    account: Account | None = None
    until: datetime | None = None
    """When Spotify may be asked again, where that is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToConfirm:
    """A consent whose two accounts are to be named to the person before anything is linked."""

    account: Account
    pending: PendingConnection
    consent: str = field(default="", repr=False)
    """The state that Spotify sent them back with, until this is held."""

    @property
    def spotify_name(self) -> str:
        """The Spotify account in words: its display name, or its id where it has none."""
        return self.pending.spotify_name or self.pending.spotify_account_id

    @property
    def former_name(self) -> str | None:
        """The Spotify account this one takes the place of, if it is another."""
        former = self.account.spotify_account_id
        if former is None or former == self.pending.spotify_account_id:
            return None
        return self.account.spotify_name or former


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """The account is connected, and the outbox will say so in the chat."""

    account: Account
    spotify_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLinking:
    """From a person's wish to connect to a linked account (OAuth's authorization code with PKCE).

    The consent page and the address pasted into the chat walk this way; they differ in how they
    show what comes of a step. ``by`` names the person who takes a step, where that is known
    otherwise than by the state: a state of somebody else's is no good to them.
    """

    store: AccountStore
    accounts: SpotifyAccounts | None
    """``None`` while no client id is set."""
    profile: Callable[[UserId, str], Awaitable[SpotifyProfile]]
    """Whose access token this is; the call that tells whether Spotify lets the person in. It is
    counted under what reading their library is."""
    dagster: DagsterGraphQL
    now: Callable[[], datetime]
    random_bytes: Callable[[int], bytes] = secrets.token_bytes

    @classmethod
    def over(cls, clients: ClientFactory, store: AccountStore, dagster: DagsterGraphQL) -> Self:
        """The way that leads over these clients."""
        configured = clients.settings.spotify_client_id is not None

        async def profile(user_id: UserId, access_token: str) -> SpotifyProfile:
            budget = budget_for(store, user_id, listening_of(user_id), asked_for=True)
            return await replace(clients, budget=budget).profile(access_token)

        return cls(
            store=store,
            accounts=clients.spotify_accounts() if configured else None,
            profile=profile,
            dagster=dagster,
            now=clients.now,
        )

    def whose(self, link: str) -> Account | None:
        """Whose the bot's one-time link is, without using it up; ``None`` when it is not good."""
        user_id = self.store.oauth_states.whose(link, StateKind.LINK)
        return None if user_id is None else self.store.people.get(user_id)

    def follow(self, link: str) -> Account | None:
        """Use up the bot's one-time link; ``None`` when it is not good (any longer)."""
        state = self.store.oauth_states.take(link, StateKind.LINK)
        return None if state is None else self.store.people.get(state.user_id)

    def spotify_address(self, user_id: UserId) -> str:
        """Where the person agrees, on Spotify's own page; each address is good for one return.

        Raises: ``KeyRefused`` while no client id is set.
        """
        accounts = self._accounts()
        verifier = new_pkce_verifier(self.random_bytes)
        state = self.store.oauth_states.make(user_id, StateKind.CONSENT, verifier)
        account = self.store.people.get(user_id)
        return accounts.authorize_url(
            state=state,
            challenge=pkce_challenge(verifier),
            covers=account is not None and account.covers,
        )

    def resting(self, account: Account) -> Refused | None:
        """Not now: Spotify is to be left alone, so that even a consent could not be used."""
        budget = self.store.budget
        until = (
            budget.blocked_until(SERVICE)
            or budget.blocked_until(SERVICE, bucket=WHO_IT_IS)
            or budget.blocked_until(ACCOUNTS_SERVICE)
        )
        if until is None:
            return None
        return _refused(RateLimited(SERVICE, "resting", until=until), account)

    async def came_back(
        self, answer: Mapping[str, str], *, by: UserId | None = None
    ) -> ToConfirm | Refused:
        """What Spotify sent the person back with: the query of our redirect address."""
        state = answer.get("state", "")
        consent = await asyncio.to_thread(self.store.oauth_states.redeem, state)
        account = None if consent is None else self.store.people.get(consent.user_id)
        if consent is None or account is None or by not in {None, account.user_id}:
            return Refused(reason=RefusalReason.UNUSABLE)
        if answer.get("error") == "access_denied":
            return Refused(reason=RefusalReason.REFUSED, account=account)
        if "error" in answer or not answer.get("code"):
            log.warning("spotify sent nobody's code", user_id=account.user_id)
            return Refused(reason=RefusalReason.FAILED, account=account)
        try:
            outcome = await self._complete(account, consent, answer["code"])
        except ServiceError as error:
            return _refused(error, account)
        return replace(outcome, consent=state) if isinstance(outcome, ToConfirm) else outcome

    def hold(self, asked: ToConfirm) -> str | Refused:
        """Keep a consent until its person answers with the token given here.

        Refused when they parted while Spotify was asked.
        """
        try:
            return self.store.oauth_states.hold(asked.pending, asked.consent)
        except ConsentWithdrawn:
            return Refused(reason=RefusalReason.UNUSABLE)

    def claim(self, token: str, *, by: UserId | None = None) -> ToConfirm | None:
        """The consent to link or to throw away, once; ``None`` when the token is not good."""
        pending = self.store.oauth_states.claim(token)
        account = None if pending is None else self.store.people.get(pending.user_id)
        if pending is None or account is None or by not in {None, account.user_id}:
            return None
        return ToConfirm(account=account, pending=pending)

    def linked_before(self, token: str, *, by: UserId | None = None) -> Linked | None:
        """What came of a token that was good before: a second tap is answered as the first."""
        claimed = self.store.oauth_states.claimed_before(token)
        if claimed is None or by not in {None, claimed[0]}:
            return None
        account = self.store.people.get(claimed[0])
        if account is None or not account.connected or account.consented_at != claimed[1]:
            return None
        name = account.spotify_name or account.spotify_account_id or ""
        return Linked(account=account, spotify_name=name)

    def link(self, confirmed: ToConfirm) -> Linked | Refused:
        """Link what its person has confirmed, and have the chat told."""
        pending = confirmed.pending
        told: list[Message] = [
            Connected.after_consent(
                pending.user_id,
                spotify_name=confirmed.spotify_name,
                consented_at=pending.tokens.consented_at,
            )
        ]
        if confirmed.account.timezone == self.store.people.defaults.timezone:
            told.append(ZoneQuestion.of(pending.user_id))
        first = LaunchRequest.first_preparation(pending.user_id)
        wish = self.store.pending_launches.wish(
            secrets.token_hex(16), pending.user_id, first, pause=OURS_ALONE
        )
        try:
            self.store.people.connect(
                pending.user_id,
                pending.spotify_account_id,
                pending.spotify_name,
                pending.tokens,
                market=pending.market,
                told=told,
                wish=wish,
            )
        except SpotifyAccountTaken:
            return Refused(reason=RefusalReason.TAKEN, account=confirmed.account)
        except UnknownPerson:
            return Refused(reason=RefusalReason.UNUSABLE)
        log.info("connected", user_id=pending.user_id)
        return Linked(account=confirmed.account, spotify_name=confirmed.spotify_name)

    def note_first_preparation(self, user_id: UserId) -> None:
        """Write down that the first list is to be prepared, whoever comes to do it."""
        first, request_id = LaunchRequest.first_preparation(user_id), secrets.token_hex(16)
        self.store.pending_launches.add(request_id, user_id, first, pause=OURS_ALONE)

    async def begin_first_preparation(self, user_id: UserId) -> None:
        """Prepare the first list while the person goes on, as was written down when they linked.

        What the pipeline does not take now, the bot begins as soon as it does. The partition comes
        first: a run for a key that does not exist is accepted and fails late.
        """
        launch, wishes = LaunchRequest.first_preparation(user_id), self.store.pending_launches
        for wish in wishes.open(user_id):
            if wish.job != launch.job:
                continue
            try:
                await self.dagster.add_user(user_id)
                await self.dagster.launch(launch.marked(wish.request_id))
                wishes.close(wish.request_id)
            except ServiceError as error:
                wishes.later(wish.request_id, timedelta())
                log.warning("first list not prepared yet", user_id=user_id, reason=str(error))

    async def _complete(
        self, account: Account, consent: OAuthState, code: str
    ) -> ToConfirm | Refused:
        grant = await self._accounts().exchange(code=code, verifier=consent.verifier)
        if grant.scopes and not grant.scopes.issuperset(SCOPES):
            return Refused(reason=RefusalReason.SCOPES_MISSING, account=account)
        profile = await self.profile(account.user_id, grant.access_token)
        pending = PendingConnection(
            user_id=account.user_id,
            spotify_account_id=profile.account_id,
            spotify_name=profile.name,
            market=profile.market,
            tokens=first_tokens(grant, consented_at=self.now()),
        )
        return ToConfirm(account=account, pending=pending)

    def _accounts(self) -> SpotifyAccounts:
        if self.accounts is None:
            raise KeyRefused(SERVICE, "SPOTIFY_CLIENT_ID is not set")
        return self.accounts


def _refused(error: ServiceError, account: Account) -> Refused:
    log.warning("not connected", user_id=account.user_id, reason=str(error))
    match error:
        case RateLimited():
            return Refused(reason=RefusalReason.LIMITED, account=account, until=error.until)
        case NotAllowlisted():
            reason = RefusalReason.NOT_ALLOWLISTED
        case OwnerNotPremium():
            reason = RefusalReason.OWNER_NOT_PREMIUM
        case KeyRefused():
            reason = RefusalReason.MISCONFIGURED
        case ServiceUnavailable():
            reason = RefusalReason.UNAVAILABLE
        case _:
            reason = RefusalReason.FAILED
    return Refused(reason=reason, account=account)


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
            leased = self._vault.lease_renewal(user_id, self._renewal.lease_seconds)
            if leased is not None:
                renewed = await self._renewed_under_lease(user_id, leased, refused)
                if renewed is not None:
                    return renewed
                continue
            if self._monotonic() >= deadline:
                raise ServiceUnavailable(SERVICE, "a renewal by another process does not end")
            await self._sleep(self._renewal.poll_seconds)

    async def _renewed_under_lease(
        self, user_id: UserId, leased_until: datetime, refused: str | None
    ) -> str | None:
        """``None`` when the person agreed anew meanwhile: what they gave then is to be used."""
        try:
            tokens = self._kept(user_id)
            if not self._stale(tokens, refused):
                return tokens.access_token
            return await self._renewed(user_id, tokens)
        finally:
            self._vault.release(user_id, leased_until)

    async def _renewed(self, user_id: UserId, tokens: Tokens) -> str | None:
        try:
            used, grant = await self._grant(tokens)
        except AuthorizationExpired as error:
            with endpoint_named(error.endpoint or ""):
                ended = self._concluded(user_id, tokens, error)
            if not ended:
                return None
            raise
        refresh_token = grant.refresh_token or used
        renewed = Tokens(
            access_token=grant.access_token,
            refresh_token=refresh_token,
            expires_at=grant.expires_at,
            scopes=grant.scopes or tokens.scopes,
            consented_at=tokens.consented_at,
            former_refresh_token=None if refresh_token == used else used,
        )
        return renewed.access_token if self._vault.save(user_id, renewed) else None

    def _concluded(self, user_id: UserId, tokens: Tokens, error: AuthorizationExpired) -> bool:
        """Throw the tokens away when there is no doubt left that they are good for nothing.

        False when others were kept meanwhile, of which the refusal says nothing. Raises:
        ``GrantDoubted`` while there is doubt.
        """
        if self._vault.get(user_id) != tokens:
            return False
        now, since = self._now(), self._vault.doubt_grant(user_id, tokens.consented_at)
        if since is None:
            return False
        over = now >= consent_end(tokens.consented_at)
        if not over and now - since < self._renewal.second_look:
            raise GrantDoubted(SERVICE, "refuses to renew the person's token") from error
        return self._vault.expire_consent(user_id, tokens.consented_at)

    async def _grant(self, tokens: Tokens) -> tuple[str, Grant]:
        """The renewed grant, and the refresh token it was given for.

        A refusal is checked once more, for Spotify has erred before; then with the former token,
        if the refused one never renewed anything: it may have reached us spoiled.
        """
        tried = [tokens.refresh_token] * 2
        if tokens.former_refresh_token is not None:
            tried.append(tokens.former_refresh_token)
        for refresh_token in tried[:-1]:
            try:
                return refresh_token, await self._accounts.renew(refresh_token)
            except AuthorizationExpired:
                await self._sleep(self._renewal.recheck_seconds)
        return tried[-1], await self._accounts.renew(tried[-1])

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
