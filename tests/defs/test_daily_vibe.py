"""The whole path from listening to a published list, against the simulator over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
from click.testing import CliRunner

from tests.support.vibe_world import VibeWorld, playlists_of, uris_of, vibe_world
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionKind,
    EditionState,
    FailureCause,
    WishKind,
)
from vibe_pipeline.commands.replay import replay_command
from vibe_pipeline.errors import CommandFailed, ConfigurationError
from vibe_pipeline.nightly import settled
from vibe_pipeline.playlists.replay import edition_on, replay
from vibe_pipeline.playlists.title import title_of
from vibe_pipeline.ranking.policy import SIMILAR_SUM
from vibe_pipeline.records import EditionId, Ranked, Source, UserId
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.simulator.spotify.state import SpotifyAccounts

NIGHT = {"vibe/occasion": "nightly:2026-11-23", "vibe/asked_by": "schedule"}
WISH = {runs.REQUEST: "w1", runs.ASKED_BY: runs.CHAT}


@pytest.fixture
def world(world: VibeWorld) -> VibeWorld:
    """The shared one, where nobody waits for a message."""
    for message in world.store.outbox.take_due(1000):
        world.store.outbox.done(message.id)
    return world


def metadata_of(
    result: dg.ExecuteInProcessResult, key: dg.AssetKey
) -> Mapping[str, dg.MetadataValue[Any]]:
    (metadata,) = (
        materialization.metadata
        for event in result.get_asset_materialization_events()
        if (materialization := event.step_materialization_data.materialization).asset_key == key
    )
    return metadata


def row_counts(result: dg.ExecuteInProcessResult) -> dict[str, object]:
    """What each materialization says it holds."""
    found: dict[str, object] = {}
    for event in result.get_asset_materialization_events():
        shown = event.step_materialization_data.materialization
        count = shown.metadata["dagster/partition_row_count"].value
        found[shown.asset_key.to_user_string()] = count
    return found


def latest(world: VibeWorld, user_id: UserId) -> Edition:
    edition = world.store.editions.latest(user_id)
    assert edition is not None
    return edition


def test_a_first_list_is_made_published_and_remembered_within_sixty_calls(
    world: VibeWorld,
) -> None:
    anna = world.connected()

    result = world.run("daily_vibe", anna.user_id)

    edition = latest(world, anna.user_id)
    (playlist,) = playlists_of(world, anna)
    assert edition.state is EditionState.RECORDED
    assert edition.edition_id == result.run_id
    assert len(edition.tracks) == anna.playlist_size
    assert uris_of(playlist) == [track.uri for track in edition.tracks]
    assert world.remembered(anna.user_id) == [track.key for track in edition.tracks]
    assert world.calls().total() <= 60
    assert row_counts(result).keys() >= {"liked_tracks", "ranked_selection"}
    assert len(row_counts(result)) == 8 + len(Source)
    assert row_counts(result)["candidates/spotify_recommendations"] == 0


def test_a_warm_list_costs_eight_calls_refreshes_the_playlist_and_repeats_nothing_new(
    world: VibeWorld,
) -> None:
    anna = world.connected()
    world.run("daily_vibe", anna.user_id)
    first = {track.key for track in latest(world, anna.user_id).tracks}
    world.forget_calls()

    world.run("daily_vibe", anna.user_id)

    edition = latest(world, anna.user_id)
    (playlist,) = playlists_of(world, anna)
    assert uris_of(playlist) == [track.uri for track in edition.tracks]
    assert world.calls()["POST /me/playlists"] == 0
    assert world.calls().total() <= 8
    assert not first & {track.key for track in edition.tracks if track.is_new}


def test_a_selection_shows_every_track_of_the_list_and_its_terms_in_a_table_of_their_own(
    world: VibeWorld,
) -> None:
    anna = world.connected()

    result = world.run("preview_vibe", anna.user_id)

    metadata = metadata_of(result, dg.AssetKey("ranked_selection"))
    shown, terms = metadata["list"], metadata["score terms"]
    with world.warehouse.open() as tables:
        ranked = tables.selections.ranked(anna.user_id, EditionId(result.run_id))
    chosen: dict[object, Ranked] = {item.position: item for item in ranked}
    assert isinstance(shown, dg.TableMetadataValue)
    assert isinstance(terms, dg.TableMetadataValue)
    assert len(shown.records) == len(terms.records) == anna.playlist_size
    for record, of_terms in zip(shown.records, terms.records, strict=True):
        item = chosen[record.data["position"]]
        assert record.data["artist"] == item.candidate.artist
        assert of_terms.data["position"] == item.position
        assert of_terms.data["artist"] == round(item.terms["artist"], 4)


def test_every_source_is_an_asset_of_its_own(world: VibeWorld) -> None:
    graph = world.definitions.resolve_asset_graph()

    parents = {
        key.to_user_string() for key in graph.get(dg.AssetKey("ranked_selection")).parent_keys
    }

    assert parents == {f"candidates/{source}" for source in Source}


def test_a_doubled_night_or_wish_makes_one_list_asks_nothing_twice_and_tells_once(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    for number, tags in enumerate((NIGHT, WISH), start=1):
        world.run("daily_vibe", anna.user_id, tags=tags)
        first = latest(world, anna.user_id)
        world.forget_calls()

        again = world.run("daily_vibe", anna.user_id, tags=tags)

        assert again.success
        assert world.calls().total() == 0
        assert latest(world, anna.user_id) == first
        assert len(world.store.editions.history(anna.user_id)) == number

    (message,) = world.store.outbox.take_due()
    made = [len(edition.tracks) for edition in world.store.editions.history(anna.user_id)]
    assert len(world.remembered(anna.user_id)) == sum(made)
    assert message.key == "bot.night_ready"


def test_a_night_that_comes_days_late_out_of_the_queue_writes_nothing_and_says_nothing(
    world: VibeWorld,
) -> None:
    anna = world.at_home()
    world.run("daily_vibe", anna.user_id, tags=WISH)
    todays, (playlist,) = latest(world, anna.user_id), playlists_of(world, anna)
    late = LaunchRequest.nightly(anna.user_id, todays.vibe_date - timedelta(days=3))

    result = world.run("daily_vibe", anna.user_id, tags=late.tags, raise_on_error=False)

    closed = world.list_of(result)
    assert (closed.state, closed.cause) == (EditionState.STARTED, FailureCause.OVERTAKEN)
    assert settled(closed, closed.updated_at + timedelta(days=1))
    assert playlists_of(world, anna) == [playlist]
    assert latest(world, anna.user_id) == todays
    assert world.store.outbox.take_due() == []


def test_a_preview_writes_nothing_and_can_be_published_exactly_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What labs alone names may be wrong, and is exchanged while the list is written."""
    with vibe_world(tmp_path) as world:
        world.point_here(monkeypatch)
        world.trouble(service="labs", kind="status", status=503)
        anna = world.connected()
        preview = world.run("preview_vibe", anna.user_id, tags={"vibe/vibe_date": "2026-11-20"})
        shown = world.store.editions.required(EditionId(preview.run_id))
        assert (shown.kind, shown.state) == (EditionKind.PREVIEW, EditionState.CHOSEN)
        assert all(track.confirmed for track in shown.tracks)
        assert playlists_of(world, anna) == []

        world.run("publish_preview", anna.user_id, tags={"vibe/edition": preview.run_id})

        (playlist,) = playlists_of(world, anna)
        edition = latest(world, anna.user_id)
        assert edition.kind is EditionKind.DAILY
        assert edition.vibe_date == date(2026, 11, 20)
        assert edition.tracks == shown.tracks
        assert uris_of(playlist) == [track.uri for track in shown.tracks]
        assert world.store.outbox.take_due() == []


