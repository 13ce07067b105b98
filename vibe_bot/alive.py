"""Whether a bot polls with this home folder and gets through: ``python -m vibe_bot.alive``.

For a container's health check; ``GET /health`` of the OAuth service tells of all parts.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from vibe_bot.lifecycle import STATUS_NAME
from vibe_bot.poller import is_polled
from vibe_pipeline.installation.process_status import TROUBLE_LASTS, Troubles
from vibe_pipeline.settings import read_settings


def trouble(home: Path, *, now: datetime) -> str | None:
    """What is wrong with the bot of this home folder, in a sentence; nothing when it does well."""
    if not is_polled(home):
        return f"No bot runs with {home}."
    complaints = Troubles(home).current(now=now, within=TROUBLE_LASTS)
    return complaints.get(STATUS_NAME)


def main() -> int:
    """0 when it does well; else 1 and the sentence."""
    sentence = trouble(read_settings().home, now=datetime.now(UTC))
    if sentence is None:
        return 0
    sys.stderr.write(f"{sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
