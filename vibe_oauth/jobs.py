"""The nightly trigger from outside, for those who keep time with cron: behind a bearer token.

Who is due is decided in ``vibe_pipeline.nightly``, as for Dagster's own schedule.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vibe_oauth.operator_token import OperatorDoor, too_often
from vibe_oauth.rate_limit import RateLimit
from vibe_oauth.services import OAuthServices
from vibe_pipeline import nightly, runs
from vibe_pipeline.accounts.records import Account, Edition, EditionState
from vibe_pipeline.clients.errors import ServiceError
from vibe_pipeline.playlists.paused_nights import tell_of_pause

log = structlog.get_logger()

AT_ONCE = 4
"""Launches asked of Dagster side by side."""
KNOWN_A_MINUTE = 30
RUNS_OF_A_NIGHT = 100
"""More than a night is ever begun and gone on with."""


@dataclass(slots=True)
class TriggerResult:
    """What became of everybody."""

    launched: dict[str, dict[str, str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As the caller reads it."""
        return {"launched": self.launched, "skipped": self.skipped, "failed": self.failed}


@dataclass(frozen=True, slots=True, kw_only=True)
class NightDecision:
    """What is to become of one person's night now: its list is begun, or ``reason`` says why not.

    ``rests_until``: it would be begun if Spotify were not to be left alone until then.
    """

    due: nightly.Due | None = None
    attempt: int = 1
    reason: str = ""
    rests_until: datetime | None = None


