"""Last.fm with its XML seams: text for numbers, bare objects, errors inside a 200."""

from __future__ import annotations

import httpx
import pytest
from pydantic import SecretStr

from tests.support.outside_world import Naps, answering, outside_world, said, said_in_words
from vibe_pipeline.clients import lastfm
from vibe_pipeline.clients.errors import (
    KeyRefused,
    RateLimited,
    ServiceUnavailable,
    UnexpectedResponse,
)
from vibe_pipeline.clients.lastfm import LastFm
from vibe_pipeline.clients.transport import Transport


def lastfm_answering(*answers: httpx.Response) -> tuple[LastFm, list[httpx.Request]]:
    http, received = answering(*answers)
    transport = Transport(
        http,
        service="lastfm",
        address="http://last.example",
        judge=lastfm.answer_kind,
        sleep=Naps(),
    )
    return LastFm(transport, api_key=SecretStr("k")), received


def similar(*artists: object) -> dict[str, object]:
    return {"similarartists": {"artist": list(artists), "@attr": {"artist": "X"}}}


async def test_neighbours_come_nearest_first_with_a_match_up_to_one() -> None:
    async with outside_world() as world:
        artist = world.simulation.world.artists[0]

        artists = await world.lastfm().similar_artists(artist.name)
        tracks = await world.lastfm().artist_top_tracks(artist.name)
        near = await world.lastfm().similar_tracks(artist.name, tracks[0].title)

    assert 0 < len(artists) <= 30
    assert artists[0].match == max(a.match for a in artists) <= 1
    assert all(0 <= a.match <= 1 for a in artists)
    assert tracks[0].listeners is not None
    assert near
    assert all(0 <= track.match <= 1 and track.artist and track.title for track in near)


async def test_an_artist_is_told_with_listeners_and_tags() -> None:
    async with outside_world() as world:
        artist = world.simulation.world.artists[0]

        found = await world.lastfm().artist(artist.name)

    assert found is not None
    assert found.listeners == artist.listeners
    assert "favourites" not in found.tags


async def test_all_tags_of_an_artist_come_most_given_first_each_once_and_junk_left_out() -> None:
    rows = [{"name": name, "count": count} for name, count in (("Seen Live", 100), ("Dub", 90))]
    client, _ = lastfm_answering(
        said({"toptags": {"tag": [*rows, {"name": "dub"}, {"name": "Ska"}, {"count": 3}]}}),
        said({"toptags": {"tag": {"name": "Dub", "count": 100}}}),
        said({"toptags": {"#text": "\n", "@attr": {"artist": "X"}}}),
    )

    assert await client.artist_tags("X") == ["dub", "ska"]
    assert await client.artist_tags("X") == ["dub"]
    assert await client.artist_tags("X") == []


async def test_thirty_tags_are_kept_however_many_an_artist_has() -> None:
    many = [{"name": f"kind {number}", "count": 100 - number} for number in range(100)]
    client, _ = lastfm_answering(said({"toptags": {"tag": many}}))

    assert await client.artist_tags("X") == [f"kind {number}" for number in range(30)]


async def test_an_artist_has_more_tags_alone_than_with_the_listeners() -> None:
    async with outside_world() as world:
        artist = max(world.simulation.world.artists, key=lambda one: len(one.tags))

        described = await world.lastfm().artist(artist.name)
        tags = await world.lastfm().artist_tags(artist.name)

    assert described is not None
    assert set(described.tags) <= set(tags)


async def test_what_nobody_knows_is_an_empty_answer_not_an_error() -> None:
    async with outside_world() as world:
        client = world.lastfm()

        assert await client.similar_artists("Nobody At All 9000") == []
        assert await client.artist_top_tracks("Nobody At All 9000") == []
        assert await client.similar_tracks("Nobody At All 9000", "Nothing") == []
        assert await client.artist("Nobody At All 9000") is None
        assert await client.artist_tags("Nobody At All 9000") == []


async def test_a_match_in_text_is_a_number_and_not_a_percentage() -> None:
    client, _ = lastfm_answering(
        said(similar({"name": "A", "match": "0.87"}, {"name": "B", "match": 1}, {"match": "1"}))
    )

    found = await client.similar_artists("X")

    assert [(artist.name, artist.match) for artist in found] == [("A", 0.87), ("B", 1.0)]


@pytest.mark.parametrize("match", ["", None, "nan", "-3", [], {}])
async def test_a_match_that_is_none_is_nought(match: object) -> None:
    client, _ = lastfm_answering(said(similar({"name": "A", "match": match})))

    (artist,) = await client.similar_artists("X")

    assert artist.match == 0.0


