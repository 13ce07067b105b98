"""ListenBrainz labs and MusicBrainz: batches, misses, and the manners they ask for."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.support.outside_world import (
    Naps,
    answering,
    outside_world,
    said,
    saved_tracks,
    unmetered,
)
from vibe_pipeline.clients import musicbrainz
from vibe_pipeline.clients.errors import (
    BrokenAnswer,
    RateLimited,
    ServiceUnavailable,
    UnexpectedResponse,
)
from vibe_pipeline.clients.factory import open_http, user_agent
from vibe_pipeline.clients.listenbrainz import ListenBrainzLabs
from vibe_pipeline.clients.musicbrainz import MusicBrainz
from vibe_pipeline.clients.transport import Transport
from vibe_pipeline.settings import Settings

HELP = "For usage, please see: https://musicbrainz.org/development/mmd"
A, B, C, D = (f"{number:08x}-af05-4f36-916e-3d57f91ecf5e" for number in range(4))


def labs_answering(*answers: httpx.Response) -> tuple[ListenBrainzLabs, list[httpx.Request]]:
    http, received = answering(*answers)
    transport = Transport(http, service="listenbrainz", address="http://labs.example", sleep=Naps())
    return ListenBrainzLabs(transport), received


def musicbrainz_answering(*answers: httpx.Response) -> tuple[MusicBrainz, list[httpx.Request]]:
    http, received = answering(*answers)
    transport = Transport(
        http,
        service="musicbrainz",
        address="http://mb.example/ws/2",
        judge=musicbrainz.answer_kind,
        sleep=Naps(),
    )
    return MusicBrainz(transport), received


def row(mbid: str, score: int, of: str, **more: object) -> dict[str, object]:
    return {
        "recording_mbid": mbid,
        "recording_name": f"Song {mbid}",
        "artist_credit_name": "A",
        "score": score,
        "reference_mbid": of,
        **more,
    }


async def test_a_track_leads_to_neighbours_without_a_call_to_spotify() -> None:
    async with outside_world() as world:
        (like, *_) = await saved_tracks(world.spotify())
        labs = world.labs()
        world.simulation.log.clear()

        found = await labs.find_recording(like.track.artist, like.track.title)
        assert found is not None
        recordings = await labs.similar_recordings([found.mbid])
        artists = await labs.similar_artists(found.artist_mbids[:1])
        ids = await labs.spotify_ids([near.mbid for near in recordings])

        assert world.asked("spotify") == []
    assert recordings
    assert artists
    assert 0 < len(ids) <= len(recordings)


async def test_neighbours_are_ordered_and_told_once_per_seed() -> None:
    rows = [
        row("b", 5, A),
        row("a", 9, A),
        row("b", 5, A),
        row("b", 7, B),
        row("c", 1, A, recording_name=None),
        None,
    ]
    labs, received = labs_answering(said(rows))

    found = await labs.similar_recordings([A, B])

    assert [(near.of, near.mbid, near.score) for near in found] == [
        (A, "a", 9.0),
        (A, "b", 5.0),
        (B, "b", 7.0),
    ]
    (asked,) = json.loads(received[0].content)
    assert asked["recording_mbids"] == [A, B]


async def test_what_is_no_id_is_not_asked_about_beside_good_ones() -> None:
    async with outside_world() as world:
        world.simulation.log.clear()

        near = await world.labs().similar_recordings(["no-id", A])
        ids = await world.labs().spotify_ids([A, "00-not-a-uuid"])
        nothing = await world.labs().similar_artists(["", "no-id"])

        assert len(world.asked("labs")) == 2
    assert (near, ids, nothing) == ([], {}, [])


async def test_only_what_labs_calls_unmapped_has_no_ids_and_of_the_rest_nothing_is_known() -> None:
    rows = [
        {"recording_mbid": A, "spotify_track_ids": ["1" * 22, "2" * 22]},
        {"recording_mbid": B, "spotify_track_ids": []},
        {"recording_mbid": C, "spotify_track_ids": None},
    ]
    labs, _ = labs_answering(said(rows))

    assert await labs.spotify_ids([A, B, C, D]) == {A: ("1" * 22, "2" * 22), B: ()}


async def test_rows_of_labs_are_told_by_their_ids_in_capitals_or_not() -> None:
    rows = [
        {"recording_mbid": A.upper(), "spotify_track_ids": ["1" * 22]},
        {"recording_mbid": D, "spotify_track_ids": ["2" * 22]},
    ]
    labs, _ = labs_answering(said(rows))

    assert await labs.spotify_ids([A, B.upper()]) == {A: ("1" * 22,)}


async def test_neighbours_of_nobody_in_particular_are_trouble_where_several_were_asked_about() -> (
    None
):
    row = {"recording_mbid": C, "recording_name": "Song", "artist_credit_name": "A", "score": 5}
    labs, _ = labs_answering(said([row]))

    (neighbour,) = await labs.similar_recordings([A])
    with pytest.raises(BrokenAnswer):
        await labs.similar_recordings([A, B])

    assert neighbour.mbid == C


async def test_what_is_no_id_of_spotify_s_is_none_and_an_address_holds_one() -> None:
    address = f"https://open.spotify.com/intl-nl/track/{'1' * 22}?si=0"
    written = ["xxxxx", address, f"spotify:track:{'2' * 22}", "3" * 23, "1" * 22, "é" * 22]
    rows = [
        {"recording_mbid": A, "spotify_track_ids": written},
        {"recording_mbid": B, "spotify_track_ids": ["n/a"]},
    ]
    labs, _ = labs_answering(said(rows))

    assert await labs.spotify_ids([A, B]) == {A: ("1" * 22, "2" * 22), B: ()}


@pytest.mark.parametrize("answer", [[], [{}], [None]])
async def test_a_name_nobody_knows_has_no_recording(answer: object) -> None:
    labs, _ = labs_answering(said(answer))

    assert await labs.find_recording("A", "B") is None


async def test_an_algorithm_that_is_no_longer_offered_is_unexpected_not_a_crash() -> None:
    labs, _ = labs_answering(said({"error": "algorithm must be one of ..."}, 400))

    with pytest.raises(UnexpectedResponse):
        await labs.similar_artists([A])


async def test_labs_trouble_is_retried_and_then_given_up() -> None:
    async with outside_world() as world:
        world.fault("labs", "status", status=500)

        with pytest.raises(ServiceUnavailable):
            await world.labs().similar_artists([A])

        assert len(world.asked("labs")) == 3


async def test_an_isrc_leads_to_its_recording() -> None:
    async with outside_world() as world:
        likes = await saved_tracks(world.spotify())
        isrc = next(like.track.isrc for like in likes if like.track.isrc)

        found = await world.musicbrainz().recordings_by_isrc(isrc)

    assert all(recording.mbid and recording.artist_mbids for recording in found)


async def test_an_artist_is_told_by_all_names_but_misspellings() -> None:
    async with outside_world(rules={"musicbrainz_burst": 100}) as world:
        artists = world.simulation.world.artists[:12]

        names = [await world.musicbrainz().artist_names(artist.mbid) for artist in artists]

    for artist, told in zip(artists, names, strict=True):
        assert told is not None
        assert told[0] == artist.name
        assert set(told[1:]) <= {" ".join(reversed(artist.name.split()))}
    assert any(told and len(told) > 1 for told in names)


@pytest.mark.parametrize("status", [400, 404])
async def test_an_artist_nobody_entered_has_no_names(status: int) -> None:
    client, _ = musicbrainz_answering(said({"error": "Not Found", "help": HELP}, status))

    assert await client.artist_names("m1") is None


@pytest.mark.parametrize("status", [400, 404])
async def test_an_isrc_nobody_entered_has_no_recordings(status: int) -> None:
    client, _ = musicbrainz_answering(said({"error": "Not Found", "help": HELP}, status))

    assert await client.recordings_by_isrc("XX0000000000") == []


@pytest.mark.parametrize("status", [400, 404])
async def test_an_error_of_somebody_between_does_not_say_that_musicbrainz_knows_nobody(
    status: int,
) -> None:
    client, _ = musicbrainz_answering(said({"error": "no upstream"}, status))

    with pytest.raises(UnexpectedResponse):
        await client.recordings_by_isrc("XX0000000000")
    with pytest.raises(UnexpectedResponse):
        await client.artist_names("m1")


async def test_musicbrainz_refusing_everything_means_slow_down() -> None:
    client, received = musicbrainz_answering(said({"error": "rate"}, 503))

    with pytest.raises(RateLimited):
        await client.recordings_by_isrc("XX0000000000")

    assert len(received) <= 4


async def test_names_are_looked_up_in_the_main_api_once_the_labs_refuse_to() -> None:
    async with outside_world() as world:
        (like, *_) = await saved_tracks(world.spotify())
        track = like.track
        labs = world.clients().labs()
        assert labs is not None
        before = await labs.find_recording(track.artist, track.title)
        world.fault("labs", "status", status=404, endpoint="GET /acr-lookup/json")
        world.simulation.log.clear()

        after = [await labs.find_recording(track.artist, track.title) for _ in range(2)]
        nobody = await labs.find_recording("Nobody", "Nothing")

        asked = (len(world.asked("labs")), world.asked("listenbrainz"))
    assert after == [before, before]
    assert nobody is None
    assert asked == (1, ["GET /metadata/lookup/"] * 3)


async def test_trouble_of_the_labs_is_not_passed_on_to_the_main_api() -> None:
    http, received = answering(httpx.Response(503))
    settings = Settings(metabrainz_contact="me@example.org", service_pace=100)
    labs = unmetered(http, settings).labs()
    assert labs is not None

    with pytest.raises(ServiceUnavailable):
        await labs.find_recording("A", "B")

    assert {request.url.host for request in received} == {"labs.api.listenbrainz.org"}


async def test_metabrainz_is_told_whom_to_write_to() -> None:
    seen: list[str] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["User-Agent"])
        nothing: object = {"recordings": []} if "/isrc/" in request.url.path else []
        return httpx.Response(200, json=nothing)

    settings = Settings(metabrainz_contact="me@example.org")
    http = httpx.AsyncClient(transport=httpx.MockTransport(note))
    clients = unmetered(http, settings)
    labs, brainz = clients.labs(), clients.musicbrainz()
    assert labs is not None
    assert brainz is not None

    await labs.find_recording("A", "B")
    await brainz.recordings_by_isrc("X")

    assert seen == [f"{user_agent()} ( me@example.org )"] * 2


async def test_without_a_contact_or_a_key_nobody_is_asked() -> None:
    async with open_http() as http:
        clients = unmetered(http, Settings())

        assert clients.labs() is None
        assert clients.musicbrainz() is None
        assert clients.lastfm() is None
