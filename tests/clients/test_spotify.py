"""Spotify's Web API as the simulator plays it, with all that goes wrong there."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from tests.support.blank_accounts import set_up_store
from tests.support.outside_world import (
    NOON,
    answering,
    outside_world,
    playlists_shown,
    said,
    said_in_words,
    saved_tracks,
    unmetered,
)
from vibe_pipeline.accounts.store import AccountStore, open_store
from vibe_pipeline.clients.budget import FixedToken, InMemoryCapabilities
from vibe_pipeline.clients.errors import (
    BrokenAnswer,
    CapabilityAbsent,
    GrantDoubted,
    NotAllowlisted,
    NotThere,
    OwnerNotPremium,
    PassinglyRefused,
    PermissionMissing,
    RateLimited,
    ServiceUnavailable,
    UnexpectedResponse,
    WriteRefused,
)
from vibe_pipeline.clients.spotify import Spotify
from vibe_pipeline.clients.spotify_web import SpotifyWeb, answer_kind, bucket_of
from vibe_pipeline.clients.transport import Call, Transport
from vibe_pipeline.settings import Settings
from vibe_pipeline.simulator.spotify.state import SpotifyAccounts


@contextmanager
def account_store(
    folder: Path, now: Callable[[], datetime] = lambda: NOON
) -> Iterator[AccountStore]:
    """A store of its own, whose clock stands at noon unless it is another."""
    url = f"sqlite:///{folder / 'accounts.sqlite'}"
    set_up_store(url)
    yield open_store(url, Fernet.generate_key().decode(), now=now)


class Doorman:
    """An access whose first token is no good; counts the forced renewals."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.forced = 0

    async def token(self, *, force_refresh: bool = False) -> str:
        self.forced += force_refresh
        return self.tokens[min(self.forced, len(self.tokens) - 1)]


def spotify_answering(
    *answers: httpx.Response | Exception,
) -> tuple[Spotify, list[httpx.Request]]:
    """A Spotify that says just this."""

    async def no_sleep(_: float) -> None:
        return None

    http, received = answering(*answers)
    transport = Transport(
        http,
        service="spotify",
        address="http://spotify.example/v1",
        judge=answer_kind,
        sleep=no_sleep,
    )
    web = SpotifyWeb(transport, FixedToken("t0ken"), InMemoryCapabilities(), sleep=no_sleep)
    return Spotify(web, sleep=no_sleep), received


async def test_every_like_is_read_and_local_files_and_ghosts_are_passed_over() -> None:
    async with outside_world() as world:
        saved = world.simulation.part(SpotifyAccounts).account(world.listener).saved

        likes = await saved_tracks(world.spotify())

    there = [item for item in saved if item.track is not None and not item.track.vanished]
    assert len(there) <= len(saved) - 2
    assert len(likes) == len(there)
    assert [like.added_at for like in likes] == sorted(
        (like.added_at for like in likes), reverse=True
    )
    assert all(like.track.uri.startswith("spotify:track:") for like in likes)


async def test_a_page_says_how_many_likes_there_are_in_all() -> None:
    async with outside_world() as world:
        page = await world.spotify().saved_tracks_page(offset=0)

    assert page.entries == 50
    assert page.total > 50


async def test_what_a_development_app_no_longer_gets_is_none() -> None:
    async with outside_world() as world:
        track = (await world.spotify().recently_played()).plays[0].track

    assert track.popularity is None
    assert track.artists
    assert track.duration_ms


async def test_top_items_are_ranked_from_one() -> None:
    async with outside_world() as world:
        artists = await world.spotify().top_artists("short_term")
        tracks = await world.spotify().top_tracks("long_term")

    assert [item.rank for item in artists] == list(range(1, len(artists) + 1))
    assert {item.kind for item in artists} == {"artist"}
    assert all(item.artist for item in tracks)


@pytest.mark.parametrize("limit", [0, 11, 50])
async def test_a_search_never_asks_for_more_than_ten(limit: int) -> None:
    spotify, received = spotify_answering(said({}))

    with pytest.raises(ValueError, match="1 to 10"):
        await spotify.search_tracks("x", limit=limit)

    assert received == []


