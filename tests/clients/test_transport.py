"""Every wait is bounded, every retry safe, every secret kept."""

from __future__ import annotations

import asyncio
import gzip
import logging
import random
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.outside_world import NOON, Naps, answering, outside_world, said, said_in_words
from vibe_pipeline.clients.budget import ServicePause
from vibe_pipeline.clients.errors import RateLimited, Redirected, ServiceError, ServiceUnavailable
from vibe_pipeline.clients.rate_limiter import ProcessSlotBook, RateLimiter, SharedSlotBook
from vibe_pipeline.clients.transport import (
    LONGEST_ANSWER,
    Again,
    Call,
    RetryPolicy,
    ServiceAnswer,
    Transport,
    retry_after,
)

READ = Call(method="GET", path="/thing", endpoint="GET /thing")
MAKE = Call(method="POST", path="/thing", endpoint="POST /thing", again=Again.NEVER)


class Ledger:
    """A budget that writes down what was asked and blocked."""

    def __init__(self) -> None:
        self.asked = 0
        self.blocks: list[tuple[str, datetime, str]] = []

    def ask(self, service: str, *, asked_for: bool, bucket: str | None = None) -> None:
        self.asked += 1

    def block(
        self,
        service: str,
        until: datetime,
        reason: str,
        *,
        bucket: str | None = None,
        certain: bool = True,
    ) -> ServicePause:
        self.blocks.append((service, until, reason))
        return ServicePause(until=until, whole=bucket is None)

    def blocked_until(self, service: str) -> datetime | None:
        return None

    def turns(self, service: str) -> None:
        return None