def test_a_list_that_somebody_wants_published_again_takes_a_later_ones_place(
    world: VibeWorld,
) -> None:
    outside = frozenset(Source) - {Source.REDISCOVERED_LIKES}
    anna = world.store.people.change(world.connected().user_id, sources_off=outside)
    wanted = world.store.editions.open(
        EditionId("wanted"),
        anna.user_id,
        vibe_date=date(2026, 11, 20),
        occasion="asked:wanted",
        kind=EditionKind.DAILY,
        mode=anna.mode,
    )
    later = world.list_of(world.run("daily_vibe", anna.user_id))
    started, chosen = EditionState.STARTED, EditionState.CHOSEN
    world.store.editions.advance(
        wanted.edition_id, started, chosen, tracks=later.tracks[:3], summary=later.summary
    )

    publication = LaunchRequest.publication(anna.user_id, wanted.edition_id)
    world.run("publish_preview", anna.user_id, tags=publication.tags)

    assert latest(world, anna.user_id).edition_id == wanted.edition_id


def test_an_unknown_person_is_a_clear_failure(world: VibeWorld) -> None:
    world.instance.add_dynamic_partitions("users", ["nobody"])

    result = world.run("daily_vibe", UserId("nobody"), raise_on_error=False)

    assert not result.success
    assert "Nobody is known as nobody" in world.failure(result)


