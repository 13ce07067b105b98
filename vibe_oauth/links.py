"""The one-time links of the way to Spotify and back, and the proof that both ends are one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from vibe_pipeline.accounts.records import Account, OAuthState, PendingConnection, StateKind
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.authorization import new_pkce_verifier, pkce_challenge


@dataclass(frozen=True, slots=True)
class ConsentStart:
    """A connection on its way to Spotify: what goes along in the address."""

    account: Account
    state: str
    challenge: str


@dataclass(frozen=True, slots=True)
class ConsentReturn:
    """A connection back from Spotify, and the consent its code belongs to."""

    account: Account
    consent: OAuthState


@dataclass(frozen=True, slots=True)
class Links:
    """Every step uses its state up and hands out another: none is good for two of them."""

    store: AccountStore
    random_bytes: Callable[[int], bytes] = secrets.token_bytes

    def begin(self, link: str) -> ConsentStart | None:
        """From the bot's link to Spotify; ``None`` when the link is not good (any longer)."""
        state = self.store.oauth_states.take(link, StateKind.LINK)
        account = None if state is None else self.store.people.get(state.user_id)
        if account is None:
            return None
        verifier = new_pkce_verifier(self.random_bytes)
        return ConsentStart(
            account=account,
            state=self.store.oauth_states.make(account.user_id, StateKind.CONSENT, verifier),
            challenge=pkce_challenge(verifier),
        )

    def come_back(self, state: str) -> ConsentReturn | None:
        """Back from Spotify; ``None`` when we did not send anybody there with this state."""
        consent = self.store.oauth_states.take(state, StateKind.CONSENT)
        account = None if consent is None else self.store.people.get(consent.user_id)
        if consent is None or account is None:
            return None
        return ConsentReturn(account=account, consent=consent)

    def hold(self, pending: PendingConnection) -> str:
        """Keep a connection until it is confirmed with the token given here."""
        return self.store.oauth_states.hold(pending)

    def claim(self, token: str) -> tuple[Account, PendingConnection] | None:
        """The connection to confirm or decline, once."""
        pending = self.store.oauth_states.claim(token)
        account = None if pending is None else self.store.people.get(pending.user_id)
        return None if pending is None or account is None else (account, pending)
