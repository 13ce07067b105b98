"""What each source makes of its answers, without the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import httpx
import pytest

from tests.support.outside_world import NOON, Naps, answering, said
from vibe_pipeline.accounts.call_allowance import CallAllowance
from vibe_pipeline.clients.budget import FixedToken, InMemoryCapabilities
from vibe_pipeline.clients.errors import NotThere, RateLimited, ServiceUnavailable
from vibe_pipeline.clients.listenbrainz import ListenBrainzLabs
from vibe_pipeline.clients.musicbrainz import MusicBrainz
from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.clients.spotify_web import SpotifyWeb, answer_kind
from vibe_pipeline.clients.transport import Transport
from vibe_pipeline.lookup_cache import AnswerCodec, InMemoryLookups, UnreadableAnswer
from vibe_pipeline.playlists.resolve import Resolver
from vibe_pipeline.ranking.identity import artist_key, recording_key
from vibe_pipeline.ranking.merge import merge
from vibe_pipeline.ranking.policy import DEFAULT, SIMILAR_SUM
from vibe_pipeline.records import (
    EditionId,
    LikedTrack,
    PastRecommendation,
    Play,
    PoolState,
    Proposal,
    SeedArtist,
    SeedProfile,
    SeedTrack,
    Source,
    Track,
)
from vibe_pipeline.settings import Settings
from vibe_pipeline.sources import (
    artist_catalogue,
    listenbrainz,
    rediscovered_likes,
    spotify_recommendations,
)
from vibe_pipeline.sources.answers import (
    LASTFM_SIMILAR_ARTISTS,
    MUSICBRAINZ_ALIASES,
    SPOTIFY_TRACKS,
    SimilarArtist,
)
from vibe_pipeline.sources.cached_calls import WantedAnswer, look_up, look_up_together
from vibe_pipeline.sources.context import SourceClients, SourceContext, SourceLimits
from vibe_pipeline.sources.pools import Reason, pool_of
from vibe_pipeline.sources.similar_artists import nearest


def seed_artist(name: str, weight: float = 1.0) -> SeedArtist:
    return SeedArtist(name=name, key=artist_key(name), weight=weight)


def near(name: str, match: float = 1.0) -> SimilarArtist:
    return SimilarArtist(name=name, match=match)


def seed_track(artist: str, title: str, **more: object) -> SeedTrack:
    key = recording_key(artist, title)
    return SeedTrack(artist=artist, title=title, key=key, weight=1.0, **more)  # type: ignore[arg-type]


def track(number: int, artist: str = "A") -> Track:
    return Track(
        spotify_id=f"id{number}",
        uri=f"spotify:track:id{number}",
        title=f"S {number}",
        artists=(artist,),
    )


def like(number: int, artist: str = "A", *, days_ago: int = 400) -> LikedTrack:
    return LikedTrack(track=track(number, artist), added_at=NOON - timedelta(days=days_ago))


def past(key: str, *, days_ago: int) -> PastRecommendation:
    return PastRecommendation(
        key=key,
        artist_key="a",
        vibe_date=(NOON - timedelta(days=days_ago)).date(),
        edition_id=EditionId("e"),
    )


def question(
    *,
    artists: Sequence[SeedArtist] = (),
    tracks: Sequence[SeedTrack] = (),
    likes: Sequence[LikedTrack] = (),
    plays: Sequence[Play] = (),
    before: Sequence[PastRecommendation] = (),
    excluded_likes: frozenset[str] = frozenset(),
    services: SourceClients | None = None,
    limits: SourceLimits | None = None,
    calls: int = 18,
) -> SourceContext:
    return SourceContext(
        profile=SeedProfile(artists=tuple(artists), tracks=tuple(tracks)),
        likes=likes,
        plays=plays,
        past=before,
        excluded_likes=excluded_likes,
        services=services
        or SourceClients(lookups=InMemoryLookups(), capabilities=InMemoryCapabilities()),
        limits=limits or SourceLimits(),
        now=NOON,
        allowance=CallAllowance(left=calls),
    )


def spotify_answering(*answers: httpx.Response) -> tuple[SourceClients, list[httpx.Request]]:
    http, received = answering(*answers)
    transport = Transport(
        http,
        service="spotify",
        address="http://s.example/v1",
        judge=answer_kind,
        sleep=Naps(),
    )
    capabilities = InMemoryCapabilities()
    spotify = Spotify(SpotifyWeb(transport, FixedToken("t"), capabilities))
    services = SourceClients(lookups=InMemoryLookups(), capabilities=capabilities, spotify=spotify)
    return services, received


def song_id(number: int) -> str:
    """An id as Spotify's are."""
    return f"{number:022}"


