"""Lists that go on being new: what cannot be looked up, or was offered before, stands in no way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from vibe_pipeline.accounts.call_allowance import CallAllowance
from vibe_pipeline.clients.listenbrainz import FoundRecording
from vibe_pipeline.lookup_cache import InMemoryLookups
from vibe_pipeline.playlists.build import ListBuild, build_list, choose, share_of_sources, stock_up
from vibe_pipeline.playlists.resolve import Resolver
from vibe_pipeline.playlists.selection_summary import Selection
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.ranking.list_request import ListRequest
from vibe_pipeline.ranking.policy import DEFAULT
from vibe_pipeline.records import (
    LikedTrack,
    Pool,
    PoolState,
    Proposal,
    SeedProfile,
    SeedVote,
    Source,
    Track,
)
from vibe_pipeline.sources.answers import TopTrack
from vibe_pipeline.sources.context import SourceLimits
from vibe_pipeline.sources.similar_artists import ArtistNeighbour, tracks_of

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
    votes = (
        SeedVote(seed="One", match=1.0, place=0, spread=2.0),
        SeedVote(seed="Other", match=0.5, place=3, spread=2.0),
    )
    artist = ArtistNeighbour(name="Near", key="near", strength=1.0, votes=votes)
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

    fresh = [title for title, _ in found if recording_key("Near", title) not in through]
    assert fresh == ["Song 5", "Song 6", "Song 7"]


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


@dataclass
class Spotify:
    """Finds for every artist one song under its own name; knows what the person has saved."""

    saved: frozenset[str] = frozenset()
    searches: list[str] = field(default_factory=list)
    checked: list[Sequence[str]] = field(default_factory=list)

    async def search_tracks(self, query: str, *, limit: int = 10) -> list[Track]:
        self.searches.append(query)
        return [song_by(query.split('"')[1])]

    async def library_contains(self, uris: Sequence[str]) -> dict[str, bool]:
        self.checked.append(uris)
        return {uri: uri in self.saved for uri in uris}

    @property
    def calls(self) -> int:
        return len(self.searches) + len(self.checked)


def song_by(artist: str) -> Track:
    name = artist.replace(" ", "")
    return Track(
        spotify_id=name,
        uri=f"spotify:track:{name}",
        title="Song",
        artists=(artist,),
        artist_ids=(f"id of {name}",),
        isrc=None,
    )


@dataclass
class Making:
    """One making of a list of ten out of sixty names, and what it asked."""

    spotify: Spotify
    calls: int
    first: bool = False
    likes_unknown: bool = False
    prepared: bool = False
    lookups: InMemoryLookups = field(default_factory=InMemoryLookups)
    found_liked: list[Track] = field(default_factory=list)

    async def selection(self) -> Selection:
        return await build_list(self.build())

    def build(self) -> ListBuild:
        return ListBuild(
            request=request(10),
            pools=[pool([proposal(n) for n in range(1, 61)])],
            policy=DEFAULT,
            lookups=self.lookups,
            spotify=self.spotify,
            labs=None,
            allowance=lambda: CallAllowance(
                first=self.first, left=max(0, self.calls - self.spotify.calls)
            ),
            patient=False,
            prepared=self.prepared,
            keep_likes=self._keep_likes if self.likes_unknown else None,
        )

    def _keep_likes(self, tracks: Sequence[Track]) -> ListRequest:
        self.found_liked += tracks
        likes = tuple(LikedTrack(track=track, added_at=NOW) for track in self.found_liked)
        return replace(request(10), likes=likes)


async def test_what_turns_out_liked_gives_its_place_to_something_new() -> None:
    liked = song_by("Artist 3")
    making = Making(Spotify(saved=frozenset({liked.uri})), calls=14, first=True, likes_unknown=True)

    selection = await making.selection()

    assert making.found_liked == [liked]
    assert liked.uri not in {track.uri for track in selection.tracks if track.is_new}
    assert len(selection.tracks) == 10


@pytest.mark.parametrize("calls", [11, 13, 20, 60])
async def test_nothing_is_called_new_that_spotify_was_not_asked_about(calls: int) -> None:
    liked = frozenset(song_by(f"Artist {number}").uri for number in range(1, 61, 2))
    making = Making(Spotify(saved=liked), calls=calls, first=True, likes_unknown=True)

    selection = await making.selection()

    checked = {uri for uris in making.spotify.checked for uri in uris}
    new = {track.uri for track in selection.tracks if track.is_new}
    assert new
    assert new <= checked - liked
    assert making.spotify.calls <= calls


async def test_calls_that_are_left_ask_about_others_where_most_of_a_list_is_liked() -> None:
    liked = frozenset(song_by(f"Artist {number}").uri for number in range(1, 13))
    making = Making(Spotify(saved=liked), calls=60, first=True, likes_unknown=True)

    selection = await making.selection()

    assert sum(track.is_new for track in selection.tracks) == 8
    assert len(making.spotify.checked) > 1


async def test_likes_known_to_the_end_are_not_asked_about() -> None:
    spotify = Spotify(saved=frozenset({song_by("Artist 3").uri}))

    await Making(spotify, calls=14, first=True).selection()

    assert spotify.checked == []


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("calls", [0, 1, 2, 6, 39])
async def test_a_making_never_spends_more_than_it_may(*, calls: int, first: bool) -> None:
    making = Making(Spotify(), calls=calls, first=first, likes_unknown=True)

    await making.selection()

    assert making.spotify.calls <= calls
    assert len(making.spotify.checked) == (1 if calls > 1 else 0)


async def test_ahead_of_time_the_next_three_lists_are_looked_up() -> None:
    making = Making(Spotify(), calls=45)

    reserve = await stock_up(making.build())

    assert len(reserve.tracks) == 30
    assert making.spotify.calls == 45


async def test_what_was_looked_up_ahead_of_time_makes_a_list_without_a_call() -> None:
    lookups = InMemoryLookups()
    await stock_up(Making(Spotify(), calls=45, lookups=lookups).build())
    making = Making(Spotify(), calls=6, prepared=True, lookups=lookups)

    selection = await making.selection()

    assert len(selection.tracks) == 10
    assert making.spotify.calls == 0


async def test_a_list_that_is_short_remembers_how_many_it_was_to_have() -> None:
    short = await Making(Spotify(), calls=4).selection()
    whole = await Making(Spotify(), calls=14).selection()

    assert len(short.tracks) < len(whole.tracks) == 10
    assert (short.summary.wished, whole.summary.wished) == (10, None)


async def test_a_prepared_list_that_would_be_short_is_looked_up_after_all() -> None:
    lookups = InMemoryLookups()
    await stock_up(Making(Spotify(), calls=4, lookups=lookups).build())
    making = Making(Spotify(), calls=12, prepared=True, lookups=lookups)

    selection = await making.selection()

    assert len(selection.tracks) == 10
    assert 0 < making.spotify.calls <= 12


@dataclass
class DoubtedNames:
    """Half of what is proposed is known by an id that labs alone names, the rest by nothing."""

    lookups: InMemoryLookups = field(default_factory=InMemoryLookups)
    labs: Labs = field(default_factory=lambda: Labs(mapped=frozenset(f"m{n}" for n in range(61))))

    def making(self, *, calls: int, prepared: bool = False) -> tuple[Spotify, ListBuild]:
        spotify = Spotify()
        build = Making(spotify, calls=calls, prepared=prepared, lookups=self.lookups).build()
        offered = [proposal(n, mbid=f"m{n}" if n % 2 else None) for n in range(1, 61)]
        return spotify, replace(build, pools=[pool(offered)], labs=self.labs)


async def test_ahead_of_time_what_labs_alone_names_is_looked_up_for_the_next_list() -> None:
    names = DoubtedNames()
    await stock_up(names.making(calls=20)[1])
    spotify, build = names.making(calls=6, prepared=True)

    selection = await build_list(build)

    assert len(selection.tracks) == 10
    assert all(track.confirmed for track in selection.tracks)
    assert [track.artist for track in selection.tracks if track.artist == "Artist 1"]
    assert spotify.calls == 0


async def test_a_list_is_made_with_what_labs_names_where_it_would_be_short_without() -> None:
    names = DoubtedNames()
    await stock_up(names.making(calls=4)[1])
    spotify, build = names.making(calls=6, prepared=True)

    selection = await build_list(build)

    assert len(selection.tracks) == 10
    assert any(not track.confirmed for track in selection.tracks)
    assert spotify.calls == 0


def test_sources_leave_half_of_what_a_list_may_cost_for_lookups() -> None:
    limits = SourceLimits(spotify_calls_first=18, spotify_calls=2)

    shares = [
        share_of_sources(CallAllowance(first=first, left=left), limits).left
        for first, left in [(True, 41), (True, 30), (False, 6), (False, 3), (False, 1)]
    ]

    assert shares == [18, 15, 2, 1, 0]
