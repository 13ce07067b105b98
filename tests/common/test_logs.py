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
