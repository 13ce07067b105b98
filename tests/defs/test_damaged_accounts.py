"""Rows of the account store that are damaged while runs go on."""

from __future__ import annotations

from tests.support.vibe_world import VibeWorld
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import FailureCause, WishKind
from vibe_pipeline.records import UserId


def damage(world: VibeWorld, table: str, column: str, user_id: UserId) -> None:
    statement = f"UPDATE {table} SET {column} = '{{x' WHERE user_id = ?"  # noqa: S608 - our names
    with world.store.database.writing() as connection:
        connection.exec_driver_sql(statement, (user_id,))


def test_lists_that_cannot_be_read_any_more_do_not_end_the_next_nor_come_again(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    world.run(runs.DAILY_VIBE, anna.user_id)
    before = set(world.remembered(anna.user_id))
    damage(world, "editions", "tracks", anna.user_id)

    second = world.run(runs.DAILY_VIBE, anna.user_id)

    tracks = {track.key for track in world.list_of(second).tracks}
    assert len(tracks) == anna.playlist_size
    assert tracks.isdisjoint(before)


def test_somebody_whose_wishes_cannot_be_read_is_told_that_notes_are_damaged(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    world.store.steering.set(anna.user_id, WishKind.MORE, "pop", "pop")
    damage(world, "steering", "kind", anna.user_id)

    failed = world.run(runs.DAILY_VIBE, anna.user_id, raise_on_error=False)

    assert world.list_of(failed).cause is FailureCause.STORE_DAMAGED
    assert "table steering is damaged" in world.failure(failed)
