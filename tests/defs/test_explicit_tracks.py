"""Lists without what Spotify marks as explicit: by what is known, looked up where nobody told."""

from __future__ import annotations

from tests.support.vibe_world import VibeWorld, playlists_of, uris_of
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Account, Edition
from vibe_pipeline.records import DropReason


def explicit_on(world: VibeWorld, person: Account) -> list[str]:
    """What stands in the person's playlist though Spotify marks it as explicit."""
    (playlist,) = playlists_of(world, person)
    catalogue = world.simulator.simulation.world
    tracks = (catalogue.track(uri.rpartition(":")[2]) for uri in uris_of(playlist))
    return [track.recording.title for track in tracks if track and track.recording.explicit]


def forget_marks(world: VibeWorld) -> None:
    """Have the warehouse hold what a release knew that kept no marks."""
    with world.warehouse.open() as tables:
        tables.connection.execute("UPDATE liked_tracks SET explicit = NULL")
        tables.connection.execute(
            "UPDATE lookups SET answer = regexp_replace(answer::VARCHAR,"
            " ',\\s*\"explicit\":\\s*(true|false)', '', 'g')::JSON"
        )


def latest(world: VibeWorld, person: Account) -> Edition:
    edition = world.store.editions.latest(person.user_id)
    assert edition is not None
    return edition


def test_what_is_marked_stays_out_of_lists_resolved_before_anybody_asked_and_put_back_later(
    world: VibeWorld,
) -> None:
    anna = world.connected()
    anna = world.store.people.change(anna.user_id, min_new_ratio=0.5, playlist_size=50)
    world.run("daily_vibe", anna.user_id)
    first, before = latest(world, anna), explicit_on(world, anna)
    forget_marks(world)
    world.store.people.change(anna.user_id, leaves_out_explicit=True)

    world.forget_calls()
    world.run("daily_vibe", anna.user_id, days_later=1)

    assert before
    assert explicit_on(world, anna) == []
    edition, calls = latest(world, anna), world.calls()
    assert len(edition.tracks) == 50
    assert calls["GET /playlists/{id}/items"] <= 3
    shown = world.output_metadata(world.replay(anna.user_id, edition), "replay")
    assert shown["equal"].value is True
    among = world.store.considered.of(edition.edition_id)
    assert among is not None
    assert str(DropReason.EXPLICIT) in {one.fate for one in among.items}

    forget_marks(world)
    world.run("restore_edition", anna.user_id, tags={runs.EDITION: first.edition_id})
    assert explicit_on(world, anna) == []
    (playlist,) = playlists_of(world, anna)
    assert 0 < len(uris_of(playlist)) == len(first.tracks) - len(before)
