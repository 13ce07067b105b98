"""Who a credit line names: guests, joint credits, and names that stand for nobody."""

from __future__ import annotations

import pytest

from vibe_pipeline.ranking.artist_credits import (
    Credit,
    credit_of,
    is_guest_credit,
    is_placeholder,
    lead,
)
from vibe_pipeline.ranking.merge import merge, valid_isrc
from vibe_pipeline.ranking.recording_match import agrees, same_credit
from vibe_pipeline.records import Pool, PoolState, Proposal, Source


@pytest.mark.parametrize(
    "name",
    [
        *("Various Artists", "[unknown]", "(null)", "V.A.", "<Unknown Artist>", "VARIOUS ARTISTS"),
        *("Verschiedene Interpreten", "Varios Artistas", "Artistes divers", "Artisti Vari"),
        *("Неизвестный исполнитель", "Різні виконавці", "Různí interpreti", "Różni Wykonawcy"),
        *(
            "群星",
            "佚名",
            "ヴァリアス・アーティスト",
            "여러 아티스트",
            "فنانون متنوعون",
            "אמנים שונים",
        ),
        *("Çeşitli Sanatçılar", "Nhiều nghệ sĩ", "Διάφοροι καλλιτέχνες", "รวมศิลปิน"),
    ],
)
def test_a_placeholder_is_nobody_in_any_language(name: str) -> None:
    assert is_placeholder(name)
    assert merge([pool(name)]) == []


@pytest.mark.parametrize(
    "name", ["Unknown Mortal Orchestra", "Anonymous 4", "The Various", "Vaya Con Dios", "Nullset"]
)
def test_a_band_that_sounds_like_a_placeholder_is_a_band(name: str) -> None:
    assert not is_placeholder(name)


def pool(artist: str) -> Pool:
    proposal = Proposal(
        source=Source.LISTENBRAINZ, artist=artist, title="Song", seed="S", match=1.0, rank=1
    )
    return Pool(source=proposal.source, proposals=(proposal,), state=PoolState.OFFERED)


@pytest.mark.parametrize("aside", ["with Zedd", "With The Weeknd", "feat. B", "con Shakira"])
def test_a_bracket_may_name_guests(aside: str) -> None:
    assert is_guest_credit(aside)


@pytest.mark.parametrize("aside", ["With Me", "with Somebody", "con Te", "avec toi", "mit dir"])
def test_a_bracket_with_nobody_s_name_is_the_song_s_own(aside: str) -> None:
    assert not is_guest_credit(aside)


@pytest.mark.parametrize(
    ("credit", "leader"),
    [
        ("Lil Nas X feat. Jack Harlow", "Lil Nas X"),
        ("Lil Nas X & Jack Harlow", "Lil Nas X & Jack Harlow"),
        ("Marshmello x Bastille", "Marshmello"),
        ("Kramer vs. Kramer", "Kramer vs. Kramer"),
        ("The X Factor", "The X Factor"),
        ("X Japan", "X Japan"),
        ("Earth, Wind & Fire", "Earth, Wind & Fire"),
        ("Skrillex, Diplo", "Skrillex"),
        ("방탄소년단 (BTS)", "BTS"),
    ],
)
def test_a_credit_leads_with_a_whole_name(credit: str, leader: str) -> None:
    assert lead(credit).strip() == leader


def test_a_credit_line_is_told_apart_into_leaders_and_guests() -> None:
    credit = credit_of("Skrillex, Diplo feat. Justin Bieber")

    assert credit == Credit(leaders=("Skrillex", "Diplo"), guests=("Justin Bieber",), listed=True)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A & B", "B & A", True),
        ("JAY-Z & Alicia Keys", "JAY-Z", True),
        ("Camila Cabello, Ed Sheeran", "Ed Sheeran", True),
        ("Hall & Oates", "Daryl Hall & John Oates", True),
        ("Hall & Oates", "Hall", False),
        ("Mike + The Mechanics", "Mike", False),
        ("Sleeping with Sirens", "Sleeping", False),
        ("Thelonious Monk with John Coltrane", "Thelonious Monk", True),
        ("Simon & Garfunkel", "Garfunkel & Oates", False),
    ],
)
def test_joint_credits_mean_the_same_people_in_any_order(
    one: str, other: str, *, same: bool
) -> None:
    assert same_credit(one, other) is same
    assert same_credit(other, one) is same


@pytest.mark.parametrize("code", ["GB-AJE-97-00020", "gbaje9700020", "GB AJE 97 00020"])
def test_an_isrc_has_one_form(code: str) -> None:
    assert valid_isrc(code) == "GBAJE9700020"


@pytest.mark.parametrize("code", [None, "", "0", "N/A", "000000000000", "USWB19", "XXXXX0000000"])
def test_what_has_not_the_shape_of_an_isrc_is_none(code: str | None) -> None:
    assert valid_isrc(code) is None


@pytest.mark.parametrize(
    ("other", "agree"),
    [
        (("BTS", "Spring Day"), True),
        (("방탄소년단", "봄날"), True),
        (("방탄소년단", "Spring Day"), False),
        (("BTS", "봄날 (Remix)"), False),
        (("BTS", "피 땀 눈물"), False),
    ],
)
def test_an_isrc_is_believed_where_no_name_speaks_against_it(
    other: tuple[str, str], *, agree: bool
) -> None:
    assert agrees("BTS", "봄날", *other) is agree