def hit(number: int, *artists: str) -> dict[str, object]:
    names = [{"name": name, "id": f"a-{name}"} for name in artists or ("A",)]
    return {"id": song_id(number), "name": f"Song {number}", "artists": names, "type": "track"}


# Artists near several seeds


def test_artists_near_several_seeds_come_first() -> None:
    seeds = [seed_artist("One"), seed_artist("Two", 0.5)]
    similar = {
        "one": [near("Near"), near("Both", 0.9)],
        "two": [near("Both"), near("Far", 0.4)],
    }

    found = nearest(seeds, similar, most=10)

    assert [artist.name for artist in found] == ["Both", "Near", "Far"]
    assert {vote.seed: vote.match for vote in found[0].votes} == {"One": 0.9, "Two": 1.0}
    assert found[0].nearest_seed.seed == "Two"


def test_matches_are_scaled_to_each_seeds_best() -> None:
    found = nearest([seed_artist("One")], {"one": [near("A", 80.0), near("B", 40.0)]}, most=10)

    assert [artist.votes[0].match for artist in found] == [1.0, 0.5]


def test_every_seed_that_names_an_artist_has_its_vote() -> None:
    seeds = [seed_artist(f"Seed {number}") for number in range(12)]
    similar = {seed.key: [near("Beloved"), near(f"Only {seed.name}")] for seed in seeds}

    found = nearest(seeds, similar, most=1)

    assert found[0].name == "Beloved"
    assert {vote.seed for vote in found[0].votes} == {seed.name for seed in seeds}


def test_an_artist_asked_back_gains_by_naming_the_persons_own() -> None:
    seeds = [seed_artist("One"), seed_artist("Two")]
    of_seeds = {"one": [near("Polite"), near("Friend")]}

    before = nearest(seeds, of_seeds, most=2)
    after = nearest(
        seeds, of_seeds, asked_back={"friend": [near("Two"), near("Stranger"), near("One")]}, most=2
    )

    assert [artist.name for artist in before] == ["Polite", "Friend"]
    assert [artist.name for artist in after] == ["Friend", "Polite"]
    back = [vote.seed for vote in after[0].votes if vote.asked_back]
    assert back == ["Two", "One"]


def test_the_few_artists_of_a_small_library_speak_through_their_neighbours_too() -> None:
    few = [seed_artist("One")]
    many = few + [seed_artist(f"Silent {number}") for number in range(DEFAULT.few_seeds)]
    of_seeds = {"one": [near("Direct"), near("Between", 0.5)]}
    asked_back = {"direct": [near("Beyond"), near("Between")], "between": [near("Beyond")]}

    of_few = nearest(few, of_seeds, asked_back=asked_back, most=3)
    of_many = nearest(many, of_seeds, asked_back=asked_back, most=3)

    assert [artist.name for artist in of_few] == ["Between", "Beyond", "Direct"]
    assert {vote.seed for artist in of_few for vote in artist.votes} == {"One"}
    assert [artist.name for artist in of_many] == ["Direct", "Between"]


def test_a_policy_of_few_seeds_hears_no_others() -> None:
    seeds = [seed_artist(f"Seed {number}") for number in range(12)]
    similar = {seed.key: [near(f"Near {seed.name}")] for seed in seeds}

    found = nearest(seeds, similar, most=50, policy=SIMILAR_SUM)

    assert len(found) == SIMILAR_SUM.seeds


def test_the_seeds_themselves_are_not_near_artists() -> None:
    similar = {"one": [near("Two"), near("The Three", 0.5)]}

    found = nearest([seed_artist("One"), seed_artist("Two")], similar, most=10)

    assert [artist.name for artist in found] == ["The Three"]


# Rediscovered likes


async def test_rested_likes_come_before_those_heard_or_liked_lately() -> None:
    old, fresh, played, offered = like(1), like(2, days_ago=3), like(3), like(4)
    asked = question(
        likes=[fresh, played, offered, old],
        plays=[Play(track=played.track, played_at=NOON - timedelta(days=2))],
        before=[past(recording_key("A", "S 4"), days_ago=10)],
    )

    pool = await rediscovered_likes.propose(asked)

    assert [p.spotify_id for p in pool.proposals] == ["id1", "id3", "id2", "id4"]


async def test_what_was_recommended_long_ago_is_rested() -> None:
    asked = question(likes=[like(1)], before=[past(recording_key("A", "S 1"), days_ago=61)])

    pool = await rediscovered_likes.propose(asked)

    assert pool.proposals[0].match > 0.5


