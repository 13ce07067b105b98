"""The keys that the simulated services accept: no secrets, but of the right look."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

METABRAINZ_CONTACT = "listener@example.org"


def _digest(label: str) -> str:
    return hashlib.sha256(f"simulated {label}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """One app registered everywhere."""

    spotify_client_id: str
    spotify_client_secret: str
    lastfm_api_key: str
    telegram_bot_token: str


def demo_credentials() -> Credentials:
    """The same keys on every start, so that an environment can be written down."""
    return Credentials(
        spotify_client_id=_digest("spotify app")[:32],
        spotify_client_secret=_digest("spotify app's other half")[:32],
        lastfm_api_key=_digest("last.fm account")[:32],
        telegram_bot_token=f"{7_000_000_001}:AA{_digest('telegram bot')[:33]}",
    )
