"""The token by which our own programs know each other."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from vibe_pipeline.installation.access_token import kept_token, lasting_token, read_token


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


@pytest.mark.parametrize("left", [None, b""])
def test_a_token_that_was_deleted_or_emptied_is_made_anew(
    tmp_path: Path, left: bytes | None
) -> None:
    former, file = kept_token(tmp_path), tmp_path / "webserver.token"
    file.unlink()
    if left is not None:
        file.write_bytes(left)

    anew = lasting_token(tmp_path)

    assert anew == read_token(tmp_path) != former
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_where_no_token_can_be_kept_there_is_none(tmp_path: Path) -> None:
    assert lasting_token(tmp_path / "gone") is None
