"""What Spotify closed to us, and how long it is left alone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.support.accounts_site import Clock, made


def test_a_door_found_closed_again_is_left_alone_twice_as_long(tmp_path: Path) -> None:
    clock = Clock()
    capabilities = made(tmp_path, clock).capabilities
    for times in (1, 2, 3):
        capabilities.switch_off("recommendations", clock() + timedelta(days=1), "answered 404")
        capabilities.switch_off("recommendations", clock() + timedelta(days=1), "answered 404")
        assert capabilities.times_closed("recommendations") == times
        clock.advance(days=2)

    capabilities.switch_on("recommendations")

    assert capabilities.times_closed("recommendations") == 0