async def test_a_list_of_one_comes_as_a_bare_object() -> None:
    bare = {"name": "Song", "match": "1", "artist": {"name": "A"}, "mbid": "", "duration": "0"}
    client, _ = lastfm_answering(said({"similartracks": {"track": bare}}))

    (track,) = await client.similar_tracks("X", "Y")

    assert (track.artist, track.title, track.mbid, track.duration_ms) == ("A", "Song", None, None)


@pytest.mark.parametrize(
    "body",
    [
        {"similartracks": {"track": []}},
        {"similartracks": {"#text": "\n", "artist": "X"}},
        {"similartracks": None},
        {"similartracks": "\n"},
    ],
)
async def test_every_shape_of_nothing_is_nothing(body: dict[str, object]) -> None:
    client, _ = lastfm_answering(said(body))

    assert await client.similar_tracks("X", "Y") == []


async def test_a_bare_ok_in_xml_is_nothing_too() -> None:
    client, _ = lastfm_answering(said_in_words('<lfm status="ok"/>'))

    assert await client.similar_tracks("X", "Y") == []


@pytest.mark.parametrize("status", [200, 400, 404])
async def test_not_found_is_no_error_whatever_the_status(status: int) -> None:
    client, received = lastfm_answering(said({"error": 6, "message": "not found"}, status))

    assert await client.similar_artists("X") == []
    assert len(received) == 1


@pytest.mark.parametrize("code", [8, 11, 16])
async def test_passing_trouble_inside_a_200_is_tried_again(code: int) -> None:
    client, received = lastfm_answering(
        said({"error": code, "message": "later"}), said(similar({"name": "A", "match": "1"}))
    )

    assert [artist.name for artist in await client.similar_artists("X")] == ["A"]
    assert len(received) == 2


async def test_trouble_without_end_is_given_up() -> None:
    async with outside_world() as world:
        world.fault("lastfm", "error200")

        with pytest.raises(ServiceUnavailable):
            await world.lastfm().similar_artists("X")

        assert len(world.asked("lastfm")) == 3


@pytest.mark.parametrize("kind", ["html", "garbage", "empty"])
async def test_a_page_instead_of_json_is_trouble(kind: str) -> None:
    async with outside_world() as world:
        world.fault("lastfm", kind)

        with pytest.raises(ServiceUnavailable):
            await world.lastfm().similar_artists("X")


@pytest.mark.parametrize(("code", "status"), [(10, 403), (26, 403), (10, 200), (4, 403)])
async def test_a_refused_key_stops_the_asking(code: int, status: int) -> None:
    client, received = lastfm_answering(said({"error": code, "message": "key"}, status))

    with pytest.raises(KeyRefused) as caught:
        await client.similar_artists("X")

    assert len(received) == 1
    assert "LASTFM_API_KEY" in str(caught.value)


async def test_asking_too_fast_is_a_limit_even_inside_a_200() -> None:
    client, received = lastfm_answering(said({"error": 29, "message": "slow down"}))

    with pytest.raises(RateLimited):
        await client.similar_artists("X")

    assert len(received) <= 4


async def test_an_error_of_our_own_making_is_unexpected() -> None:
    client, received = lastfm_answering(said({"error": 3, "message": "no such method"}, 400))

    with pytest.raises(UnexpectedResponse):
        await client.similar_artists("X")

    assert len(received) == 1


async def test_names_of_every_script_reach_the_service_whole() -> None:
    client, received = lastfm_answering(said({"similartracks": {"track": []}}))

    await client.similar_tracks("Мумий Тролль & Ко/?", "Ø + % #")

    assert received[0].url.params["artist"] == "Мумий Тролль & Ко/?"
    assert received[0].url.params["track"] == "Ø + % #"
    assert received[0].url.params["autocorrect"] == "1"


@pytest.mark.parametrize(
    "answer",
    [
        said({"error": {"code": 29, "message": "slow"}}, Retry_After="600"),
        said({"error": "29"}, Retry_After="600"),
        said_in_words(
            '<lfm status="failed"><error code="29">slow</error></lfm>', Retry_After="600"
        ),
    ],
)
async def test_an_error_in_another_wrapping_is_the_same_error(answer: httpx.Response) -> None:
    client, _ = lastfm_answering(answer)

    with pytest.raises(RateLimited):
        await client.similar_artists("X")