@pytest.mark.parametrize(
    ("country", "named"), [("NL", None), (None, "SE")], ids=["known", "unknown"]
)
async def test_the_operators_market_is_named_for_accounts_whose_country_is_unknown(
    country: str | None, named: str | None
) -> None:
    http, received = answering(said({"tracks": {"items": [], "total": 0}}))
    clients = unmetered(http, Settings(spotify_default_market="SE", service_pace=100))
    spotify = clients.spotify(access=FixedToken("t"), country=country)

    await spotify.search_tracks("x")

    assert received[0].url.params.get("market") == named


async def test_no_market_is_named_unless_the_operator_does() -> None:
    spotify, received = spotify_answering(said({"tracks": {"items": [], "total": 0}}))

    await spotify.search_tracks("x")

    assert "market" not in received[0].url.params


@pytest.mark.parametrize("seeds", [0, 6, 20])
async def test_recommendations_never_take_more_than_five_seeds(seeds: int) -> None:
    spotify, received = spotify_answering(said({}))

    with pytest.raises(ValueError, match="1 to 5 seeds"):
        await spotify.recommendations(track_ids=[f"t{n}" for n in range(seeds)])

    assert received == []


async def test_recommendations_come_where_the_app_still_has_them() -> None:
    async with outside_world(regime="A") as world:
        spotify = world.spotify()
        plays = (await spotify.recently_played()).plays

        found = await spotify.recommendations(track_ids=[p.track.spotify_id for p in plays[:5]])

    assert len(found) > 20


async def test_a_closed_endpoint_is_proved_by_one_call_and_tried_once_more_soon(
    tmp_path: Path,
) -> None:
    with account_store(tmp_path) as store:
        async with outside_world(capabilities=store.capabilities) as world:
            for _ in range(3):
                with pytest.raises(CapabilityAbsent) as caught:
                    await world.spotify().recommendations(track_ids=["4urIIonRzkWSUmPLQBdV63"])
            asked = world.asked("spotify")
        (closed,) = store.capabilities.list()

    assert asked == ["GET /recommendations", "GET /me"]
    assert closed.name == caught.value.capability == "spotify_recommendations"
    assert closed.until == NOON + timedelta(minutes=15)


@pytest.mark.parametrize(("before", "days"), [(1, 1), (2, 2), (4, 8), (9, 14)])
async def test_an_endpoint_found_closed_again_is_left_alone_for_days(
    *, before: int, days: int, tmp_path: Path
) -> None:
    with account_store(tmp_path) as store:
        for _ in range(before):
            store.capabilities.switch_off("spotify_recommendations", NOON, "answered 404")
        async with outside_world(capabilities=store.capabilities) as world:
            with pytest.raises(CapabilityAbsent):
                await world.spotify().recommendations(track_ids=["4urIIonRzkWSUmPLQBdV63"])
        (closed,) = store.capabilities.list()

    assert closed.until == NOON + timedelta(days=days)


async def test_whatever_spotify_granted_lately_proves_the_token_too() -> None:
    async with outside_world() as world:
        spotify = world.spotify()
        await spotify.recently_played()

        with pytest.raises(CapabilityAbsent):
            await spotify.artist_top_tracks("4iOpT9zRyHm9Csf4td8kzL")

        assert "GET /me" not in world.asked("spotify")


async def test_somebody_who_is_no_user_of_the_app_is_told_apart() -> None:
    async with outside_world() as world:
        spotify = world.spotify()
        world.simulation.part(SpotifyAccounts).allowlist.clear()

        with pytest.raises(NotAllowlisted):
            await spotify.recommendations(track_ids=["4urIIonRzkWSUmPLQBdV63"])

        assert not world.capabilities.absent("spotify_recommendations")


async def test_a_bare_refusal_of_everything_means_no_user_of_the_app() -> None:
    spotify, _ = spotify_answering(said({"error": {"status": 403, "message": "Forbidden"}}, 403))

    with pytest.raises(NotAllowlisted):
        await spotify.recommendations(track_ids=["a"])


