"""The crash matrix: who is killed when, and what there must be afterwards.

Without anybody doing anything: one playlist per edition, none empty, the history exact, and the
person told once, with no message left that promises what has come or never will.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass

from tests.matrices.crash_site import (
    LOOK_FAST_SECONDS,
    CrashPoint,
    Held,
    Site,
    failure,
    seconds_until,
    unfinished,
)
from tests.matrices.outcomes import DOCS, Outcome, Page
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account, EditionKind, EditionState
from vibe_pipeline.commands.processes import BOT, CODE_SERVER, DAEMON, OAUTH, WEBSERVER
from vibe_pipeline.demo.demo_user import DemoUser, connect_link
from vibe_pipeline.records import Mode

SLOW_SECONDS = 1.5
_LIST_RUNS = (runs.DAILY_VIBE, runs.PUBLISH_PREVIEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When somebody dies: while a call of theirs hangs, after an event, or at once.

    ``state``: the ledger stands there by then. ``asset`` and ``step``: the run has just told of it.
    ``slow``: Spotify takes its time meanwhile.
    """

    name: str
    state: EditionState = EditionState.STARTED
    held: Held | None = None
    asset: str | None = None
    step: str | None = None
    slow: bool = False

    async def come(self, site: Site, account: Account, job: str = runs.DAILY_VIBE) -> None:
        """Wait for it."""
        if self.asset is not None:
            which, event = {"asset_key": f'["{self.asset}"]'}, "ASSET_MATERIALIZATION"
        elif self.step is not None:
            which, event = {"step_key": self.step}, "STEP_SUCCESS"
        else:
            await site.stands_at(account, self.state)
            if self.held is not None:
                await site.hangs(self.held)
            return
        await site.until(
            lambda: site.happened(account, job, event, **which), every=LOOK_FAST_SECONDS
        )


def _spotify(endpoint: str, *, applied: bool = False) -> Held:
    return Held(service="spotify", endpoint=endpoint, applied=applied)


def _telegram(method: str, *, applied: bool = False) -> Held:
    return Held(service="telegram", endpoint=f"POST {method}", applied=applied)


