"""One partition for each account, and none is taken away under a run or by mistake."""

from __future__ import annotations

from vibe_pipeline.accounts.partition_changes import partition_changes
from vibe_pipeline.records import UserId


def test_nobody_is_removed_under_a_run() -> None:
    changes = partition_changes({UserId("a")}, {"a", "b", "c"}, busy={"b"})

    assert (changes.add, changes.remove) == ([], ["c"])


def test_an_empty_list_is_doubted() -> None:
    changes = partition_changes(set(), {"a"}, busy=())

    assert changes.remove == []
    assert changes.note is not None
