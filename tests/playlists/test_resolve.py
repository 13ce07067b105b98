"""Lookups side by side: as many as are allowed, and the same result whoever answers first."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from vibe_pipeline.clients.errors import (
    AuthorizationExpired,
    BrokenAnswer,
    RateLimited,
    ServiceError,
)
from vibe_pipeline.clients.listenbrainz import FoundRecording
from vibe_pipeline.clients.spotify_records import FoundTracks
from vibe_pipeline.lookup_cache import InMemoryLookups
from vibe_pipeline.playlists.resolve import AT_ONCE, Found, Resolver
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.records import Candidate, Ranked, Source, Track
from vibe_pipeline.sources.answers import SPOTIFY_ARTIST_PAGES, SPOTIFY_ISRCS, SPOTIFY_TRACKS

LATER = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
SHARED = "Song Everybody Has"


def candidate(artist: str, title: str, **changes: object) -> Candidate:
    given: dict[str, object] = {
        "key": recording_key(artist, title),
        "artist": artist,
        "artist_key": artist_key(artist),
        "title": title,
        "proposals": (),
    }
    return Candidate(**{**given, **changes})  # type: ignore[arg-type]


def track(name: str, artist: str, title: str) -> Track:
    return Track(spotify_id=name, uri=f"spotify:track:{name}", title=title, artists=(artist,))


def ranked(one: Candidate) -> Ranked:
    return Ranked(
        candidate=one,
        rank=1,
        score=1.0,
        terms={},
        is_new=True,
        source=Source.LASTFM_SIMILAR_ARTISTS,
        seed="",
    )


class Search:
    """Answers each search with a song of the artist's and one that every page has."""

    def __init__(
        self,
        *,
        order: random.Random | None = None,
        trouble: ServiceError | None = None,
        about: str = "",
    ) -> None:
        self.queries: list[str] = []
        self.under_way = self.most_under_way = 0
        self._order = order
        self._trouble = trouble
        self._about = about

    async def search_tracks(self, query: str, *, limit: int = 10) -> list[Track]:
        self.queries.append(query)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        for _ in range(1 if self._order is None else self._order.randint(1, 20)):
            await asyncio.sleep(0)
        self.under_way -= 1
        if self._trouble is not None and self._about in query:
            raise self._trouble
        artist = query.split('"')[1]
        return [track(artist, artist, "Song"), track(f"by {artist}", "Somebody", SHARED)]


def waiting(count: int, title: str = "Song") -> list[Candidate]:
    return [candidate(f"Artist {number}", title) for number in range(count)]


async def searched(search: Search, candidates: Sequence[Candidate], *, limit: int) -> Found:
    lookups = InMemoryLookups()
    resolver = Resolver(
        lookups=lookups, spotify=search, soft_limit=limit, hard_limit=limit, name_limit=0
    )
    resolved = await resolver.by_search(candidates, urgent=True)
    shared = recording_key("Somebody", SHARED)
    return {**resolved, "shared": SPOTIFY_TRACKS.known(lookups, [shared]).get(shared)}


@pytest.mark.parametrize("limit", [1, 4, 7, 8])
async def test_searches_go_side_by_side_and_never_over_the_limit(limit: int) -> None:
    search = Search()

    await searched(search, waiting(20), limit=limit)

    assert len(search.queries) == limit
    assert search.most_under_way == min(limit, AT_ONCE)


async def test_searching_stops_once_a_good_many_are_found() -> None:
    search = Search()

    resolved = await searched(search, waiting(20), limit=20)

    assert len(search.queries) == 12
    assert sum(track is not None for track in resolved.values()) >= 8


async def test_whose_answer_comes_first_makes_no_difference() -> None:
    results = [
        await searched(Search(order=random.Random(seed)), waiting(12), limit=12)
        for seed in range(8)
    ]

    assert all(result == results[0] for result in results)


async def test_an_artist_s_page_is_asked_for_once_for_all_who_wait_for_it() -> None:
    search = Search()

    await searched(search, [candidate("A", "Song"), candidate("A", "Other")], limit=2)

    assert search.queries == ['artist:"A"', 'artist:"A" track:"Other"']


async def test_pages_come_before_searches_that_answer_for_one_track() -> None:
    search, lookups = Search(), InMemoryLookups()
    SPOTIFY_ARTIST_PAGES.remember(lookups, {artist_key("Read"): []})
    resolver = Resolver(lookups=lookups, spotify=search, hard_limit=2)

    await resolver.by_search(
        [candidate("Read", "One"), candidate("Read", "Two"), *waiting(2)], urgent=True
    )

    assert search.queries == ['artist:"Artist 0"', 'artist:"Artist 1"']


async def test_several_refusals_at_once_end_the_searching_and_are_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    search = Search(trouble=RateLimited("spotify", "too many calls", until=LATER))

    with caplog.at_level(logging.WARNING):
        await searched(search, waiting(20), limit=20)

    assert len(search.queries) == AT_ONCE
    assert len(caplog.records) == 1