def transport(
    http: httpx.AsyncClient,
    *,
    naps: Naps | None = None,
    ledger: Ledger | None = None,
    patience: RetryPolicy | None = None,
) -> Transport:
    naps = naps or Naps()
    return Transport(
        http,
        service="thing",
        address="http://thing.example/v1",
        budget=ledger or Ledger(),
        patience=patience,
        pace=RateLimiter(sleep=naps),
        now=lambda: NOON,
        sleep=naps,
        rng=random.Random(1),
    )


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e999", None),
        ("0", 0.0),
        ("7", 7.0),
        ("7, 60", 60.0),
        ("60, soon", 60.0),
        ("30 s", 30.0),
        ("90 seconds", 90.0),
        ("2026-11-23T12:00:40Z", 40.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT, Mon, 23 Nov 2026 12:00:50 GMT", 50.0),
        ("10, Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("2.5", 2.5),
        ("99999999", 99_999_999.0),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 99 Nov 2026", None),
        ("1 Jan 2026 00:00:99999999999999999999 GMT", None),
    ],
)
def test_a_retry_after_is_read_with_doubt(written: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": written}, now=NOON) == seconds


async def test_a_short_wait_is_honoured_in_place() -> None:
    http, received = answering(said({}, 429, Retry_After="3"), said({"fine": True}))
    naps, ledger = Naps(), Ledger()

    answer = await transport(http, naps=naps, ledger=ledger).send(READ)

    assert answer.json() == {"fine": True}
    assert len(received) == 2
    assert 2.9 <= sum(naps.taken) <= 3.6
    assert ledger.blocks == []


async def test_a_long_wait_is_not_slept_but_remembered_for_everybody() -> None:
    http, received = answering(said({}, 429, Retry_After="31"))
    naps, ledger = Naps(), Ledger()

    with pytest.raises(RateLimited) as caught:
        await transport(http, naps=naps, ledger=ledger).send(READ)

    assert caught.value.until == NOON + timedelta(seconds=31)
    assert not caught.value.quota
    assert ledger.blocks == [("thing", caught.value.until, "too many calls")]
    assert naps.taken == []
    assert len(received) == 1


@pytest.mark.parametrize("written", ["", "0", "rubbish", "9"])
async def test_waiting_in_place_ends_however_short_each_wait_is(written: str) -> None:
    http, received = answering(said({}, 429, Retry_After=written))
    naps = Naps()

    with pytest.raises(RateLimited):
        await transport(http, naps=naps).send(READ)

    assert len(received) <= 5
    assert sum(naps.taken) <= 32


async def test_an_absurd_wait_is_cut_to_a_day() -> None:
    http, _ = answering(said({}, 429, Retry_After="99999999"))

    with pytest.raises(RateLimited) as caught:
        await transport(http).send(READ)

    assert caught.value.until == NOON + timedelta(hours=24)


async def test_a_read_is_repeated_after_the_services_own_trouble() -> None:
    http, received = answering(said_in_words("<html>", 502), said_in_words("", 503), said({"a": 1}))

    answer = await transport(http).send(READ)

    assert answer.json() == {"a": 1}
    assert len(received) == 3


@pytest.mark.parametrize("status", [408, 421, 423, 425])
async def test_a_refusal_of_a_moment_is_passing_trouble(status: int) -> None:
    http, received = answering(said({}, status), said({"a": 1}))

    answer = await transport(http).send(READ)

    assert answer.json() == {"a": 1}
    assert len(received) == 2


@pytest.mark.parametrize(
    "charset",
    [
        "latin-1",
        "iso-8859-1",
        "windows-1251",
        "ascii",
        "hex",
        "base64",
        "rot13",
        "zlib",
        "idna",
        "undefined",
        "no-such",
        "utf-8",
        "utf_8",
        "UTF8",
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
async def test_an_answer_is_read_whatever_it_says_of_its_encoding(
    charset: str, mark: bytes
) -> None:
    written = mark + '{"name": "Ásgeir"}'.encode()
    kind = f"application/json; charset={charset}"
    http, _ = answering(httpx.Response(200, content=written, headers={"Content-Type": kind}))

    answer = await transport(http).send(READ)

    assert answer.json() == {"name": "Ásgeir"}


async def test_an_answer_in_another_encoding_of_text_is_read_in_it() -> None:
    written = '{"name": "Ásgeir"}'.encode("latin-1")
    kind = {"Content-Type": "application/json; charset=latin-1"}
    http, _ = answering(httpx.Response(200, content=written, headers=kind))

    assert (await transport(http).send(READ)).json() == {"name": "Ásgeir"}


@pytest.mark.parametrize("body", ["", "<html>Sorry</html>", '{"items": ['])
async def test_a_success_without_readable_json_counts_as_trouble(body: str) -> None:
    http, received = answering(said_in_words(body))

    with pytest.raises(ServiceUnavailable):
        await transport(http).send(READ)

    assert len(received) == 3


async def test_what_cannot_be_repeated_safely_is_not_repeated() -> None:
    http, received = answering(said({}, 502), said({}))

    with pytest.raises(ServiceUnavailable) as caught:
        await transport(http).send(MAKE)

    assert caught.value.may_have_happened
    assert len(received) == 1


async def test_what_never_left_is_repeated_and_certainly_did_not_happen() -> None:
    http, received = answering(httpx.ConnectError("no route"))

    with pytest.raises(ServiceUnavailable) as caught:
        await transport(http).send(MAKE)

    assert not caught.value.may_have_happened
    assert len(received) == 3


async def test_a_refused_write_is_tried_again_when_the_wait_is_short() -> None:
    http, received = answering(said({}, 429, Retry_After="1"), said({"made": True}))

    answer = await transport(http).send(MAKE)

    assert answer.json() == {"made": True}
    assert len(received) == 2


@pytest.mark.parametrize(("call", "times", "in_doubt"), [(READ, 3, False), (MAKE, 1, True)])
async def test_a_redirect_is_not_followed_and_is_no_success(
    *, call: Call, times: int, in_doubt: bool
) -> None:
    http, received = answering(httpx.Response(302, headers={"Location": "http://elsewhere"}))

    with pytest.raises(Redirected) as caught:
        await transport(http).send(call)

    assert caught.value.may_have_happened is in_doubt
    assert [request.url.host for request in received] == ["thing.example"] * times


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            sent.append(1_000_000)
            yield b" " * 1_000_000

    sent: list[int] = []
    http, received = answering(httpx.Response(200, content=endless()))

    with pytest.raises(ServiceUnavailable):
        await transport(http).send(MAKE)

    assert sum(sent) <= LONGEST_ANSWER + 1_000_000
    assert len(received) == 1


def test_what_nests_too_deep_is_no_json() -> None:
    assert ServiceAnswer(status=200, text="[" * 200_000 + "]" * 200_000).json() is None


async def test_every_attempt_is_asked_of_the_budget() -> None:
    http, _ = answering(said({}, 500), said({}))
    ledger = Ledger()

    await transport(http, ledger=ledger).send(READ)

    assert ledger.asked == 2


async def test_a_service_that_never_answers_is_given_up_in_time() -> None:
    patience = RetryPolicy(attempts=2, attempt_seconds=0.2)
    async with outside_world() as world:
        world.fault("spotify", "timeout", delay=2.0)
        started = asyncio.get_running_loop().time()

        with pytest.raises(ServiceUnavailable):
            await world.spotify(patience=patience).me()

        assert asyncio.get_running_loop().time() - started < 1.5


async def test_a_connection_that_breaks_in_the_middle_is_tried_again() -> None:
    async with outside_world() as world:
        world.fault("spotify", "drop", times=1)

        profile = await world.spotify().me()

    assert profile.account_id


async def test_calls_start_no_faster_than_the_pace_allows() -> None:
    naps = Naps()
    pace = RateLimiter(
        interval=0.5, at_once=2, turns=ProcessSlotBook(clock=lambda: 10.0), sleep=naps
    )

    for _ in range(4):
        async with pace.turn():
            pass

    assert naps.taken == [0.5, 1.0, 1.5]


async def test_no_more_calls_are_under_way_than_the_pace_allows() -> None:
    pace, under_way, most = RateLimiter(at_once=3), 0, 0

    async def call() -> None:
        nonlocal under_way, most
        async with pace.turn():
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.001)
            under_way -= 1

    await asyncio.gather(*(call() for _ in range(12)))

    assert most == 3


def test_processes_on_one_machine_take_turns(tmp_path: Path) -> None:
    one, other = (SharedSlotBook(tmp_path / "t" / "lastfm", clock=lambda: 100.0) for _ in range(2))

    waits = [turns.book(0.5) for turns in (one, other, one, other)]
    other.hold(30)

    assert waits == [0.0, 0.5, 1.0, 1.5]
    assert one.book(0.5) == 30.0


def test_no_start_is_given_twice_when_many_ask_at_once(tmp_path: Path) -> None:
    def book_many(_asker: int) -> list[float]:
        turns = SharedSlotBook(tmp_path / "lastfm", clock=lambda: 100.0)
        return [turns.book(0.5) for _ in range(20)]

    with ThreadPoolExecutor(4) as threads:
        waits = sorted(wait for booked in threads.map(book_many, range(4)) for wait in booked)

    assert waits == [0.5 * number for number in range(80)]


@pytest.mark.parametrize("written", ["", "rubbish", "nan", "inf", "99999999999", "-5"])
def test_a_damaged_file_of_turns_stops_nobody(written: str, tmp_path: Path) -> None:
    path = tmp_path / "lastfm"
    path.write_text(written)

    assert SharedSlotBook(path, clock=lambda: 100.0).book(0.5) == 0.0


async def test_keys_and_tokens_stay_out_of_errors_and_logs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    async with outside_world() as world:
        token, key = world.token(), world.simulation.credentials.lastfm_api_key
        world.fault("*", "garbage")
        texts = []
        for call in (world.spotify().me(), world.lastfm().similar_artists("Nobody")):
            with pytest.raises(ServiceError) as caught:
                await call
            texts.append(repr(caught.value) + str(caught.value))

    said_anywhere = caplog.text + "".join(texts)
    assert token not in said_anywhere
    assert key not in said_anywhere
    assert "Bearer" not in said_anywhere


def test_a_call_does_not_show_what_it_carries() -> None:
    call = Call(
        method="GET",
        path="/2.0/",
        endpoint="artist.getInfo",
        query={"api_key": "hush"},
        form={"refresh_token": "hush"},
        headers={"Authorization": "Bearer hush"},
        body={"secret": "hush"},
    )

    assert "hush" not in repr(call)


def test_a_moment_of_the_clock_is_aware() -> None:
    assert Transport(httpx.AsyncClient(), service="x", address="http://x").now().tzinfo is UTC


@pytest.mark.parametrize(
    "location", ["captive.portal:8080/login", "about:blank", "mailto:a@b", "http://[", "\\\\x", ""]
)
async def test_a_redirect_to_what_is_no_address_is_trouble_on_the_way(location: str) -> None:
    http, received = answering(httpx.Response(302, headers={"Location": location}))

    with pytest.raises(ServiceUnavailable):
        await transport(http).send(READ)

    assert len(received) == 3


async def test_an_address_of_a_portal_without_its_scheme_is_known_as_a_redirect() -> None:
    http, _ = answering(httpx.Response(302, headers={"Location": "captive.portal:8080/login"}))

    with pytest.raises(Redirected):
        await transport(http).send(READ)


async def test_an_answer_that_was_packed_twice_is_not_unpacked() -> None:
    packed = gzip.compress(gzip.compress(bytes(1_000_000)))
    http, _ = streaming(packed, {"Content-Encoding": "gzip, gzip"})

    with pytest.raises(ServiceUnavailable, match="length"):
        await transport(http).send(READ)


async def test_an_answer_that_was_packed_once_is_read_and_nothing_else_is_asked_for() -> None:
    packed = gzip.compress(b'{"name": "Song"}')
    http, received = streaming(packed, {"Content-Encoding": "gzip"})

    answer = await transport(http).send(READ)

    assert answer.json() == {"name": "Song"}
    assert received[0].headers["Accept-Encoding"] == "gzip"


def streaming(
    body: bytes, headers: dict[str, str]
) -> tuple[httpx.AsyncClient, list[httpx.Request]]:
    """A service whose bytes come over the wire as they are, to be unpacked by who reads them."""
    received: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        received.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(body), headers=headers)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer)), received