def test_somebody_not_connected_is_a_clear_failure(world: VibeWorld) -> None:
    boris = world.store.people.register(5, "Boris", "en")
    world.instance.add_dynamic_partitions("users", [boris.user_id])

    result = world.run("daily_vibe", boris.user_id, raise_on_error=False)

    (edition,) = world.store.editions.history(boris.user_id)
    assert not result.success
    assert edition.cause is FailureCause.NOT_CONNECTED
    assert "/connect" in world.failure(result)


def test_a_replay_gives_the_same_list_byte_for_byte_and_shows_what_another_policy_would(
    world: VibeWorld,
) -> None:
    anna = world.connected()
    world.run("daily_vibe", anna.user_id)
    first = latest(world, anna.user_id)
    world.run("daily_vibe", anna.user_id)
    world.forget_calls()

    same = world.output_metadata(world.replay(anna.user_id, first), "replay")
    other = world.output_metadata(world.replay(anna.user_id, first, policy="similar-sum"), "replay")

    assert same["equal"].value is True
    assert same["digest then"] == same["digest again"]
    assert other["made again with"].value == f"similar-sum {SIMILAR_SUM.version}"
    assert other["equal"].value is False
    assert world.calls().total() == 0


def test_operators_replay_a_day_from_the_shell_and_hear_when_it_differs(world: VibeWorld) -> None:
    anna = world.at_home()
    world.run("daily_vibe", anna.user_id)
    made = latest(world, anna.user_id)
    day = made.vibe_date.isoformat()
    shell = CliRunner()

    same = json.loads(shell.invoke(replay_command, [anna.user_id, day, "--json"]).stdout)
    told = shell.invoke(replay_command, [anna.user_id, day, "--policy", "similar-sum"])
    with world.warehouse.open() as tables:
        tables.connection.execute(
            "UPDATE edition_inputs SET digest = 'other' WHERE edition_id = ?", [made.edition_id]
        )
    spoiled = shell.invoke(replay_command, [anna.user_id, day])

    assert same["equal"] is True
    assert same["digest_then"] == same["digest_again"]
    assert same["edition_id"] == made.edition_id
    assert [row["then"] for row in same["tracks"]] == [row["again"] for row in same["tracks"]]
    assert len(same["tracks"]) == anna.playlist_size
    assert told.exit_code == 0
    assert "tracks in both" in told.stdout
    assert isinstance(spoiled.exception, CommandFailed)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["u0000", "2026-11-20"], "no list of 2026-11-20 is stored for u0000"),
        (["u0000", "2026-11-20", "--policy", "best"], "there is no policy best"),
    ],
)
def test_a_replay_of_nothing_says_what_is_missing(
    world: VibeWorld, arguments: list[str], said: str
) -> None:
    result = CliRunner().invoke(replay_command, arguments)

    assert isinstance(result.exception, ConfigurationError)
    assert said in str(result.exception)


def test_an_undo_that_fails_tells_why_with_its_run(world: VibeWorld) -> None:
    anna = world.at_home()
    world.run("daily_vibe", anna.user_id)
    edition = latest(world, anna.user_id)
    refusal = json.dumps({"error": {"status": 403, "message": "Insufficient client scope"}})
    world.trouble(service="spotify", kind="status", status=403, body=refusal)

    undoing = LaunchRequest.undoing(
        anna.user_id, edition.edition_id, stood_since=edition.stands_since
    )
    result = world.run(undoing.job, anna.user_id, tags=undoing.tags, raise_on_error=False)
    world.no_trouble()

    run = world.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert runs.failure_told(run.tags) == (FailureCause.SCOPES_MISSING, None)