async def test_an_owner_without_premium_is_told_apart() -> None:
    async with outside_world() as world:
        spotify = world.spotify()
        world.simulation.rules.owner_has_premium = False

        with pytest.raises(OwnerNotPremium):
            await spotify.me()


async def test_a_missing_permission_asks_for_a_new_consent() -> None:
    async with outside_world() as world:
        spotify = world.spotify(access=FixedToken(world.token(scopes=frozenset())))

        with pytest.raises(PermissionMissing):
            await spotify.recently_played()


async def test_a_refused_token_is_renewed_once_and_the_call_repeated() -> None:
    async with outside_world() as world:
        doorman = Doorman("stale", world.token())

        await world.spotify(access=doorman).me()

        assert doorman.forced == 1
        assert world.asked("spotify") == ["GET /me", "GET /me"]


async def test_a_token_refused_twice_puts_the_consent_in_doubt_and_no_more() -> None:
    async with outside_world() as world:
        doorman = Doorman("stale", "stale too")

        with pytest.raises(GrantDoubted):
            await world.spotify(access=doorman).me()

        assert doorman.forced == 1


@pytest.mark.parametrize(
    ("said_of_it", "kind"),
    [("Permissions missing", PermissionMissing), ("The access token expired", CapabilityAbsent)],
)
async def test_a_token_that_one_part_of_listening_refuses_is_good_for_all_else(
    said_of_it: str, kind: type[Exception]
) -> None:
    refused = {"error": {"status": 401, "message": said_of_it}}
    async with outside_world() as world:
        doorman, body = Doorman(world.token(), world.token()), json.dumps(refused)
        world.fault(
            "spotify", "status", endpoint="GET /me/player/recently-played", status=401, body=body
        )
        spotify = world.spotify(access=doorman)

        with pytest.raises(kind) as caught:
            await spotify.recently_played()

        assert not isinstance(caught.value, GrantDoubted)
        assert (await spotify.saved_tracks_page()).likes
        assert doorman.forced == 1


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_a_token_that_listening_and_all_else_refuses_is_in_doubt(status: int) -> None:
    async with outside_world() as world:
        world.fault("spotify", "status", endpoint="GET /me/tracks", status=401)
        world.fault("spotify", "status", endpoint="GET /me", status=status)

        with pytest.raises(GrantDoubted):
            await world.spotify().saved_tracks_page()


@pytest.mark.parametrize("kind", ["html", "empty", "garbage", "error200"])
async def test_one_spoiled_answer_is_asked_for_again(kind: str) -> None:
    async with outside_world() as world:
        world.fault("spotify", kind, times=1)

        profile = await world.spotify().me()

    assert profile.account_id


@pytest.mark.parametrize("kind", ["html", "empty", "garbage", "error200"])
async def test_spoiled_answers_without_end_are_trouble_of_the_service(kind: str) -> None:
    async with outside_world() as world:
        world.fault("spotify", kind)

        with pytest.raises(ServiceUnavailable):
            await world.spotify().me()


async def test_a_days_quota_stops_every_process_once_it_is_said_again(tmp_path: Path) -> None:
    moments, refusals = [NOON], list[RateLimited]()

    def now() -> datetime:
        return moments[-1]

    with account_store(tmp_path, now) as store:
        async with outside_world(budget=store.budget) as world:
            world.fault("spotify", "quota")
            for minutes in (0, 1, 16, 17, 300):
                moments.append(NOON + timedelta(minutes=minutes))
                with pytest.raises(RateLimited) as caught:
                    await world.spotify(now=now).me()
                refusals.append(caught.value)
            asked = world.asked("spotify")

    ends = [refusal.until for refusal in refusals]
    assert asked == ["GET /me", "GET /me"]
    assert [refusal.quota for refusal in refusals] == [False, False, True, True, True]
    assert set(ends[:2]) == {NOON + timedelta(minutes=15)}
    assert set(ends[2:]) == {ends[2]}
    assert ends[2] > NOON + timedelta(seconds=48_000)
    assert world.naps.taken == []