_MADE, _WRITING = "POST /me/playlists", "PUT /playlists/{id}/items"
WRITTEN = Moment(
    name="written, not heard of",
    state=EditionState.PLAYLIST_MADE,
    held=_spotify(_WRITING, applied=True),
)
STAGES = (
    Moment(name="reading likes", held=_spotify("GET /me/tracks")),
    Moment(name="making the playlist", state=EditionState.CHOSEN, held=_spotify(_MADE)),
    Moment(
        name="made, not heard of",
        state=EditionState.CHOSEN,
        held=_spotify(_MADE, applied=True),
    ),
    Moment(name="writing items", state=EditionState.PLAYLIST_MADE, held=_spotify(_WRITING)),
    WRITTEN,
    Moment(name="recording", state=EditionState.ITEMS_WRITTEN),
)
BOUNDARIES = (
    *(Moment(name=f"after {key}", asset=key) for key in ("liked_tracks", "recent_plays")),
    *(Moment(name=f"after {key}", asset=key) for key in ("top_items", "seed_profile")),
    Moment(name="after candidates", step="candidates"),
    *(Moment(name=f"after {key}", asset=key) for key in ("ranked_selection", "published_playlist")),
    Moment(name="after recommendation_history", asset="recommendation_history"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCrash:
    """A newcomer's first list: the run worker dies, or parts of the installation, or all.

    Where the one that dies is the bot, ``moment`` may be a call to Telegram. ``before``: the parts
    die, and then the list is asked for.
    """

    moment: Moment
    mode: Mode
    nightly: bool
    worker: bool = True
    parts: tuple[str, ...] = ()
    before: bool = False

    @property
    def name(self) -> str:
        """As the table shows it."""
        who = ["run worker"] if self.worker else []
        killed = ", ".join([*who, *(part.removeprefix("Dagster ") for part in self.parts)])
        asked = "night" if self.nightly else "asked"
        return f"{asked}, {self.mode}: {killed}, {self.moment.name}"

    async def play(self, site: Site) -> Outcome:
        """Ask, kill, and see."""
        person = await site.newcomer(self.mode, nightly=self.nightly)
        account, before = site.account(person), await site.last_message(person)
        if self.moment.held is not None:
            await site.hold(person, self.moment.held)
        if self.moment.slow:
            await site.order("latency", service="spotify", seconds=SLOW_SECONDS)
        if self.before:
            self._kill(site, account)
            await self._ask(site, person)
        else:
            await self._ask(site, person)
            await self.moment.come(site, account)
            self._kill(site, account)
        await site.release()
        seconds = await seconds_until(lambda: _told(site, person, account, before))
        site.store.people.change(account.user_id, nightly_at=None)
        await site.well()
        return await self._outcome(site, person, before, seconds)

    async def _ask(self, site: Site, person: DemoUser) -> None:
        if self.nightly:
            await site.trigger_night()
        else:
            await person.types("/generate")

    def _kill(self, site: Site, account: Account) -> None:
        if self.worker:
            site.kill_worker(account, *_LIST_RUNS)
        for part in self.parts:
            site.kill_part(part)

    async def _outcome(self, site: Site, person: DemoUser, before: int, seconds: float) -> Outcome:
        account, playlists = site.account(person), await site.playlists(person)
        begun = site.store.editions.history(account.user_id)
        lists = [edition for edition in begun if edition.kind is EditionKind.DAILY]
        chosen = len(lists[0].tracks) if lists else 0
        remembered = await site.remembered(account.user_id)
        said = await site.said_since(person, before)
        told, words = await site.told_lists(person, before), [one["text"][:80] for one in said]
        wanted = {
            "recorded": bool(lists) and lists[0].state is EditionState.RECORDED,
            "one edition": len(lists) == 1,
            "one full playlist": playlists == [chosen] and chosen > 0,
            "history exact": remembered == chosen,
            "told once": told == 1,
            f"nothing else said: {words}": len(said) == 1 and not any(map(unfinished, said)),
        }
        return _outcome(self.name, wanted, seconds, playlists, remembered, told)


async def _told(site: Site, person: DemoUser, account: Account, before: int) -> bool:
    """Whether the list is recorded and told, and no run of it is under way."""
    edition = site.edition(account)
    recorded = edition is not None and edition.state is EditionState.RECORDED
    over = recorded and not site.at_work(account) and not site.untold(account)
    said = await site.said_since(person, before) if over else []
    told = await site.told_lists(person, before) if over else 0
    return told > 0 and not any(map(unfinished, said))


def _outcome(
    name: str,
    wanted: dict[str, bool],
    seconds: float,
    playlists: list[int],
    remembered: int,
    told: int,
) -> Outcome:
    seen = {
        "Done after": f"{seconds:.0f} s",
        "Playlists": " ".join(map(str, playlists)) or "none",
        "History": str(remembered),
        "Told": str(told),
    }
    troubles = [what for what, holds in wanted.items() if not holds]
    return Outcome(name=name, seen=seen, troubles=troubles)


@dataclass(frozen=True, slots=True, kw_only=True)
class WishCrash:
    """Something else that was asked for in the chat; the worker of its run dies.

    ``lists`` were made before. Afterwards the playlists hold ``playlists`` lists, and so many are
    remembered.
    """

    words: str
    job: str
    moment: Moment
    lists: int
    playlists: int
    remembered: int
    tap: bool = False
    mode: Mode = Mode.LIVING

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{self.words}, {self.mode}, {self.lists} lists: run worker, {self.moment.name}"

    async def play(self, site: Site) -> Outcome:
        """Ask, kill, and see."""
        person = await site.newcomer(self.mode)
        for _ in range(self.lists):
            await site.has_a_list(person)
        account, before = site.account(person), await site.last_message(person)
        if self.moment.held is not None:
            await site.hold(person, self.moment.held)
        await person.types(self.words)
        await site.until(lambda: site.started(account, self.job), every=LOOK_FAST_SECONDS)
        await self._come(site, account)
        site.kill_worker(account, self.job)
        await site.release()
        seconds = await seconds_until(lambda: _answered(site, person, account, before))
        return await self._outcome(site, person, before, seconds)

    async def _come(self, site: Site, account: Account) -> None:
        if self.moment.asset is not None or self.moment.step is not None:
            await self.moment.come(site, account, self.job)
        elif self.moment.held is not None:
            await site.hangs(self.moment.held)

    async def _outcome(self, site: Site, person: DemoUser, before: int, seconds: float) -> Outcome:
        account, playlists = site.account(person), await site.playlists(person)
        size, said = account.playlist_size, await site.said_since(person, before)
        remembered = await site.remembered(account.user_id)
        words = [one for one in said if one["file"] is None]
        wanted = {
            "playlists as wished": playlists == [size] * self.playlists,
            "history exact": remembered == size * self.remembered,
            "told once": len(words) == 1 and not any(map(unfinished, words)),
            "not told that it failed": not any(map(failure, words)),
        }
        return _outcome(self.name, wanted, seconds, playlists, remembered, len(words))


async def _answered(site: Site, person: DemoUser, account: Account, before: int) -> bool:
    """Whether something final was said, and nothing is under way."""
    if site.at_work(account) or site.store.watches.open(account.user_id):
        return False
    said = await site.said_since(person, before)
    return bool(said) and not any(map(unfinished, said))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCrash:
    """The OAuth service dies while somebody connects, who tries once more where that failed."""

    name: str
    held: Held | None = None

    async def play(self, site: Site) -> Outcome:
        """Connect, kill, and see."""
        person = await site.arrived()
        asked = await person.types("/connect")
        offered = await person.sees(
            "a link", lambda one: connect_link(one) is not None, since=asked, within=30
        )
        link, before = str(connect_link(offered)), offered["message_id"]
        if self.held is not None:
            before = await self._try_twice(site, person, link, self.held)
        else:
            await person.consents(link)
            site.kill_part(OAUTH)
        account = site.account(person)

        async def connected() -> bool:
            prepared = site.runs(account, job=runs.PREPARE_FIRST_VIBE) > 0
            return prepared and bool(await site.said_since(person, before))

        seconds = await seconds_until(connected)
        await site.well()
        account, said = site.account(person), await site.said_since(person, before)
        wanted = {
            "connected": account.connected,
            "likes read once": site.runs(account, job=runs.PREPARE_FIRST_VIBE) == 1,
            "told once": len(said) == 1,
        }
        return _outcome(self.name, wanted, seconds, [], 0, len(said))

    async def _try_twice(self, site: Site, person: DemoUser, link: str, held: Held) -> int:
        """The browser gets no answer; the person asks for another link."""
        await site.hold(person, held)
        consenting = asyncio.create_task(person.consents(link))
        await site.hangs(held)
        site.kill_part(OAUTH)
        await asyncio.gather(consenting, return_exceptions=True)
        await site.release()
        await site.well()
        asked = await person.types("/connect")
        offered = await person.sees(
            "a link", lambda one: connect_link(one) is not None, since=asked, within=30
        )
        await person.consents(str(connect_link(offered)))
        return int(offered["message_id"])


_LIST_WAYS = tuple(itertools.product((False, True), Mode))
PARTS = (WEBSERVER, DAEMON, CODE_SERVER, BOT, OAUTH)
_ASKING = Moment(name="as it is asked for")
AT_WORK = Moment(name="at work", state=EditionState.CHOSEN, slow=True)
_TOLD = Moment(
    name="told, not heard of",
    state=EditionState.RECORDED,
    held=_telegram("sendMessage", applied=True),
)


def _part(part: str, moment: Moment, *, nightly: bool = False, before: bool = False) -> ListCrash:
    return ListCrash(
        moment=moment,
        mode=Mode.LIVING,
        nightly=nightly,
        worker=False,
        parts=(part,),
        before=before,
    )


WORKER_POINTS = tuple(
    ListCrash(moment=moment, mode=mode, nightly=nightly)
    for (nightly, mode), moment in itertools.product(_LIST_WAYS, (*STAGES, *BOUNDARIES))
)
PART_POINTS = (
    *(_part(part, _ASKING, before=True) for part in (WEBSERVER, DAEMON, CODE_SERVER, BOT)),
    *(_part(part, AT_WORK) for part in (WEBSERVER, DAEMON, CODE_SERVER, BOT)),
    *(_part(part, AT_WORK, nightly=True) for part in (WEBSERVER, DAEMON, CODE_SERVER, BOT, OAUTH)),
    _part(BOT, Moment(name="answering", held=_telegram("sendMessage"))),
    _part(BOT, Moment(name="answered, not heard of", held=_telegram("sendMessage", applied=True))),
    _part(BOT, Moment(name="just begun")),
    _part(BOT, Moment(name="as the list is there", state=EditionState.RECORDED)),
    _part(BOT, _TOLD, nightly=True),
    _part(
        BOT,
        Moment(name="telling", state=EditionState.RECORDED, held=_telegram("sendMessage")),
        nightly=True,
    ),
    *(
        ListCrash(moment=WRITTEN, mode=mode, nightly=nightly, parts=PARTS)
        for nightly, mode in _LIST_WAYS
    ),
)
_UNDO, _PREVIEW, _SYNC, _EXPORT = "/undo", "/preview", "/sync", "/export"


def _undo(held: Held, name: str, *, lists: int, left: int, mode: Mode = Mode.LIVING) -> WishCrash:
    return WishCrash(
        words=_UNDO,
        job=runs.RESTORE_EDITION,
        moment=Moment(name=name, held=held),
        lists=lists,
        playlists=left,
        remembered=lists - 1,
        mode=mode,
    )


def _preview(moment: Moment) -> WishCrash:
    return WishCrash(
        words=_PREVIEW,
        job=runs.PREVIEW_VIBE,
        moment=moment,
        lists=0,
        playlists=0,
        remembered=0,
    )


WISH_POINTS = (
    _undo(_spotify(_WRITING), "writing", lists=2, left=1),
    _undo(_spotify(_WRITING, applied=True), "written, not heard of", lists=2, left=1),
    _undo(_spotify("DELETE /me/library"), "removing", lists=1, left=0),
    _undo(_spotify("DELETE /me/library", applied=True), "removed, not heard of", lists=1, left=0),
    _preview(STAGES[0]),
    _preview(BOUNDARIES[2]),
    _preview(BOUNDARIES[4]),
    _preview(BOUNDARIES[5]),
    WishCrash(
        words=_SYNC,
        job=runs.SYNC_LIBRARY,
        moment=STAGES[0],
        lists=0,
        playlists=0,
        remembered=0,
    ),
    WishCrash(
        words=_EXPORT,
        job=runs.EXPORT_PERSON,
        moment=Moment(name="begun"),
        lists=1,
        playlists=1,
        remembered=1,
    ),
)
_TOKEN = Held(service="spotify_accounts", endpoint="POST /api/token", applied=True)
LINK_POINTS = (
    LinkCrash(name="/connect: OAuth service, as somebody is connected"),
    LinkCrash(name="/connect: OAuth service, asking for tokens", held=_TOKEN),
)
POINTS: tuple[CrashPoint, ...] = (*WORKER_POINTS, *PART_POINTS, *WISH_POINTS, *LINK_POINTS)
PAGE = Page(
    path=DOCS / "crashes.md",
    title="Crashes, one by one",
    introduction=(
        "Each line is a `kill -9` in a whole installation: who died, and at which moment. Then"
        " nobody did anything. Wanted is one playlist per list, none empty, the history exact, the"
        ' person told once, and no message left that promises what has come or never will. "Done'
        ' after" counts from the kill. Written by `make matrices`.'
    ),
    counted="crashes",
    columns=("Done after", "Playlists", "History", "Told"),
    names=[point.name for point in POINTS],
)
