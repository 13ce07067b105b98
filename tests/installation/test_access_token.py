"""The token by which our own programs know each other."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from vibe_pipeline.installation.access_token import kept_token, read_token


def test_a_token_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    first = kept_token(tmp_path)

    assert kept_token(tmp_path) == read_token(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "webserver.token").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["webserver.token"]


@pytest.mark.parametrize("left", [b"", b"\n", b"\x00\xff\xfe"])
def test_what_a_power_cut_left_of_a_token_is_replaced(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "webserver.token").write_bytes(left)

    token = kept_token(tmp_path)

    assert len(token) > 20
    assert read_token(tmp_path) == token
