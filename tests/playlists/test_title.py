"""What playlists are called: by rule, in four languages, the same for the same edition."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from vibe_pipeline.ranking.flavour import MOODS, STYLES, flavour_of, style_of
from vibe_pipeline.ranking.steering import Steer
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
    titles = {title_of(ANNA, on(7 * week, hour=22), SOUL) for week in range(8)}

    assert "Late Saturday, dusty soul" in titles
    assert all(name.startswith("Late Saturday, ") and "soul" in name for name in titles)


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


@given(
    styles=st.lists(st.sampled_from(sorted(STYLES)), max_size=3, unique=True),
    moods=st.lists(st.sampled_from(sorted(MOODS)), max_size=3, unique=True),
    first=st.integers(0, 400),
    hour=st.integers(0, 23),
)
def test_two_days_in_a_row_never_have_the_same_words_however_alike_the_lists_are(
    styles: list[str], moods: list[str], first: int, hour: int
) -> None:
    taste = replace(SOUL, styles=tuple(styles), moods=tuple(moods))
    words = [title.flavour_words(ANNA, on(first + day, hour), taste) for day in range(10)]

    assert words == [title.flavour_words(ANNA, on(first + day, hour), taste) for day in range(10)]
    assert all(one != other for one, other in pairwise(words))


def test_who_hears_one_style_every_day_hears_it_called_by_many_names() -> None:
    words = {title.flavour_words(ANNA, on(day), SOUL) for day in range(30)}

    assert len(words) >= 4
    assert all(name.endswith("soul") or name.startswith("soul") for name in words)


def test_of_several_styles_the_strongest_names_most_days() -> None:
    taste = replace(SOUL, styles=("jazz", "soul", "folk"))
    words = [title.flavour_words(ANNA, on(day), taste) for day in range(30)]

    counted = [sum(style in name for name in words) for style in taste.styles]
    assert counted == [18, 6, 6]


def test_without_a_known_style_the_season_names_it_south_and_north() -> None:
    nothing = Summary(new=1, familiar=0, wished_new=1)
    south = replace(ANNA, timezone="Australia/Sydney")

    def words(whose: Account) -> set[str]:
        return {title.flavour_words(whose, on(day), nothing) for day in range(3)}

    assert words(ANNA) == {"music for autumn", "songs for falling leaves", "autumn colours"}
    assert words(south) == {"music for spring", "songs for longer days", "spring air"}


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


def test_nobody_is_told_of_the_dark_in_the_morning() -> None:
    metal = replace(SOUL, styles=("metal",), moods=("dark",))

    assert all("half-light" not in title_of(ANNA, on(day, hour=10), metal) for day in range(20))
    assert any("half-light" in title_of(ANNA, on(day, hour=23), metal) for day in range(20))


def test_words_that_anybody_may_have_written_as_a_tag_are_never_repeated() -> None:
    rude = considered("a", 1, "awful swearword", "seen live", "Shoegaze", "sad")

    flavour = flavour_of([rude])

    assert (flavour.styles, flavour.moods) == (("shoegaze",), ("dreamy", "wistful"))


def test_what_was_left_out_is_not_in_the_title() -> None:
    flavour = flavour_of([considered("a", 1, "jazz"), considered("b", None, "metal")])

    assert flavour.styles == ("jazz",)


def test_no_list_is_called_by_what_its_person_wishes_less_of() -> None:
    chosen = [considered("a", 1, "symphonic metal", "dark"), considered("b", 2, "folk")]
    less_metal = Steer(key="style:metal", tags=frozenset({"metal"}), weight=-1.0)
    more_folk = Steer(key="style:folk", tags=frozenset({"folk"}), weight=1.0)

    flavour = flavour_of(chosen, [less_metal, more_folk])

    assert flavour_of(chosen).styles == ("folk", "metal")
    assert (flavour.styles, flavour.moods) == (("folk",), ("dark",))


def test_whose_tags_nobody_knows_yet_speak_through_the_artist_they_are_near() -> None:
    near_jazz = replace(considered("unknown", 1), seed="Miles – So What")

    flavour = flavour_of([near_jazz, considered("miles", None, "jazz")])

    assert flavour.styles == ("jazz",)


def test_what_the_same_seed_brought_speaks_where_not_even_the_seed_is_known() -> None:
    unknown = replace(considered("unknown", 1), seed="Ella")
    told = replace(considered("told", None, "jazz"), seed="Ella – Summertime")

    assert flavour_of([unknown, told]).styles == ("jazz",)


def test_what_is_known_of_a_track_itself_counts_more_than_what_it_is_near() -> None:
    near_jazz = replace(considered("unknown", 1), seed="miles")

    flavour = flavour_of([near_jazz, considered("miles", None, "jazz"), considered("a", 2, "folk")])

    assert flavour.styles == ("folk", "jazz")


def test_beside_the_strongest_stands_what_this_list_has_and_others_have_not() -> None:
    usual = [considered(f"usual{number}", None, "pop") for number in range(9)]
    today = [considered("a", 1, "rock"), considered("b", 2, "rock"), considered("c", 3, "rock")]
    beside = [considered("d", 4, "pop"), considered("e", 5, "folk")]

    assert flavour_of([*usual, *today, *beside]).styles == ("rock", "folk", "pop")


@pytest.mark.parametrize(
    ("tag", "style"),
    [
        ("Symphonic Metal", "metal"),
        ("instrumental hip-hop", "hip_hop"),
        ("old school hip hop", "hip_hop"),
        ("japanese deep house", "house"),
        ("post-rock", "post_rock"),
        ("songs that rock", "rock"),
        ("music i hate more than pop", None),
        ("not metal at all", None),
        ("metal", "metal"),
        ("seen live", None),
        ("", None),
    ],
)
def test_a_kind_of_music_without_a_name_of_ours_goes_by_its_family(
    tag: str, style: str | None
) -> None:
    assert style_of(tag) == style


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
        ("z\u0338\u0322\u0321\u031balgo", "z\u0338\u0322algo"),
        ("Việt Nam", "Việt Nam"),
        ("\u200b\u200d \n", None),
        ("", None),
        ("x" * 500, "x" * LONGEST_NAME),
    ],
)
def test_a_name_somebody_writes_is_made_fit_for_a_playlist(written: str, kept: str | None) -> None:
    assert own_name(written) == kept