async def test_the_quota_of_one_group_of_endpoints_leaves_the_others_open(tmp_path: Path) -> None:
    with account_store(tmp_path) as store:
        async with outside_world(budget=store.budget) as world:
            world.fault("spotify", "quota", endpoint="GET /search")
            spotify = world.clients(now=lambda: NOON).spotify(access=FixedToken(world.token()))
            for _ in range(3):
                with pytest.raises(RateLimited) as caught:
                    await spotify.search_tracks("x")

            profile = await spotify.me()
            asked = world.asked("spotify")

    assert caught.value.bucket == "GET /search"
    assert profile.account_id
    assert asked == ["GET /search", "GET /me"]


@pytest.mark.parametrize(
    ("endpoint", "bucket"),
    [
        ("GET /me", "GET /me"),
        ("GET /me/player/recently-played", "GET /me/player"),
        ("GET /me/top/artists", "GET /me/top"),
        ("PUT /playlists/{id}/items", "PUT /playlists"),
        ("PUT /playlists/{id}", "PUT /playlists"),
        ("GET /artists/{id}/top-tracks", "GET /artists"),
        ("GET /search", "GET /search"),
    ],
)
def test_endpoints_that_begin_alike_share_a_bucket(endpoint: str, bucket: str) -> None:
    method, _, path = endpoint.partition(" ")

    assert bucket_of(Call(method=method, path=path, endpoint=endpoint)) == bucket


async def test_a_cover_too_many_makes_nobody_wait_and_only_covers_rest(tmp_path: Path) -> None:
    with account_store(tmp_path) as store:
        http, received = answering(
            said({"error": {"status": 429}}, 429), said({"items": [], "total": 0})
        )
        transport = Transport(
            http,
            service="spotify",
            address="http://spotify.example/v1",
            judge=answer_kind,
            budget=store.budget,
            bucket_of=bucket_of,
            now=lambda: NOON,
        )
        spotify = Spotify(SpotifyWeb(transport, FixedToken("t"), InMemoryCapabilities()))

        with pytest.raises(RateLimited) as limited:
            await spotify.upload_cover("p1", b"\xff\xd8\xff")

        assert limited.value.bucket == "PUT /playlists/{id}/images"
        assert await playlists_shown(spotify) == []
        assert received[0].headers["content-type"] == "image/jpeg"
        assert received[0].content == b"/9j/"


async def test_a_401_for_a_cover_is_a_missing_permission_and_renews_nothing() -> None:
    http, received = answering(said({"error": {"status": 401, "message": "Unauthorized"}}, 401))
    transport = Transport(http, service="spotify", address="http://spotify.example/v1")
    doorman = Doorman("good")
    spotify = Spotify(SpotifyWeb(transport, doorman, InMemoryCapabilities()))

    with pytest.raises(PermissionMissing):
        await spotify.upload_cover("p1", b"\xff\xd8\xff")

    assert (len(received), doorman.forced) == (1, 0)


async def test_a_quota_that_names_no_hour_is_believed_for_hours() -> None:
    body = {"error": {"status": 429, "message": "Too many requests", "reason": "QUOTA_EXCEEDED"}}
    spotify, _ = spotify_answering(said(body, 429))

    with pytest.raises(RateLimited) as caught:
        await spotify.me()

    assert caught.value.quota


async def test_a_moments_limit_is_waited_for_in_place() -> None:
    async with outside_world() as world:
        world.fault("spotify", "rate", times=2, retry_after=2)

        await world.spotify().me()

        assert 4 <= sum(world.naps.taken) < 6


async def test_a_playlist_is_made_filled_and_described() -> None:
    async with outside_world() as world:
        spotify = world.spotify()
        uris = [like.track.uri for like in await saved_tracks(spotify)][:230]

        made = await spotify.create_playlist("Mon", description="A day", public=False)
        snapshot = await spotify.replace_items(made.id, uris)
        await spotify.change_details(made.id, name="Tue")
        held = world.playlist_uris(made.id)
        newest = (await playlists_shown(spotify))[0]

    assert held == uris
    assert snapshot
    assert (newest.id, newest.name, newest.description) == (made.id, "Tue", "A day")
    assert made.url.endswith(made.id)


