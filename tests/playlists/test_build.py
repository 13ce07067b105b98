"""Lists that go on being new: what cannot be looked up, or was offered before, stands in no way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from vibe_pipeline.clients.listenbrainz import FoundRecording
from vibe_pipeline.lookup_cache import InMemoryLookups
from vibe_pipeline.playlists.build import choose
from vibe_pipeline.playlists.resolve import Resolver
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.records import Pool, PoolState, Proposal, SeedProfile, Source
from vibe_pipeline.sources.answers import TopTrack
from vibe_pipeline.sources.similar_artists import NearArtist, tracks_of

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


@dataclass
class Labs:
    """Knows every recording by name, and the Spotify ids of some."""

    mapped: frozenset[str] = frozenset()
    named: list[str] = field(default_factory=list)

    async def spotify_ids(self, mbids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        return {mbid: (f"id of {mbid}",) for mbid in mbids if mbid in self.mapped}

    async def find_recording(self, artist: str, title: str) -> FoundRecording | None:
        self.named.append(artist)
        return FoundRecording(mbid=f"mbid {artist}", title=title, artist=artist)


def proposal(number: int, *, mbid: str | None = None) -> Proposal:
    return Proposal(
        source=Source.LASTFM_SIMILAR_TRACKS,
        artist=f"Artist {number}",
        title="Song",
        seed="Seed",
        match=1 - number / 1000,
        rank=number,
        mbid=mbid,
    )


def request(size: int) -> ListRequest:
    nobody = SeedProfile(artists=(), tracks=())
    return ListRequest(vibe_date=NOW.date(), now=NOW, profile=nobody, size=size)


def pool(proposals: Sequence[Proposal]) -> Pool:
    return Pool(
        source=Source.LASTFM_SIMILAR_TRACKS, proposals=tuple(proposals), state=PoolState.OFFERED
    )


async def test_ids_that_labs_names_are_used_without_asking_spotify() -> None:
    labs = Labs(mapped=frozenset(f"m{n}" for n in range(1, 11)))
    offered = [proposal(n, mbid=f"m{n}") for n in range(1, 11)]

    made = await choose(
        request(10), [pool(offered)], Resolver(lookups=InMemoryLookups(), labs=labs, name_limit=0)
    )

    assert {track.spotify_id for track in made.tracks} == {f"id of m{n}" for n in range(1, 11)}


async def test_what_nobody_can_look_up_lets_others_onto_the_list() -> None:
    labs = Labs(mapped=frozenset(f"mbid Artist {n}" for n in range(41, 51)))
    unmapped = [proposal(n, mbid=f"m{n}") for n in range(1, 41)]
    nameless = [proposal(n) for n in range(41, 51)]

    made = await choose(
        request(10),
        [pool([*unmapped, *nameless])],
        Resolver(lookups=InMemoryLookups(), labs=labs, name_limit=10),
    )

    assert {track.artist for track in made.tracks} == {f"Artist {n}" for n in range(41, 51)}
    assert len(labs.named) == 10


async def test_a_name_found_for_an_earlier_list_needs_no_asking_again() -> None:
    labs, lookups = Labs(mapped=frozenset({"mbid Artist 1"})), InMemoryLookups()
    await choose(request(5), [pool([proposal(1)])], Resolver(lookups=lookups, labs=labs))

    made = await choose(
        request(5), [pool([proposal(1)])], Resolver(lookups=lookups, labs=labs, name_limit=0)
    )

    assert [track.artist for track in made.tracks] == ["Artist 1"]
    assert len(labs.named) == 1


def proposed(*, offered: frozenset[str], most: int = 3) -> list[tuple[str, str]]:
    artist = NearArtist(
        name="Near", key="near", strength=1.0, by_seed=(("One", 1.0), ("Other", 0.5))
    )
    tracks = [
        TopTrack(title=f"Song {number}", listeners=100, mbid=None, duration_ms=None)
        for number in range(20)
    ]
    found = tracks_of(Source.LASTFM_SIMILAR_ARTISTS, artist, tracks, most=most, offered=offered)
    return [(one.title, one.seed) for one in found]


def test_an_artists_best_known_tracks_come_first() -> None:
    titles = list(dict.fromkeys(title for title, _ in proposed(offered=frozenset())))

    assert titles == ["Song 0", "Song 1", "Song 2"]


def test_after_the_best_known_are_through_the_next_are_proposed() -> None:
    through = frozenset(recording_key("Near", f"Song {number}") for number in range(5))

    found = proposed(offered=through)

    assert [title for title, seed in found if seed == "Other"] == ["Song 5", "Song 6", "Song 7"]


def test_what_was_offered_before_is_named_once_to_be_found_resting() -> None:
    through = frozenset({recording_key("Near", "Song 0")})

    found = proposed(offered=through)

    assert [seed for title, seed in found if title == "Song 0"] == ["One"]


async def test_a_blocked_guest_is_kept_out_whoever_names_them() -> None:
    labs = Labs(mapped=frozenset({"m1", "m2", "m3"}))
    offered = [
        replace(proposal(1, mbid="m1"), artist="Somebody feat. Unwanted One"),
        replace(proposal(2, mbid="m2"), title="Song (feat. Unwanted One)"),
        proposal(3, mbid="m3"),
    ]
    wished = replace(request(3), blocked_artists=frozenset({artist_key("Unwanted One")}))

    made = await choose(wished, [pool(offered)], Resolver(lookups=InMemoryLookups(), labs=labs))

    assert [track.artist for track in made.tracks] == ["Artist 3"]
