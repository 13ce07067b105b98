"""A damaged store and what takes its place: one of the two is there at every moment."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vibe_pipeline.installation.set_aside import all_set_aside, replace_keeping

NOW = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize("second_names", [True, False])
def test_a_store_is_replaced_also_on_a_disk_that_knows_no_second_name_for_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, second_names: bool
) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no second names here")

    if not second_names:
        monkeypatch.setattr(Path, "hardlink_to", refuses)
    store, log, anew = (tmp_path / name for name in ("store", "store.wal", "store.anew"))
    for path, content in ((store, "damaged"), (log, "its log"), (anew, "sound")):
        path.write_text(content)

    aside = replace_keeping(store, anew, now=NOW, beside=(".wal",))

    assert store.read_text() == "sound"
    assert aside.read_text() == "damaged"
    assert Path(f"{aside}.wal").read_text() == "its log"
    assert aside in [one.path for one in all_set_aside(tmp_path)]
    assert not log.exists()
    assert not anew.exists()