async def test_a_hundred_items_go_in_one_call_and_none_empties_the_list() -> None:
    async with outside_world() as world:
        spotify = world.spotify()
        uris = [like.track.uri for like in await saved_tracks(spotify)][:100]
        made = await spotify.create_playlist("Mon", description="", public=False)
        world.simulation.log.clear()

        await spotify.replace_items(made.id, uris)
        await spotify.replace_items(made.id, [])
        asked = world.asked("spotify")

        assert asked == ["PUT /playlists/{id}/items"] * 2
        assert world.playlist_uris(made.id) == []


async def test_a_write_that_names_a_deleted_track_is_refused_as_a_whole() -> None:
    async with outside_world() as world:
        spotify = world.spotify()
        uris = [like.track.uri for like in await saved_tracks(spotify)][:30]
        made = await spotify.create_playlist("Mon", description="", public=False)
        world.becomes("deleted", uris[7])

        with pytest.raises(WriteRefused):
            await spotify.replace_items(made.id, uris)

        assert world.playlist_uris(made.id) == []
        assert await spotify.replace_items(made.id, [*uris[:7], *uris[8:]])


@pytest.mark.parametrize(
    ("message", "status", "expected"),
    [
        ("Payload contains a non-existing ID", 400, WriteRefused),
        ("Non existing id: 'spotify:track:x'", 404, WriteRefused),
        ("Invalid track uri: spotify:track:x", 404, WriteRefused),
        ("Tracking is off for this service", 404, NotThere),
        ("Resource not found", 404, NotThere),
        ("Invalid playlist Id", 404, NotThere),
    ],
)
async def test_a_refused_write_is_told_from_a_playlist_that_is_gone(
    message: str, status: int, expected: type[Exception]
) -> None:
    spotify, _ = spotify_answering(said({"error": {"status": status, "message": message}}, status))

    with pytest.raises(expected):
        await spotify.replace_items("p1", ["spotify:track:x"])


@pytest.mark.parametrize(
    "page",
    [
        '<html><a href="/tracking">No such payload, URI or track</a></html>',
        '{"help": "where is my track?"}',
        '{"error": "not_found", "track": 7}',
    ],
)
async def test_a_page_of_somebody_between_blames_no_track(page: str) -> None:
    spotify, _ = spotify_answering(said_in_words(page, 404))

    with pytest.raises(ServiceUnavailable):
        await spotify.replace_items("p1", ["spotify:track:x"])


PROXY_PAGE = """<html><title>Web Page Blocked</title>FortiGuard is a registered trademark. Contact
the owner of this network about premium access: this category is outside your client scope.
No such payload, track or URI.</html>"""


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 407, 410, 422, 451])
@pytest.mark.parametrize(
    "asked",
    [
        lambda spotify: spotify.me(),
        lambda spotify: spotify.recently_played(),
        lambda spotify: spotify.search_artists("x"),
        lambda spotify: spotify.artist_top_tracks("a"),
        lambda spotify: spotify.playlist_exists("p1"),
        lambda spotify: spotify.replace_items("p1", ["spotify:track:x"]),
        lambda spotify: spotify.create_playlist("Mon", description="", public=False),
    ],
)
async def test_a_page_of_somebody_between_says_nothing_of_the_person_or_their_playlists(
    asked: Callable[[Spotify], Awaitable[object]], status: int
) -> None:
    spotify, _ = spotify_answering(said_in_words(PROXY_PAGE, status))

    with pytest.raises(ServiceUnavailable):
        await asked(spotify)


