"""The nightly trigger from outside, for those who keep time with cron: behind a bearer token.

Who is due is decided in ``vibe_pipeline.nightly``, as for Dagster's own schedule.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from http import HTTPStatus
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vibe_oauth.operator_token import OperatorDoor, too_often
from vibe_oauth.rate_limit import RateLimit
from vibe_oauth.services import OAuthServices
from vibe_pipeline import nightly, runs
from vibe_pipeline.accounts.records import Account, EditionState
from vibe_pipeline.clients.errors import ServiceError

log = structlog.get_logger()

AT_ONCE = 4
"""Launches asked of Dagster side by side."""
KNOWN_A_MINUTE = 30


@dataclass(slots=True)
class TriggerResult:
    """What became of everybody."""

    launched: dict[str, dict[str, str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As the caller reads it."""
        return {"launched": self.launched, "skipped": self.skipped, "failed": self.failed}


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
        outcome, places = TriggerResult(), asyncio.Semaphore(AT_ONCE)

        async def one(account: Account) -> None:
            async with places:
                try:
                    await self._begin(account, outcome)
                except Exception:
                    log.exception("cannot tell whether a night has come", user_id=account.user_id)
                    outcome.failed[account.user_id] = "unexpected"

        async with self._one_round, asyncio.TaskGroup() as tasks:
            for account in self._services.store.people.all():
                tasks.create_task(one(account))
        log.info("nightly round", **{name: len(who) for name, who in outcome.as_json().items()})
        nobody = bool(outcome.failed) and not outcome.launched
        status = HTTPStatus.BAD_GATEWAY if nobody else HTTPStatus.OK
        return JSONResponse(outcome.as_json(), status)

    async def dry_run(self, request: Request) -> Response:
        """Who would get a list now, and who not and why; begins nothing."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        would, skipped = {}, {}
        now = self._services.now()
        for account in self._services.store.people.all():
            try:
                vibe_date, reason = self._vibe_date(account, now)
            except (ArithmeticError, LookupError, TypeError, ValueError):
                log.exception("cannot tell whether a night has come", user_id=account.user_id)
                vibe_date, reason = None, "unreadable"
            if vibe_date is None:
                skipped[account.user_id] = reason
            else:
                occasion = runs.nightly_occasion(vibe_date)
                would[account.user_id] = {"vibe_date": str(vibe_date), "occasion": occasion}
        return JSONResponse({"would_launch": would, "skipped": skipped})

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
        user_id = account.user_id
        vibe_date, reason = self._vibe_date(account, self._services.now())
        if vibe_date is None:
            outcome.skipped[user_id] = reason
            return
        try:
            run_id = await self._launch(account, vibe_date)
        except ServiceError as error:
            log.warning("nightly list not launched", user_id=user_id, reason=str(error))
            outcome.failed[user_id] = str(error)
            return
        if run_id is None:
            outcome.skipped[user_id] = "under_way"
        else:
            outcome.launched[user_id] = {"vibe_date": str(vibe_date), "run_id": run_id}

    async def _launch(self, account: Account, vibe_date: date) -> str | None:
        """The run's id; ``None`` when one for this night is on its way already."""
        dagster, user_id = self._services.dagster, account.user_id
        tags = runs.occasion_tags(user_id, runs.nightly_occasion(vibe_date))
        if any(not run.ended for run in await dagster.runs(tags=tags)):
            return None
        await dagster.add_user(user_id)
        return await dagster.launch(runs.LaunchRequest.nightly(user_id, vibe_date))

    def _vibe_date(self, account: Account, now: datetime) -> tuple[date | None, str]:
        """The date to make a list for; or none, and the reason in one word.

        Calling this address says that the night has come, so somebody who connected after their
        hour gets today's list too.
        """
        if not account.connected:
            return None, "not_connected"
        if not account.active:
            return None, "inactive"
        if account.nightly_at is None:
            return None, "nightly_off"
        vibe_date = nightly.vibe_date_due(account, now) or nightly.local_date(account, now)
        occasion = runs.nightly_occasion(vibe_date)
        edition = self._services.store.editions.of_occasion(account.user_id, occasion)
        if edition is None or not nightly.settled(edition, now):
            return vibe_date, ""
        if edition.state is EditionState.RECORDED:
            return None, "made"
        return None, edition.cause.value if edition.cause is not None else "under_way"