def test_a_cover_costs_one_call_a_day_and_a_limit_on_covers_costs_no_list(
    world: VibeWorld,
) -> None:
    anna, boris = world.at_home(covers=True), world.at_home("Boris", covers=True)
    covers = "PUT /playlists/{id}/images"
    world.run("daily_vibe", anna.user_id)
    assert world.calls()[covers] == 0
    world.store.people.change(anna.user_id, covers=True)
    world.store.people.change(boris.user_id, covers=True)
    world.forget_calls()

    world.run("daily_vibe", anna.user_id)

    edition = latest(world, anna.user_id)
    accounts = world.simulator.simulation.part(SpotifyAccounts)
    (jpeg,) = accounts.playlists[edition.playlist_id or ""].images
    assert len(jpeg) <= 256_000
    assert world.calls()[covers] == 1
    world.trouble(service="spotify", kind="status", status=429, endpoint=covers, retry_after=3600)
    world.run("daily_vibe", boris.user_id)
    assert latest(world, boris.user_id).state is EditionState.RECORDED
    assert world.calls()[covers] == 2
    assert world.store.budget.blocked_until("spotify") is None
    assert world.store.budget.blocked_until("spotify", bucket=covers) is not None
    world.no_trouble()
    world.end_pauses()
    world.run("daily_vibe", anna.user_id)
    assert world.calls()[covers] == 2


def list_of_a_style(world: VibeWorld) -> tuple[Account, Edition, str]:
    """Somebody's list whose tags speak of a style that we have a name for, and that style."""
    for _ in range(5):
        person = world.connected()
        world.run("daily_vibe", person.user_id)
        edition = latest(world, person.user_id)
        assert edition.summary is not None
        if edition.summary.styles:
            return person, edition, edition.summary.styles[0]
    raise AssertionError("of five people's lists none has a style")


def test_a_list_is_called_by_what_is_in_it_and_made_again_it_would_be_called_the_same(
    world: VibeWorld,
) -> None:
    anna, edition, _ = list_of_a_style(world)
    (playlist,) = playlists_of(world, anna)
    with world.warehouse.open() as tables:
        place, inputs = edition_on(tables, anna.user_id, edition.vibe_date, edition.edition_id)
        again = replay(tables, place, inputs).again

    assert title_of(anna, edition, again.summary) == edition.title == playlist["name"]
    assert "vibe-" not in playlist["description"]


def places_of(keys: Collection[str], ranked: Iterable[Ranked]) -> int:
    """The places of these candidates by themselves, added up: the more, the further down."""
    return sum(one.rank for one in ranked if one.candidate.key in keys)


def test_less_of_a_style_is_heard_told_and_kept_with_the_edition(world: VibeWorld) -> None:
    anna, before, style = list_of_a_style(world)
    world.store.steering.set(anna.user_id, WishKind.LESS, f"style:{style}", style)

    world.run("daily_vibe", anna.user_id)

    edition = latest(world, anna.user_id)
    with world.warehouse.open() as tables:
        place, inputs = edition_on(tables, anna.user_id, edition.vibe_date, edition.edition_id)
        old_place, old = edition_on(tables, anna.user_id, before.vibe_date, before.edition_id)
        again, again_before = replay(tables, place, inputs), replay(tables, old_place, old)
        settings = {name: value for name, value in inputs.settings.items() if name != "steering"}
        unwished = replay(tables, place, replace(inputs, settings=settings))
    steered = {
        one.candidate.key for one in again.again.ranked if one.terms.get("steering", 0.0) < 0
    }
    assert steered
    assert places_of(steered, again.again.ranked) > places_of(steered, unwished.again.ranked)
    assert again.equal
    assert again_before.equal
    assert "steering" not in old.settings
    considered = world.store.considered.of(edition.edition_id)
    assert considered is not None
    assert any("steering" in item.speaks_against for item in considered.items)


def test_counts_and_scores_below_nothing_end_nobodys_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    described = {"artist": {"name": "Somebody", "stats": {"listeners": "-7"}}}
    near = [
        {"artist_mbid": str(UUID(int=number)), "name": f"Near {number}", "score": score}
        for number, score in enumerate((-7, 12, -3), start=1)
    ]
    with vibe_world(tmp_path) as world:
        world.point_here(monkeypatch)
        anna = world.connected()
        for service, endpoint, answer in (
            ("lastfm", "GET artist.getInfo", described),
            ("labs", "POST /similar-artists/json", near),
        ):
            said = json.dumps(answer)
            world.trouble(service=service, endpoint=endpoint, kind="status", status=200, body=said)

        result = world.run("daily_vibe", anna.user_id, raise_on_error=False)

        assert world.calls("lastfm")["GET artist.getInfo"]
        assert world.calls("labs")["POST /similar-artists/json"]
        assert len(world.list_of(result).tracks) == anna.playlist_size
