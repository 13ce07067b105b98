"""How each process does, in files of the home folder: the supervisor writes, ``/health`` reads.

A status file per subject, replaced as a whole. Not here: deciding about restarts (``commands``).
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

TROUBLE_LASTS = timedelta(minutes=2)
"""What a process complained of longer ago is over."""
_FOLDER = "status"
_PROCESSES = "processes.json"
_TROUBLE_SUFFIX = ".trouble.json"


class ProcessState(StrEnum):
    """How a supervised process stands."""

    STARTING = "starting"
    RUNNING = "running"
    SILENT = "silent"
    RESTARTING = "restarting"
    FAILING = "failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessStatus:
    """One process: its restarts since the installation started, and why it ended last."""

    state: ProcessState
    since: datetime
    restarts: int = 0
    reason: str | None = None


def how_it_ended(code: int) -> str:
    """How a process ended, from its exit code; negative is the signal that ended it.

    Real-time signals have numbers and mostly no names.
    """
    if code >= 0:
        return f"ended with exit code {code}"
    known = {one.value: one.name for one in signal.Signals}
    return f"was ended by {known.get(-code, f'signal {-code}')}"


@dataclass(frozen=True, slots=True)
class StatusFile:
    """The state of all supervised processes, as one file in the home folder."""

    home: Path

    def write(self, processes: Mapping[str, ProcessStatus]) -> None:
        """Replace what is said; a full disk is no reason to stop anything."""
        content = {
            "supervisor": os.getpid(),
            "born": _born(os.getpid()),
            "processes": {name: _plain(asdict(status)) for name, status in processes.items()},
        }
        _replace(self.home / _FOLDER / _PROCESSES, content)

    def read(self) -> dict[str, ProcessStatus]:
        """What the living supervisor says; nothing where no supervisor runs."""
        content = _content(self.home / _FOLDER / _PROCESSES)
        if content is None or not _runs(content.get("supervisor"), content.get("born")):
            return {}
        return {
            name: ProcessStatus(
                state=ProcessState(told["state"]),
                since=datetime.fromisoformat(told["since"]),
                restarts=told["restarts"],
                reason=told["reason"],
            )
            for name, told in content["processes"].items()
        }

    def clear(self) -> None:
        """Say nothing more: nothing is supervised here. What stays says so by who wrote it."""
        with suppress(OSError):
            (self.home / _FOLDER / _PROCESSES).unlink()


@dataclass(frozen=True, slots=True)
class Troubles:
    """What a process that goes on has to complain about; each complaint is of the last minutes."""

    home: Path

    def note(self, process: str, sentence: str, *, now: datetime) -> None:
        """Complain, in place of what this process said before."""
        _replace(self._path(process), {"sentence": sentence, "at": now.isoformat()})

    def current(self, *, now: datetime, within: timedelta) -> dict[str, str]:
        """What was complained of lately, by process; the clock may have been set back since."""
        folder, complaints = self.home / _FOLDER, {}
        for path in sorted(folder.glob(f"*{_TROUBLE_SUFFIX}")):
            content = _content(path)
            if content and abs(now - datetime.fromisoformat(content["at"])) <= within:
                complaints[path.name.removesuffix(_TROUBLE_SUFFIX)] = str(content["sentence"])
        return complaints

    def _path(self, process: str) -> Path:
        return self.home / _FOLDER / f"{process}{_TROUBLE_SUFFIX}"


def _replace(path: Path, content: Mapping[str, Any]) -> None:
    draft = path.with_suffix(f".{os.getpid()}.draft")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_text(json.dumps(content), encoding="utf-8")
        draft.replace(path)
    except OSError:
        return


def _content(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _plain(status: dict[str, Any]) -> dict[str, Any]:
    return {**status, "since": status["since"].isoformat()}


def _born(pid: int) -> str | None:
    """When a process began, as the system counts; ``None`` where that is not told (not Linux)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def _runs(pid: object, born: object) -> bool:
    """Whether this very process runs; after a reboot another one may have its number."""
    if not isinstance(pid, int) or (born is not None and _born(pid) != born):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
