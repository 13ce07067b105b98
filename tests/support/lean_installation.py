"""An installation with some extras only: every package that they do not name cannot be imported.

Run as ``python -m tests.support.lean_installation HIDDEN COMMANDS...``: what ``hidden_beside`` some
extras gives, and names of ``vibe``'s commands. Each is asked for its help, and the answers are
printed as JSON. The other packages stay installed, they are only hidden from this process.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


class _Hidden:
    """A finder that stands before all others and knows what is not installed."""

    def __init__(self, packages: set[str]) -> None:
        self._packages = packages

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Refuse what is hidden as Python refuses what is not there."""
        top = name.partition(".")[0]
        if top in self._packages:
            raise ModuleNotFoundError(f"No module named {top!r}", name=top)
        return None


@cache
def hidden_beside(extras: str) -> str:
    """The packages that ``vibe[extras]`` would not bring, with commas between them."""
    kept = {"vibe", *_needed("vibe", frozenset(filter(None, extras.split(","))), set())}
    hidden = {
        package
        for package, names in packages_distributions().items()
        if not kept & {canonicalize_name(name) for name in names}
    }
    return ",".join(sorted(hidden - {"tests", "vibe_pipeline", "vibe_bot", "vibe_oauth"}))


def _needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> set[str]:
    if (name, extras) in seen:
        return set()
    seen.add((name, extras))
    try:
        lines = requires(name) or []
    except PackageNotFoundError:
        return set()
    needed = {name}
    for requirement in map(Requirement, lines):
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            further = frozenset(requirement.extras)
            needed |= _needed(canonicalize_name(requirement.name), further, seen)
    return needed


def main(hidden: str, *commands: str) -> None:
    """Hide, then be ``vibe``, once for each command."""
    sys.meta_path.insert(0, _Hidden(set(hidden.split(","))))
    from vibe_pipeline.cli import main as vibe  # noqa: PLC0415 - only now is the rest hidden

    answers = {}
    for command in commands:
        said, complained = io.StringIO(), io.StringIO()
        with redirect_stdout(said), redirect_stderr(complained):
            try:
                code = vibe([*command.split(), "--help"], "vibe", standalone_mode=False)
            except SystemExit as end:
                code = end.code
        answers[command] = (code, said.getvalue(), complained.getvalue())
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
