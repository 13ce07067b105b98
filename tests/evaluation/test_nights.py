"""Many nights in the simulated world: listeners live on, promises hold, the judge is strict."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from vibe_pipeline.accounts.records import Summary
from vibe_pipeline.cli import main
from vibe_pipeline.evaluation.nights.checks import Truth, Violation, violations
from vibe_pipeline.evaluation.nights.listener import REACH_OF_PLAYS, SimulatedListener
from vibe_pipeline.evaluation.nights.plan import Plan
from vibe_pipeline.evaluation.nights.report import NightsReport, table
from vibe_pipeline.evaluation.nights.simulation import (
    FIRST_MORNING,
    ListenerNights,
    NightsWorld,
    play,
)
from vibe_pipeline.evaluation.nights.world import SimulatedServices, WorldRecipe, as_spotify_tells
from vibe_pipeline.lookup_cache import InMemoryLookups
from vibe_pipeline.playlists.selection_summary import Selection
from vibe_pipeline.ranking.identity import artist_key
from vibe_pipeline.ranking.listener_knowledge import track_key
from vibe_pipeline.records import ChosenTrack, Source
from vibe_pipeline.simulator.worlds import catalogue
from vibe_pipeline.simulator.worlds.built_in import BuiltInWorld
from vibe_pipeline.sources.context import SourceLimits
from vibe_pipeline.taste.policy_comparison import Preference

pytestmark = pytest.mark.slow

TODAY = date(2026, 9, 20)
SMALL = SourceLimits(seed_artists=12, seed_tracks=12, neighbours=40, proposals_per_source=250)
FEW_NIGHTS = Plan(
    recipe=WorldRecipe(seed=3, listeners=40), listeners=2, nights=4, seed=3, limits=SMALL
)


@cache
def few_nights() -> tuple[ListenerNights, ...]:
    return tuple(play(FEW_NIGHTS, processes=2))


@cache
def world() -> catalogue.World:
    return BuiltInWorld(5, artists=200)


def plain_tracks(count: int) -> list[catalogue.Track]:
    """Ordinary songs of as many different artists."""
    found = []
    for artist in world().artists[:count]:
        tracks = world().discography(artist).tracks
        found.append(next(t for t in tracks if not t.recording.version and not t.vanished))
    return found


def chosen(track: catalogue.Track, position: int, *, is_new: bool = True) -> ChosenTrack:
    told = as_spotify_tells(track)
    return ChosenTrack(
        position=position,
        artist=told.artist,
        title=told.title,
        spotify_id=told.spotify_id,
        uri=told.uri,
        isrc=told.isrc,
        is_new=is_new,
        source=list(Source)[position % len(Source)],
        seed="",
        reason="",
        key=track_key(told),
        artist_key=artist_key(told.artist),
    )


def a_list(tracks: list[catalogue.Track], *, is_new: bool = True) -> Selection:
    lines = tuple(chosen(track, n, is_new=is_new) for n, track in enumerate(tracks, start=1))
    new = sum(line.is_new for line in lines)
    summary = Summary(
        new=new, familiar=len(lines) - new, wished_new=new, sources={}, pools=(), notes=()
    )
    return Selection(ranked=(), tracks=lines, summary=summary, policy="any 1")


def truth(**known: object) -> Truth:
    return Truth(
        world=world(),
        **({"liked": frozenset(), "blocked": frozenset(), "recommended": {}} | known),  # type: ignore[arg-type]
    )


def judged(selection: Selection, known: Truth, *, size: int = 30) -> list[Violation]:
    return violations(selection, known, today=TODAY, size=size, min_new_ratio=0.8)


def test_no_list_of_many_nights_breaks_a_promise() -> None:
    report = NightsReport.of(few_nights())

    assert {one.policy: one.violations for one in report.figures} == {
        "default": {},
        "similar-sum": {},
    }


def test_no_night_is_empty_and_every_list_is_full() -> None:
    assert {night.length for course in few_nights() for night in course.nights} == {30}


def test_nothing_new_was_on_a_list_of_the_week_before() -> None:
    assert sum(night.repeated for course in few_nights() for night in course.nights) == 0


def test_enough_is_new_every_night_and_some_of_it_is_accepted() -> None:
    for course in few_nights():
        assert all(night.new >= 24 for night in course.nights)
        assert 0.1 < course.accepted / course.offered < 0.95


def test_the_report_names_both_policies_and_gives_a_verdict() -> None:
    report = NightsReport.of(few_nights())

    printed = table(report)

    assert [one.policy for one in report.figures] == ["default", "similar-sum"]
    assert report.verdicts[0].sentence in printed
    assert report.verdicts[0].pairs == FEW_NIGHTS.listeners
    nights = json.loads(report.as_json())["policies"]["default"]["nights"]
    assert nights == FEW_NIGHTS.listeners * FEW_NIGHTS.nights


def test_two_listeners_are_too_few_for_a_verdict() -> None:
    assert NightsReport.of(few_nights()).verdicts[0].answer is Preference.NOT_ENOUGH


def test_the_same_seed_plays_the_same_nights_whatever_process_they_are_played_in() -> None:
    first, nights = few_nights()[0], 2

    again = NightsWorld(replace(FEW_NIGHTS, nights=nights)).course(0, "default")

    assert (again.listener, again.policy) == (first.listener, first.policy)
    assert [replace(night, seconds=0.0) for night in again.nights] == [
        replace(night, seconds=0.0) for night in first.nights[:nights]
    ]


def test_a_good_list_breaks_nothing() -> None:
    assert judged(a_list(plain_tracks(30)), truth()) == []


def test_the_judge_sees_a_recording_under_another_id() -> None:
    homes = (world().discography(artist) for artist in world().artists)
    twice = next(
        home.of(recording)
        for home in homes
        for recording in home.recordings
        if len(home.of(recording)) > 1
    )
    others = [t for t in plain_tracks(20) if t.recording.artist != twice[0].recording.artist]

    broken = judged(a_list([twice[0], *others, twice[1]]), truth())

    assert broken == [Violation.DUPLICATE]


def test_the_judge_counts_artists_and_their_distance() -> None:
    home = world().discography(world().artists[0])
    songs = [home.of(r)[0] for r in home.recordings if not r.version][:3]
    others = plain_tracks(12)[1:]

    broken = judged(a_list([songs[0], songs[1], *others[:5], songs[2], *others[5:]]), truth())

    assert sorted(broken) == [Violation.ARTIST_CAP, Violation.SPACING]


def test_the_judge_knows_what_rests_and_what_is_blocked() -> None:
    rested, blocked, *rest = plain_tracks(30)
    known = truth(
        recommended={rested.recording.mbid: TODAY - timedelta(days=59)},
        blocked=frozenset({blocked.recording.artist.name}),
    )

    broken = judged(a_list([rested, blocked, *rest]), known)

    assert sorted(broken) == [Violation.BLOCK, Violation.NOT_NEW, Violation.REST]


def test_a_rest_of_sixty_days_is_over_on_the_sixtieth() -> None:
    rested, *rest = plain_tracks(30)
    known = truth(recommended={rested.recording.mbid: TODAY - timedelta(days=60)})

    assert judged(a_list([rested, *rest], is_new=False), known) == []


def test_the_judge_hears_odd_versions_unless_they_are_liked() -> None:
    live = next(
        track
        for artist in world().artists[40:]
        for track in world().discography(artist).tracks
        if track.recording.version == "live"
    )
    selection = a_list([live, *plain_tracks(29)], is_new=False)

    liked = truth(liked=frozenset({live.recording.mbid}))

    assert judged(selection, truth()) == [Violation.VERSION]
    assert judged(selection, liked) == []


def test_spotify_tells_only_the_last_plays_before_the_first_night() -> None:
    life = SimulatedListener.begin(world(), world().listeners[0], 1, FIRST_MORNING)

    assert len(life.plays) == REACH_OF_PLAYS
    assert len(life.likes) > 200


def test_a_listener_hears_accepts_and_comes_back() -> None:
    life = SimulatedListener.begin(world(), world().listeners[0], 1, FIRST_MORNING)
    loved = sorted(
        (track for artist in world().artists for track in world().discography(artist).tracks[:2]),
        key=lambda track: -world().would_like(life.listener, track.recording),
    )[:30]
    fresh = [track for track in loved if track.recording.mbid not in life.likes]
    lines = [chosen(track, n) for n, track in enumerate(fresh, start=1)]

    life.live(FIRST_MORNING, lines)
    for day in range(1, 10):
        life.live(FIRST_MORNING + timedelta(days=day), [])

    assert life.accepted <= {track.recording.mbid for track in fresh}
    assert life.liked_later & life.accepted
    assert life.replayed & life.accepted
    assert life.plays == sorted(life.plays, key=lambda play: play.played_at, reverse=True)


def test_the_mood_for_a_song_does_not_depend_on_the_list_it_came_with() -> None:
    one, other = (
        SimulatedListener.begin(world(), world().listeners[1], 1, FIRST_MORNING) for _ in range(2)
    )
    tracks = [track for track in plain_tracks(60) if not track.recording.guests][:20]

    one.live(FIRST_MORNING, [chosen(track, n) for n, track in enumerate(tracks, start=1)])
    backwards = [chosen(track, n) for n, track in enumerate(tracks[::-1], start=1)]
    other.live(FIRST_MORNING, backwards)

    both = one.offered.keys() & other.offered.keys()
    assert both
    assert one.liked_later & both == other.liked_later & both


def test_the_services_answer_in_the_process_as_production_reads_them() -> None:
    outside = SimulatedServices(world())
    services = outside.services(InMemoryLookups(), Counter())
    artist = world().artists[3]

    async def asked() -> tuple[int, int, int]:
        assert services.lastfm is not None
        assert services.labs is not None
        assert services.spotify is not None
        near = await services.lastfm.similar_artists(artist.name, limit=20)
        found = await services.spotify.search_tracks(f'artist:"{artist.name}"')
        known = await services.labs.similar_artists([artist.mbid])
        return len(near), len(found), len(known)

    near, found, known = asyncio.run(asked())

    assert (near, found) == (20, 10)
    assert 80 <= known <= 100


def test_the_command_prints_the_table_and_a_record() -> None:
    run = CliRunner().invoke(
        main, ["nights", "--listeners", "1", "--nights", "1", "--processes", "1", "--json"]
    )

    assert run.exit_code == 0, run.output
    record = json.loads(run.stdout.splitlines()[-1])
    assert set(record["policies"]) == {"default", "similar-sum"}
    assert record["verdicts"][0]["answer"] == "not_enough_evidence_yet"


def test_a_world_that_cannot_be_read_is_said_in_one_sentence(tmp_path: Path) -> None:
    run = CliRunner().invoke(main, ["nights", "--world", str(tmp_path / "nowhere")])

    assert run.exit_code == 2
    assert "is not a directory" in run.stderr
