"""A person's whole way through a running installation, and every secret it is walked with.

Connect, list, undo, export, a stranger at each door, erase; what browsers and phones were shown is
kept, and what was secret on the way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx

from tests.matrices.crash_site import Site
from tests.support.secret_search import SHORTEST, SecretSearch
from vibe_pipeline.demo.demo_user import DemoUser

KEPT_IN = frozenset({"secret.key", "webserver.token"})
"""These files are the secret."""
_IN_ADDRESSES = ("code", "state", "code_challenge")


@dataclass(slots=True)
class SecretJourney:
    """One installation's secrets, and what was shown on the way."""

    site: Site
    secrets: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)

    async def walk(self) -> list[SecretSearch]:
        """All of it; what was found before the person is erased, and after."""
        self._of_the_installation()
        self.site.http.event_hooks["response"] = [self._note]
        person = await self.site.newcomer()
        await self.site.has_a_list(person)
        self._tokens(person)
        await self._asks(person, "/undo", "/history", "/export", "/status", "/why 1")
        await self._strangers()
        self.shown["chat"] = json.dumps(await person.chat(), ensure_ascii=False)
        before = self._search()
        await self._asks(person, "/forget")
        self.site.http.event_hooks["response"] = []
        return [before, self._search()]

    def _of_the_installation(self) -> None:
        settings, home = self.site.installation.settings, self.site.installation.home
        for name in (
            *("telegram_bot_token", "spotify_client_secret", "lastfm_api_key"),
            *("internal_job_token", "vibe_secret_key"),
        ):
            if (secret := getattr(settings, name)) is not None:
                self.secrets[name] = secret.get_secret_value()
        for name in KEPT_IN:
            for path in home.rglob(name):
                self.secrets[name] = path.read_text("utf-8").strip()

    def _tokens(self, person: DemoUser) -> None:
        tokens = self.site.store.tokens.get(self.site.account(person).user_id)
        if tokens is None:
            raise LookupError(f"{person.name} is not connected")
        self.secrets["access token"] = tokens.access_token
        self.secrets["refresh token"] = tokens.refresh_token

    async def _note(self, answer: httpx.Response) -> None:
        """Whatever a browser was sent or sent; a code or state is secret from then on."""
        sent, address = answer.request, urlsplit(str(answer.request.url))
        for where in (address, urlsplit(answer.headers.get("location", ""))):
            for name, value in parse_qsl(where.query):
                if name in _IN_ADDRESSES and len(value) >= SHORTEST:
                    self.secrets[f"{name} {len(self.secrets)}"] = value
        if address.path.startswith("/connect/"):
            self.secrets[f"link {len(self.secrets)}"] = address.path.rpartition("/")[2]
        if address.path == "/confirm":
            form = parse_qs(sent.content.decode())
            self.secrets[f"form token {len(self.secrets)}"] = form["token"][0]
        ours = address.port == self.site.installation.ports.oauth
        await answer.aread()
        if ours:
            self.shown[f"page {address.path[:9]} {len(self.shown)}"] = answer.text

    async def _asks(self, person: DemoUser, *commands: str) -> None:
        """Type each and wait for the bot's word."""
        for command in commands:
            asked = await person.types(command)
            await person.sees(f"an answer to {command}", bool, since=asked, within=60)
            await self.site.no_list_under_way(self.site.account(person))

    async def _strangers(self) -> None:
        """Who comes with a wrong, an old or somebody else's key."""
        installation, http = self.site.installation, self.site.http
        oauth, token = installation.settings.public_url, self.secrets["internal_job_token"]
        used = {name: value for name, value in self.secrets.items() if name.startswith("state")}
        for value in used.values():
            await http.get(f"{oauth}/callback", params={"state": value, "code": "stolen-code"})
        for headers in ({"Authorization": f"Basic {token}"}, {"Authorization": f"Bearer x{token}"}):
            await http.post(f"{oauth}/internal/jobs/nightly", headers=headers)
        guard = {"Authorization": f"Bearer {self.secrets['webserver.token']}x"}
        await http.post(f"{installation.dagster_page}/graphql", json={"query": "}"}, headers=guard)

    def _search(self) -> SecretSearch:
        search = SecretSearch.of(self.secrets)
        search.home(self.site.installation.home, leaving_out=[*KEPT_IN, "simulator.log"])
        for where, text in self.shown.items():
            search.text(where, text)
        search.met -= {(name, where) for name, where in search.met if _by_purpose(name, where)}
        return search


def _by_purpose(name: str, where: str) -> bool:
    """The form's token is in the page with the form, the link in the chat it was sent to."""
    form = name.startswith("form token") and where.startswith("page /callback")
    return form or (name.startswith("link") and where == "chat")
