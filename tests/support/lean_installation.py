"""An installation with some extras only: every package that they do not name cannot be imported.

Run as ``python -m tests.support.lean_installation EXTRAS ARGUMENTS...``; the arguments are
``vibe``'s. The other packages stay installed, they are only hidden from this process.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
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


def hide_all_but(extras: Iterable[str]) -> None:
    """Leave only what ``vibe[extras]`` would bring."""
    kept = {"vibe", *_needed("vibe", frozenset(extras), set())}
    owners = packages_distributions()
    hidden = {
        package
        for package, names in owners.items()
        if not kept & {canonicalize_name(name) for name in names}
    }
    sys.meta_path.insert(0, _Hidden(hidden - {"tests", "vibe_pipeline", "vibe_bot", "vibe_oauth"}))


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


def main(arguments: Sequence[str]) -> None:
    """Hide, then be ``vibe``."""
    extras, *rest = arguments
    hide_all_but(filter(None, extras.split(",")))
    from vibe_pipeline.cli import main as vibe  # noqa: PLC0415 - only now is the rest hidden

    vibe(rest, prog_name="vibe")


if __name__ == "__main__":
    main(sys.argv[1:])