class NightlyTrigger:
    """Launches everybody's nightly list, once per person and local date."""

    def __init__(self, services: OAuthServices, door: OperatorDoor) -> None:
        self._services, self._door = services, door
        self._one_round = asyncio.Lock()
        self._known = RateLimit(burst=KNOWN_A_MINUTE, period=timedelta(minutes=1))

    async def run_nightly(self, request: Request) -> Response:
        """Begin a list for everybody whose night has come; one person's trouble stops nobody."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        outcome = TriggerResult()
        async with self._one_round:
            await self._for_everybody(self._begin, outcome)
        log.info("nightly round", **{name: len(who) for name, who in outcome.as_json().items()})
        nobody = bool(outcome.failed) and not outcome.launched
        status = HTTPStatus.BAD_GATEWAY if nobody else HTTPStatus.OK
        return JSONResponse(outcome.as_json(), status)

    async def dry_run(self, request: Request) -> Response:
        """Who would get a list now, and who not and why; begins nothing and tells nobody."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        outcome = TriggerResult()
        await self._for_everybody(self._look_at, outcome)
        skipped = outcome.skipped | dict.fromkeys(outcome.failed, "unknown")
        return JSONResponse({"would_launch": outcome.launched, "skipped": skipped})

    async def _for_everybody(
        self, step: Callable[[Account, TriggerResult], Awaitable[None]], outcome: TriggerResult
    ) -> None:
        """Take this step for each person, a few side by side."""
        places = asyncio.Semaphore(AT_ONCE)

        async def one(account: Account) -> None:
            async with places:
                try:
                    await step(account, outcome)
                except ServiceError as error:
                    log.warning("no nightly list", user_id=account.user_id, reason=str(error))
                    outcome.failed[account.user_id] = str(error)
                except Exception:
                    log.exception("cannot tell whether a night has come", user_id=account.user_id)
                    outcome.failed[account.user_id] = "unexpected"

        async with asyncio.TaskGroup() as tasks:
            for account in self._services.store.people.all():
                tasks.create_task(one(account))

    def _refusal(self, request: Request) -> Response | None:
        """The answer to who may not ask, or asks too often."""
        refusal = self._door.refusal(request)
        if refusal is not None:
            return refusal
        wait = self._known.retry_after(self._services.now())
        if wait is None:
            return None
        log.warning("nightly trigger asked too often")
        return too_often(wait)

    async def _begin(self, account: Account, outcome: TriggerResult) -> None:
        """Launch this person's list if it is to be begun now; else say why not."""
        night = await self._night(account)
        if night.due is None or night.reason:
            self._tell(night)
            outcome.skipped[account.user_id] = night.reason
            return
        vibe_date, dagster = night.due.vibe_date, self._services.dagster
        await dagster.add_user(account.user_id)
        launch = runs.LaunchRequest.nightly(account.user_id, vibe_date, attempt=night.attempt)
        run_id = await dagster.launch(launch)
        outcome.launched[account.user_id] = {"vibe_date": str(vibe_date), "run_id": run_id}

    def _tell(self, night: NightDecision) -> None:
        """Whoever gets nothing since Spotify rests hears so, once."""
        waiting, store = [] if night.due is None else [night.due], self._services.store
        tell_of_pause(store, waiting, blocked_until=night.rests_until)

    async def _look_at(self, account: Account, outcome: TriggerResult) -> None:
        """The same without launching or telling."""
        night = await self._night(account)
        if night.due is None or night.reason:
            outcome.skipped[account.user_id] = night.reason
        else:
            told = {"vibe_date": str(night.due.vibe_date), "occasion": night.due.occasion}
            outcome.launched[account.user_id] = told

    async def _night(self, account: Account) -> NightDecision:
        """Whether a list is to be begun, decided as the schedule does."""
        due = self._due(account, self._services.now())
        if due is None:
            return NightDecision(reason=self._why_not(account, self._services.now()))
        attempts = await self._attempts(due)
        blocked_until = self._services.store.budget.blocked_until("spotify")
        plan = nightly.tonight([due], lambda _: attempts, blocked_until=blocked_until)
        if plan.begun:
            return NightDecision(due=due, attempt=attempts.next)
        if plan.waiting:
            return NightDecision(due=due, reason="spotify_rests", rests_until=blocked_until)
        if attempts.under_way:
            return NightDecision(reason="under_way")
        return NightDecision(reason="called_off" if attempts.called_off else "given_up")

    def _due(self, account: Account, now: datetime) -> nightly.Due | None:
        """The list that is due to this person, if one is.

        Calling this address says that the night has come, so somebody who connected after today's
        hour gets today's list too; an hour that is still to come, or was set when it had passed,
        is kept to.
        """
        editions_of = self._services.store.editions.of_day
        for item in nightly.due([account], editions_of, now):
            return item
        agreed_before = replace(account, consented_at=None)
        for item in nightly.due([agreed_before], editions_of, now):
            if item.vibe_date == nightly.local_date(account, now):
                return replace(item, account=account)
        return None

    def _why_not(self, account: Account, now: datetime) -> str:
        """Why nothing is due to this person, in one word."""
        if not account.connected:
            return "not_connected"
        if not account.active:
            return "inactive"
        if account.nightly_at is None:
            return "nightly_off"
        edition = self._last_night(account, now)
        if edition is None:
            return "not_yet"
        if edition.state is EditionState.RECORDED:
            return "made"
        return "under_way" if edition.cause is None else edition.cause.value

    def _last_night(self, account: Account, now: datetime) -> Edition | None:
        """What was begun for the night that came last."""
        known_long = replace(account, consented_at=None, nightly_set_at=None)
        vibe_date = nightly.vibe_date_due(known_long, now)
        if vibe_date is None:
            return None
        occasion = runs.nightly_occasion(vibe_date)
        return self._services.store.editions.of_occasion(account.user_id, occasion)

    async def _attempts(self, due: nightly.Due) -> nightly.Attempts:
        """The runs there were for this night."""
        tags = runs.occasion_tags(due.account.user_id, due.occasion)
        begun = await self._services.dagster.runs(tags=tags, limit=RUNS_OF_A_NIGHT)
        under_way = any(not run.ended for run in begun)
        return nightly.Attempts(
            made=sum(not runs.is_continuation(run.tags) for run in begun),
            under_way=under_way,
            next=runs.next_attempt([run.tags for run in begun]),
            called_off=not under_way and bool(begun) and begun[0].called_off,
        )
