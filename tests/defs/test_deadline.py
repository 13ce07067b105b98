"""When somebody waits and a source is slow: what is cut off is said, and asked on afterwards."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from tests.support.vibe_world import vibe_world
from vibe_pipeline import runs
from vibe_pipeline.defs.candidates import pool_key
from vibe_pipeline.defs.late_answers import LATE_ANSWERS
from vibe_pipeline.defs.reserve import RESERVE
from vibe_pipeline.playlists.build import HURRIED_LABS_SECONDS
from vibe_pipeline.records import EditionId, Source
from vibe_pipeline.runs import LaunchRequest
from vibe_pipeline.sources.answers import LABS_SPOTIFY_IDS

SLOW = pool_key(Source.LISTENBRAINZ)


def metadata_of(
    result: dg.ExecuteInProcessResult, key: dg.AssetKey
) -> dict[str, dg.MetadataValue[Any]]:
    (metadata,) = (
        shown.metadata
        for event in result.get_asset_materialization_events()
        if (shown := event.step_materialization_data.materialization).asset_key == key
    )
    return dict(metadata)


def test_what_a_deadline_cut_off_is_said_kept_with_the_list_and_asked_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vibe_world(tmp_path) as world:
        anna = world.connected()
        monkeypatch.setenv("ASKING_SECONDS", "0.7")
        world.trouble(service="labs", kind="timeout", delay=3.0)

        asked = LaunchRequest.asked_list(anna.user_id)
        made = world.run(asked.job, anna.user_id, tags=asked.tags)
        world.no_trouble()
        ahead = LaunchRequest.preparing(anna.user_id, made.run_id)
        finished = world.run(ahead.job, anna.user_id, tags=ahead.tags, selection=[SLOW, RESERVE])
        with world.warehouse.open() as tables:
            at_hand = {pool.source: pool for pool in tables.candidates.at_hand(anna.user_id)}

        run = world.instance.get_run_by_id(made.run_id)
        summary = world.store.editions.required(EditionId(made.run_id)).summary

    assert run is not None
    assert summary is not None
    assert Source.LISTENBRAINZ in runs.cut_off_sources(run.tags)
    assert metadata_of(made, SLOW)["cut off after (seconds)"].value == 0.7
    assert {pool.source: pool.reason for pool in summary.pools}["listenbrainz"] == "cut_off"
    keys = {event.asset_key for event in finished.get_asset_materialization_events()}
    assert keys == {SLOW, RESERVE}
    assert at_hand[Source.LISTENBRAINZ].offered > 0
    assert at_hand[Source.LISTENBRAINZ].reason is None
    assert at_hand[Source.LASTFM_SIMILAR_TRACKS].edition_id == made.run_id


def late_answers_have_come() -> None:
    """Also those that are asked for while others are waited for."""
    while late := [one for one in threading.enumerate() if one.name == LATE_ANSWERS]:
        for thread in late:
            thread.join()


def test_what_was_being_asked_at_the_deadline_is_kept_when_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vibe_world(tmp_path) as world:
        anna = world.connected()
        monkeypatch.setenv("ASKING_SECONDS", "0.7")
        world.simulator.simulation.faults.latency["lastfm"] = 1.5

        asked = LaunchRequest.asked_list(anna.user_id)
        made = world.run(asked.job, anna.user_id, tags=asked.tags)
        late_answers_have_come()

        questions = world.calls("lastfm").total()
        with duckdb.connect(world.settings.warehouse_path, read_only=True) as connection:
            kept = connection.execute(
                "SELECT count(*) FROM lookups WHERE service LIKE 'lastfm%'"
            ).fetchone()

    assert metadata_of(made, pool_key(Source.LASTFM_SIMILAR_TRACKS))["reason"].value == "cut_off"
    assert questions > 0
    assert kept == (questions,)


def test_what_labs_is_asked_while_choosing_is_kept_when_it_comes_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with vibe_world(tmp_path) as world:
        anna = world.connected()
        monkeypatch.setenv("ASKING_SECONDS", "4")
        world.simulator.simulation.faults.latency["labs"] = HURRIED_LABS_SECONDS + 0.5

        asked = LaunchRequest.asked_list(anna.user_id)
        world.run(asked.job, anna.user_id, tags=asked.tags)
        late_answers_have_come()

        questions = world.calls("labs")["POST /spotify-id-from-mbid/json"]
        with duckdb.connect(world.settings.warehouse_path, read_only=True) as connection:
            kept = connection.execute(
                "SELECT count(*) > 0 FROM lookups WHERE service = ?", [LABS_SPOTIFY_IDS.name]
            ).fetchone()

    assert questions == 1
    assert kept == (True,)
