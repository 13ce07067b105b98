"""The ``vibe`` command as a person runs it, and what it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil

from vibe_pipeline.settings import Settings

VIBE = str(Path(sys.executable).parent / "vibe")


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without any setting of the product."""
    ours = {name.upper() for name in Settings.model_fields}
    return {**{name: v for name, v in os.environ.items() if name not in ours}, **more}


def vibe(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None, seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [VIBE, *arguments],
        cwd=folder,
        env=clean_environment(**(environment or {})),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def processes_that_mention(words: str) -> list[int]:
    """The ids of live processes whose command line or home folder holds these words."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        line = " ".join(process.info["cmdline"] or [])
        home = (process.info["environ"] or {}).get("VIBE_HOME", "")
        if words in line or words in home:
            found.append(process.pid)
    return found