@pytest.mark.parametrize("status", [404, 405, 410, 451])
@pytest.mark.parametrize("body", ["", "Not Found", "{}", '{"error": "not_found"}'])
async def test_a_playlist_is_gone_only_where_spotify_says_so_in_its_own_words(
    body: str, status: int
) -> None:
    spotify, _ = spotify_answering(said_in_words(body, status))

    with pytest.raises(ServiceUnavailable):
        await spotify.playlist_exists("p1")


async def test_a_playlist_that_spotify_does_not_find_is_gone() -> None:
    refusal = said({"error": {"status": 404, "message": "Resource not found"}}, 404)
    spotify, _ = spotify_answering(refusal)

    assert not await spotify.playlist_exists("p1")


CLOSED_ANSWERS = [
    said({"error": {"status": 404, "message": "Resource not found"}}, 404),
    said_in_words("Not Found", 404),
    said({"error": {"status": 403, "message": "Forbidden"}}, 403),
    said_in_words("", 410),
]


@pytest.mark.parametrize("refusal", CLOSED_ANSWERS)
async def test_one_answer_that_there_is_no_such_thing_is_doubted(refusal: httpx.Response) -> None:
    spotify, received = spotify_answering(refusal, said({"id": "p1"}))

    assert await spotify.playlist_exists("p1")
    assert len(received) == 2


@pytest.mark.parametrize("refusal", CLOSED_ANSWERS)
async def test_a_playlist_that_is_to_be_made_is_looked_for_after_one_such_answer(
    refusal: httpx.Response,
) -> None:
    spotify, received = spotify_answering(refusal, said({"id": "p1"}))

    with pytest.raises(PassinglyRefused):
        await spotify.create_playlist("Mon", description="", public=False)

    assert len(received) == 1


async def test_an_address_that_stands_by_its_refusal_is_asked_no_third_time() -> None:
    gone = said({"error": {"status": 404, "message": "Resource not found"}}, 404)
    spotify, received = spotify_answering(gone)

    for _ in range(3):
        with pytest.raises(NotThere):
            await spotify.replace_items("p1", ["spotify:track:x"])

    assert len(received) == 2 + 1 + 1


async def test_a_trademark_in_plain_text_is_no_word_about_the_apps_users() -> None:
    refusal = said_in_words("Blocked. X is a registered trademark; outside of our scope.", 403)
    spotify, _ = spotify_answering(said({"id": "me"}), refusal)
    await spotify.me()

    with pytest.raises(CapabilityAbsent):
        await spotify.recently_played()


@pytest.mark.parametrize("status", [408, 421, 423, 425])
async def test_a_write_that_met_a_passing_refusal_is_made_again(status: int) -> None:
    refusal = said({"error": {"status": status, "message": "Later"}}, status)
    spotify, received = spotify_answering(refusal, said({"snapshot_id": "new"}, 201))

    assert await spotify.replace_items("p1", ["spotify:track:x"]) == "new"
    assert len(received) == 2


@pytest.mark.parametrize("status", [408, 421, 423, 425])
async def test_a_refusal_that_would_pass_and_stays_is_an_outage(status: int) -> None:
    spotify, _ = spotify_answering(said_in_words("", status))

    with pytest.raises(ServiceUnavailable):
        await spotify.replace_items("p1", ["spotify:track:x"])


async def test_items_whose_answers_all_name_a_former_snapshot_were_not_written() -> None:
    spotify, received = spotify_answering(said({"snapshot_id": "before"}))

    with pytest.raises(BrokenAnswer):
        await spotify.replace_items("p1", ["spotify:track:x"], former={"before", "long before"})

    assert len(received) == 3


async def test_the_lines_of_a_playlist_say_what_is_left_of_each_track() -> None:
    async with outside_world() as world:
        spotify = world.spotify()
        uris = [like.track.uri for like in await saved_tracks(spotify)][:60]
        made = await spotify.create_playlist("Mon", description="", public=False)
        await spotify.replace_items(made.id, uris)
        world.becomes("greyed_out", uris[3])
        world.becomes("deleted", *uris[50:55])

        lines = await spotify.playlist_lines(made.id, written=60)

    gone = [position for position, line in enumerate(lines) if line.track is None]
    assert len(lines) == 60
    assert gone == [50, 51, 52, 53, 54]
    assert [position for position, line in enumerate(lines) if not line.playable] == [3, *gone]


