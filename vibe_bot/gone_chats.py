"""Whether nobody can be reached in a chat any more, by whichever error Telegram says so.

Telegram's wrapping differs with how a chat was lost: blocked, deleted, upgraded, never begun. What
follows from it is each caller's own.
"""

from __future__ import annotations

import re

from telegram.error import BadRequest, ChatMigrated, Forbidden

_GONE = re.compile(
    r"chat not found|user not found|peer_id_invalid|user is deactivated|user_is_deactivated"
    r"|bot was (blocked|kicked)|input_user_deactivated|chat was (deleted|upgraded)"
    r"|chat_id_invalid|not a member|chat_write_forbidden",
    re.IGNORECASE,
)


def chat_is_gone(error: BaseException) -> bool:
    """Whether this says that whoever was written to is not there any more."""
    if isinstance(error, Forbidden | ChatMigrated):
        return True
    return isinstance(error, BadRequest) and _GONE.search(error.message) is not None
