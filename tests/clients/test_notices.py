"""Notices to ntfy, Gotify and webhooks: each in its own form, and only to whom we may talk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.notice_receiver import NoticeReceiver, notice_receiver
from vibe_pipeline.clients.notices import (
    NoticeKind,
    NoticeNotTaken,
    NoticeRefused,
    NoticeTarget,
    Notifier,
)

ANYWHERE = Notifier(private_too=True)


@pytest.fixture
def receiver() -> Iterator[NoticeReceiver]:
    """Somebody who listens."""
    with notice_receiver() as listening:
        yield listening


def target(text: str) -> NoticeTarget:
    found = NoticeTarget.read(text)
    assert found is not None
    return found


async def test_each_kind_gets_what_it_reads(receiver: NoticeReceiver) -> None:
    here = receiver.host

    for address in (
        f"ntfy://tk_secret@{here}/my-topic",
        f"gotify://{here}/below/s3cret",
        f"http://{here}/hook?key=k",
    ):
        await ANYWHERE.send(target(address), "Vibe", "Your list is ready. 朝")

    ntfy, gotify, hook = receiver.received
    words = {"title": "Vibe", "message": "Your list is ready. 朝"}
    assert (ntfy.path, ntfy.body) == ("/", words | {"topic": "my-topic"})
    assert ntfy.headers["Authorization"] == "Bearer tk_secret"
    assert (gotify.path, gotify.body) == ("/below/message", words)
    assert gotify.headers["X-Gotify-Key"] == "s3cret"
    assert (hook.path, hook.body) == ("/hook?key=k", words)
    assert {one.headers["Host"] for one in receiver.received} == {here}


@pytest.mark.parametrize("status", [302, 307, 401, 404, 500])
async def test_what_is_not_taken_is_an_error_and_no_redirect_is_followed(
    receiver: NoticeReceiver, status: int
) -> None:
    receiver.status = status

    with pytest.raises(NoticeNotTaken, match=str(status)):
        await ANYWHERE.send(target(f"http://{receiver.host}/secret-path"), "Vibe", "Hello")

    assert [one.path for one in receiver.received] == ["/secret-path"]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.1.2.3"),
        *("224.0.0.1", "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"),
        *("2002:7f00:1::", "ff02::1", "240.0.0.1"),
    ],
)
async def test_hosts_that_are_not_public_are_refused_by_whatever_name(address: str) -> None:
    careful = Notifier(resolve=lambda _host, _port: ["93.184.216.34", address])

    with pytest.raises(NoticeRefused):
        await careful.send(target("https://innocent.example/hook"), "Vibe", "Hello")


@pytest.mark.parametrize(
    "text", ["https://127.0.0.1/x", "https://[::1]/x", "http://example.com/x", "ntfy://ntfy.sh/x"]
)
async def test_this_machine_and_the_unencrypted_are_refused(text: str) -> None:
    with pytest.raises(NoticeRefused):
        await Notifier().send(target(text), "Vibe", "Hello")


async def test_the_address_that_was_looked_at_is_the_one_that_is_talked_to(
    receiver: NoticeReceiver,
) -> None:
    port = receiver.host.partition(":")[2]
    answers = iter([["127.0.0.1"]])
    rebinding = Notifier(private_too=True, resolve=lambda _host, _port: next(answers))

    await rebinding.send(target(f"http://innocent.invalid:{port}/hook"), "Vibe", "Hello")

    assert receiver.received[0].headers["Host"] == f"innocent.invalid:{port}"


def test_addresses_are_read_as_people_and_apprise_write_them_and_tell_no_secret() -> None:
    ntfy, gotify = target("https://ntfy.sh/my-secret-topic"), target("gotifys://g.example/s3cret")

    assert (ntfy.kind, ntfy.topic) == (NoticeKind.NTFY, "my-secret-topic")
    assert (gotify.kind, gotify.port) == (NoticeKind.GOTIFY, 443)
    assert target("https://g.example/message?token=s").kind is NoticeKind.WEBHOOK
    assert "secret" not in repr(ntfy)
    assert "s3cret" not in repr(gotify)
    for hostile in (
        *("", "hello", "file:///etc/passwd", "gopher://x/y", "https://", "ntfys://ntfy.sh/"),
        *("https://x:99999/", "https://[::1", "javascript:alert(1)", "https://x/" + "y" * 600),
        "https://x/\r\nHost: y",
    ):
        assert NoticeTarget.read(hostile) is None, hostile