async def test_a_playlist_that_holds_more_than_was_written_is_not_read_to_its_end() -> None:
    song = {"id": "1" * 22, "name": "Song", "artists": [{"name": "A"}]}
    page = {"items": [{"item": song}] * 50, "total": 1_000_000}
    spotify, received = spotify_answering(said(page))

    lines = await spotify.playlist_lines("p1", written=100)

    assert len(lines) == 150
    assert len(received) == 3


@pytest.mark.parametrize("listed", [True, False])
async def test_a_playlist_that_left_the_list_is_gone_though_the_library_is_slow_to_say_so(
    *, listed: bool
) -> None:
    there, shown = said([True]), [{"id": "p1", "name": "Mon"}] if listed else []
    page = said({"items": shown, "total": len(shown), "limit": 50, "offset": 0})
    spotify, _ = spotify_answering(said_in_words("", 200), there, there, page)

    with pytest.raises(BrokenAnswer) if listed else nullcontext():
        await spotify.remove_from_library(["spotify:playlist:p1"])


async def test_a_lost_answer_to_making_a_playlist_is_not_repeated() -> None:
    async with outside_world() as world:
        spotify = world.spotify()
        world.fault("spotify", "status", status=502, endpoint="POST /me/playlists", applied=True)

        with pytest.raises(ServiceUnavailable) as caught:
            await spotify.create_playlist("Mon", description="", public=False)

        assert caught.value.may_have_happened
        assert len(await playlists_shown(spotify)) == 1


@pytest.mark.parametrize(
    "named",
    [
        {"name": "My wedding", "description": "by hand"},
        {"name": "My wedding"},
        {"name": "Mon", "tracks": {"total": 12}},
        {"name": "Mon", "items": {"total": 12}},
    ],
)
async def test_the_answer_that_names_another_playlist_is_not_believed(
    named: dict[str, object],
) -> None:
    spotify, received = spotify_answering(said({"id": "p1", **named}, 201))

    with pytest.raises(BrokenAnswer) as caught:
        await spotify.create_playlist("Mon", description="A day", public=False)

    assert caught.value.may_have_happened
    assert len(received) == 1


@pytest.mark.parametrize(
    "cleaned",
    [
        {"name": "Mon &amp; Tue", "description": None},
        {"name": "Mon & Tue", "description": "cleaned", "items": {"total": 0}},
        {"name": "M", "description": "Rock &#x27;n&#x27; roll"},
        {},
    ],
)
async def test_a_playlist_whose_words_came_back_cleaned_is_the_one_that_was_made(
    cleaned: dict[str, object],
) -> None:
    spotify, _ = spotify_answering(said({"id": "p1", **cleaned}, 201))

    made = await spotify.create_playlist("Mon & Tue", description="Rock 'n' roll", public=False)

    assert made.id == "p1"


async def test_a_made_playlist_without_a_name_may_have_happened() -> None:
    spotify, received = spotify_answering(said_in_words("", 201))

    with pytest.raises(ServiceUnavailable) as caught:
        await spotify.create_playlist("Mon", description="", public=False)

    assert caught.value.may_have_happened
    assert len(received) == 1


async def test_replacing_items_survives_one_failure() -> None:
    async with outside_world() as world:
        spotify = world.spotify()
        uris = [play.track.uri for play in (await spotify.recently_played()).plays]
        made = await spotify.create_playlist("Mon", description="", public=False)
        world.fault("spotify", "status", status=503, endpoint="PUT /playlists/{id}/items", times=1)

        assert await spotify.replace_items(made.id, uris)


async def test_the_library_is_asked_forty_at_a_time_by_full_uri() -> None:
    async with outside_world() as world:
        spotify = world.spotify()
        uris = [like.track.uri for like in await saved_tracks(spotify)][:90]
        world.simulation.log.clear()

        await spotify.remove_from_library(uris)
        held = await spotify.library_contains(uris)
        await spotify.save_to_library(uris[:1])
        after = await spotify.library_contains(uris[:2])

        assert world.asked("spotify")[:3] == ["DELETE /me/library"] * 3
    assert list(held) == uris
    assert not any(held.values())
    assert list(after.values()) == [True, False]


