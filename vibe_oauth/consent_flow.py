"""From the bot's link to a linked account: to Spotify, back, and the named confirmation.

The authorization code flow with PKCE, as pages. Their looks are ``vibe_oauth.pages``'.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vibe_oauth.links import Links
from vibe_oauth.pages import Page, Pages
from vibe_oauth.request_info import language_of, only_looks, sent_from_elsewhere
from vibe_oauth.services import OAuthServices
from vibe_pipeline.accounts.errors import SpotifyAccountTaken, UnknownPerson
from vibe_pipeline.accounts.records import Account, PendingConnection
from vibe_pipeline.authorization import ScopesMissing, complete_consent, link_account
from vibe_pipeline.clients.errors import (
    KeyRefused,
    NotAllowlisted,
    OwnerNotPremium,
    RateLimited,
    ServiceError,
    ServiceUnavailable,
)
from vibe_pipeline.locales import moment
from vibe_pipeline.records import UserId
from vibe_pipeline.runs import LaunchRequest

log = structlog.get_logger()

LONGEST_FORM = 4096


@dataclass(frozen=True, slots=True)
class ConsentFlow:
    """The routes a person walks through."""

    services: OAuthServices
    pages: Pages
    links: Links

    async def start(self, request: Request) -> Response:
        """The link from the chat: on to Spotify's consent page.

        What merely looks at the link, as chat programs do for a preview, does not use it up.
        """
        consent = self.services.consent
        if only_looks(request):
            return self._page(Page.PREVIEW, language_of(request))
        if consent is None:
            return self._page(Page.MISCONFIGURED, language_of(request))
        begun = self.links.begin(request.path_params["link"])
        if begun is None:
            return self._page(Page.UNUSABLE, language_of(request))
        blocked_until = self.services.store.budget.blocked_until("spotify")
        if blocked_until is not None:
            limit = RateLimited("spotify", "resting", until=blocked_until)
            return await self._refusal(limit, begun.account)
        address = consent.authorize_url(state=begun.state, challenge=begun.challenge)
        return RedirectResponse(address, HTTPStatus.SEE_OTHER)

    async def callback(self, request: Request) -> Response:
        """Spotify sends the person back here, with a code or without."""
        query = request.query_params
        returned = self.links.come_back(query.get("state", ""))
        if returned is None or self.services.consent is None:
            return self._page(Page.UNUSABLE, language_of(request))
        if query.get("error") == "access_denied":
            return await self._told(Page.REFUSED, returned.account)
        if "error" in query or not query.get("code"):
            log.warning("spotify sent nobody's code", user_id=returned.account.user_id)
            return await self._told(Page.FAILED, returned.account)
        try:
            pending = await complete_consent(
                self.services.consent,
                self.services.profile,
                consent=returned.consent,
                code=query["code"],
                now=self.services.now,
            )
        except ServiceError as error:
            return await self._refusal(error, returned.account)
        except ScopesMissing:
            return await self._told(Page.SCOPES_MISSING, returned.account)
        return self.pages.confirmation(returned.account, pending, self.links.hold(pending))

    async def confirm(self, request: Request) -> Response:
        """The person has seen both names and says yes."""
        claimed = await self._claimed(request)
        if claimed is None:
            return self._page(Page.UNUSABLE, language_of(request))
        account, pending = claimed
        spotify_name = pending.spotify_name or pending.spotify_account_id
        try:
            link_account(self.services.store, pending)
            log.info("connected", user_id=pending.user_id)
        except SpotifyAccountTaken:
            return await self._told(Page.TAKEN, account)
        except UnknownPerson:
            return self._page(Page.UNUSABLE, language_of(request))
        page = self.pages.message(
            Page.CONNECTED,
            account.language,
            telegram_url=await self.services.bot.url(),
            spotify=spotify_name,
            telegram=account.telegram_name,
        )
        page.background = BackgroundTask(self._begin_sync, account.user_id)
        return page

    async def decline(self, request: Request) -> Response:
        """The person says no: what Spotify gave is thrown away."""
        claimed = await self._claimed(request)
        if claimed is None:
            return self._page(Page.UNUSABLE, language_of(request))
        return await self._told(Page.DECLINED, claimed[0])

    async def _claimed(self, request: Request) -> tuple[Account, PendingConnection] | None:
        if sent_from_elsewhere(request):
            return None
        return self.links.claim(await _form_token(request))

    async def _begin_sync(self, user_id: UserId) -> None:
        """Read the library while the person goes back to the chat; a list would do it too."""
        try:
            await self.services.dagster.add_user(user_id)
            await self.services.dagster.launch(LaunchRequest.first_sync(user_id))
        except ServiceError as error:
            log.warning("first sync not launched", user_id=user_id, reason=str(error))

    async def _refusal(self, error: ServiceError, account: Account) -> Response:
        log.warning("not connected", user_id=account.user_id, reason=str(error))
        if isinstance(error, RateLimited):
            until = moment(account.language, error.until, ZoneInfo(account.timezone))
            return await self._told(Page.LIMITED, account, until=until)
        return await self._told(_page_for(error), account)

    async def _told(self, page: Page, account: Account, **blanks: object) -> Response:
        """A page for somebody we know, in their language, with the way back to the chat."""
        telegram_url = await self.services.bot.url()
        return self.pages.message(page, account.language, telegram_url=telegram_url, **blanks)

    def _page(self, page: Page, language: str) -> Response:
        return self.pages.message(page, language)


def _page_for(error: ServiceError) -> Page:
    match error:
        case NotAllowlisted():
            return Page.NOT_ALLOWLISTED
        case OwnerNotPremium():
            return Page.OWNER_NOT_PREMIUM
        case KeyRefused():
            return Page.MISCONFIGURED
        case ServiceUnavailable():
            return Page.UNAVAILABLE
        case _:
            return Page.FAILED


async def _form_token(request: Request) -> str:
    """The form's one field; anything longer than we would ever send is left unread."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return ""
    fields = parse_qs(body.decode("ascii", errors="replace"))
    return fields.get("token", [""])[0]
