"""What operators run again from Dagster's UI: what stands in a playlist changes on purpose only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from tests.defs.test_changed_minds import WRITING, take_back
from tests.support.vibe_world import VibeWorld, playlists_of, uris_of
from vibe_pipeline import runs
from vibe_pipeline.accounts.continuation import LEFT_ALONE_AFTER
from vibe_pipeline.accounts.records import Account, BlockKind, Edition, EditionState
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.records import EditionId

PUBLICATION = [dg.AssetKey("published_playlist"), dg.AssetKey("recommendation_history")]


def blocks_the_first_of(world: VibeWorld, edition: Edition) -> None:
    """So that it would be chosen otherwise by now."""
    artist = edition.tracks[0]
    world.store.blocks.add(edition.user_id, BlockKind.ARTIST, artist.artist_key, artist.artist)


def held_by(world: VibeWorld, person: Account) -> list[str]:
    (playlist,) = playlists_of(world, person)
    return uris_of(playlist)


def addresses(edition: Edition) -> list[str]:
    return [track.uri for track in edition.tracks]


def test_looking_at_the_ranking_of_a_list_that_stands_changes_nothing_of_it(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    first = world.list_of(world.run("daily_vibe", anna.user_id))
    later = world.list_of(world.run("daily_vibe", anna.user_id))
    blocks_the_first_of(world, first)
    tags = {runs.PARTITION: anna.user_id}

    looked = world.rerun(first.edition_id, tags=tags, steps=["ranked_selection"])

    assert looked.success
    assert world.store.editions.required(first.edition_id) == first
    assert world.store.editions.latest(anna.user_id) == later
    assert held_by(world, anna) == addresses(later)
    assert world.store.editions.unfinished(since=first.created_at) == []
    shown = world.output_metadata(world.replay(anna.user_id, first), "replay")
    assert shown["equal"].value is True


def test_making_a_preview_again_that_was_published_since_changes_nothing_of_the_list(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    shown = world.run("preview_vibe", anna.user_id)
    tags = {runs.EDITION: shown.run_id, runs.ASKED_BY: runs.CHAT}
    world.run("publish_preview", anna.user_id, tags=tags)
    published = world.list_of(shown)
    blocks_the_first_of(world, published)

    again = world.rerun(shown.run_id, tags={runs.PARTITION: anna.user_id}, preview=True)

    assert again.success
    assert world.list_of(shown) == published
    assert held_by(world, anna) == addresses(published)


def test_an_old_list_that_is_made_anew_and_not_written_goes_on_by_itself(world: VibeWorld) -> None:
    anna = world.at_home()
    old = world.list_of(world.run("daily_vibe", anna.user_id))
    days_ago = (datetime.now(UTC) - timedelta(days=5)).strftime("%Y-%m-%d %H:%M:%S.%f")
    with world.store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE editions SET created_at = ?", (days_ago,))
    world.trouble(service="spotify", kind="html", endpoint=WRITING)

    world.rerun_all(old.edition_id, tags={runs.PARTITION: anna.user_id})
    world.no_trouble()

    (left,) = world.store.editions.unfinished(since=datetime.now(UTC) - LEFT_ALONE_AFTER)
    assert (left.edition_id, left.state) == (old.edition_id, EditionState.PLAYLIST_MADE)


def test_a_list_that_is_made_anew_in_vain_stands_as_it_did_in_ledger_and_history(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    old = world.list_of(world.run("daily_vibe", anna.user_id))
    remembered = world.remembered(anna.user_id)
    blocks_the_first_of(world, old)
    world.trouble(service="spotify", kind="html", endpoint=WRITING)
    world.rerun_all(old.edition_id, tags={runs.PARTITION: anna.user_id})
    world.no_trouble()
    anew = world.store.editions.required(old.edition_id)
    considered = world.store.considered.of(old.edition_id)
    assert considered is not None
    for artist in {item.artist for item in considered.items}:
        world.store.blocks.add(anna.user_id, BlockKind.ARTIST, artist_key(artist), artist)
    for one in anew.tracks:
        world.store.blocks.add(anna.user_id, BlockKind.TRACK, one.key, one.title)

    tags = {runs.EDITION: old.edition_id, runs.CONTINUED: "1", runs.ASKED_BY: runs.CHAT}
    failed = world.run("publish_preview", anna.user_id, tags=tags, raise_on_error=False)

    stands = world.store.editions.latest(anna.user_id)
    assert not failed.success
    assert stands is not None
    assert anew.tracks != old.tracks
    assert (stands.edition_id, stands.tracks) == (old.edition_id, old.tracks)
    assert stands.summary is not None
    assert old.summary is not None
    assert (stands.summary.new, stands.summary.sources) == (old.summary.new, old.summary.sources)
    assert held_by(world, anna) == addresses(old)
    assert world.remembered(anna.user_id) == remembered
    assert world.store.editions.unfinished(since=old.created_at) == []


@pytest.mark.drawn(2)
@pytest.mark.parametrize("undo", [True, False])
@pytest.mark.parametrize("asked", [True, False])
def test_an_earlier_list_that_an_operator_puts_in_place_is_told_to_its_person(
    world: VibeWorld, *, asked: bool, undo: bool
) -> None:
    anna = world.at_home()
    first, later = (world.list_of(world.run("daily_vibe", anna.user_id)) for _ in range(2))
    for waiting in world.store.outbox.take_due(1000):
        world.store.outbox.done(waiting.id)
    tags = {runs.EDITION: later.edition_id, runs.UNDO: "yes"} if undo else {}
    tags = {runs.EDITION: first.edition_id, **tags, **({runs.ASKED_BY: runs.CHAT} if asked else {})}

    world.run("restore_edition", anna.user_id, tags=tags)

    told = [message.content() for message in world.store.outbox.take_due(1000)]
    assert held_by(world, anna) == addresses(first)
    assert [(message.key, getattr(message, "edition_id", None)) for message in told] == (
        [] if asked else [("bot.changed_back_by_operator", first.edition_id)]
    )


@pytest.mark.parametrize("job", ["daily_vibe", "publish_preview"])
def test_publishing_alone_takes_no_preview_that_nobody_wanted_published(
    world: VibeWorld, job: str
) -> None:
    anna = world.at_home()
    stands = world.list_of(world.run("daily_vibe", anna.user_id))
    preview = world.list_of(world.run("preview_vibe", anna.user_id))

    world.run(job, anna.user_id, selection=PUBLICATION)

    assert held_by(world, anna) == addresses(stands)
    assert world.store.editions.required(preview.edition_id) == preview


@pytest.mark.parametrize("lists", [1, 2])
def test_publishing_alone_shows_no_list_that_was_taken_back_as_published(
    world: VibeWorld, lists: int
) -> None:
    anna = world.at_home()
    made = [world.list_of(world.run("daily_vibe", anna.user_id)) for _ in range(lists)]
    take_back(world, made[-1])

    result = world.run("daily_vibe", anna.user_id, selection=PUBLICATION, raise_on_error=False)

    shown = result.get_asset_materialization_events() if result.success else []
    told = {event.materialization.metadata["edition_id"].value for event in shown}
    assert told == {edition.edition_id for edition in made[:-1]}


def test_publishing_alone_again_what_was_taken_back_says_that_nothing_waits(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    made = world.run("daily_vibe", anna.user_id)
    take_back(world, world.list_of(made))

    again = world.rerun(made.run_id, tags={runs.PARTITION: anna.user_id}, steps=["playlist"])

    assert not again.success
    assert world.store.editions.required(EditionId(made.run_id)).undone_at is not None
