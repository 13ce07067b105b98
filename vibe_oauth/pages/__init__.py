"""The pages people see on the way to Spotify and back: plain HTML, in their language.

No script, nothing loaded from anywhere; the one style sheet is part of the page, and its hash is
what the content security policy lets through.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from http import HTTPStatus

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from vibe_pipeline.authorization import ToConfirm
from vibe_pipeline.locales import say

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


class Page(StrEnum):
    """Every page but the confirmation; the value is its section under ``[oauth]``."""

    PREVIEW = "preview"
    UNUSABLE = "unusable"
    REFUSED = "refused"
    FAILED = "failed"
    UNAVAILABLE = "unavailable"
    LIMITED = "limited"
    NOT_ALLOWLISTED = "not_allowlisted"
    OWNER_NOT_PREMIUM = "owner_not_premium"
    MISCONFIGURED = "misconfigured"
    SCOPES_MISSING = "scopes_missing"
    TAKEN = "taken"
    CONNECTED = "connected"
    DECLINED = "declined"
    NOT_FOUND = "not_found"
    TROUBLE = "trouble"


STATUS = {
    Page.PREVIEW: HTTPStatus.OK,
    Page.UNUSABLE: HTTPStatus.GONE,
    Page.REFUSED: HTTPStatus.OK,
    Page.FAILED: HTTPStatus.BAD_GATEWAY,
    Page.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    Page.LIMITED: HTTPStatus.SERVICE_UNAVAILABLE,
    Page.NOT_ALLOWLISTED: HTTPStatus.FORBIDDEN,
    Page.OWNER_NOT_PREMIUM: HTTPStatus.FORBIDDEN,
    Page.MISCONFIGURED: HTTPStatus.SERVICE_UNAVAILABLE,
    Page.SCOPES_MISSING: HTTPStatus.FORBIDDEN,
    Page.TAKEN: HTTPStatus.CONFLICT,
    Page.CONNECTED: HTTPStatus.OK,
    Page.DECLINED: HTTPStatus.OK,
    Page.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Page.TROUBLE: HTTPStatus.INTERNAL_SERVER_ERROR,
}

_GOOD = frozenset({Page.CONNECTED})
_PLAIN = frozenset({Page.PREVIEW, Page.DECLINED, Page.REFUSED})


@dataclass(frozen=True)
class Pages:
    """Renders pages; ``prefix`` is the path the service is published under."""

    prefix: str = ""

    def message(
        self, page: Page, language: str, *, telegram_url: str | None = None, **blanks: object
    ) -> Response:
        """A page that says one thing and shows the way on."""
        return self._answer(
            "message.html",
            language,
            STATUS[page],
            title=say(language, f"oauth.{page}.title"),
            paragraphs=say(language, f"oauth.{page}.text", **blanks).split("\n"),
            **_tone(page),
            telegram_url=telegram_url,
            back=say(language, "oauth.back"),
            close=say(language, "oauth.close"),
        )

    def confirmation(self, asked: ToConfirm, token: str) -> Response:
        """The page that names both accounts before anything is linked."""
        language = asked.account.language
        return self._answer(
            "confirm.html",
            language,
            HTTPStatus.OK,
            title=say(language, "oauth.confirm.title"),
            spotify_label=say(language, "oauth.confirm.spotify"),
            spotify_name=asked.spotify_name,
            spotify_id=asked.pending.spotify_account_id,
            telegram_label=say(language, "oauth.confirm.telegram"),
            telegram_name=asked.account.telegram_name,
            meaning=say(language, "oauth.confirm.meaning"),
            change=_change(asked),
            caution=say(language, "oauth.confirm.caution"),
            yes=say(language, "oauth.confirm.yes"),
            no=say(language, "oauth.confirm.no"),
            token=token,
            confirm_path=f"{self.prefix}/confirm",
            decline_path=f"{self.prefix}/decline",
        )

    @cached_property
    def style_hash(self) -> str:
        """What names the style sheet in the content security policy."""
        digest = hashlib.sha256(self._style.encode()).digest()
        return f"sha256-{base64.b64encode(digest).decode()}"

    @cached_property
    def _environment(self) -> Environment:
        return Environment(
            loader=PackageLoader("vibe_oauth.pages"),
            autoescape=select_autoescape(),
            undefined=StrictUndefined,
            trim_blocks=True,
        )

    @cached_property
    def _style(self) -> str:
        return self._environment.get_template("style.css").render()

    def _answer(
        self, template: str, language: str, status: HTTPStatus, **content: object
    ) -> Response:
        html = self._environment.get_template(template).render(
            language=language,
            direction="rtl" if language in RIGHT_TO_LEFT else "ltr",
            style=Markup(self._style),  # noqa: S704 - our own file, nothing of anybody's in it
            **content,
        )
        return HTMLResponse(html, status, headers={"Content-Language": language})


def _tone(page: Page) -> dict[str, str]:
    """The mark on top; signs that every font has."""
    if page in _GOOD:
        return {"tone": "good", "mark": "✓"}
    return {"tone": "plain", "mark": "–"} if page in _PLAIN else {"tone": "care", "mark": "!"}


def _change(asked: ToConfirm) -> str | None:
    if asked.former_name is None:
        return None
    return say(
        asked.account.language,
        "oauth.confirm.change",
        former=asked.former_name,
        spotify=asked.spotify_name,
    )
