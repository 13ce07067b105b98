"""The OAuth service as tests meet it: Spotify simulated over real HTTP, Dagster on paper."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from cryptography.fernet import Fernet

from tests.support.blank_accounts import set_up_store
from vibe_oauth.app import create_app
from vibe_oauth.services import OAuthServices, open_services
from vibe_pipeline.accounts.records import Account, StateKind
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.dagster import DagsterGraphQL
from vibe_pipeline.clients.transport import Transport
from vibe_pipeline.settings import Settings
from vibe_pipeline.simulator.server import running
from vibe_pipeline.simulator.simulation import Simulation

TOKEN = "a-long-enough-internal-token"
ORIGIN = "http://127.0.0.1:8000"


@dataclass
class DagsterOnPaper:
    """Answers our GraphQL as a webserver would, and notes what was launched."""

    launches: list[dict[str, Any]] = field(default_factory=list)
    partitions: set[str] = field(default_factory=set)
    statuses: dict[str, str] = field(default_factory=dict)
    fails_for: set[str] = field(default_factory=set)
    down: bool = False

    def client(self) -> DagsterGraphQL:
        """A client that speaks with this paper."""
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        return DagsterGraphQL(Transport(http, service="dagster", address="http://dagster/graphql"))

    def answer(self, request: httpx.Request) -> httpx.Response:
        """One question, one answer."""
        if self.down:
            raise httpx.ConnectError("nobody there", request=request)
        asked = json.loads(request.content)
        return httpx.Response(200, json={"data": {"said": self._said(asked)}})

    def _said(self, asked: dict[str, Any]) -> dict[str, Any]:
        query, given = asked["query"], asked.get("variables", {})
        if "launchRun(" in query:
            return self._launched(given["params"])
        if "addDynamicPartition" in query:
            self.partitions.add(given["key"])
            return {"__typename": "AddDynamicPartitionSuccess"}
        if "{ count }" in query:
            runs = [run for run in self._runs() if run["status"] in given["filter"]["statuses"]]
            return {"__typename": "Runs", "count": len(runs)}
        if "runsOrError" in query:
            wanted = {tag["key"]: tag["value"] for tag in given["filter"]["tags"]}
            newest_first = reversed(self._runs())
            found = [run for run in newest_first if wanted.items() <= run["marks"].items()]
            return {"__typename": "Runs", "results": found}
        jobs = [{"name": name} for name in ("daily_vibe", "prepare_first_vibe")]
        node = {"name": "__repository__", "location": {"name": "vibe"}, "jobs": jobs}
        return {"__typename": "RepositoryConnection", "nodes": [node]}

    def _launched(self, params: dict[str, Any]) -> dict[str, Any]:
        tags = {tag["key"]: tag["value"] for tag in params["executionMetadata"]["tags"]}
        if tags["dagster/partition"] in self.fails_for:
            return {"__typename": "PythonError", "message": "no room"}
        run_id = f"run-{len(self.launches) + 1}"
        self.launches.append({"run": run_id, "job": params["selector"]["jobName"], "tags": tags})
        return {"__typename": "LaunchRunSuccess", "run": {"runId": run_id}}

    def _runs(self) -> list[dict[str, Any]]:
        return [
            {
                "runId": launch["run"],
                "jobName": launch["job"],
                "status": self.statuses.get(launch["run"], "QUEUED"),
                "marks": launch["tags"],
                "tags": [{"key": key, "value": it} for key, it in launch["tags"].items()],
            }
            for launch in self.launches
        ]


@dataclass(frozen=True)
class Site:
    """A running service with its world."""

    simulation: Simulation
    services: OAuthServices
    dagster: DagsterOnPaper
    browser: httpx.AsyncClient
    spotify: httpx.AsyncClient

    @property
    def store(self) -> AccountStore:
        return self.services.store

    def person(self, name: str = "Anna", language: str = "en", chat_id: int = 100) -> Account:
        """Somebody who has written to the bot."""
        return self.store.people.register(chat_id, name, language)

    def listener(self, number: int = 0) -> str:
        """A Spotify account of the world that the app admits."""
        return self.simulation.world.listeners[number].id

    def link(self, account: Account) -> str:
        """The address the bot would send."""
        state = self.store.oauth_states.make(account.user_id, StateKind.LINK)
        return f"/connect/{state}"

    async def to_spotify(self, account: Account) -> str:
        """Follow a fresh link; gives Spotify's address."""
        answer = await self.browser.get(self.link(account))
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def decide(
        self, authorize: str, *, listener: str | None = None, decision: str = "agree"
    ) -> str:
        """Answer on Spotify's consent page; gives the address the person is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(authorize).query).items()}
        form = asked | {"listener": listener or self.listener(), "decision": decision}
        page = authorize.partition("?")[0]
        answer = await self.spotify.post(f"{page}/decision", data=form)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def back(self, account: Account, *, listener: str | None = None) -> httpx.Response:
        """The whole way to the confirmation page."""
        address = await self.decide(await self.to_spotify(account), listener=listener)
        return await self.browser.get(address)

    async def connect(self, account: Account, *, listener: str | None = None) -> httpx.Response:
        """The whole way, confirmed."""
        page = await self.back(account, listener=listener)
        return await self.browser.post("/confirm", data={"token": token_on(page)})


@asynccontextmanager
async def site(folder: Path, simulation: Simulation, **settings: object) -> AsyncIterator[Site]:
    """A service of its own for one test."""
    with running(simulation) as simulator:
        environment = {name.lower(): value for name, value in simulator.environment().items()}
        chosen: dict[str, Any] = {
            **environment,
            "vibe_home": folder,
            "vibe_secret_key": Fernet.generate_key().decode(),
            "internal_job_token": TOKEN,
            **settings,
        }
        read = Settings(**chosen)
        set_up_store(read.accounts_address)
        dagster = DagsterOnPaper()
        services = replace(open_services(read, now=simulation.clock.now), dagster=dagster.client())
        app = httpx.ASGITransport(create_app(services), raise_app_exceptions=False)
        async with (
            httpx.AsyncClient(transport=app, base_url=ORIGIN) as browser,
            httpx.AsyncClient() as spotify,
            services.http,
        ):
            yield Site(simulation, services, dagster, browser, spotify)


def token_on(page: httpx.Response) -> str:
    """The hidden token of a confirmation page."""
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


def words(page: httpx.Response) -> str:
    """What a person reads."""
    body = page.text.partition("<body>")[2]
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def bearer(token: str = TOKEN) -> dict[str, str]:
    """The header of the nightly trigger."""
    return {"Authorization": f"Bearer {token}"}
