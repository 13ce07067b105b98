"""From the bot's link to a linked account: to Spotify, back, and the named confirmation.

The authorization code flow with PKCE, as routes. Their looks are ``vibe_oauth.pages``', what
happens at each step is ``authorization.AccountLinking``.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from vibe_oauth.pages import Page, Pages
from vibe_oauth.request_info import language_of, only_looks, sent_from_elsewhere
from vibe_oauth.services import OAuthServices
from vibe_pipeline.accounts.records import Account
from vibe_pipeline.authorization import AccountLinking, Linked, Refused
from vibe_pipeline.locales import moment

LONGEST_FORM = 4096


@dataclass(frozen=True, slots=True)
class ConsentFlow:
    """The routes a person walks through."""

    services: OAuthServices
    pages: Pages

    @property
    def linking(self) -> AccountLinking:
        """What the routes take people through."""
        return self.services.linking

    async def start(self, request: Request) -> Response:
        """The link from the chat: on to Spotify's consent page.

        What merely looks at the link, as chat programs do for a preview, does not use it up, nor
        does an answer that says "later".
        """
        if only_looks(request):
            return self._page(Page.PREVIEW, language_of(request))
        if self.linking.accounts is None:
            return self._page(Page.MISCONFIGURED, language_of(request))
        link = request.path_params["link"]
        account = self.linking.whose(link)
        if account is not None and (resting := self.linking.resting(account)):
            return await self._refusal(request, resting)
        account = self.linking.follow(link)
        if account is None:
            return self._page(Page.UNUSABLE, language_of(request))
        address = self.linking.spotify_address(account.user_id)
        return RedirectResponse(address, HTTPStatus.SEE_OTHER)

    async def callback(self, request: Request) -> Response:
        """Spotify sends the person back here, with a code or without.

        The address is good for one look; one that is only previewed stays good.
        """
        if only_looks(request):
            return self._page(Page.PREVIEW, language_of(request))
        outcome = await self.linking.came_back(request.query_params)
        if isinstance(outcome, Refused):
            return await self._refusal(request, outcome)
        held = self.linking.hold(outcome)
        if isinstance(held, Refused):
            return await self._refusal(request, held)
        return self.pages.confirmation(outcome, held)

    async def confirm(self, request: Request) -> Response:
        """The person has seen both names and says yes; who says it twice reads the same again."""
        token = await _own_token(request)
        confirmed = self.linking.claim(token)
        if confirmed is None:
            before = self.linking.linked_before(token)
            if before is None:
                return self._page(Page.UNUSABLE, language_of(request))
            return await self._connected(before)
        outcome = self.linking.link(confirmed)
        if isinstance(outcome, Refused):
            return await self._refusal(request, outcome)
        page = await self._connected(outcome)
        page.background = BackgroundTask(
            self.linking.begin_first_preparation, outcome.account.user_id
        )
        return page

    async def decline(self, request: Request) -> Response:
        """The person says no: what Spotify gave is thrown away."""
        declined = self.linking.claim(await _own_token(request))
        if declined is None:
            return self._page(Page.UNUSABLE, language_of(request))
        return await self._answer(Page.DECLINED, declined.account)

    async def _connected(self, linked: Linked) -> Response:
        return await self._answer(
            Page.CONNECTED,
            linked.account,
            spotify=linked.spotify_name,
            telegram=linked.account.telegram_name,
        )

    async def _refusal(self, request: Request, refused: Refused) -> Response:
        page, account = Page(refused.reason), refused.account
        if account is None:
            return self._page(page, language_of(request))
        if refused.until is None:
            return await self._answer(page, account)
        until = moment(account.language, refused.until, account.zone)
        return await self._answer(page, account, until=until)

    async def _answer(self, page: Page, account: Account, **blanks: object) -> Response:
        """A page for somebody we know, in their language, with the way back to the chat."""
        telegram_url = await self.services.bot.url()
        return self.pages.message(page, account.language, telegram_url=telegram_url, **blanks)

    def _page(self, page: Page, language: str) -> Response:
        return self.pages.message(page, language)


async def _own_token(request: Request) -> str:
    """The form's one field, where the form is ours and no longer than we would ever send."""
    if sent_from_elsewhere(request):
        return ""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return ""
    fields = parse_qs(body.decode("ascii", errors="replace"))
    return fields.get("token", [""])[0]
