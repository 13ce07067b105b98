"""The offline gate: the default policy foretells listening better than the plain sum does."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.support.listening_example import real_listening, write_listening
from vibe_pipeline.accounts.call_allowance import CallAllowance
from vibe_pipeline.evaluation.command import eval_command
from vibe_pipeline.evaluation.dataset import DatasetMissing, ListeningDataset
from vibe_pipeline.evaluation.listener import (
    ASKED,
    FULL,
    NOW,
    Crowd,
    Listener,
    after,
    name_of,
    one_track,
)
from vibe_pipeline.evaluation.neighbours import NeighbourIndex
from vibe_pipeline.evaluation.report import (
    BASELINE,
    Contender,
    compared,
    diversity,
    evaluate,
    table,
)
from vibe_pipeline.evaluation.tuning import TuningRun, estimate, tuned
from vibe_pipeline.lookup_cache import InMemoryLookups
from vibe_pipeline.playlists.build import choose, propose
from vibe_pipeline.playlists.resolve import Resolver
from vibe_pipeline.ranking.identity import recording_key
from vibe_pipeline.ranking.policy import DEFAULT, SIMILAR_SUM
from vibe_pipeline.records import Pool
from vibe_pipeline.sources.answers import SPOTIFY_TRACKS
from vibe_pipeline.sources.context import SourceLimits

pytestmark = pytest.mark.slow

BARS = {"recall": 0.182, "ndcg": 0.232, "novelty": 4.4, "diversity": 0.72}
DIALS = (0, 25, 50, 75, 100)


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_listening(tmp_path_factory.mktemp("listening"))


def test_the_default_policy_clears_the_bars_on_real_listening() -> None:
    folder = real_listening()
    if folder is None:
        pytest.skip("no real listening beside the project; the invented one is tried below")

    data = ListeningDataset.read(folder)
    some = np.random.default_rng(0).choice(data.users, min(110, len(data.users)), replace=False)

    report = compared(
        data,
        [0],
        [
            Contender(name=DEFAULT.name, policy=DEFAULT),
            Contender(name=BASELINE, policy=SIMILAR_SUM),
        ],
        only=frozenset(map(str, some)),
    )

    figures, plain = report.figures(DEFAULT.name), report.figures(BASELINE)
    assert {name for name, bar in BARS.items() if figures[name] < bar} == set(), table(report)
    assert all(figures[name] >= plain[name] for name in ("recall", "ndcg", "novelty"))


def test_on_invented_listening_the_default_policy_reaches_further_at_little_cost(
    invented: Path, tmp_path: Path
) -> None:
    """Invented people follow fame alone, so the plain sum is hard to beat there in recall."""
    some = tmp_path / "some.txt"
    some.write_text("\n".join(ListeningDataset.read(invented).users[::10]), encoding="utf-8")

    report = evaluate(invented, [0], some, nights=(), sizes=())

    figures, plain = report.figures(DEFAULT.name), report.figures(BASELINE)
    assert figures["recall"] > 0.9 * plain["recall"]
    assert figures["recall"] > 2 * report.figures("popularity")["recall"]
    assert figures["novelty"] > plain["novelty"] + 0.3
    assert figures["coverage"] > plain["coverage"]


def test_the_adventure_dial_leads_steadily_away_from_what_everybody_knows(invented: Path) -> None:
    data = ListeningDataset.read(real_listening() or invented)
    some = frozenset(data.users[:: len(data.users) // 13])

    report = compared(
        data,
        [0],
        [Contender(name=str(dial), policy=DEFAULT, adventure=dial) for dial in DIALS],
        only=some,
    )

    novelty = [report.figures(str(dial))["novelty"] for dial in DIALS]
    assert novelty == sorted(novelty)
    assert novelty[-1] > novelty[0] + 0.5


def test_known_artists_are_never_offered(invented: Path) -> None:
    crowd = NeighbourIndex.split(ListeningDataset.read(invented), 0)

    for user in crowd.evaluated()[::40]:
        listener = Listener.of(Crowd(crowd), user)
        pools = listener.pools(DEFAULT, {FULL})[FULL]
        offered = listener.chosen(pools, DEFAULT, 40, 10)
        assert offered
        assert set(crowd.known[user].tolist()).isdisjoint(offered)


def test_each_night_asks_as_much_as_production_may_and_remembers_the_rest(invented: Path) -> None:
    crowd = NeighbourIndex.split(ListeningDataset.read(invented), 0)
    user = max(crowd.evaluated(), key=lambda one: len(crowd.known[one]))
    limits = SourceLimits().ahead_of_time()

    pools = Listener.of(Crowd(crowd), user).pools(DEFAULT, {after(1), after(3), FULL})

    heard = {evidence: seeds_heard(asked) for evidence, asked in pools.items()}
    asked_on_one_night = limits.lastfm_artist_calls + limits.lastfm_back_calls
    assert 0 < len(heard[after(1)]) <= asked_on_one_night
    assert heard[after(1)] <= heard[after(3)] <= heard[FULL]


def seeds_heard(pools: Sequence[Pool]) -> set[str]:
    """The seeds that named somebody themselves."""
    return {
        vote.seed
        for pool in pools
        for proposal in pool.proposals
        for vote in proposal.votes
        if not vote.asked_back
    }


async def test_evaluation_lists_what_production_would_out_of_the_same_pools(invented: Path) -> None:
    crowd = NeighbourIndex.split(ListeningDataset.read(invented), 0)
    for user in crowd.evaluated()[::90]:
        listener = Listener.of(Crowd(crowd), user)
        context = listener.context(DEFAULT, after(1))
        pools = await propose(context, CallAllowance(), only=ASKED)
        lookups = InMemoryLookups(lambda: NOW)
        recordings = {p.artist: p.title for pool in pools for p in pool.proposals}
        there = {recording_key(artist, title): artist for artist, title in recordings.items()}
        SPOTIFY_TRACKS.remember(lookups, {key: one_track(there[key]) for key in there})

        listed = await choose(
            listener.request(40, 10), pools, Resolver(lookups=lookups), policy=DEFAULT
        )

        offered = listener.chosen(pools, DEFAULT, 40, 10)
        assert {track.artist for track in listed.tracks} == {name_of(one) for one in offered}


def test_what_is_known_by_night_is_asked_within_production_s_limits() -> None:
    assert after(1).limits == after(9).limits == SourceLimits().ahead_of_time()
    assert FULL.limits.seed_artists == SourceLimits().seed_artists
    assert FULL.limits.near_artists == SourceLimits().ahead_of_time().near_artists


def test_the_crowd_tells_tags_as_lastfm_does_five_with_the_listeners_and_thirty_alone(
    tmp_path: Path,
) -> None:
    many = [("1", f"kind {number:02}", str(50 - number), "8") for number in range(40)]
    write_tagged(tmp_path, [*many, ("2", "kind 06", "1", "8")])
    crowd = Crowd(NeighbourIndex.split(ListeningDataset.read(tmp_path), 0))

    described = asyncio.run(crowd.artist(name_of(0)))
    tags = asyncio.run(crowd.artist_tags(name_of(0)))

    assert described is not None
    assert described.tags == tuple(f"kind {number:02}" for number in range(5))
    assert tags == [f"kind {number:02}" for number in range(30)]


def test_an_artist_s_track_is_known_to_fewer_than_the_artist(invented: Path) -> None:
    crowd = Crowd(NeighbourIndex.split(ListeningDataset.read(invented), 0))

    for number in range(0, len(crowd.index.listeners), 7):
        artist = asyncio.run(crowd.artist(name_of(number)))
        (track,) = asyncio.run(crowd.artist_top_tracks(name_of(number)))
        assert artist is not None
        assert artist.listeners is not None
        assert track.listeners is not None
        assert 1 <= track.listeners <= max(1, artist.listeners)


def test_what_a_person_calls_an_artist_tells_nothing_about_that_person(tmp_path: Path) -> None:
    write_tagged(
        tmp_path, [("1", "quiet", "1", "7"), ("1", "loud", "2", "8"), ("2", "loud", "1", "8")]
    )
    data = ListeningDataset.read(tmp_path)
    crowd = Crowd(NeighbourIndex.split(data, 0))

    seven, eight = (crowd.seen_by(data.users.index(user)) for user in ("7", "8"))

    assert tags_of(seven, 0) == {"loud"}
    assert tags_of(eight, 0) == {"quiet"}
    assert tags_of(crowd, 0) == {"loud", "quiet"}
    assert tags_of(eight, 1) == set()


def test_who_sings_in_another_language_is_told_by_what_most_call_them(tmp_path: Path) -> None:
    write_tagged(
        tmp_path,
        [
            ("1", "chanson", "5", "7"),
            ("1", "quiet", "1", "7"),
            ("2", "loud", "9", "7"),
            ("2", "quiet", "9", "7"),
            ("2", "latin", "1", "8"),
            ("3", "latinate", "4", "8"),
        ],
    )

    crowd = NeighbourIndex.split(ListeningDataset.read(tmp_path), 0)

    assert crowd.elsewhere.tolist() == [True, False, False, False]


def tags_of(crowd: Crowd, artist: int) -> set[str]:
    described = asyncio.run(crowd.artist(name_of(artist)))
    return set(described.tags) if described else set()


def write_tagged(folder: Path, taggings: Sequence[tuple[str, str, str, str]]) -> None:
    rows: dict[str, list[tuple[str, ...]]] = {
        "artists.csv": [("artist_id", "name"), *((str(n), f"Artist {n}") for n in range(1, 5))],
        "listens.csv": [
            ("user_id", "artist_id", "plays", "time"),
            *(("7", str(n), "3", f"2011-05-0{n}T08:00:00") for n in range(1, 5)),
            *(("8", str(n), "3", f"2011-05-0{5 - n}T09:00:00Z") for n in range(1, 5)),
        ],
        "artist_tags.csv": [("artist_id", "tag", "count", "user_id"), *taggings],
    }
    for name, lines in rows.items():
        text = "\n".join(",".join(line) for line in lines)
        (folder / name).write_text(text, encoding="utf-8")


def test_where_the_data_tell_when_what_came_later_is_held_out(tmp_path: Path) -> None:
    write_tagged(tmp_path, [])
    data = ListeningDataset.read(tmp_path)

    crowd, other = NeighbourIndex.split(data, 0), NeighbourIndex.split(data, 1)

    assert data.times is not None
    assert data.times[crowd.train].max() < data.times[~crowd.train].min()
    assert (crowd.train == other.train).all()
    assert crowd.truth == (frozenset({3}), frozenset({0}))


def test_a_time_that_is_none_is_named_by_file_and_line(tmp_path: Path) -> None:
    write_tagged(tmp_path, [])
    listens = tmp_path / "listens.csv"
    listens.write_text(listens.read_text(encoding="utf-8").replace("2011-05-02T08", "soon"))

    with pytest.raises(DatasetMissing, match=r"listens\.csv, line 3"):
        ListeningDataset.read(tmp_path)


def test_what_is_held_out_is_not_known(invented: Path) -> None:
    crowd = NeighbourIndex.split(ListeningDataset.read(invented), 3)

    mask = np.random.RandomState(3).rand(len(crowd.data.user)) < 0.8
    assert (crowd.train == mask).all()
    assert all(
        crowd.truth[user].isdisjoint(crowd.known[user].tolist())
        for user in range(len(crowd.data.users))
    )


def test_neighbours_are_nearest_first_and_the_nearest_is_one(invented: Path) -> None:
    crowd = NeighbourIndex.split(ListeningDataset.read(invented), 0)

    for artist in range(len(crowd.data.names)):
        ids, matches = crowd.neighbours.of(artist)
        assert artist not in ids
        assert len(matches) == 0 or matches[0] == 1.0
        assert (np.diff(matches) <= 0).all()


def test_the_plain_sum_is_a_plain_sum(invented: Path) -> None:
    crowd = NeighbourIndex.split(ListeningDataset.read(invented), 0)
    user = crowd.evaluated()[0]

    listener = Listener.of(Crowd(crowd), user)
    offered = listener.chosen(listener.pools(SIMILAR_SUM, {FULL})[FULL], SIMILAR_SUM, 40, 10)

    sums: dict[int, float] = {}
    for artist, weight in zip(crowd.known[user][:10], crowd.weight[user][:10], strict=True):
        for near, match in zip(*crowd.neighbours.of(int(artist)), strict=True):
            sums[int(near)] = sums.get(int(near), 0.0) + float(weight) * float(match)
    for artist in crowd.known[user].tolist():
        sums.pop(artist, None)
    best = sorted(sums, key=lambda near: (-sums[near], near))[:10]
    assert set(offered) == set(best)


def test_lists_of_one_kind_have_no_diversity() -> None:
    assert diversity([{1: 1.0}, {1: 1.0}]) == pytest.approx(0.0)
    assert diversity([{1: 1.0}, {2: 1.0}]) == pytest.approx(1.0)
    assert diversity([{1: 1.0}, {}]) == pytest.approx(1.0)


def assert_everybody_is_in_one_quarter(record: dict[str, Any]) -> None:
    """The quarters go from niche to mainstream; with one artist known, less is found."""
    quarters, library = record["served"]["quarters"], record["served"]["library"]
    levels = [quarter["level"] for quarter in quarters]
    assert sum(quarter["lists"] for quarter in quarters) == record["users"]
    assert levels == sorted(levels)
    assert sum(one["lists"] for one in record["served"]["languages"]) == record["users"]
    assert [one["group"] for one in library][:2] == ["1", "3"]
    assert library[-1]["group"] == "all"
    niche, mainstream = quarters[0]["recall"], quarters[-1]["recall"]
    assert record["served"]["niche_beside_mainstream"] == pytest.approx(niche / mainstream)


def assert_long_lists_are_told(record: dict[str, Any]) -> None:
    """Of as many people under each evidence: one seed's part, and how far tags stray."""
    told = record["whole_person"]
    assert set(told) == {"full", "night-1", "night-5"}
    assert len({one["lists"] for one in told.values()}) == 1
    for one in told.values():
        assert 1 / 30 <= one["top_seed"] <= one["opening_seed"] < 0.5
        assert one["above_a_third"] < 0.2
        assert 0.5 < one["divergence"] < 5


