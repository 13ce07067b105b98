"""``vibe demo``: the simulated world and the whole product, from nothing to a first list.

The order of events; what is printed is ``demo.output``'s, what must hold ``demo.promises``'.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from rich.console import Console
from rich.text import Text

from vibe_pipeline.accounts.records import Account, Edition
from vibe_pipeline.accounts.store import open_for
from vibe_pipeline.commands.supervisor import running
from vibe_pipeline.demo import output as telling
from vibe_pipeline.demo.demo_user import DemoUser, Message, connect_link
from vibe_pipeline.demo.installation import DemoInstallation
from vibe_pipeline.demo.promises import Observed, broken_promises
from vibe_pipeline.errors import CommandFailed
from vibe_pipeline.installation.process_status import StatusFile

ANSWER_SECONDS = 30.0
LIST_SECONDS = 240.0


class DemoFailed(CommandFailed):
    """The demo did not end in a good list; the text says why."""


@dataclass(slots=True)
class Stopwatch:
    """Seconds per stage, in order."""

    _began: float = field(default_factory=time.monotonic)
    _seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        began = time.monotonic()
        yield
        self._seconds[name] = round(time.monotonic() - began, 2)

    def report(self) -> dict[str, float]:
        """Every stage so far, and the total."""
        return {**self._seconds, "total": round(time.monotonic() - self._began, 2)}


async def run_demo(stage: DemoInstallation, console: Console, *, once: bool, as_json: bool) -> None:
    """Start everything, play one newcomer to their first list, check it, and stay until told.

    Raises ``DeploymentFailed``, ``NothingHappened`` or ``DemoFailed``.
    """
    watch = Stopwatch()
    pace = telling.pace_in_words(stage.settings.service_pace)
    console.print(f"Starting the simulated world and the whole product, {pace} ...")

    def told(name: str) -> None:
        console.print(f"  {watch.report()['total']:5.1f} s  {name} is ready")

    async with AsyncExitStack() as stack:
        with watch.stage("start"):
            deployment = await stack.enter_async_context(
                running(
                    stage.managed_processes(),
                    on_ready=told,
                    on_event=console.print,
                    on_status=StatusFile(stage.home).write,
                )
            )
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30, trust_env=False))
        record = await deployment.alongside(_first_list(stage, http, console, watch))
        if as_json:
            sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        if not once:
            telling.addresses(console, stage)
            await deployment.watch()


async def _first_list(
    stage: DemoInstallation, http: httpx.AsyncClient, console: Console, watch: Stopwatch
) -> dict[str, Any]:
    newcomer = await DemoUser.arrive(
        http, stage.simulator, name="Robin", username="robin", language_code="en"
    )
    with watch.stage("connect"):
        await _connect(newcomer)
    console.print(f"  {watch.report()['total']:5.1f} s  {newcomer.name} is connected to Spotify")
    with watch.stage("generate"):
        await _generate(stage, newcomer, console)
    account, edition = _kept(stage, newcomer)
    seen = await _seen(http, newcomer)
    chat = await newcomer.chat()
    record = _record(edition, seen, watch)
    telling.conversation(console, chat["messages"])
    telling.list_table(console, edition)
    telling.figures(console, record)
    if broken := broken_promises(edition, account, seen):
        raise DemoFailed("The list breaks promises: " + "; ".join(broken) + ".")
    console.print("Promises S5, S6, S7 and S8 hold for this list.")
    return record


async def _connect(newcomer: DemoUser) -> None:
    asked = await newcomer.types("/start")
    await newcomer.sees("a greeting", bool, since=asked, within=ANSWER_SECONDS)
    asked = await newcomer.types("/connect")
    offered = await newcomer.sees(
        "a link to connect",
        lambda message: connect_link(message) is not None,
        since=asked,
        within=ANSWER_SECONDS,
    )
    await newcomer.consents(str(connect_link(offered)))
    await newcomer.sees(
        "a confirmation in the chat", bool, since=offered["message_id"], within=ANSWER_SECONDS
    )


async def _generate(stage: DemoInstallation, newcomer: DemoUser, console: Console) -> None:
    told: list[str] = []

    def finished(message: Message) -> bool:
        line = telling.news_in(message["text"])
        if line not in told:
            told.append(line)
            console.print(Text(f"        bot: {line}", style="dim"))
        if "/playlist/" in json.dumps([message["buttons"], message["entities"]]):
            return True
        if (cause := _cause_of_failure(stage, newcomer)) is not None:
            raise DemoFailed(f"No list was made ({cause}). The bot said: {message['text']}")
        return False

    asked = await newcomer.types("/generate")
    await newcomer.sees("the finished list", finished, since=asked, within=LIST_SECONDS)


def _cause_of_failure(stage: DemoInstallation, newcomer: DemoUser) -> str | None:
    store = open_for(stage.settings)
    account = store.people.by_chat(newcomer.telegram_id)
    begun = [] if account is None else store.editions.history(account.user_id, limit=1)
    return next((str(edition.cause) for edition in begun if edition.cause is not None), None)


def _kept(stage: DemoInstallation, newcomer: DemoUser) -> tuple[Account, Edition]:
    store = open_for(stage.settings)
    account = store.people.by_chat(newcomer.telegram_id)
    edition = None if account is None else store.editions.latest(account.user_id)
    if account is None or edition is None:
        raise DemoFailed("The account store does not know the list that the bot announced.")
    return account, edition


async def _seen(http: httpx.AsyncClient, newcomer: DemoUser) -> Observed:
    async def told(path: str, **query: str) -> Any:
        answer = await http.get(f"{newcomer.simulator}/control/{path}", params=query)
        answer.raise_for_status()
        return answer.json()

    person = f"people/{newcomer.telegram_id}"
    return Observed(
        requests=(await told("requests", service="spotify"))["requests"],
        likes=(await told(f"{person}/likes"))["likes"],
        playlists=(await told(f"{person}/playlists"))["playlists"],
    )


def _record(edition: Edition, seen: Observed, watch: Stopwatch) -> dict[str, Any]:
    calls = Counter(request["endpoint"] for request in seen.requests)
    return {
        "edition_id": edition.edition_id,
        "playlist_id": edition.playlist_id,
        "playlist_url": edition.playlist_url,
        "tracks": [
            {
                "position": track.position,
                "artist": track.artist,
                "title": track.title,
                "spotify_id": track.spotify_id,
                "isrc": track.isrc,
                "is_new": track.is_new,
                "source": track.source,
                "reason": track.reason,
            }
            for track in edition.tracks
        ],
        "seconds": watch.report(),
        "spotify_calls": {**dict(sorted(calls.items())), "total": calls.total()},
    }
