"""The publication ledger, the outbox, watches, feedback."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.accounts_site import (
    BEGINNING,
    DAY,
    KEY,
    Clock,
    address,
    chosen,
    connected,
    greeting,
    in_processes,
    made,
    messages_waiting,
    opened,
)
from vibe_pipeline.accounts.errors import UnknownPerson
from vibe_pipeline.accounts.records import (
    BlockKind,
    EditionKind,
    EditionState,
    ExclusionKind,
    FailureCause,
    PoolSummary,
    StateKind,
    Summary,
)
from vibe_pipeline.accounts.store import open_store
from vibe_pipeline.records import EditionId, Mode, UserId

RUN = EditionId("run-1")
NIGHT = "nightly:2026-11-23"


def test_the_states_of_many_editions_are_read_with_one_question(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)
    opened(store, account, "run-1", NIGHT)
    opened(store, account, "run-2", "asked:run-2")
    store.editions.advance(EditionId("run-2"), EditionState.STARTED, EditionState.CHOSEN)

    states = store.editions.states([RUN, EditionId("run-2"), EditionId("unknown")])

    assert states == {RUN: EditionState.STARTED, "run-2": EditionState.CHOSEN}


def test_an_occasion_has_one_edition_however_often_it_is_opened(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)
    first = opened(store, account, "run-1", NIGHT)

    doubled = opened(store, account, "run-2", NIGHT)
    again = opened(store, account, "run-1", NIGHT)

    assert first.state is EditionState.STARTED
    assert doubled == again == first
    assert store.editions.of_occasion(account.user_id, NIGHT) == first


def test_two_people_have_an_edition_each_of_the_same_night(tmp_path: Path) -> None:
    store = made(tmp_path)
    anna, ben = connected(store, 1), connected(store, 2)

    assert opened(store, anna, "a", NIGHT).edition_id == "a"
    assert opened(store, ben, "b", NIGHT).edition_id == "b"


def test_an_edition_goes_its_way_and_keeps_what_became_known(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = connected(store)
    opened(store, account)
    summary = Summary(
        new=2,
        familiar=1,
        wished_new=2,
        sources={"listenbrainz": 3},
        pools=(PoolSummary(source="listenbrainz", state="offered", offered=40, chosen=3),),
        notes=("all_liked",),
    )
    tracks = tuple(chosen(position) for position in (1, 2, 3))
    step = store.editions.advance

    clock.advance(seconds=5)
    assert step(
        RUN, EditionState.STARTED, EditionState.CHOSEN, tracks=tracks, summary=summary, title="T"
    )
    assert step(
        RUN, EditionState.CHOSEN, EditionState.PLAYLIST_MADE, playlist_id="p", playlist_url="u"
    )
    assert step(RUN, EditionState.PLAYLIST_MADE, EditionState.ITEMS_WRITTEN, snapshot_id="s")
    assert step(RUN, EditionState.ITEMS_WRITTEN, EditionState.RECORDED)

    edition = store.editions.required(RUN)
    assert edition.state is EditionState.RECORDED
    assert edition.tracks == tracks
    assert edition.summary == summary
    assert (edition.title, edition.playlist_id, edition.playlist_url) == ("T", "p", "u")
    assert edition.snapshot_id == "s"
    assert edition.created_at == BEGINNING
    assert edition.updated_at == BEGINNING + timedelta(seconds=5)


def test_a_step_from_where_the_edition_does_not_stand_changes_nothing(tmp_path: Path) -> None:
    store = made(tmp_path)
    opened(store, connected(store))
    before = store.editions.get(RUN)

    moved = store.editions.advance(RUN, EditionState.CHOSEN, EditionState.RECORDED, title="X")

    assert not moved
    assert store.editions.get(RUN) == before
    unknown = EditionId("unknown")
    assert not store.editions.advance(unknown, EditionState.STARTED, EditionState.CHOSEN)


def test_facts_can_be_written_down_without_a_step(tmp_path: Path) -> None:
    store = made(tmp_path)
    opened(store, connected(store))

    same = EditionState.STARTED
    assert store.editions.advance(RUN, same, same, marker="vibe-abc", kind=EditionKind.PREVIEW)

    edition = store.editions.required(RUN)
    assert edition.state is same
    assert edition.marker == "vibe-abc"
    assert edition.kind is EditionKind.PREVIEW


def test_a_failure_keeps_the_place_and_the_next_step_clears_it(tmp_path: Path) -> None:
    store = made(tmp_path)
    opened(store, connected(store))
    store.editions.advance(RUN, EditionState.STARTED, EditionState.CHOSEN)
    until = BEGINNING + timedelta(hours=9)

    assert store.editions.fail(RUN, FailureCause.QUOTA, until, "spotify: used up")

    failed = store.editions.required(RUN)
    assert (failed.state, failed.cause, failed.cause_until) == (
        EditionState.CHOSEN,
        FailureCause.QUOTA,
        until,
    )
    assert failed.detail == "spotify: used up"
    store.editions.advance(RUN, EditionState.CHOSEN, EditionState.PLAYLIST_MADE)
    assert store.editions.required(RUN).cause is None


def test_what_is_recorded_cannot_fail_any_more(tmp_path: Path) -> None:
    store = made(tmp_path)
    opened(store, connected(store))
    store.editions.advance(RUN, EditionState.STARTED, EditionState.RECORDED)

    assert not store.editions.fail(RUN, FailureCause.UNEXPECTED)
    assert store.editions.required(RUN).cause is None


def test_the_latest_list_is_the_last_one_that_reached_spotify(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = connected(store)
    assert store.editions.latest(account.user_id) is None
    for name, state, kind in (
        ("old", EditionState.RECORDED, EditionKind.DAILY),
        ("good", EditionState.ITEMS_WRITTEN, EditionKind.DAILY),
        ("preview", EditionState.RECORDED, EditionKind.PREVIEW),
        ("failed", EditionState.CHOSEN, EditionKind.DAILY),
    ):
        clock.advance(minutes=1)
        opened(store, account, name)
        store.editions.advance(EditionId(name), EditionState.STARTED, state, kind=kind)

    latest = store.editions.latest(account.user_id)

    assert latest is not None
    assert latest.edition_id == "good"
    names = [edition.edition_id for edition in store.editions.history(account.user_id, 3)]
    assert names == ["failed", "preview", "good"]


def test_a_day_holds_all_of_its_editions(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = connected(store)
    opened(store, account, "a")
    clock.advance(minutes=1)
    opened(store, account, "b")

    found = store.editions.of_day(account.user_id, DAY)

    assert [edition.edition_id for edition in found] == ["b", "a"]
    assert store.editions.of_day(account.user_id, date(2026, 11, 22)) == []


def test_no_edition_is_opened_for_nobody(tmp_path: Path) -> None:
    store = made(tmp_path)

    with pytest.raises(UnknownPerson):
        store.editions.open(
            RUN,
            UserId("nobody"),
            vibe_date=DAY,
            occasion=NIGHT,
            kind=EditionKind.DAILY,
            mode=Mode.LIVING,
        )
    with pytest.raises(LookupError):
        store.editions.required(RUN)


def _open_and_advance(folder: str, user_id: str, run: str) -> tuple[str, bool]:
    store = open_store(address(Path(folder)), KEY, now=Clock())
    edition = store.editions.open(
        EditionId(run),
        UserId(user_id),
        vibe_date=DAY,
        occasion=NIGHT,
        kind=EditionKind.DAILY,
        mode=Mode.LIVING,
    )
    moved = store.editions.advance(
        edition.edition_id, EditionState.STARTED, EditionState.CHOSEN, title=run
    )
    return edition.edition_id, moved


def test_of_several_processes_one_opens_the_night_and_one_moves_it_on(tmp_path: Path) -> None:
    account = connected(made(tmp_path))
    work = [(str(tmp_path), account.user_id, f"run-{number}") for number in range(4)]

    got = in_processes(_open_and_advance, work)

    assert len({edition_id for edition_id, _ in got}) == 1
    assert [moved for _, moved in got].count(True) == 1


def test_a_message_is_put_once_and_delivered_once(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)

    assert store.outbox.put(account.user_id, greeting("k", "Ö"))
    assert not store.outbox.put(account.user_id, greeting("k", "other"))
    (message,) = store.outbox.take_due()
    store.outbox.done(message.id)

    assert (message.chat_id, message.language, message.key) == (1, "en", "bot.connected")
    assert message.params == {"spotify_name": "Ö"}
    assert message.content() == greeting("k", "Ö")
    assert message.attempts == 1
    assert store.outbox.take_due() == []
    assert messages_waiting(store) == 0
    assert not store.outbox.put(account.user_id, greeting("k", "other"))


def test_a_claim_that_was_not_closed_falls_due_again(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    store.outbox.put(connected(store).user_id, greeting("k"))
    store.outbox.take_due(lease_seconds=60)
    clock.advance(seconds=59)
    assert store.outbox.take_due() == []

    clock.advance(seconds=1)
    (again,) = store.outbox.take_due()

    assert again.attempts == 2


def test_a_failed_message_waits_or_is_given_up(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = connected(store)
    store.outbox.put(account.user_id, greeting("later"))
    store.outbox.put(account.user_id, greeting("never"))
    later, never = store.outbox.take_due()

    store.outbox.failed(later.id, BEGINNING + timedelta(minutes=10))
    store.outbox.failed(never.id, None)

    assert store.outbox.take_due() == []
    clock.advance(minutes=10)
    assert [message.id for message in store.outbox.take_due()] == [later.id]


def test_a_message_waits_for_its_hour_and_for_its_person(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = connected(store)
    store.outbox.put(account.user_id, greeting("k"), BEGINNING + timedelta(hours=1))
    assert store.outbox.take_due() == []
    clock.advance(hours=1)

    store.people.change(account.user_id, active=False)
    assert store.outbox.take_due() == []
    store.people.change(account.user_id, active=True)
    assert len(store.outbox.take_due()) == 1


def test_messages_come_oldest_first_and_no_more_than_asked_for(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = connected(store)
    for number in range(5):
        store.outbox.put(account.user_id, greeting(f"k{number}"))
        clock.advance(seconds=1)

    first = store.outbox.take_due(limit=3)
    rest = store.outbox.take_due(limit=3)

    assert [message.dedupe_key for message in first + rest] == ["k0", "k1", "k2", "k3", "k4"]


def test_what_was_sent_long_ago_is_cleared_away_and_what_waits_is_not(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = connected(store)
    store.outbox.put(account.user_id, greeting("waiting"), not_before=clock() + timedelta(days=99))
    for day in range(3):
        store.outbox.put(account.user_id, greeting(f"k{day}"))
        (message,) = store.outbox.take_due()
        store.outbox.done(message.id)
        clock.advance(days=20)

    assert store.outbox.drop_old() == 2
    with store.database.reading() as connection:
        left = connection.exec_driver_sql("SELECT dedupe_key FROM outbox").scalars().all()
    assert sorted(left) == ["k2", "waiting"]


def test_runs_told_long_ago_are_cleared_away_and_open_ones_are_not(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = connected(store)
    for run_id in ("told", "open"):
        store.watches.add(run_id, account.user_id, 1, 42, "daily_vibe")
    store.watches.finish("told")
    clock.advance(days=31)
    store.watches.add("fresh", account.user_id, 1, 43, "daily_vibe")
    store.watches.finish("fresh")

    assert store.watches.drop_old() == 1
    assert store.watches.get("told") is None
    assert [watch.run_id for watch in store.watches.open()] == ["open"]
    assert store.watches.get("fresh") is not None


def test_states_nobody_came_back_with_are_cleared_away(tmp_path: Path) -> None:
    clock = Clock()
    store = made(tmp_path, clock)
    account = connected(store)
    store.oauth_states.make(account.user_id, StateKind.LINK)
    fresh = store.oauth_states.make(account.user_id, StateKind.LINK, ttl=3600)
    clock.advance(seconds=601)

    assert store.oauth_states.drop_expired() == 1
    assert store.oauth_states.take(fresh, StateKind.LINK) is not None


def _claim_all(folder: str) -> list[int]:
    store = open_store(address(Path(folder)), KEY, now=Clock())
    claimed: list[int] = []
    while messages := store.outbox.take_due(limit=2):
        claimed += [message.id for message in messages]
    return claimed


def test_several_processes_never_claim_the_same_message(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)
    for number in range(20):
        store.outbox.put(account.user_id, greeting(f"k{number}"))

    got = in_processes(_claim_all, [(str(tmp_path),)] * 3)

    claimed = [message for share in got for message in share]
    assert len(claimed) == len(set(claimed)) == 20


def test_a_message_for_nobody_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnknownPerson):
        made(tmp_path).outbox.put(UserId("nobody"), greeting("k"))


def test_a_run_is_watched_until_one_finishes_it(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)
    watch = store.watches.add("r1", account.user_id, 1, 42, "daily_vibe")

    assert store.watches.add("r1", account.user_id, 1, 43, "daily_vibe") == watch
    assert store.watches.open() == store.watches.open(account.user_id) == [watch]
    assert store.watches.finish("r1")
    assert not store.watches.finish("r1")
    assert store.watches.open() == []
    assert store.watches.get("r1") is not None
    with pytest.raises(UnknownPerson):
        store.watches.add("r2", UserId("nobody"), 1, 2, "daily_vibe")


def test_blocks_are_kept_once_and_taken_back(tmp_path: Path) -> None:
    store = made(tmp_path)
    account = connected(store)
    store.blocks.add(account.user_id, BlockKind.ARTIST, "k", "K")
    store.blocks.add(account.user_id, BlockKind.ARTIST, "k", "K renamed")
    store.blocks.add(account.user_id, BlockKind.TRACK, "k", "K")

    names = {(block.kind, block.name) for block in store.blocks.list(account.user_id)}

    assert names == {(BlockKind.ARTIST, "K renamed"), (BlockKind.TRACK, "K")}
    assert store.blocks.remove(account.user_id, BlockKind.ARTIST, "k")
    assert not store.blocks.remove(account.user_id, BlockKind.ARTIST, "k")
    assert len(store.blocks.list(account.user_id)) == 1
    with pytest.raises(UnknownPerson):
        store.blocks.add(UserId("nobody"), BlockKind.ARTIST, "k", "K")


def test_what_is_left_out_is_kept_once_and_taken_back(tmp_path: Path) -> None:
    store = made(tmp_path)
    user_id = connected(store).user_id
    store.exclusions.add(user_id, ExclusionKind.HOURS, "22:00-07:00", "22:00-07:00")
    store.exclusions.add(user_id, ExclusionKind.HOURS, "22:00-07:00", "22:00-07:00")
    store.exclusions.add(user_id, ExclusionKind.ARTIST, "k", "K")

    kept = {(one.kind, one.key, one.name) for one in store.exclusions.list(user_id)}

    assert kept == {
        (ExclusionKind.HOURS, "22:00-07:00", "22:00-07:00"),
        (ExclusionKind.ARTIST, "k", "K"),
    }
    assert store.exclusions.remove(user_id, ExclusionKind.ARTIST, "k")
    assert not store.exclusions.remove(user_id, ExclusionKind.ARTIST, "k")
    assert [one.kind for one in store.exclusions.list(user_id)] == [ExclusionKind.HOURS]
    with pytest.raises(UnknownPerson):
        store.exclusions.add(UserId("nobody"), ExclusionKind.ARTIST, "k", "K")


def test_the_last_thumb_counts_and_can_be_taken_back(tmp_path: Path) -> None:
    store = made(tmp_path)
    user_id = connected(store).user_id

    def thumb(value: int) -> None:
        store.thumbs.set(user_id, "k", value, artist_key="a", artist="A", title="T")

    thumb(1)
    thumb(-1)
    assert [one.value for one in store.thumbs.list(user_id)] == [-1]
    thumb(0)
    assert store.thumbs.list(user_id) == []
