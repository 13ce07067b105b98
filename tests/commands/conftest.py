"""The processes that a test starts are gone when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psutil
import pytest


@pytest.fixture
def new_descendants() -> Iterator[Callable[[], set[psutil.Process]]]:
    """Who was started since the test began, by this process or by those; nobody at its end."""
    before = _descendants()

    def started() -> set[psutil.Process]:
        return _descendants() - before

    yield started
    assert started() == set()


def _descendants() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))