async def test_a_playlist_that_does_not_exist_is_not_there() -> None:
    async with outside_world() as world:
        with pytest.raises(NotThere):
            await world.spotify().change_details("0000000000000000000000", name="Mine")


async def test_an_id_cannot_lead_to_another_path() -> None:
    spotify, received = spotify_answering(said({"id": "x"}))

    await spotify.change_details("../me?x=1", name="Mine")

    assert received[0].url.raw_path == b"/v1/playlists/..%2Fme%3Fx%3D1"


async def test_what_cannot_be_played_here_is_no_hit() -> None:
    def hit(name: str, **more: object) -> dict[str, object]:
        return {"id": name * 22, "name": name, "artists": [{"name": "B"}], **more}

    hits = [hit("a", is_playable=False), hit("b", is_playable=True), hit("c"), None, {"id": "d"}]
    spotify, _ = spotify_answering(said({"tracks": {"items": hits}}))

    found = await spotify.search_tracks("isrc:X")

    assert [track.spotify_id[0] for track in found] == ["b", "c"]


async def test_an_answer_that_names_nobody_is_not_believed() -> None:
    spotify, received = spotify_answering(said({"href": "x"}))

    with pytest.raises(BrokenAnswer):
        await spotify.me()

    assert len(received) == 3


async def test_an_empty_refusal_is_unexpected_not_a_crash() -> None:
    spotify, _ = spotify_answering(said_in_words("", 400))

    with pytest.raises(UnexpectedResponse):
        await spotify.search_tracks("x")


async def test_an_older_account_without_account_id_goes_by_its_id() -> None:
    spotify, _ = spotify_answering(said({"id": "anna", "display_name": None, "country": "NL"}))

    profile = await spotify.me()

    assert (profile.account_id, profile.name, profile.market) == ("anna", None, "NL")


@pytest.mark.parametrize(
    "answer",
    [
        said({"error": {"status": "429", "reason": "quota_exceeded"}}),
        said({"reason": "QUOTA_EXCEEDED", "message": "Too many requests"}, 429),
        said({"error": {"status": 429, "message": "You have exceeded your daily quota."}}, 429),
        said({"errors": [{"status": 429, "reason": "QUOTA_EXCEEDED"}]}),
        said_in_words("Quota exceeded", 429),
    ],
)
async def test_a_used_up_quota_is_known_in_every_wrapping(answer: httpx.Response) -> None:
    spotify, _ = spotify_answering(answer)

    with pytest.raises(RateLimited) as caught:
        await spotify.me()

    assert caught.value.quota


@pytest.mark.parametrize(
    "body", [{"error": "oops"}, {"error": {"message": "oops"}}, {"errors": [{"text": "oops"}]}]
)
async def test_an_error_inside_a_success_is_none_whatever_it_names(body: object) -> None:
    spotify, received = spotify_answering(said(body))

    with pytest.raises(ServiceUnavailable):
        await spotify.change_details("p", name="Tue")

    assert len(received) == 3


@pytest.mark.parametrize("status", [403, 404, 405, 410, 451])
async def test_a_closed_door_is_closed_whatever_the_status(status: int) -> None:
    spotify, _ = spotify_answering(said({"id": "me"}), said({}, status))
    await spotify.me()

    for _ in range(2):
        with pytest.raises(CapabilityAbsent):
            await spotify.artist_top_tracks("a")


@pytest.mark.parametrize("status", [401, 403])
async def test_a_missing_permission_is_known_under_either_status(status: int) -> None:
    refusal = said({"error": {"status": status, "message": "Insufficient client scope"}}, status)
    spotify, received = spotify_answering(refusal)

    with pytest.raises(PermissionMissing):
        await spotify.recently_played()

    assert len(received) == 1