def test_the_command_ends_with_one_line_of_json(invented: Path, tmp_path: Path) -> None:
    users = tmp_path / "users.txt"
    users.write_text("\n".join(str(number) for number in range(1, 11)), encoding="utf-8")
    rows = tmp_path / "rows.csv"
    arguments = ["--data", str(invented), "--split-seed", "5", "--users", str(users), "--json"]

    result = CliRunner().invoke(eval_command, [*arguments, "--per-user", str(rows)])

    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout.strip().splitlines()[-1])
    assert {"default", "similar-sum-10", "popularity"} <= set(record["policies"])
    assert all(set(BARS) < set(figures) for figures in record["policies"].values())
    assert set(record["evidence"]) == {"full", "night-1", "night-5"}
    assert record["evidence"]["full"] == record["policies"]["default"]
    assert all(low <= mean <= high for low, mean, high in record["paired"].values())
    assert_everybody_is_in_one_quarter(record)
    assert_long_lists_are_told(record)
    with rows.open(encoding="utf-8") as file:
        assert {row["user_id"] for row in csv.DictReader(file)} <= set(map(str, range(1, 11)))


def test_a_folder_without_data_is_named_in_one_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(eval_command, ["--data", str(tmp_path)])

    assert result.exit_code == 2
    assert "listens.csv" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        (
            "listens.csv",
            "user_id,artist_id,plays\n1,77,3\n",
            "line 2: artists.csv has no artist 77",
        ),
        ("listens.csv", "user_id,artist_id,plays\n1,1,often\n", "'often' is no count"),
        ("listens.csv", "user_id,artist_id,plays\n1,1,-2\n", "'-2' is no count"),
        ("listens.csv", "user_id,artist_id,plays\n1,1\n", "line 2: too few columns"),
        ("listens.csv", "who,artist_id,plays\n", "listens.csv has no column user_id"),
        ("artist_tags.csv", "", "artist_tags.csv has no column artist_id, tag, count"),
    ],
)
def test_odd_data_is_named_by_file_and_line(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    folder = write_listening(tmp_path)
    (folder / "artists.csv").write_text("artist_id,name\n1,Somebody\n", encoding="utf-8")
    (folder / "listens.csv").write_text("user_id,artist_id,plays\n1,1,3\n", encoding="utf-8")
    (folder / name).write_text(text, encoding="utf-8")

    result = CliRunner().invoke(eval_command, ["--data", str(folder)])

    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(
    invented: Path, tmp_path: Path
) -> None:
    for file in invented.iterdir():
        text = file.read_text(encoding="utf-8").replace("\n", "\r\n")
        (tmp_path / file.name).write_bytes(b"\xef\xbb\xbf" + text.encode())

    first, again = ListeningDataset.read(invented), ListeningDataset.read(tmp_path)

    assert (first.users, first.names, first.tags) == (again.users, again.names, again.tags)
    assert np.array_equal(first.plays, again.plays)


def test_an_artist_named_in_two_rows_is_one_seed(invented: Path) -> None:
    data = ListeningDataset.read(invented)
    twice = replace(
        data,
        user=np.concatenate([data.user, data.user]),
        artist=np.concatenate([data.artist, data.artist]),
        plays=np.concatenate([data.plays, data.plays]),
    )

    crowd = NeighbourIndex.split(twice, 0)

    assert all(len(set(known.tolist())) == len(known) for known in crowd.known)
    assert int(crowd.listeners.max()) <= len(data.users)


def test_tuning_keeps_what_the_folds_agree_on(tmp_path: Path) -> None:
    few = write_listening(tmp_path, users=15, artists=150)
    bench = TuningRun(ListeningDataset.read(few), splits=[100])

    weights = (0.0, DEFAULT.tag_weight)
    chosen = tuned(bench, grid={"tag_weight": weights}, passes=1)

    assert chosen.tag_weight in weights
    assert set(estimate(bench, [DEFAULT, chosen])) == {"recall", "ndcg", "novelty", "diversity"}