async def test_what_was_played_often_rests_longer_than_what_was_played_once() -> None:
    once, often, longer_ago = like(1), like(2), like(3)
    plays = [Play(track=once.track, played_at=NOON - timedelta(days=7))]
    plays += [
        Play(track=one.track, played_at=NOON - timedelta(days=days, hours=hour))
        for one, days in ((often, 7), (longer_ago, 30))
        for hour in range(12)
    ]

    pool = await rediscovered_likes.propose(question(likes=[often, once, longer_ago], plays=plays))

    assert [p.spotify_id for p in pool.proposals] == ["id3", "id1", "id2"]


async def test_of_what_is_due_the_person_s_favourites_come_before_what_was_never_played() -> None:
    forgotten, favourite = like(1), like(2)
    plays = [Play(track=favourite.track, played_at=NOON - timedelta(days=n)) for n in (20, 30, 40)]

    pool = await rediscovered_likes.propose(question(likes=[forgotten, favourite], plays=plays))

    assert [p.spotify_id for p in pool.proposals] == ["id2", "id1"]


@pytest.mark.parametrize(("window", "first"), [(30, "id1"), (60, "id2")])
async def test_the_operator_says_how_long_a_played_track_is_not_rediscovered(
    window: int, first: str
) -> None:
    asked = question(
        likes=[like(1, "A", days_ago=500), like(2, "B")],
        plays=[Play(track=track(1, "A"), played_at=NOON - timedelta(days=45))],
        limits=SourceLimits.of(Settings(recent_days_window=window)),
    )

    pool = await rediscovered_likes.propose(asked)

    assert pool.proposals[0].spotify_id == first


def test_an_operator_who_says_nothing_changes_no_limit() -> None:
    assert SourceLimits.of(Settings()) == SourceLimits()


async def test_one_artist_does_not_fill_the_rediscovered() -> None:
    likes = [like(n, "Much") for n in range(20)] + [like(20 + n, f"B{n}") for n in range(5)]
    asked = question(likes=likes, artists=[seed_artist("Much")])

    pool = await rediscovered_likes.propose(asked)

    assert [p.artist for p in pool.proposals[:4]] == ["Much"] * 4
    assert {p.artist for p in pool.proposals[4:9]} == {f"B{n}" for n in range(5)}
    assert len(pool.proposals) == 25


async def test_whoever_likes_anything_always_has_something() -> None:
    asked = question(
        likes=[like(1, days_ago=0)], before=[past(recording_key("A", "S 1"), days_ago=1)]
    )

    pool = await rediscovered_likes.propose(asked)

    assert pool.state is PoolState.OFFERED


async def test_likes_of_listening_that_was_left_out_come_last_of_all() -> None:
    likes = [like(1), like(2), like(3)]

    pool = await rediscovered_likes.propose(
        question(likes=likes, excluded_likes=frozenset({"id1"}))
    )

    assert [proposal.spotify_id for proposal in pool.proposals] == ["id2", "id3", "id1"]


async def test_without_likes_the_pool_says_so() -> None:
    pool = await rediscovered_likes.propose(question())

    assert (pool.state, pool.reason) == (PoolState.EMPTY, Reason.NO_LIKES)


# Looking things up


def whole(stored: object) -> int:
    if not isinstance(stored, int):
        raise UnreadableAnswer("not a number")
    return stored


NUMBERS: AnswerCodec[int] = AnswerCodec(name="c", days=1, encode=int, decode=whole)


def wanted(key: str, asked: list[str], answer: int | Exception | None = None) -> WantedAnswer[int]:
    async def ask() -> int | None:
        asked.append(key)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return WantedAnswer(key=key, ask=ask)


async def test_only_so_many_unknown_things_are_asked_in_order() -> None:
    lookups, asked = InMemoryLookups(), list[str]()
    lookups.remember("c", {"b": 7}, days=1)

    found = await look_up(
        lookups, NUMBERS, [wanted(k, asked, 1) for k in "abcde"], limits=SourceLimits(), calls=2
    )

    assert asked == ["a", "c"]
    assert found.answers == {"a": 1, "b": 7, "c": 1}
    assert found.asked == 2


async def test_that_something_is_not_there_is_remembered_too() -> None:
    lookups, asked = InMemoryLookups(), list[str]()
    gone = [wanted("a", asked, NotThere("x", "gone")), wanted("b", asked, None)]

    for _ in range(2):
        found = await look_up(lookups, NUMBERS, gone, limits=SourceLimits(), calls=5)

    assert asked == ["a", "b"]
    assert found.answers == {"a": None, "b": None}
    assert found.trouble is None


