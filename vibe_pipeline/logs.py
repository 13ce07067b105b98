"""Logs of the long-running parts and of runs: one line an event, as text or JSON, without secrets.

What is logged through the standard library goes the same way, so that a line from a package
looks like ours and is searched for secrets too.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal, TextIO
from urllib.parse import quote, quote_plus

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

_BOT_TOKEN = re.compile(r"(?<!\d)\d{5,}(?::|%3[Aa])[A-Za-z0-9_-]{20,}")
_LEAST_IN_A_LINE = 6
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_TRACEBACKS = frozenset({"exception", "stack"})


def configure_logging(log_format: LogFormat, *, secrets: Iterable[str] = ()) -> None:
    """Send everything to standard error, warnings and worse only from chatty packages."""
    redactor = _Redactor(secrets)
    before = _processors(redactor)
    _hand_to_stdlib(before)
    root = logging.getLogger()
    root.handlers = [_rendering(logging.StreamHandler(sys.stderr), log_format, before, redactor)]
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
    redactor = _Redactor(secrets)
    before = _processors(redactor)
    _hand_to_stdlib(before)
    outside = _OutsideOfSteps(os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8"))
    inside = _InsideSteps(sys.stderr, outside)
    inside.setLevel(logging.WARNING)
    for handler in (outside, inside):
        ours.addHandler(_rendering(handler, log_format, before, redactor))
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


def _processors(redactor: _Redactor) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redactor,
    ]


def _hand_to_stdlib(before: Sequence[Processor]) -> None:
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _rendering(
    handler: logging.Handler,
    log_format: LogFormat,
    before: Sequence[Processor],
    redactor: _Redactor,
) -> logging.Handler:
    rendering: list[Processor] = (
        [structlog.processors.JSONRenderer(ensure_ascii=False)]
        if log_format == "json"
        else [
            _on_one_line,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), sort_keys=False),
        ]
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *rendering,
                redactor.line,
            ],
        )
    )
    return handler


def _on_one_line(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Write out what would begin another line or steer a terminal; tracebacks have their lines."""
    event["event"] = str(event.get("event", ""))
    return {
        name: _CONTROLS.sub(_written_out, value)
        if isinstance(value, str) and name not in _TRACEBACKS
        else value
        for name, value in event.items()
    }


def _written_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


class _Redactor:
    """Replaces every secret we know, however it is written, and what looks like a bot's token.

    Each text of an event, and the rendered line once more: there stands what was inside of lists,
    errors and the like. What is too short for a key may be any word or number of a line.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        written = {way for one in secrets if one for way in _ways_to_write(one)}
        self._secrets = sorted(written, key=len, reverse=True)
        self._in_lines = [one for one in self._secrets if len(one) >= _LEAST_IN_A_LINE]

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        return {
            name: _without(self._secrets, value) if isinstance(value, str) else value
            for name, value in event.items()
        }

    def line(self, logger: WrappedLogger, method: str, rendered: Any) -> str:
        """The same of a whole line."""
        return _without(self._in_lines, str(rendered))


def _without(secrets: Iterable[str], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, STRUCK_OUT)
    return _BOT_TOKEN.sub(STRUCK_OUT, text)


def _ways_to_write(secret: str) -> set[str]:
    """A secret as it is, in an address, and inside the quotes of Python, of bytes and of JSON."""
    in_addresses = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    in_python = {secret, repr(secret)[1:-1], repr(secret.encode())[2:-1]}
    in_json = {json.dumps(one, ensure_ascii=False)[1:-1] for one in in_python}
    return in_addresses | in_python | in_json
