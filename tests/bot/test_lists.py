"""Looking at a list: pages, thumbs, never again, why; past days; leaving."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from tests.support import bot_world
from tests.support.bot_world import BotWorld, ChatUser, data_of, living_bot, saying, until, urls_of
from vibe_bot.formatting import plain, tell
from vibe_pipeline.accounts.inbox import Inbox
from vibe_pipeline.accounts.records import BlockKind, FailureCause
from vibe_pipeline.accounts.store import utc_now
from vibe_pipeline.accounts.tables import inbox
from vibe_pipeline.locales import LANGUAGES, day, say
from vibe_pipeline.records import EditionId, Source

EDITION = "00000000-0000-4000-8000-00000000abcd"


async def with_list(place: BotWorld, *, language: str = "en", tracks: int = 12) -> ChatUser:
    anna = await place.person(language=language)
    await anna.says("/start")
    anna.connected()
    anna.edition(EDITION, tracks=tracks)
    return anna


@pytest.mark.parametrize("language", LANGUAGES)
async def test_tracks_are_paged_with_a_row_of_buttons_each(place: BotWorld, language: str) -> None:
    anna = await with_list(place, language=language)
    latest = await anna.says("/latest")

    await anna.taps(f"tr:{EDITION}:0")
    first = await anna.sees(since=latest["message_id"])
    await anna.taps(f"tp:{EDITION}:1")
    last = await anna.sees(lambda one: "12. Artist & Sons 12" in one["text"])

    assert "1. Artist & Sons 1 – Song <b>1 🆕" in first["text"]
    assert "4. Artist & Sons 4 – Song <b>4 ♥" in first["text"]
    assert len(first["buttons"]) == 11
    assert last["message_id"] == first["message_id"]
    assert len(last["buttons"]) == 3
    assert all(len(one.encode()) <= 64 for one in data_of(first))


async def test_a_hundred_tracks_can_be_looked_through(place: BotWorld) -> None:
    anna = await with_list(place, tracks=100)
    await anna.says("/latest")
    await anna.taps(f"tr:{EDITION}:0")
    await anna.sees(lambda one: "1. Artist" in one["text"])

    for page in range(1, 10):
        await anna.taps(f"tp:{EDITION}:{page}")
        assert await anna.sees(saying(f"{page * 10 + 1}. Artist"))


async def test_titles_lead_to_their_tracks_and_the_longest_names_fit_one_message(
    place: BotWorld,
) -> None:
    anna = await with_list(place, tracks=20)
    edition = place.store.editions.required(EditionId(EDITION))
    long = tuple(
        replace(one, artist="<&>" * 200, title="\u4e00&" * 200, spotify_id="x" * 22)
        for one in edition.tracks
    )
    place.store.editions.advance(EditionId(EDITION), edition.state, edition.state, tracks=long)
    await anna.says("/latest")

    await anna.taps(f"tr:{EDITION}:0")
    first = await anna.sees(saying("10. <&>"))
    await anna.taps(f"tp:{EDITION}:1")
    second = await anna.sees(saying("20. <&>"))
    why = await anna.says("/why")

    assert second["message_id"] == first["message_id"]
    assert "11. <&>" in second["text"]
    for message in (second, why):
        assert str(message).count(f"https://open.spotify.com/track/{'x' * 22}") == 10


async def test_a_thumb_is_kept_shown_and_taken_back(place: BotWorld) -> None:
    anna = await with_list(place)
    await anna.says("/latest")
    await anna.taps(f"tr:{EDITION}:0")
    await anna.sees(lambda one: "1. Artist" in one["text"])

    await anna.taps(f"th:{EDITION}:2:1")
    await anna.sees(lambda one: any("2 👍✓" in str(row) for row in one["buttons"]))
    (kept,) = place.store.thumbs.list(anna.account.user_id)
    await anna.taps(f"th:{EDITION}:2:-1")
    await anna.sees(lambda one: any("👎✓" in str(row) for row in one["buttons"]))
    (turned,) = place.store.thumbs.list(anna.account.user_id)
    await anna.taps(f"th:{EDITION}:2:0")
    await anna.sees(lambda one: "1. Artist" in one["text"] and "✓" not in str(one["buttons"]))

    assert (kept.value, turned.value) == (1, -1)
    assert kept.key == "artist sons 2|song 2"
    assert place.store.thumbs.list(anna.account.user_id) == []
    notices = [one["text"] for one in (await anna.chat())["notices"]]
    assert say("en", "bot.tracks.thumbed_up") in notices


async def test_a_button_of_a_former_version_turns_a_thumb_round(place: BotWorld) -> None:
    anna = await with_list(place)
    await anna.says("/latest")

    await anna.taps_forged(f"th:{EDITION}:2:u")
    await anna.notices(say("en", "bot.tracks.thumbed_up"))
    (kept,) = place.store.thumbs.list(anna.account.user_id)
    await anna.says("/latest")
    await anna.taps_forged(f"th:{EDITION}:2:u")
    await anna.notices(say("en", "bot.tracks.thumb_gone"))

    assert kept.value == 1
    assert place.store.thumbs.list(anna.account.user_id) == []


def unhandled(place: BotWorld) -> int:
    """How many updates wait to be handled, or to be handled again."""
    query = select(func.count()).where(inbox.c.payload.is_not(None))
    with place.store.database.reading() as connection:
        return connection.execute(query).scalar_one()


async def test_a_tap_handled_again_by_the_next_bot_changes_nothing_more(
    empty_place: BotWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Inbox.done
    async with living_bot(empty_place):
        anna = await with_list(empty_place)
        await anna.says("/sources")
        await anna.says("/latest")
        await anna.taps(f"tr:{EDITION}:0")
        await anna.sees(lambda one: f"th:{EDITION}:2:1" in data_of(one))
        await until(lambda: unhandled(empty_place) == 0)
        monkeypatch.setattr(Inbox, "done", lambda inbox, key: None)
        await anna.taps(f"th:{EDITION}:2:1")
        await anna.notices(say("en", "bot.tracks.thumbed_up"))
        await anna.taps("so:listenbrainz:off")
        await until(lambda: anna.account.sources_off == {Source.LISTENBRAINZ})
    monkeypatch.setattr(Inbox, "done", done)
    assert unhandled(empty_place) == 2

    async with living_bot(empty_place):
        await until(lambda: unhandled(empty_place) == 0)

    (kept,) = empty_place.store.thumbs.list(anna.account.user_id)
    assert kept.value == 1
    assert anna.account.sources_off == {Source.LISTENBRAINZ}


async def test_one_tap_blocks_the_artist_and_another_allows_them_again(place: BotWorld) -> None:
    anna = await with_list(place)
    await anna.says("/latest")
    await anna.taps(f"tr:{EDITION}:0")
    await anna.sees(lambda one: "1. Artist" in one["text"])

    await anna.taps(f"bl:{EDITION}:3:a")
    await anna.sees(lambda one: "🚫 Artist & Sons 3" in one["text"])
    (block,) = place.store.blocks.list(anna.account.user_id)
    listed = await anna.says("/blocked")
    (allow,) = data_of(listed)
    await anna.taps(allow)
    await anna.sees(lambda one: one["text"] == say("en", "bot.block.none"))

    assert (block.kind, block.key) == (BlockKind.ARTIST, "artist sons 3")
    assert place.store.blocks.list(anna.account.user_id) == []


@pytest.mark.parametrize("language", LANGUAGES)
async def test_artists_and_tracks_are_blocked_and_allowed_by_name(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)

    artist = await anna.says("/block The <b>Band</b> & Co")
    track = await anna.says("/block Some Artist - A Song (Live)")
    listed = await anna.says("/blocked")
    allowed = await anna.says("/unblock the <b>band</b> & co")
    unknown = await anna.says("/unblock nobody at all")

    assert artist["text"] == say(language, "bot.block.artist", name="The <b>Band</b> & Co")
    assert "Some Artist – A Song (Live)" in track["text"]
    assert len(data_of(listed)) == 2
    assert allowed["text"] == say(language, "bot.block.removed", name="The <b>Band</b> & Co")
    assert "nobody at all" in unknown["text"]
    kinds = [one.kind for one in place.store.blocks.list(anna.account.user_id)]
    assert kinds == [BlockKind.TRACK]


async def test_block_without_a_name_asks_and_takes_the_answer(place: BotWorld) -> None:
    anna = await place.person()
    asked = await anna.says("/block")

    answer = await anna.says("Nickelback")

    assert asked["text"] == say("en", "bot.block.ask")
    assert "Nickelback" in answer["text"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_why_gives_a_reason_for_every_track(place: BotWorld, language: str) -> None:
    anna = await with_list(place, language=language)

    message = await anna.says("/why")
    one = await anna.says("/why 4")
    named = await anna.says("/why song <b>7")
    absent = await anna.says("/why Nobody")
    anna.edition("00000000-0000-4000-8000-000000000019", loved_in={"Seed Artist": 2019})
    years_ago = await anna.says("/why 4")

    assert message["text"].count("Artist & Sons") == 10
    loved = say(language, "bot.why.loved_in", seed="Seed Artist", year="2019")
    assert loved in years_ago["text"]
    assert loved not in one["text"]
    close = say(language, "reason.lastfm_similar_artists", seed="Seed Artist")
    assert close in message["text"]
    assert say(language, "bot.why.familiar") in one["text"]
    assert data_of(one) == [f"bl:{EDITION}:4:a", f"bl:{EDITION}:4:t"]
    assert say(language, "bot.why.new") in named["text"]
    assert "Nobody" in absent["text"]


async def test_nobody_can_look_at_somebody_elses_list(place: BotWorld) -> None:
    await with_list(place)
    boris = await place.person(202, name="Boris")
    await boris.says("/start")
    boris.connected()
    boris.edition("00000000-0000-4000-8000-00000000beef")
    await boris.says("/latest")

    await boris.taps_forged(f"tr:{EDITION}:0")
    await boris.notices(say("en", "bot.not_yours"))

    assert not any("1. Artist" in one["text"] for one in await boris.said_by_bot())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_history_lists_past_days_and_a_day_shows_its_list(
    place: BotWorld, language: str
) -> None:
    anna = await place.person(language=language)
    none = await anna.says("/history")
    anna.connected()
    for number in range(3):
        anna.edition(
            f"00000000-0000-4000-8000-00000000000{number}", vibe_date=date(2026, 11, 18 + number)
        )

    message = await anna.says("/history")
    shown = await anna.says("/day 2026-11-19")
    empty = await anna.says("/day 1.1.2026")
    wrong = await anna.says("/day <b>someday</b>")

    assert say(language, "keyboard.generate") in none["text"]
    assert sorted(data_of(message)) == [f"go:day:2026-11-{day}" for day in (18, 19, 20)]
    assert "Anna's day <3" in shown["text"]
    assert urls_of(shown)
    assert say(language, "bot.history.day_none", day="|").split("|")[0] in empty["text"]
    assert say(language, "bot.history.day_wrong") == wrong["text"]


async def test_a_leap_day_in_the_january_before_it_is_asked_back(empty_place: BotWorld) -> None:
    async with living_bot(empty_place, now=lambda: datetime(2028, 1, 15, 12, tzinfo=UTC)):
        anna = await empty_place.person()

        answer = await anna.says("/day 29.02")

    assert answer["text"] == say("en", "bot.history.day_wrong")


async def test_a_day_without_a_list_says_why(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    anna.failed_edition("00000000-0000-4000-8000-000000000009", FailureCause.QUOTA)

    message = await anna.says("/day 2026-11-20")

    assert "On 20 November 2026 there was no list" in message["text"]
    assert say("en", "bot.failed.quota") in message["text"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_unlinking_asks_first_and_then_erases_the_tokens(
    place: BotWorld, language: str
) -> None:
    anna = await with_list(place, language=language)

    asked = await anna.says("/disconnect")
    yes, _no = data_of(asked)
    still = place.store.tokens.get(anna.account.user_id)
    await anna.taps(yes)
    await anna.sees(saying(say(language, "bot.disconnect.done")))

    assert still is not None
    assert place.store.tokens.get(anna.account.user_id) is None
    assert anna.account.spotify_account_id is None


async def test_saying_no_keeps_everything(place: BotWorld) -> None:
    anna = await with_list(place)
    await anna.says("/forget")

    await anna.taps("no")
    await anna.sees(lambda one: one["text"] == say("en", "bot.disconnect.kept"))

    assert anna.account.connected


async def test_being_forgotten_leaves_nothing_and_a_receipt(place: BotWorld) -> None:
    anna = await with_list(place)
    user_id = anna.account.user_id
    asked = await anna.says("/forget")

    await anna.taps(data_of(asked)[0])
    await anna.sees(lambda one: say("en", "bot.forget.done") in one["text"])

    assert place.store.people.get(user_id) is None
    assert place.store.editions.history(user_id) == []


async def test_an_old_confirmation_no_longer_counts(empty_place: BotWorld) -> None:
    later = {"by": timedelta()}

    def now() -> datetime:
        return utc_now() + later["by"]

    async with living_bot(empty_place, now=now):
        anna = await with_list(empty_place)
        asked = await anna.says("/forget")
        later["by"] = timedelta(minutes=11)
        await anna.taps(data_of(asked)[0])
        await anna.notices(say("en", "bot.stale_button"))

    assert anna.account.connected


@pytest.mark.parametrize("language", LANGUAGES)
async def test_status_says_what_the_last_list_went_by(place: BotWorld, language: str) -> None:
    anna = await place.person(language=language)
    await anna.says("/start")
    anna.connected()
    anna.edition(notes=("stale_recent_plays",))

    status = await anna.says("/status")

    assert say(language, "bot.note.stale_recent_plays") in status["text"]


@pytest.mark.parametrize(
    "title",
    [
        "Wait…",
        "Song — Live",
        "Song – Remix",
        "می\u200cخواهم",
        "Song №5",
        "½ Way",
        "A\u00a0Day",
        "Ｆｕｌｌ Width",
    ],
)
async def test_a_track_is_found_on_the_list_by_its_name_as_spotify_writes_it(
    place: BotWorld, monkeypatch: pytest.MonkeyPatch, title: str
) -> None:
    named = replace(bot_world.track(1), title=title)
    monkeypatch.setattr(bot_world, "track", lambda number: replace(named, position=number))
    anna = await place.person()
    await anna.says("/start")
    anna.edition(tracks=1)

    why = await anna.says(f"/why {title}")
    whynot = await anna.says(f"/whynot {title}")
    by_both = await anna.says(f"/whynot {named.artist} – {title}")

    assert "Seed Artist" in why["text"]
    on_list = plain(
        tell(
            "en",
            "bot.whynot.on_list",
            artist=named.artist,
            title=title,
            day=day("en", date(2026, 11, 20)),
            position=1,
        )
    )
    assert whynot["text"] == by_both["text"] == on_list


async def test_a_track_blocked_by_a_tap_is_allowed_again_by_its_name_as_spotify_writes_it(
    place: BotWorld,
) -> None:
    anna = await place.person()
    await anna.says("/start")
    blocks, user_id = place.store.blocks, anna.account.user_id
    blocks.add(user_id, BlockKind.TRACK, "somebody|wait", "Somebody – Wait… №5")

    allowed = await anna.says("/unblock Somebody – Wait… №5")

    assert allowed["text"] == say("en", "bot.block.removed", name="Somebody – Wait… №5")
    assert blocks.list(user_id) == []


async def test_a_long_list_of_the_blocked_shows_a_line_for_every_button(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/start")
    blocks, user_id = place.store.blocks, anna.account.user_id
    for number in range(35):
        name = f"{number} " + "Тридцать восьмой & попугай " * 6
        blocks.add(user_id, BlockKind.ARTIST, f"key {number}", name)

    listed = await anna.says("/blocked")
    lines, buttons = listed["text"].count("•"), len(data_of(listed))
    await anna.taps(data_of(listed)[0])
    after = await anna.sees(saying(say("en", "bot.block.list", count=34)[3:-4]))

    assert 10 < lines == buttons < 35
    assert say("en", "bot.list_cut", count=35 - lines) in listed["text"]
    assert after["message_id"] == listed["message_id"]
    assert after["text"].count("•") == len(data_of(after))


async def test_a_second_tap_on_allow_says_that_it_may_come_again_already(place: BotWorld) -> None:
    anna = await place.person()
    await anna.says("/block Nickelback")
    await anna.says("/block Creed")
    listed = await anna.says("/blocked")
    creed, nickelback = data_of(listed)
    await anna.taps(creed)
    await anna.sees(lambda one: data_of(one) == [nickelback])

    await anna.taps_forged(creed)
    await anna.notices(say("en", "bot.block.gone"))
    shown = await anna.sees(lambda one: data_of(one) == [nickelback])

    assert shown["message_id"] == listed["message_id"]
    assert not any("#" in one["text"] for one in await anna.said_by_bot())
