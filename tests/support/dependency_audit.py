"""The dependency audit of ``make check``: is there an advisory against anything that is pinned?

Asks OSV, which gathers PyPI's, GitHub's and others' advisories, about all pinned versions in one
request. Where it cannot be reached, that is said and nothing fails; an advisory does fail. What is
declared and pinned at all, ``tests/common/test_dependencies.py`` looks after.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

ADVISORIES_URL = "https://api.osv.dev/v1/querybatch"
WITHIN_SECONDS = 10.0
LOCKS = ("requirements.lock", "requirements-dev.lock")
ACCEPTED: Mapping[str, str] = {}
"""Advisories that do not concern us, by id, each with the reason."""
ROOT = Path(__file__).parents[2]


class SourceUnreachable(Exception):
    """Nobody could be asked; the text says why."""


def pinned(text: str) -> dict[str, str]:
    """Each package of a lock with its version."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", text, re.MULTILINE))


def advisories(packages: Mapping[str, str], http: httpx.Client, url: str) -> dict[str, list[str]]:
    """The ids of what is known against each, packages without any left out.

    Raises: ``SourceUnreachable``.
    """
    asked = sorted(packages)
    queries = [
        {"package": {"ecosystem": "PyPI", "name": name}, "version": packages[name]}
        for name in asked
    ]
    try:
        answer = http.post(url, json={"queries": queries}, timeout=WITHIN_SECONDS)
        answer.raise_for_status()
        results: list[dict[str, Any]] = answer.json()["results"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise SourceUnreachable(f"{type(error).__name__} at {url}") from error
    if len(results) != len(asked):
        raise SourceUnreachable(f"{url} answered for {len(results)} of {len(asked)} packages")
    known = {
        name: [str(one["id"]) for one in result.get("vulns", [])]
        for name, result in zip(asked, results, strict=True)
    }
    return {name: ids for name, ids in known.items() if set(ids) - set(ACCEPTED)}


def main(url: str) -> int:
    """1 when there is an advisory against something pinned."""
    packages: dict[str, str] = {}
    for lock in LOCKS:
        packages |= pinned((ROOT / lock).read_text("utf-8"))
    try:
        with httpx.Client() as http:
            found = advisories(packages, http, url)
    except SourceUnreachable as unreachable:
        sys.stdout.write(f"Dependencies were not audited: no advisory source ({unreachable}).\n")
        return 0
    for name, ids in found.items():
        sys.stdout.write(f"{name} {packages[name]}: {', '.join(ids)}\n")
    sys.stdout.write(f"{len(packages)} pinned packages, {len(found)} with advisories.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(os.environ.get("ADVISORIES_URL", ADVISORIES_URL)))
