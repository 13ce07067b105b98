"""How runs log: as the other parts do, to where their process began, wherever a step leads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_A_RUN = """
import logging, os, sys
from structlog.contextvars import bound_contextvars
from vibe_pipeline.logs import log_from_runs

for _ in range(2):
    log_from_runs("json", secrets=["hush-hush"])
os.dup2(os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY), 2)
log = logging.getLogger("vibe_pipeline.sources.registry")
with bound_contextvars(run="r1", edition="e1", user="u1", source="lastfm_similar_tracks"):
    log.info("asked with %s", "hush-hush")
    log.warning("could not be asked")
logging.getLogger("somebody.else").info("of no interest")
"""


_EVERYWHERE = """
import logging, sys
import structlog
from vibe_pipeline.logs import configure_logging

configure_logging(sys.argv[1], secrets=["hush/hush+1", "said \\"so\\" é"])
log, secret = structlog.get_logger(), "hush/hush+1"
log.warning("inside", a={"k": secret}, b=[secret], c=RuntimeError(secret), d=secret.encode(), n=17)
log.warning("in an address", url="https://x.example/?key=hush%2Fhush%2B1")
log.warning("quoted", a=['said "so" é'], b='said "so" é'.encode())
log.warning("a bot", url="https://t.example/bot12345678%3AAAAAAAAAAAAAAAAAAAAAAAAAAAAA/getMe")
log.warning(RuntimeError(secret))
logging.getLogger("x").warning("by the standard library: %s", {"k": secret})
log.warning("two\\n2026-11-30 [error] lines", who="a\\x1b[31mb", other="c\\u2028d")
"""


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_secret_passes_inside_of_something_else_and_nothing_begins_a_line_of_its_own(
    log_format: str,
) -> None:
    command = [sys.executable, "-c", _EVERYWHERE, log_format]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    lines = done.stderr.split("\n")[:-1]
    secret = ("hush", "said", "AAAA", "\x1b")
    assert [line for line in lines if any(one in line for one in secret)] == []
    assert len(lines) == 7
    if log_format == "text":
        assert len(done.stderr.splitlines()) == 7
    else:
        assert json.loads(lines[0])["n"] == 17
        assert json.loads(lines[6])["event"].startswith("two")


@pytest.fixture(scope="module")
def outside_and_inside(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """The lines on the standard error of a process, and in the file it was led into meanwhile."""
    step = tmp_path_factory.mktemp("run") / "step.err"
    command = [sys.executable, "-c", _A_RUN, str(step)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stderr.splitlines(), Path(step).read_text().splitlines()


def test_each_line_of_a_run_says_whose_it_is_and_no_secret(
    outside_and_inside: tuple[list[str], list[str]],
) -> None:
    told = [json.loads(line) for line in outside_and_inside[0]]

    whose = {"run": "r1", "edition": "e1", "user": "u1", "source": "lastfm_similar_tracks"}
    assert [line["event"] for line in told] == ["asked with [hidden]", "could not be asked"]
    assert all(line.items() >= whose.items() for line in told)


def test_a_step_shows_the_warnings_among_them(
    outside_and_inside: tuple[list[str], list[str]],
) -> None:
    assert [json.loads(line)["level"] for line in outside_and_inside[1]] == ["warning"]