async def test_what_is_always_answered_strangely_is_asked_once_and_the_rest_goes_on() -> None:
    search = Search(trouble=BrokenAnswer("spotify", "no hits"), about="Artist 1")
    resolver = Resolver(
        lookups=InMemoryLookups(), spotify=search, soft_limit=9, hard_limit=9, name_limit=0
    )
    strange, *others = candidate("Artist 1", "Song"), candidate("B", "Song"), candidate("C", "Song")

    for one in others:
        found = await resolver.by_search([strange, one], urgent=True)
        assert found[one.key] is not None
        assert strange.key not in found
    await resolver.harvest([ranked(strange)], calls=3)

    assert sum("Artist 1" in query for query in search.queries) == 1
    assert resolver.beyond_reach([strange, *others], urgent=True) == {strange.key}


async def test_after_a_second_strange_answer_nothing_more_is_searched_for() -> None:
    search = Search(trouble=BrokenAnswer("spotify", "no hits"), about="Artist")
    resolver = Resolver(
        lookups=InMemoryLookups(), spotify=search, soft_limit=9, hard_limit=9, name_limit=0
    )

    for one in waiting(4):
        await resolver.by_search([one], urgent=True)

    assert len(search.queries) == 2
    assert resolver.beyond_reach(waiting(4), urgent=True) == {one.key for one in waiting(4)}


async def test_an_ended_consent_is_told() -> None:
    search = Search(trouble=AuthorizationExpired("spotify", "revoked"))

    with pytest.raises(AuthorizationExpired):
        await searched(search, waiting(3), limit=3)


class SomeFound:
    """Finds nothing, or what may be played elsewhere, but of these artists."""

    def __init__(self, *artists: str, withheld: bool = False) -> None:
        self.artists = artists
        self.withheld = withheld
        self.queries: list[str] = []

    async def search_tracks(self, query: str, *, limit: int = 10) -> list[Track]:
        self.queries.append(query)
        artist = query.split('"')[1]
        hits = [track(artist, artist, "Song")] if artist in self.artists else []
        return FoundTracks(hits, withheld=self.withheld and not hits)


class Days:
    """A clock of the lookups that tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 30, 3, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def remembered_absences(spotify: SomeFound, count: int, *, days: int) -> set[str]:
    """The artists of whom nobody is asked so many days later."""
    clock = Days()
    lookups = InMemoryLookups(clock)
    wanted = left = waiting(count)
    resolver = Resolver(
        lookups=lookups, spotify=spotify, soft_limit=99, hard_limit=99, name_limit=0
    )
    while left:
        resolved = await resolver.by_search(left, urgent=True)
        left = [one for one in left if one.key not in resolved]
    clock.now += timedelta(days=days)
    keys = [one.artist_key for one in wanted]
    return {key for key, page in SPOTIFY_ARTIST_PAGES.known(lookups, keys).items() if page is None}


@pytest.mark.parametrize(
    ("found", "count", "days", "absences"),
    [
        ((), 12, 1, 3),
        ((), 12, 2, 0),
        ((), 2, 1, 2),
        (("Artist 0",), 12, 6, 11),
        (("Artist 0",), 12, 7, 0),
    ],
)
async def test_where_a_whole_run_finds_nothing_hardly_anything_of_it_is_remembered(
    found: tuple[str, ...], count: int, days: int, absences: int
) -> None:
    kept = await remembered_absences(SomeFound(*found), count, days=days)

    assert len(kept) == absences


async def test_what_cannot_be_played_in_one_country_is_soon_looked_for_again_in_another() -> None:
    spotify = SomeFound("Artist 0", withheld=True)

    assert await remembered_absences(spotify, 12, days=2) == set()


async def test_a_page_that_is_not_remembered_is_asked_for_once_in_a_run_all_the_same() -> None:
    spotify = SomeFound()

    await remembered_absences(spotify, 12, days=0)

    assert len(spotify.queries) == len(set(spotify.queries)) == 24


class SilentLabs:
    """Never answers."""

    async def spotify_ids(self, mbids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        await asyncio.Event().wait()
        return {}

    async def find_recording(self, artist: str, title: str) -> FoundRecording | None:
        await asyncio.Event().wait()
        return None


async def test_labs_keeps_nobody_waiting_beyond_its_seconds() -> None:
    search, known = Search(), candidate("A", "Song", mbid="m1")
    resolver = Resolver(
        lookups=InMemoryLookups(), spotify=search, labs=SilentLabs(), labs_seconds=0.0
    )

    free = await resolver.for_free([known])
    resolved = await resolver.by_search([known, candidate("B", "Song")], urgent=True)

    assert free == {}
    assert [found.spotify_id for found in resolved.values() if found] == ["A", "B"]


async def test_a_remembered_track_is_checked_like_a_found_one() -> None:
    lookups = InMemoryLookups()
    right, wrong = candidate("A", "Song"), candidate("B", "Song", isrc="GBAJE9700020")
    SPOTIFY_TRACKS.remember(lookups, {right.key: track("right", "A", "Song")})
    SPOTIFY_TRACKS.remember(lookups, {wrong.key: track("wrong", "C", "Another")})
    SPOTIFY_ISRCS.remember(lookups, {"GBAJE9700020": track("wrong", "C", "Another")})

    resolved = await Resolver(lookups=lookups).for_free([right, wrong])

    assert {key: one and one.spotify_id for key, one in resolved.items()} == {right.key: "right"}
