"""What we ask of the operating system about processes (``prctl``): Linux only, elsewhere nothing.

Not here: starting and stopping processes (``commands.supervisor``, ``fork_server``).
"""

from __future__ import annotations

import ctypes
import signal
import sys

_SET_PARENT_DEATH_SIGNAL = 1
_SET_NAME = 15
_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Children of children that die become ours, so that none is left behind."""
    _control(_SET_CHILD_SUBREAPER, 1)


def end_with_parent() -> None:
    """Ask the kernel to end this process should the one that started it be killed outright."""
    _control(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def name_process(name: str) -> None:
    """Call this process so in ``ps`` and ``top``; 15 letters are shown."""
    _control(_SET_NAME, ctypes.create_string_buffer(name.encode()))


def _control(option: int, value: object) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
