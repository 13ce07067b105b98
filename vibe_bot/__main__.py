"""``python -m vibe_bot``: the bot as a process, from the environment to a clean stop.

Settings are read and services opened here, once; nothing else of the bot looks at the environment.
"""

from __future__ import annotations

import asyncio
import sys

import structlog

from vibe_bot.lifecycle import run
from vibe_bot.poller import AlreadyPolling, single_poller
from vibe_bot.polls import PollingEnded, TokenRefused
from vibe_pipeline.accounts.errors import AccountsUnreadable
from vibe_pipeline.accounts.store import set_up
from vibe_pipeline.installation.home import make_private
from vibe_pipeline.logs import configure_logging
from vibe_pipeline.settings import Settings, SettingsInvalid, read_settings

log = structlog.get_logger()

WRONG_SET_UP, DEAF = 2, 1
NO_BOT = (
    "TELEGRAM_BOT_TOKEN is not set; ask @BotFather in Telegram for a bot and put its token into"
    " .env."
)

_CANNOT_BEGIN = (
    SettingsInvalid,
    AlreadyPolling,
    AccountsUnreadable,
    TokenRefused,
    OSError,
)


def main() -> int:
    """Run until told to stop.

    0 then; 2 with a sentence when we cannot even begin, 1 when we had better begin anew.
    """
    try:
        settings = read_settings()
        token = _token(settings)
        configure_logging(settings.log_format, secrets=settings.secrets)
        make_private(settings.home)
        with single_poller(settings.home):
            set_up(settings)
            asyncio.run(run(settings, token))
    except _CANNOT_BEGIN as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_SET_UP
    except PollingEnded as error:
        sys.stderr.write(f"{error}\n")
        return DEAF
    return 0


def _token(settings: Settings) -> str:
    if settings.telegram_bot_token is None:
        raise SettingsInvalid(NO_BOT)
    return settings.telegram_bot_token.get_secret_value()


if __name__ == "__main__":
    sys.exit(main())
