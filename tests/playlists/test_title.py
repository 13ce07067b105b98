"""What playlists are called: by rule, in four languages, the same for the same edition."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from vibe_pipeline.accounts.records import (
    Account,
    Edition,
    EditionKind,
    EditionState,
    Summary,
)
from vibe_pipeline.locales import LANGUAGES, say
from vibe_pipeline.playlists import title
from vibe_pipeline.playlists.title import LONGEST_NAME, own_name, title_of
from vibe_pipeline.ranking.flavour import MOODS, STYLES, flavour_of
from vibe_pipeline.records import Candidate, EditionId, Mode, Proposal, Ranked, Source, UserId

SATURDAY = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)
ANNA = Account(
    user_id=UserId("anna"),
    chat_id=1,
    telegram_name="Anna",
    language="en",
    timezone="UTC",
    nightly_at=time(6),
    playlist_size=30,
    min_new_ratio=0.8,
    adventure=40,
    mode=Mode.LIVING,
    active=True,
    created_at=SATURDAY,
)
EDITION = Edition(
    edition_id=EditionId("e1"),
    user_id=ANNA.user_id,
    vibe_date=SATURDAY.date(),
    occasion="asked:e1",
    kind=EditionKind.DAILY,
    mode=Mode.LIVING,
    state=EditionState.CHOSEN,
    created_at=SATURDAY,
    updated_at=SATURDAY,
)
SOUL = Summary(new=24, familiar=6, wished_new=24, styles=("soul",), moods=("dusty",))


def on(day: int, hour: int = 6) -> Edition:
    """An edition begun at this hour, so many days on."""
    begun = datetime(2026, 11, 21, hour, tzinfo=UTC) + timedelta(days=day)
    return replace(EDITION, vibe_date=begun.date(), created_at=begun)


def considered(artist: str, position: int | None, *tags: str) -> Ranked:
    """A candidate by an artist with these tags."""
    proposal = Proposal(
        source=Source.LISTENBRAINZ, artist=artist, title="x", seed="", match=1.0, rank=1, tags=tags
    )
    candidate = Candidate(
        key=f"{artist}|x", artist=artist, artist_key=artist, title="x", proposals=(proposal,)
    )
    return Ranked(
        candidate=candidate,
        terms={},
        score=0.0,
        rank=1,
        is_new=True,
        source=Source.LISTENBRAINZ,
        seed="",
        position=position,
    )


def test_a_title_says_the_part_of_the_day_the_mood_and_the_style() -> None:
    titles = {title_of(ANNA, on(day, hour=22), SOUL) for day in (0, 7, 14, 21)}

    assert "Late Saturday, dusty soul" in titles
    assert all(name.startswith("Late Saturday, ") and name.endswith("soul") for name in titles)


@pytest.mark.parametrize(
    ("language", "hour", "said"),
    [
        ("en", 6, "Early Saturday"),
        ("en", 23, "Late Saturday"),
        ("ru", 10, "Суббота утром"),
        ("ru", 1, "Суббота за полночь"),
        ("uk", 19, "Субота увечері"),
        ("nl", 14, "Zaterdagmiddag"),
    ],
)
def test_the_hour_is_that_of_the_person_in_their_own_words(
    language: str, hour: int, said: str
) -> None:
    named = title_of(replace(ANNA, language=language), on(0, hour), SOUL)

    assert named.startswith(f"{said}, ")


def test_ten_days_of_one_listener_do_not_sound_alike() -> None:
    taste = replace(SOUL, styles=("shoegaze", "dream_pop", "indie_rock"), moods=("dreamy",))
    titles = [title_of(ANNA, on(day), taste) for day in range(10)]

    assert titles == [title_of(ANNA, on(day), taste) for day in range(10)]
    assert len({name.partition(", ")[2] for name in titles}) >= 6


def test_without_a_known_style_the_season_names_it_south_and_north() -> None:
    nothing = Summary(new=1, familiar=0, wished_new=1)

    assert title_of(ANNA, EDITION, nothing).endswith("music for autumn")
    south = replace(ANNA, timezone="Australia/Sydney")
    assert title_of(south, EDITION, nothing).endswith("music for spring")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_title_there_can_be_is_written_and_fits(language: str) -> None:
    anna = replace(ANNA, language=language)
    for style in STYLES:
        for day in range(24):
            summary = replace(SOUL, styles=(style,), moods=())
            daily = replace(on(day, hour=day), mode=Mode.DAILY)
            named = title_of(anna, daily, summary)

            assert say(language, f"style.{style}") in named
            assert "2026" in named
            assert len(named) <= 100
    assert all(say(language, f"mood.{mood}", style="x") for mood in MOODS)


def test_every_style_has_moods_that_fit_at_any_hour() -> None:
    for style in STYLES:
        for part in title._UNFITTING:
            assert title._mood(style, (), part, 3) in MOODS


def test_words_that_anybody_may_have_written_as_a_tag_are_never_repeated() -> None:
    rude = considered("a", 1, "awful swearword", "seen live", "Shoegaze", "sad")

    flavour = flavour_of([rude])

    assert (flavour.styles, flavour.moods) == (("shoegaze",), ("dreamy", "wistful"))


def test_what_was_left_out_is_not_in_the_title() -> None:
    flavour = flavour_of([considered("a", 1, "jazz"), considered("b", None, "metal")])

    assert flavour.styles == ("jazz",)


def test_a_fixed_name_stays_and_a_day_s_own_playlist_bears_its_day() -> None:
    fixed = replace(ANNA, own_title="Моя музика ☕")

    assert title_of(fixed, EDITION, SOUL) == "Моя музика ☕"
    daily = replace(EDITION, mode=Mode.DAILY)
    assert title_of(fixed, daily, SOUL) == "Моя музика ☕ · 21 November 2026"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  my \n mix ", "my mix"),
        ("\u202eevil\u202c", "evil"),
        ("朝の音楽", "朝の音楽"),
        ("👩\u200d🎤 mix", "👩\u200d🎤 mix"),
        ("\u200b\u200d \n", None),
        ("", None),
        ("x" * 500, "x" * LONGEST_NAME),
    ],
)
def test_a_name_somebody_writes_is_made_fit_for_a_playlist(written: str, kept: str | None) -> None:
    assert own_name(written) == kept
