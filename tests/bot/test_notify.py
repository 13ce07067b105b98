"""/notify in four languages: an address of one's own, kept sealed, and what comes to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.accounts_site import greeting
from tests.support.bot_world import BotWorld, bot_world, data_of, living_bot, until
from tests.support.notice_receiver import NoticeReceiver, notice_receiver
from vibe_pipeline.locales import LANGUAGES, say


@pytest.fixture
def receiver() -> Iterator[NoticeReceiver]:
    """Somebody who listens."""
    with notice_receiver() as listening:
        yield listening


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[BotWorld]:
    """A bot whose operator lets notices go to this machine."""
    async with bot_world(tmp_path, notify_private_addresses=True) as place, living_bot(place):
        yield place


def stored(folder: Path) -> str:
    """All that the account store's files hold, as text."""
    files = folder.rglob("accounts.sqlite*")
    return "".join(path.read_bytes().decode("latin-1") for path in files)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_notices_go_to_an_address_of_one_s_own_until_it_is_let_go(
    home: BotWorld, receiver: NoticeReceiver, language: str, tmp_path: Path
) -> None:
    anna = await home.person(language=language)
    await anna.says("/start")
    anna.connected()
    where, secret = "ntfy, 127.0.0.1", "tk_v3rysecret"

    assert (await anna.says("/notify"))["text"] == say(language, "bot.notify.ask")
    told = await anna.says(f"ntfy://{secret}@{receiver.host}/topic-v3rysecret")
    assert told["text"] == say(language, "bot.notify.set", where=where)
    assert receiver.received[0].body["message"] == say(language, "bot.notify.first")
    status = await anna.says("/status")
    assert say(language, "bot.status.notify", where=where) in status["text"]
    assert secret not in status["text"]

    home.store.outbox.put(anna.account.user_id, greeting("connected:1", "A & <B>"))
    await until(lambda: len(receiver.received) == 2)
    assert "A & <B>" in receiver.received[1].body["message"]
    assert "v3rysecret" not in stored(tmp_path)
    (row,) = home.store.erasures.everything_of(anna.account.user_id)["notice_targets"]
    assert row.keys() == {"user_id", "created_at"}

    shown = await anna.says("/notify")
    assert shown["text"] == say(language, "bot.notify.is", where=where)
    await anna.taps(data_of(shown)[0])
    await anna.sees(lambda one: one["text"] == say(language, "bot.notify.off"))
    assert home.store.notice_targets.get(anna.account.user_id) is None


@pytest.mark.parametrize("language", LANGUAGES)
async def test_addresses_that_are_none_or_not_public_are_answered(
    place: BotWorld, receiver: NoticeReceiver, language: str
) -> None:
    anna = await place.person(language=language)
    await anna.says("/start")

    for hostile in ("hello", "file:///etc/passwd", "<b>x</b>", "'; DROP TABLE accounts; --"):
        answer = await anna.says(f"/notify {hostile}")
        assert answer["text"] == say(language, "bot.notify.wrong"), hostile
    for inside in (f"http://{receiver.host}/hook", "https://127.0.0.1/hook", "https://[::1]/"):
        answer = await anna.says(f"/notify {inside}")
        assert answer["text"] == say(language, "bot.notify.refused"), inside
    assert receiver.received == []
    assert place.store.notice_targets.get(anna.account.user_id) is None


async def test_an_address_where_nobody_takes_the_first_word_is_not_kept(
    home: BotWorld, receiver: NoticeReceiver
) -> None:
    anna = await home.person()
    receiver.status = 403

    answer = await anna.says(f"/notify http://{receiver.host}/hook")

    assert answer["text"] == say("en", "bot.notify.not_taken")
    assert home.store.notice_targets.get(anna.account.user_id) is None
