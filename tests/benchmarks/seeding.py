"""People who are warm: connected, with a list behind them and their next lists prepared.

``python -m tests.benchmarks.seeding PERSON ...``, in the environment of an installation, with
``ID:LISTENER:NAME`` for somebody to be made warm, and then ``ID:NAME`` for everybody who is to be a
copy of the one named before (``copies``).
Production's own jobs are executed in this process, where they start at once; the pace is what the
environment says. What they leave is what a list and the preparing after it leave.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import dagster as dg
import httpx

from tests.benchmarks.copies import copied
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account
from vibe_pipeline.accounts.store import AccountStore, open_for
from vibe_pipeline.accounts.tables import service_calls
from vibe_pipeline.authorization import first_tokens
from vibe_pipeline.clients.factory import ClientFactory, open_http
from vibe_pipeline.clients.spotify_accounts import SCOPES, Grant
from vibe_pipeline.definitions import build
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.settings import Settings, read_settings

SEEDED = "everybody is warm"
CONSENTED_AGO = timedelta(days=2)
"""Long enough that last night was theirs already."""
_VERIFIER = "v" * 64


def forget_calls(settings: Settings) -> None:
    """A day has passed, as far as the budget knows: more lists are measured than one day allows."""
    with open_for(settings).database.writing() as connection:
        connection.execute(service_calls.delete())


def without_nights(settings: Settings) -> None:
    """Nobody's list begins by itself: a quarter of an hour would else begin everybody's at once,
    beside the one that is timed.
    """
    store = open_for(settings)
    for person in store.people.all():
        store.people.change(person.user_id, nightly_at=None)


async def connected(
    settings: Settings, store: AccountStore, telegram_id: int, listener: str, name: str
) -> tuple[Account, str]:
    """Somebody registered who agreed on Spotify's page; and their key to Spotify."""
    account = store.people.register(telegram_id, name, "en")
    grant = await _consent(settings, store, listener)
    tokens = first_tokens(grant, consented_at=datetime.now(UTC) - CONSENTED_AGO)
    spotify_account = f"account-{telegram_id}"
    account = store.people.connect(account.user_id, spotify_account, name, tokens)
    return account, grant.access_token


async def _consent(settings: Settings, store: AccountStore, listener: str) -> Grant:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest())
    form = {
        "client_id": settings.spotify_client_id or "",
        "redirect_uri": settings.spotify_redirect_uri,
        "response_type": "code",
        "scope": " ".join(SCOPES),
        "state": "state",
        "code_challenge_method": "S256",
        "code_challenge": challenge.rstrip(b"=").decode(),
        "listener": listener,
        "decision": "agree",
    }
    async with open_http() as http:
        decision = f"{settings.spotify_accounts_url}/authorize/decision"
        decided: httpx.Response = await http.post(decision, data=form)
        code = parse_qs(urlsplit(decided.headers["location"]).query)["code"][0]
        clients = ClientFactory(
            http=http, settings=settings, budget=store.budget, capabilities=store.capabilities
        )
        return await clients.spotify_accounts().exchange(code=code, verifier=_VERIFIER)


def warmed(definitions: dg.Definitions, instance: dg.DagsterInstance, account: Account) -> None:
    """A list, and what follows it: all is read, asked and looked up that the next list needs."""
    user_id = account.user_id
    instance.add_dynamic_partitions(runs.USERS, [user_id])
    for request in (LaunchRequest.asked_list(user_id), LaunchRequest.preparing(user_id, "seeding")):
        definitions.resolve_job_def(request.job).execute_in_process(
            partition_key=user_id, tags=dict(request.tags), instance=instance
        )


def main(people: list[str]) -> int:
    """Make everybody warm, one after another; copies of somebody follow them."""
    settings = read_settings()
    store, definitions = open_for(settings), build(settings)
    warm: Account | None = None
    listener = ""
    for person in people:
        telegram_id, *listeners, name = person.split(":")
        listener = listeners[0] if listeners else listener
        account, token = asyncio.run(connected(settings, store, int(telegram_id), listener, name))
        forget_calls(settings)
        if warm is None or listeners:
            warm = account
            with dg.DagsterInstance.ephemeral() as instance:
                warmed(definitions, instance, account)
        else:
            asyncio.run(copied(settings, store, warm, account, token))
    sys.stdout.write(f"{SEEDED}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