async def test_after_trouble_nothing_more_is_asked_and_nothing_wrong_remembered() -> None:
    lookups, asked = InMemoryLookups(), list[str]()
    trouble = RateLimited("x", "slow down", until=NOON)
    things = [wanted("a", asked, 1), wanted("b", asked, trouble)]
    things += [wanted(k, asked, 1) for k in "cdefgh"]

    found = await look_up(lookups, NUMBERS, things, limits=SourceLimits(at_once=1), calls=9)

    assert asked == ["a", "b"]
    assert found.answers == {"a": 1}
    assert found.trouble is trouble
    assert lookups.known("c", list("abc")) == {"a": 1}


async def test_questions_in_one_call_are_answered_or_missing() -> None:
    lookups, asked = InMemoryLookups(), list[list[str]]()

    async def ask(keys: Sequence[str]) -> dict[str, int]:
        asked.append(list(keys))
        return {"a": 1}

    for _ in range(2):
        found = await look_up_together(
            lookups, NUMBERS, ["a", "b", "a"], ask, together=2, limits=SourceLimits(), calls=3
        )

    assert asked == [["a", "b"]]
    assert found.answers == {"a": 1, "b": None}


# Pools


def proposal(title: str, match: float, seed: str = "s") -> Proposal:
    return Proposal(
        source=Source.LISTENBRAINZ, artist="A", title=title, seed=seed, match=match, rank=1
    )


def test_a_seed_proposes_a_recording_once_with_its_best_match() -> None:
    pool = pool_of(
        Source.LISTENBRAINZ,
        [proposal("x", 0.2), proposal("X!", 0.9), proposal("x", 0.5, "other")],
        most=10,
    )

    assert [(p.seed, p.match, p.rank) for p in pool.proposals] == [("s", 0.9, 1), ("other", 0.5, 2)]


def test_nothing_with_trouble_is_a_failure_and_without_is_emptiness() -> None:
    trouble = ServiceUnavailable("x", "down")

    failed = pool_of(Source.LISTENBRAINZ, [], most=10, trouble=trouble)
    empty = pool_of(Source.LISTENBRAINZ, [], most=10)

    assert (failed.state, failed.reason) == (PoolState.FAILED, Reason.UNAVAILABLE)
    assert (empty.state, empty.reason) == (PoolState.EMPTY, Reason.NOTHING_FOUND)


# Spotify's three


async def test_recommendations_are_asked_for_five_seeds_at_a_time() -> None:
    services, received = spotify_answering(said({"tracks": [hit(n) for n in range(10)]}))
    tracks = [seed_track("A", f"T{n}", spotify_id=f"t{n}") for n in range(12)]

    pool = await spotify_recommendations.propose(question(tracks=tracks, services=services))

    seeds = [request.url.params["seed_tracks"].split(",") for request in received]
    assert [len(some) for some in seeds] == [5, 5]
    assert pool.proposals[0].match == 1.0
    assert all(a.match >= b.match for a, b in pairwise(pool.proposals))


async def test_an_empty_allowance_asks_spotify_nothing() -> None:
    services, received = spotify_answering(said({"tracks": {"items": [hit(1)]}}))
    asked = question(
        artists=[seed_artist("A")],
        tracks=[seed_track("A", "T", spotify_id="t")],
        services=services,
        calls=0,
    )

    pools = [await spotify_recommendations.propose(asked), await artist_catalogue.propose(asked)]

    assert received == []
    assert {pool.state for pool in pools} == {PoolState.EMPTY}


async def test_hits_of_other_artists_are_remembered_but_not_proposed() -> None:
    hits = [hit(1, "A"), hit(2, "Tribute Band"), hit(3, "B", "A")]
    services, _ = spotify_answering(said({"tracks": {"items": hits}}))

    pool = await artist_catalogue.propose(question(artists=[seed_artist("A")], services=services))

    key = recording_key("Tribute Band", "Song 2")
    assert [p.spotify_id for p in pool.proposals] == [song_id(1), song_id(3)]
    track = SPOTIFY_TRACKS.known(services.lookups, [key])[key]
    assert track is not None
    assert track.spotify_id == song_id(2)


async def test_what_the_catalogue_found_needs_no_looking_up_when_chosen() -> None:
    services, received = spotify_answering(said({"tracks": {"items": [hit(1, "A")]}}))
    pool = await artist_catalogue.propose(question(artists=[seed_artist("A")], services=services))
    candidates = [replace(candidate, spotify_id=None) for candidate in merge([pool])]
    resolver = Resolver(spotify=services.spotify, lookups=services.lookups)

    found = await resolver.for_free(candidates)

    assert [track.spotify_id for track in found.values() if track] == [song_id(1)]
    assert len(received) == 1


