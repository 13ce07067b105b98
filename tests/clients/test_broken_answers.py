"""A success that is none: what an endpoint does not promise is trouble, and never "nothing"."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from tests.support.outside_world import (
    Naps,
    OutsideWorld,
    answering,
    outside_world,
    playlists_shown,
    said,
    said_in_words,
)
from vibe_pipeline.clients import lastfm, listenbrainz, musicbrainz
from vibe_pipeline.clients.answer_shapes import found_page, page_of_likes, page_of_lines
from vibe_pipeline.clients.errors import (
    BrokenAnswer,
    NotThere,
    Redirected,
    ServiceUnavailable,
    UnexpectedResponse,
)
from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.clients.spotify_records import (
    FoundArtist,
    LikedPage,
    PlaylistLine,
    track_from_api,
)
from vibe_pipeline.clients.transport import Transport

MBID = "f27ec8db-af05-4f36-916e-3d57f91ecf5e"

READS: Mapping[str, Callable[[Spotify], Awaitable[object]]] = {
    "GET /me": lambda spotify: spotify.me(),
    "GET /me/tracks": lambda spotify: spotify.saved_tracks_page(),
    "GET /me/player/recently-played": lambda spotify: spotify.recently_played(),
    "GET /me/top/artists": lambda spotify: spotify.top_artists(),
    "GET /me/top/tracks": lambda spotify: spotify.top_tracks(),
    "GET /search": lambda spotify: spotify.search_tracks("x"),
    "GET /me/playlists": playlists_shown,
    "GET /me/library/contains": lambda spotify: spotify.library_contains(["spotify:track:1"]),
}
WRITES: Mapping[str, Callable[[Spotify, str], Awaitable[object]]] = {
    "items": lambda spotify, playlist: spotify.replace_items(playlist, []),
    "details": lambda spotify, playlist: spotify.change_details(playlist, name="Tue"),
    "library": lambda spotify, playlist: spotify.save_to_library([f"spotify:playlist:{playlist}"]),
}


async def playlist_of(world: OutsideWorld) -> str:
    made = await world.spotify().create_playlist("Mon", description="", public=False)
    return made.id


def entry(number: int, **track: object) -> dict[str, object]:
    whole = {"id": f"{number:022}", "name": "Song", "type": "track", "artists": [{"name": "A"}]}
    return {"added_at": "2026-11-01T10:00:00Z", "track": {**whole, **track}}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("kind", ["wrong_types", "nested", "huge", "redirect", "garbage", "empty"])
async def test_a_broken_answer_to_a_question_is_trouble(name: str, kind: str) -> None:
    async with outside_world() as world:
        world.fault("spotify", kind, endpoint=name)

        with pytest.raises(ServiceUnavailable):
            await READS[name](world.spotify())

        assert world.asked("spotify") == [name] * 3


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("kind", ["html", "redirect"])
async def test_a_write_that_somebody_else_answered_did_not_happen(name: str, kind: str) -> None:
    async with outside_world() as world:
        playlist = await playlist_of(world)
        world.fault("spotify", kind, status=302 if kind == "redirect" else 200)

        with pytest.raises((BrokenAnswer, Redirected)):
            await WRITES[name](world.spotify(), playlist)


@pytest.mark.parametrize("kind", ["empty", "html", "wrong_types", "garbage", "nested", "redirect"])
async def test_items_without_a_snapshot_were_not_written(kind: str) -> None:
    async with outside_world() as world:
        playlist = await playlist_of(world)
        status = 302 if kind == "redirect" else 200
        world.fault("spotify", kind, endpoint="PUT /playlists/{id}/items", status=status)

        with pytest.raises(ServiceUnavailable):
            await world.spotify().replace_items(playlist, [])


async def test_items_whose_answer_names_the_former_snapshot_are_written_again() -> None:
    async with outside_world() as world:
        playlist = await playlist_of(world)
        likes = (await world.spotify().saved_tracks_page(limit=3)).likes
        uris = [like.track.uri for like in likes]
        before = await world.spotify().replace_items(playlist, uris[:1])
        said_before = json.dumps({"snapshot_id": before})
        world.fault(
            "spotify",
            "status",
            endpoint="PUT /playlists/{id}/items",
            status=200,
            body=said_before,
            times=1,
        )

        snapshot = await world.spotify().replace_items(playlist, uris, former={before})

        assert snapshot != before
        assert world.playlist_uris(playlist) == uris


@pytest.mark.parametrize("kind", ["empty", "status", "wrong_types"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_a_library_that_did_not_change_was_not_written(kind: str, method: str) -> None:
    async with outside_world() as world:
        spotify, address = world.spotify(), f"spotify:playlist:{await playlist_of(world)}"
        saved = method == "DELETE"
        change, restore = spotify.save_to_library, spotify.remove_from_library
        if saved:
            change, restore = restore, change
        await restore([address])
        world.fault("spotify", kind, endpoint=f"{method} /me/library", status=200)

        with pytest.raises(BrokenAnswer):
            await change([address])

        assert await spotify.library_contains([address]) == {address: saved}


@pytest.mark.parametrize("status", [403, 404, 429, 500])
async def test_a_library_that_does_not_tell_is_told_by_the_list_of_playlists(status: int) -> None:
    async with outside_world() as world:
        spotify, address = world.spotify(), f"spotify:playlist:{await playlist_of(world)}"
        world.fault("spotify", "status", endpoint="GET /me/library/contains", status=status)

        await spotify.remove_from_library([address])

        world.fault("spotify", "empty", endpoint="PUT /me/library")
        with pytest.raises(BrokenAnswer):
            await spotify.save_to_library([address])


async def test_a_playlist_that_cannot_be_removed_as_it_is_not_there_is_gone() -> None:
    async with outside_world() as world:
        spotify, address = world.spotify(), f"spotify:playlist:{await playlist_of(world)}"
        body = json.dumps({"error": {"status": 404, "message": "Not found."}})
        world.fault("spotify", "status", endpoint="DELETE /me/library", status=404, body=body)
        with pytest.raises(NotThere):
            await spotify.remove_from_library([address])
        world.simulation.faults.clear("spotify")
        await spotify.remove_from_library([address])
        world.fault("spotify", "status", endpoint="DELETE /me/library", status=404, body=body)

        await spotify.remove_from_library([address])

        assert await spotify.library_contains([address]) == {address: False}


async def test_a_change_of_the_library_that_nothing_shows_does_not_count() -> None:
    async with outside_world() as world:
        spotify, address = world.spotify(), f"spotify:playlist:{await playlist_of(world)}"
        for endpoint in ("GET /me/library/contains", "GET /me/playlists"):
            world.fault("spotify", "status", endpoint=endpoint, status=500)

        with pytest.raises(ServiceUnavailable):
            await spotify.remove_from_library([address])


async def test_items_whose_answer_was_spoiled_once_are_written_again() -> None:
    async with outside_world() as world:
        playlist = await playlist_of(world)
        likes = (await world.spotify().saved_tracks_page(limit=3)).likes
        uris = [like.track.uri for like in likes]
        world.fault(
            "spotify",
            "empty",
            endpoint="PUT /playlists/{id}/items",
            status=200,
            times=1,
            applied=True,
        )

        snapshot = await world.spotify().replace_items(playlist, uris)

        assert snapshot
        assert world.playlist_uris(playlist) == uris


@pytest.mark.parametrize("kind", ["empty", "html", "wrong_types", "garbage", "huge", "redirect"])
async def test_a_playlist_made_with_a_spoiled_answer_may_exist(kind: str) -> None:
    async with outside_world() as world:
        status = 302 if kind == "redirect" else 201
        world.fault(
            "spotify", kind, endpoint="POST /me/playlists", status=status, times=1, applied=True
        )

        with pytest.raises(ServiceUnavailable) as caught:
            await world.spotify().create_playlist("Mon", description="", public=False)

        assert caught.value.may_have_happened
        assert world.asked("spotify") == ["POST /me/playlists"]


@pytest.mark.parametrize(
    "page",
    [
        {"total": 2},
        {"items": {}, "total": 2},
        {"items": [entry(1), entry(2)]},
        {"items": [entry(1), entry(2)], "total": "many"},
        {"items": [entry(1), entry(2)], "total": -1},
        {"items": [entry(1), entry(2)], "total": 1},
        {"items": [], "total": 2},
        {"items": [7, entry(2)], "total": 2},
        {"items": [entry(1, id=7), entry(2, name=None)], "total": 2},
        {"items": [entry(1, artists="A"), entry(2, artists=["A"])], "total": 2},
        {"items": [{"added_at": "then", "track": entry(1)["track"]}], "total": 1},
        {"items": [{"added_at": "2026-11-01T10:00:00Z"}], "total": 1},
        {"items": [{"added_at": "2026-11-01T10:00:00Z", "track": "song"}], "total": 1},
        {"items": [entry(number) for number in range(51)], "total": 51},
        {"items": [entry(1), entry(2)], "total": 90, "offset": 50},
        {"items": [entry(1), entry(2)], "total": 90, "offset": "none"},
        ["items"],
    ],
)
def test_a_page_of_likes_is_believed_only_in_its_own_shape(page: object) -> None:
    assert not page_of_likes(offset=0, limit=50)(page)


@pytest.mark.parametrize(
    "page",
    [
        {"items": [], "total": 0},
        {"items": [entry(1), None, {"added_at": "2026-11-01T10:00:00Z", "track": None}]},
        {"items": [entry(1), entry(2, id=None, uri="spotify:local:a:b:c:1", is_local=True)]},
        {"items": [entry(1, name="", artists=[{"name": ""}])]},
        {"items": [entry(1, type="episode", artists=None)]},
        {"items": [{"added_at": "2026-11-01T10:00:00Z", "item": entry(1)["track"]}]},
        {"items": [entry(1), entry(2), 7]},
        {"items": [entry(1), entry(2)], "offset": 0},
        {"items": [entry(1), entry(2)], "offset": None},
    ],
)
def test_what_libraries_really_hold_is_believed(page: dict[str, Any]) -> None:
    whole = {"total": len(page["items"]), **page}

    assert page_of_likes(offset=0, limit=50)(whole)


def test_an_odd_entry_among_sound_ones_is_counted() -> None:
    page = LikedPage.from_api({"items": [entry(1), None, entry(2), 7], "total": 4})

    assert (len(page.likes), page.entries, page.odd) == (2, 4, 1)


@pytest.mark.parametrize(
    "page",
    [
        {"items": [{}] * 30, "total": 30},
        {"items": [None] * 30, "total": 30},
        {"items": [{"content": entry(1)["track"]}], "total": 1},
        {"items": [{"item": {}}], "total": 1},
        {"items": [{"item": {"id": "1" * 22, "title": "Song"}}], "total": 1},
        {"items": [entry(1)]},
        {"items": [], "total": 30},
        {"items": [entry(number) for number in range(51)], "total": 51},
    ],
)
def test_a_page_of_a_playlist_is_believed_only_in_its_own_shape(page: object) -> None:
    assert not page_of_lines(offset=0, limit=50)(page)


@pytest.mark.parametrize(
    "page",
    [
        {"items": []},
        {"items": [{"item": None}, {"track": None}]},
        {"items": [{"item": entry(1)["track"]}, entry(2, name="", artists=[{"name": ""}])]},
        {"items": [entry(1, type="episode", artists=None), entry(2), {}]},
    ],
)
def test_what_playlists_really_hold_is_believed(page: dict[str, Any]) -> None:
    whole = {"total": len(page["items"]), **page}

    assert page_of_lines(offset=0, limit=50)(whole)


def test_a_line_that_nobody_can_make_anything_of_says_nothing_against_its_track() -> None:
    lines: list[dict[str, object]] = [{}, {"item": {}}, {"track": {"id": 7}}]

    odd = [PlaylistLine.from_api(line) for line in lines]
    gone = PlaylistLine.from_api({"item": None})

    assert odd == [PlaylistLine(track=None, playable=True)] * 3
    assert gone == PlaylistLine(track=None, playable=False)


@pytest.mark.parametrize(
    "body",
    [
        7,
        [1],
        {"similarartists": 7},
        {"similarartists": {"artist": 7}},
        {"similarartists": {"artist": [7, "x"]}},
        {"somethingelse": {}},
        {},
    ],
)
async def test_what_lastfm_does_not_promise_is_not_nobody(body: object) -> None:
    http, received = answering(said(body))
    transport = Transport(
        http,
        service="lastfm",
        address="http://l.example",
        judge=lastfm.answer_kind,
        sleep=Naps(),
    )
    client = lastfm.LastFm(transport, api_key=SecretStr("k3y"))

    with pytest.raises(ServiceUnavailable):
        await client.similar_artists("X")

    assert len(received) == 3


def song(number: int, **more: object) -> dict[str, object]:
    return {"id": f"{number:022}", "name": "Song", "artists": [{"name": "A"}], **more}


@pytest.mark.parametrize(
    "page",
    [
        {"items": [], "total": 57},
        {"items": [{}, {}], "total": 2},
        {"items": [None, None], "total": 2},
        {"items": [song(1, id=None), song(2, id=None)], "total": 2},
        {"items": [song(1), {}, {}], "total": 3},
        {"items": [], "total": -1},
        {"items": [], "total": "none"},
        {"items": [song(1)], "total": "many"},
        {"items": []},
    ],
)
@pytest.mark.parametrize("kind", ["tracks", "artists"])
def test_a_search_that_found_something_unreadable_has_not_found_nothing(
    kind: str, page: Mapping[str, object]
) -> None:
    shapes = {"tracks": track_from_api, "artists": FoundArtist.from_api}

    assert not found_page(kind, sound=shapes[kind])({kind: page})


@pytest.mark.parametrize(
    "page",
    [
        {"items": [], "total": 0},
        {"items": [song(1), None, song(2)], "total": 90},
        {"items": [song(1, is_playable=False)], "total": 1},
        {"items": [song(1)]},
    ],
)
@pytest.mark.parametrize("kind", ["tracks", "artists"])
def test_what_searches_really_find_is_believed(kind: str, page: Mapping[str, object]) -> None:
    shapes = {"tracks": track_from_api, "artists": FoundArtist.from_api}

    assert found_page(kind, sound=shapes[kind])({kind: page})


@pytest.mark.parametrize(
    "page",
    [
        {"items": [], "total": 7},
        {"items": []},
        {"items": [{}, {}, {}], "total": 3},
        {"items": [None, {}, None], "total": 3},
        {"items": [None] * 7},
        {"items": [{"id": "p1"}]},
        {"items": [{"id": "p51"}], "total": 51, "offset": 50},
    ],
)
async def test_an_odd_page_of_playlists_does_not_say_that_there_are_none(page: object) -> None:
    async with outside_world() as world:
        body = httpx.Response(200, json=page).text
        world.fault("spotify", "empty", endpoint="GET /me/playlists", body=body, status=200)

        with pytest.raises(BrokenAnswer):
            await playlists_shown(world.spotify())


async def test_playlists_beside_what_is_left_of_others_are_read() -> None:
    page = {"items": [{"id": "p1", "name": "Mon"}, None, {"id": "p2", "name": "Tue"}], "total": 3}
    async with outside_world() as world:
        body = httpx.Response(200, json=page).text
        world.fault("spotify", "empty", endpoint="GET /me/playlists", body=body, status=200)

        newest = await playlists_shown(world.spotify())

    assert [playlist.id for playlist in newest] == ["p1", "p2"]


@pytest.mark.parametrize(
    ("items", "ids"),
    [
        ([None, {"id": "p1", "name": "Mon"}], ["p1"]),
        ([None, None, {"id": "p1", "name": "Mon"}], ["p1"]),
        ([None] * 7, []),
    ],
)
async def test_who_follows_more_of_spotifys_own_playlists_than_others_still_has_theirs_read(
    items: list[object], ids: list[str]
) -> None:
    page = {"items": items, "total": len(items)}
    async with outside_world() as world:
        body = httpx.Response(200, json=page).text
        world.fault("spotify", "empty", endpoint="GET /me/playlists", body=body, status=200)

        newest = await playlists_shown(world.spotify())

    assert [playlist.id for playlist in newest] == ids


@pytest.mark.parametrize("page", [{"items": [], "total": 57}, {"items": [{}, {}], "total": 2}])
async def test_a_search_with_an_empty_page_and_a_count_is_trouble(page: object) -> None:
    async with outside_world() as world:
        body = httpx.Response(200, json={"tracks": page, "artists": page}).text
        world.fault("spotify", "empty", endpoint="GET /search", body=body, status=200)

        with pytest.raises(BrokenAnswer):
            await world.spotify().search_tracks("x")
        with pytest.raises(BrokenAnswer):
            await world.spotify().search_artists("x")


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("similar_recordings", [{}, {}]),
        ("similar_recordings", [{"mbid": "a", "recording_name": "Song"}]),
        ("similar_artists", [{}]),
        ("similar_artists", [{"mbid": "a", "name": "A"}]),
        ("spotify_ids", [{}]),
        ("spotify_ids", [{"spotify_track_ids": ["s1"]}]),
        ("spotify_ids", [{"recording_mbid": "a", "ids": ["s1"]}]),
    ],
)
async def test_rows_of_labs_that_name_nothing_are_not_nothing(name: str, rows: object) -> None:
    async with outside_world() as world:
        world.fault("labs", "empty", body=httpx.Response(200, json=rows).text, status=200)

        with pytest.raises(BrokenAnswer):
            await getattr(world.labs(), name)([MBID])


@pytest.mark.parametrize("things", [[{}, {}], [{"title": "X"}], {}, {"title": "X"}, [{"name": ""}]])
async def test_things_of_lastfm_without_a_name_are_not_nobody(things: object) -> None:
    http, _ = answering(said({"similarartists": {"artist": things}}))
    transport = Transport(
        http, service="lastfm", address="http://l.example", judge=lastfm.answer_kind, sleep=Naps()
    )

    with pytest.raises(BrokenAnswer):
        await lastfm.LastFm(transport, api_key=SecretStr("k3y")).similar_artists("X")


@pytest.mark.parametrize("body", [7, {}, {"rows": []}, [7, "x"], {"error": "no"}])
async def test_what_labs_does_not_promise_is_not_unmapped(body: object) -> None:
    async with outside_world() as world:
        world.fault("labs", "empty", body=httpx.Response(200, json=body).text, status=200)

        with pytest.raises(BrokenAnswer):
            await world.labs().spotify_ids([MBID])


@pytest.mark.parametrize("body", [7, [], {"recordings": 7}, {"isrc": "X"}, {"recordings": [{}]}])
async def test_what_musicbrainz_does_not_promise_is_not_unknown(body: object) -> None:
    http, _ = answering(said(body))
    transport = Transport(http, service="musicbrainz", address="http://m.example", sleep=Naps())

    with pytest.raises(BrokenAnswer):
        await musicbrainz.MusicBrainz(transport).recordings_by_isrc("X")


@pytest.mark.parametrize("body", [7, [], {}, {"aliases": []}, {"error": "no"}])
async def test_an_artist_without_a_name_is_not_unknown(body: object) -> None:
    http, _ = answering(said(body))
    transport = Transport(
        http,
        service="musicbrainz",
        address="http://m.example",
        judge=musicbrainz.answer_kind,
        sleep=Naps(),
    )

    with pytest.raises(BrokenAnswer):
        await musicbrainz.MusicBrainz(transport).artist_names("m1")


@pytest.mark.parametrize("body", [7, {}, {"rows": []}, {"error": "no"}, [{"mbid": "a"}]])
async def test_what_labs_does_not_promise_is_no_unknown_name(body: object) -> None:
    async with outside_world() as world:
        world.fault("labs", "empty", body=httpx.Response(200, json=body).text, status=200)

        with pytest.raises(BrokenAnswer):
            await world.labs().find_recording("A", "B")


async def test_a_search_that_is_not_there_has_found_nothing_out() -> None:
    async with outside_world() as world:
        world.fault("spotify", "status", endpoint="GET /search", status=404)

        with pytest.raises(ServiceUnavailable):
            await world.spotify().search_tracks("isrc:X")


async def test_a_not_found_in_somebody_elses_words_is_not_unknown() -> None:
    page = said_in_words("<html>Not Found</html>", 404)
    http, _ = answering(page)
    lastfm_transport = Transport(
        http, service="lastfm", address="http://l.example", judge=lastfm.answer_kind, sleep=Naps()
    )
    transport = Transport(http, service="musicbrainz", address="http://m.example", sleep=Naps())

    with pytest.raises(UnexpectedResponse):
        await lastfm.LastFm(lastfm_transport, api_key=SecretStr("k3y")).similar_artists("X")
    with pytest.raises(UnexpectedResponse):
        await musicbrainz.MusicBrainz(transport).recordings_by_isrc("X")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_page_that_somebody_in_between_refuses_with_says_nothing_of_our_key(
    status: int,
) -> None:
    http, _ = answering(said_in_words("<!DOCTYPE html><title>Just a moment...</title>", status))
    transport = Transport(
        http, service="lastfm", address="http://l.example", judge=lastfm.answer_kind, sleep=Naps()
    )

    with pytest.raises(ServiceUnavailable):
        await lastfm.LastFm(transport, api_key=SecretStr("k3y")).similar_artists("X")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (said({"code": 404, "error": "Cannot find user: anna"}, 404), NotThere),
        (said_in_words("<html>nginx</html>", 404), ServiceUnavailable),
        (said({}, 404), ServiceUnavailable),
        (said({"error": "no upstream"}, 404), ServiceUnavailable),
    ],
)
async def test_only_listenbrainz_itself_says_that_it_knows_nobody_of_a_name(
    answer: httpx.Response, kind: type[Exception]
) -> None:
    http, _ = answering(answer)
    transport = Transport(http, service="listenbrainz", address="http://l.example", sleep=Naps())

    with pytest.raises(kind):
        await listenbrainz.ListenBrainz(transport).listen_count("anna")


@pytest.mark.parametrize("name", ["similar_recordings", "similar_artists", "spotify_ids"])
async def test_a_batch_that_nobody_answers_is_not_unmapped(name: str) -> None:
    async with outside_world() as world:
        world.fault("labs", "status", status=404)

        with pytest.raises(UnexpectedResponse):
            await getattr(world.labs(), name)([MBID])


@pytest.mark.parametrize("tracks", [[], {"name": "Song", "@attr": {"nowplaying": "true"}}])
async def test_an_empty_page_of_scrobbles_that_are_counted_is_not_their_end(tracks: object) -> None:
    until = datetime(2026, 11, 30, tzinfo=UTC)
    counted = {"track": tracks, "@attr": {"user": "anna", "total": "800"}}

    with pytest.raises(BrokenAnswer):
        await _scrobbles_of(counted).recent_tracks("anna", until=until)


async def test_few_scrobbles_that_are_counted_and_never_shown_are_none() -> None:
    until = datetime(2026, 11, 30, tzinfo=UTC)
    counted = {"track": [], "@attr": {"user": "anna", "total": "3"}}

    page = await _scrobbles_of(counted).recent_tracks("anna", until=until)

    assert (page.plays, page.more) == ((), False)


async def test_few_scrobbles_that_are_not_shown_once_are_looked_for_again() -> None:
    until = datetime(2026, 11, 30, tzinfo=UTC)
    row = {"name": "Song", "artist": {"#text": "A"}, "date": {"uts": "1700000000"}}
    hollow, whole = (
        said({"recenttracks": {"track": rows, "@attr": {"total": "1"}}}) for rows in ([], [row])
    )

    page = await _lastfm_saying(hollow, whole).recent_tracks("anna", until=until)

    assert [play.title for play in page.plays] == ["Song"]


async def test_a_full_page_of_scrobbles_is_not_their_end_whatever_is_counted() -> None:
    until = datetime(2026, 11, 30, tzinfo=UTC)
    rows = [{"name": "Song", "artist": {"#text": "A"}, "date": {"uts": "1700000000"}}] * 2
    last, none = {"track": rows, "@attr": {"total": "2"}}, {"track": rows, "@attr": {"total": "0"}}

    assert not (await _scrobbles_of(last).recent_tracks("anna", until=until, limit=3)).more
    assert (await _scrobbles_of(last).recent_tracks("anna", until=until, limit=2)).more
    assert (await _scrobbles_of(none).recent_tracks("anna", until=until, limit=2)).more


async def test_the_newest_scrobbles_again_are_not_the_older_ones_that_were_asked_for() -> None:
    until = datetime(2020, 1, 1, tzinfo=UTC)
    seconds = [1_800_000_000 + number for number in range(4)]
    rows = [{"name": "S", "artist": {"#text": "A"}, "date": {"uts": one}} for one in seconds]
    song_told = {"artist_name": "A", "track_name": "Song"}
    listens = [{"listened_at": one, "track_metadata": song_told} for one in seconds]

    with pytest.raises(BrokenAnswer):
        await _scrobbles_of({"track": rows, "@attr": {"total": "900"}}).recent_tracks(
            "anna", until=until
        )
    with pytest.raises(BrokenAnswer):
        await _listens_of({"count": 4, "listens": listens}).listens("anna", until=until)


async def test_whoever_scrobbled_nothing_yet_has_been_read_to_the_end() -> None:
    until = datetime(2026, 11, 30, tzinfo=UTC)
    nothing = {"track": [], "@attr": {"user": "anna", "total": "0"}}

    page = await _scrobbles_of(nothing).recent_tracks("anna", until=until)

    assert (page.plays, page.more, page.total) == ((), False, 0)


def _scrobbles_of(told: object) -> lastfm.LastFm:
    return _lastfm_saying(said({"recenttracks": told}))


def _lastfm_saying(*answers: httpx.Response) -> lastfm.LastFm:
    http, _ = answering(*answers)
    transport = Transport(
        http, service="lastfm", address="http://l.example", judge=lastfm.answer_kind, sleep=Naps()
    )
    return lastfm.LastFm(transport, api_key=SecretStr("k3y"))


@pytest.mark.parametrize(("count", "oldest"), [(25, 0), (25, 1_900_000_000), (0, 1_500_000_000)])
async def test_an_empty_page_of_listens_that_are_there_is_not_their_end(
    count: int, oldest: int
) -> None:
    told = {"count": count, "listens": [], "oldest_listen_ts": oldest}

    with pytest.raises(BrokenAnswer):
        await _listens_of(told).listens("anna", until=datetime(2026, 11, 30, tzinfo=UTC))


@pytest.mark.parametrize("oldest", [None, 0, 1_900_000_000])
async def test_where_no_listen_is_older_all_has_been_read(oldest: int | None) -> None:
    told = {"count": 0, "listens": [], "oldest_listen_ts": oldest}

    page = await _listens_of(told).listens("anna", until=datetime(2026, 11, 30, tzinfo=UTC))

    assert (page.plays, page.more, page.doubted) == ((), False, not oldest)


async def test_one_listen_of_1970_among_many_does_not_end_a_night_s_reading() -> None:
    until = datetime(2026, 11, 30, tzinfo=UTC)
    seconds = [3600, *(int(until.timestamp()) - 60 * number for number in range(1, 30))]
    song_told = {"artist_name": "A", "track_name": "Song"}
    rows = [{"listened_at": second, "track_metadata": song_told} for second in seconds]
    told = {"count": 30, "listens": rows, "oldest_listen_ts": 3600}

    page = await _listens_of(told).listens(
        "anna", since=datetime(2026, 11, 15, tzinfo=UTC), until=until
    )

    assert (len(page.plays), page.more) == (29, True)


def _listens_of(told: object) -> listenbrainz.ListenBrainz:
    http, _ = answering(said({"payload": told}))
    transport = Transport(http, service="listenbrainz", address="http://l.example", sleep=Naps())
    return listenbrainz.ListenBrainz(transport)


@pytest.mark.parametrize(
    "address",
    [f"https://open.spotify.com/track/{'1' * 22}", f"spotify:episode:{'2' * 22}", "", None],
)
def test_a_tracks_address_is_made_of_its_id_whatever_address_it_comes_with(
    address: str | None,
) -> None:
    track = track_from_api(song(1, uri=address))

    assert track is not None
    assert track.uri == f"spotify:track:{track.spotify_id}"


@pytest.mark.parametrize("spotify_id", ["a b", "1" * 21, "1" * 23, "é" * 22, f"{'1' * 20}:x", 7])
def test_what_is_no_id_of_spotifys_is_no_track_and_its_like_is_doubted(spotify_id: object) -> None:
    page = {"items": [entry(1, id=spotify_id)], "total": 1}

    assert track_from_api(song(1, id=spotify_id)) is None
    assert not page_of_likes(offset=0, limit=50)(page)


@pytest.mark.parametrize(
    "told",
    [
        "",
        None,
        {"track": []},
        {"track": [], "@attr": {"total": ""}},
        {"track": [], "@attr": {"total": "1,600"}},
    ],
)
async def test_scrobbles_without_their_number_are_trouble_and_not_the_end(told: object) -> None:
    with pytest.raises(BrokenAnswer):
        await _scrobbles_of(told).recent_tracks("anna", until=datetime(2026, 11, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    "answer",
    [
        said({"error": "upstream timeout"}),
        said({"error": {"message": "upstream timeout"}}),
        said_in_words('<lfm status="ok"/>'),
        said_in_words('<?xml version="1.0"?>\n<lfm status="ok"></lfm>'),
    ],
)
async def test_an_answer_that_tells_of_no_scrobbles_is_not_their_end(
    answer: httpx.Response,
) -> None:
    http, _ = answering(answer)
    transport = Transport(
        http, service="lastfm", address="http://l.example", judge=lastfm.answer_kind, sleep=Naps()
    )
    client = lastfm.LastFm(transport, api_key=SecretStr("k3y"))

    with pytest.raises(ServiceUnavailable):
        await client.recent_tracks("anna", until=datetime(2026, 11, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    "answer",
    [
        said({"error": "upstream timeout"}),
        said_in_words('<lfm status="ok"><similartracks><track>X</track></similartracks></lfm>'),
    ],
)
async def test_an_error_without_a_number_or_tracks_in_xml_are_not_no_neighbours(
    answer: httpx.Response,
) -> None:
    http, _ = answering(answer)
    transport = Transport(
        http, service="lastfm", address="http://l.example", judge=lastfm.answer_kind, sleep=Naps()
    )

    with pytest.raises(ServiceUnavailable):
        await lastfm.LastFm(transport, api_key=SecretStr("k3y")).similar_tracks("X", "Y")


@pytest.mark.parametrize(
    ("answer", "times"),
    [
        (said_in_words("<html>Wi-Fi login</html>"), 1),
        (said_in_words(""), 1),
        (said_in_words("null"), 1),
        (said_in_words("", 205), 1),
        (said({"payload": {"mbids": None}}), 3),
    ],
)
async def test_only_no_content_says_that_listenbrainz_recommends_nothing_yet(
    answer: httpx.Response, times: int
) -> None:
    http, received = answering(answer)
    transport = Transport(http, service="listenbrainz", address="http://l.example", sleep=Naps())

    with pytest.raises(BrokenAnswer):
        await listenbrainz.ListenBrainz(transport).recommended("anna", count=5)

    assert len(received) == times


async def test_no_content_says_that_listenbrainz_has_learnt_too_little() -> None:
    http, _ = answering(said_in_words("", 204))
    transport = Transport(http, service="listenbrainz", address="http://l.example", sleep=Naps())

    assert await listenbrainz.ListenBrainz(transport).recommended("anna", count=5) == []
