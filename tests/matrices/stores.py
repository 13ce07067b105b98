"""The store matrix: what an installation keeps is lost or cannot be written, while it runs.

Somebody has a list; then harm is done (``store_harm``), and their next list is asked for, or its
night comes. What mends itself must bring that list by itself. Of the rest the person reads a true
sentence and ``/health`` says so; once an operator has put it right, the list comes.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

import httpx

from tests.matrices.crash_site import (
    Message,
    Site,
    seconds_until,
    unfinished,
)
from tests.matrices.outcomes import DOCS, Outcome, Page
from tests.matrices.store_harm import HARMS, Harm
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.records import Account, Edition, EditionState
from vibe_pipeline.demo.demo_user import DemoUser
from vibe_pipeline.locales import say
from vibe_pipeline.records import Mode

TOLD_WITHIN_SECONDS = 45.0
_AT_ONCE = ("bot.busy_store", "bot.trouble")
"""What the chat says when not even the wish can be written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePoint:
    """One harm, and the list that comes after it: asked for, or the night's."""

    harm: Harm
    nightly: bool

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{self.harm.name}, {'night' if self.nightly else 'asked'}"

    async def play(self, site: Site) -> Outcome:
        """A list, the harm, the next list."""
        person = await site.newcomer(Mode.LIVING, nightly=self.nightly)
        await site.has_a_list(person)
        account = site.account(person)
        await site.quiet(account)
        first, before = site.edition(account), await site.last_message(person)
        mend = self.harm.do(site)
        try:
            await self._ask(site, person)
            told, health = await self._meanwhile(site, person, before)
        finally:
            mend()
        if not self.harm.by_itself:
            await site.well()
            await self._ask_again(site, person, account, first)
        seconds = await seconds_until(lambda: _made(site, person, account, before, first))
        site.store.people.change(account.user_id, nightly_at=None)
        await site.well()
        return await self._outcome(site, person, before, first, told, health, seconds)

    async def _ask(self, site: Site, person: DemoUser) -> None:
        if not self.nightly:
            await person.types("/generate")
            return
        try:
            await site.trigger_night()
        except httpx.HTTPStatusError:
            return  # nothing can be begun; the night comes again

    async def _meanwhile(self, site: Site, person: DemoUser, before: int) -> tuple[str, str]:
        """What the person reads until it is put right, and what ``/health`` says."""
        if self.harm.by_itself:
            return "", ""
        words, health = "", ""
        for _ in range(int(TOLD_WITHIN_SECONDS)):
            said = await site.said_since(person, before)
            words = said[-1]["text"] if said else words
            health = health or await _complaint(site)
            if health and (self.nightly or any(one in words for one in self._true_words)):
                break
            await asyncio.sleep(1.0)
        return words, health

    @property
    def _true_words(self) -> list[str]:
        if self.harm.by_itself:
            return []
        return [say("en", key) for key in (*_AT_ONCE, *(f"bot.failed.{k}" for k in self.harm.told))]

    async def _ask_again(
        self, site: Site, person: DemoUser, account: Account, first: Edition | None
    ) -> None:
        """Nobody need, where the list comes by itself within a moment."""
        for _ in range(15):
            await asyncio.sleep(1.0)
            if site.at_work(account) or _next_list(site, account, first) is not None:
                return
        await self._ask(site, person)

    async def _outcome(
        self,
        site: Site,
        person: DemoUser,
        before: int,
        first: Edition | None,
        told: str,
        health: str,
        seconds: float,
    ) -> Outcome:
        account, said = site.account(person), await site.said_since(person, before)
        second = _next_list(site, account, first)
        assert first is not None
        given = {track.key for track in first.tracks}
        repeats = 0 if second is None else len(given & {track.key for track in second.tracks})
        lists = [first] if second is None else [first, second]
        chosen = sum(len(one.tracks) for one in lists)
        remembered, playlists = (
            await site.remembered(account.user_id),
            await site.playlists(person),
        )
        true_words = self._true_words
        silent = not self.nightly and bool(self.harm.told) and not told
        wanted = {
            "the next list": second is not None,
            f"no repeats: {repeats}": repeats == 0,
            f"history exact: {remembered} of {chosen}": remembered == chosen,
            "one full playlist": playlists == [len(lists[-1].tracks)],
            "told once": await site.told_lists(person, before) == 1,
            "no promise left": not any(map(unfinished, said)),
            "a true sentence": not silent and (not told or any(one in told for one in true_words)),
            "health says so": bool(health) or self.harm.by_itself,
            "nothing unforeseen": not any(map(_unforeseen, said)),
        }
        return Outcome(
            name=self.name,
            seen={
                "The person reads": told,
                "/health": health,
                "Then": "a list" if second is not None else "no list",
                "After": f"{seconds:.0f} s",
                "Repeats": str(repeats),
                "History": f"{remembered} of {chosen}",
            },
            troubles=[what for what, holds in wanted.items() if not holds],
        )


def _unforeseen(message: Message) -> bool:
    return say("en", "bot.failed.unexpected") in message["text"]


def _next_list(site: Site, account: Account, first: Edition | None) -> Edition | None:
    """The newest list, once it is recorded and another than that."""
    try:
        edition = site.edition(account)
    except AccountsUnreadable:
        return None
    if edition is None or first is None or edition.edition_id == first.edition_id:
        return None
    return edition if edition.state is EditionState.RECORDED else None


async def _made(
    site: Site, person: DemoUser, account: Account, before: int, first: Edition | None
) -> bool:
    """Whether the list is there and told, and nothing is under way."""
    if _next_list(site, account, first) is None or site.at_work(account) or site.untold(account):
        return False
    said = await site.said_since(person, before)
    told = await site.told_lists(person, before)
    return told > 0 and not any(map(unfinished, said))


async def _complaint(site: Site) -> str:
    """What ``/health`` finds wrong, as the reasons it gives."""
    try:
        answer = await site.http.get(f"{site.installation.settings.public_url}/health")
    except httpx.HTTPError:
        return ""
    parts = answer.json()
    reasons = [part.get("reason", "") for part in parts.values() if isinstance(part, dict)]
    said = "; ".join(reason for reason in reasons if reason) if answer.status_code >= 500 else ""
    return said.replace(str(site.installation.home), "VIBE_HOME")


POINTS = tuple(
    StorePoint(harm=harm, nightly=nightly)
    for harm, nightly in itertools.product(HARMS, (False, True))
)
SELF_MENDING = tuple(one for one in POINTS if one.harm.by_itself and not one.nightly)
PAGE = Page(
    path=DOCS / "stores.md",
    title="Lost and damaged stores, one by one",
    introduction=(
        "Each line is something that was done to the stores of a running installation, in real"
        " files, before somebody's next list was asked for or its night came. Where no words stand,"
        " nobody had to do anything. Elsewhere the person reads them and `GET /health` gives the"
        " reason, until an operator has put it right. Wanted is the next list after that, with"
        " nothing in it that was given before, an exact history, one full playlist, told once."
        " Written by `make matrices`."
    ),
    counted="losses",
    columns=("The person reads", "/health", "Then", "After", "Repeats", "History"),
    names=[point.name for point in POINTS],
)
