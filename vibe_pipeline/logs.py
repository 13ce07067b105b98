"""Logs of the long-running parts and of runs: one line an event, as text or JSON, without secrets.

What is logged through the standard library goes the same way, so that a line from a package
looks like ours and is searched for secrets too.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["text", "json"]

STRUCK_OUT = "[hidden]"
QUIET = (
    "httpx",
    "httpcore",
    "telegram.ext",
    "telegram.Bot",
    "uvicorn.access",
    "sqlalchemy",
    "alembic",
)
"""These print addresses, and Telegram's addresses hold the bot's token."""

_BOT_TOKEN = re.compile(r"\d{5,}:[A-Za-z0-9_-]{20,}")


def configure_logging(log_format: LogFormat, *, secrets: Iterable[str] = ()) -> None:
    """Send everything to standard error, warnings and worse only from chatty packages."""
    before = _processors(secrets)
    _hand_to_stdlib(before)
    root = logging.getLogger()
    root.handlers = [_rendering(logging.StreamHandler(sys.stderr), log_format, before)]
    root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def log_from_runs(log_format: LogFormat, *, secrets: Iterable[str] = ()) -> None:
    """Have our own modules log from a run as the other parts do, to where its process began.

    Dagster leads the standard error of a step into a file of the step's; there only warnings and
    worse go, as they would by themselves. Its own loggers, and the root's, are left as they are.
    """
    ours = logging.getLogger(__package__)
    if any(isinstance(one, _OutsideOfSteps) for one in ours.handlers):
        return
    before = _processors(secrets)
    _hand_to_stdlib(before)
    outside = _OutsideOfSteps(os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8"))
    inside = _InsideSteps(sys.stderr, outside)
    inside.setLevel(logging.WARNING)
    for handler in (outside, inside):
        ours.addHandler(_rendering(handler, log_format, before))
    ours.setLevel(logging.INFO)


class _OutsideOfSteps(logging.StreamHandler[TextIO]):
    """Writes to the standard error that a run's process was begun with."""


class _InsideSteps(logging.StreamHandler[TextIO]):
    """Writes to the standard error of now, while that is another one."""

    def __init__(self, stream: TextIO, outside: _OutsideOfSteps) -> None:
        super().__init__(stream)
        self._outside = outside

    def emit(self, record: logging.LogRecord) -> None:
        """Write it, unless it comes to the same place already."""
        self.setStream(sys.stderr)
        try:
            same = os.path.sameopenfile(2, self._outside.stream.fileno())
        except (OSError, ValueError):
            same = True
        if not same:
            super().emit(record)


def _processors(secrets: Iterable[str]) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _Redactor(secrets),
    ]


def _hand_to_stdlib(before: Sequence[Processor]) -> None:
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _rendering(
    handler: logging.Handler, log_format: LogFormat, before: Sequence[Processor]
) -> logging.Handler:
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False)
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    return handler


class _Redactor:
    """Replaces every secret we know, and whatever looks like a bot's token."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({one for one in secrets if one}, key=len, reverse=True)

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {name: self._clean(value) for name, value in event.items()}

    def _clean(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        for secret in self._secrets:
            value = value.replace(secret, STRUCK_OUT)
        return _BOT_TOKEN.sub(STRUCK_OUT, value)