async def test_artists_near_the_seeds_are_searched_between_them() -> None:
    services, received = spotify_answering(said({"tracks": {"items": [], "total": 0}}))
    LASTFM_SIMILAR_ARTISTS.remember(services.lookups, {"a": [near("Near A")]})

    await artist_catalogue.propose(
        question(
            artists=[seed_artist("A"), seed_artist("B")],
            services=services,
            limits=SourceLimits(at_once=1),
            calls=3,
        )
    )

    assert [request.url.params["q"] for request in received] == [
        'artist:"A"',
        'artist:"Near A"',
        'artist:"B"',
    ]


async def test_a_quote_in_a_name_cannot_change_the_search() -> None:
    services, received = spotify_answering(said({"tracks": {"items": [], "total": 0}}))

    await artist_catalogue.propose(
        question(artists=[seed_artist('Weird "Al" track:x')], services=services)
    )

    assert received[0].url.params["q"] == 'artist:"Weird  Al  track:x"'


# ListenBrainz

MBID = "f27ec8db-af05-4f36-916e-3d57f91ecf5e"


async def test_a_seed_that_labs_does_not_know_by_name_is_found_by_its_isrc() -> None:
    near = {
        "recording_mbid": "m2",
        "recording_name": "Near",
        "artist_credit_name": "B",
        "score": 9,
        "reference_mbid": MBID,
    }
    labs_http, labs_received = answering(said([]), said([near]), said([]))
    brainz_http, _ = answering(
        said(
            {
                "recordings": [
                    {
                        "id": MBID,
                        "title": "T",
                        "artist-credit": [{"name": "A", "artist": {"id": MBID}}],
                    }
                ]
            }
        )
    )
    services = SourceClients(
        lookups=InMemoryLookups(),
        capabilities=InMemoryCapabilities(),
        labs=ListenBrainzLabs(
            Transport(labs_http, service="listenbrainz", address="http://l", sleep=Naps())
        ),
        musicbrainz=MusicBrainz(
            Transport(brainz_http, service="musicbrainz", address="http://m", sleep=Naps())
        ),
    )

    pool = await listenbrainz.propose(
        question(tracks=[seed_track("A", "T", isrc="NL0000000001")], services=services)
    )

    (found,) = pool.proposals
    assert (found.artist, found.title, found.mbid, found.match) == ("B", "Near", "m2", 1.0)
    assert found.seed == "A – T"
    assert len(labs_received) == 3


@pytest.mark.parametrize(
    ("named", "kept"), [("A", ["Other"]), ("Other", ["Other"]), ("Somebody Else", None)]
)
async def test_other_names_of_the_seeds_artists_are_learned_ahead_of_time_only(
    named: str, kept: list[str] | None
) -> None:
    lookups = InMemoryLookups()
    named_recording = {
        "recording_mbid": "m1",
        "recording_name": "T",
        "artist_credit_name": "A",
        "artist_credit_mbids": ["am1"],
    }
    labs_http, _ = answering(said([named_recording]), said([]))
    alias = {"name": "Other" if named != "Other" else "A", "type": "Artist name"}
    brainz_http, asked = answering(
        said({"name": named, "aliases": [alias] if kept else [], "id": "am1"})
    )
    services = SourceClients(
        lookups=lookups,
        capabilities=InMemoryCapabilities(),
        labs=ListenBrainzLabs(
            Transport(labs_http, service="listenbrainz", address="http://l", sleep=Naps())
        ),
        musicbrainz=MusicBrainz(
            Transport(brainz_http, service="musicbrainz", address="http://m", sleep=Naps())
        ),
    )
    asking = question(tracks=[seed_track("A", "T")], services=services)

    await listenbrainz.propose(asking)
    calls_while_somebody_waits = len(asked)
    await listenbrainz.propose(replace(asking, limits=asking.limits.ahead_of_time()))

    assert calls_while_somebody_waits == 0
    assert len(asked) == 1
    assert MUSICBRAINZ_ALIASES.known(lookups, ["a"]) == {"a": kept and tuple(kept)}


@pytest.mark.parametrize("source", [listenbrainz, artist_catalogue, spotify_recommendations])
async def test_a_service_nobody_set_up_is_off(source: object) -> None:
    pool = await source.propose(  # type: ignore[attr-defined]
        question(artists=[seed_artist("A")], tracks=[seed_track("A", "T")])
    )

    assert pool.state is PoolState.OFF
    assert pool.reason in {Reason.NO_CONTACT, Reason.NOT_CONNECTED}
