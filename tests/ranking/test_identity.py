"""One recording under many names is one; other versions and other songs are not."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.ranking.identity import (
    Version,
    artist_key,
    recording_key,
    song_key,
    version_in_key,
    version_of,
)
from vibe_pipeline.ranking.recording_match import same_recording

PAIRS = Path(__file__).parent / "data" / "identity_pairs.csv"


def labelled() -> list[dict[str, str]]:
    with PAIRS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def judged(row: dict[str, str]) -> bool:
    one = recording_key(row["artist"], row["title"])
    return one == recording_key(row["other_artist"], row["other_title"])


def test_the_labelled_pairs_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    rows = labelled()

    counts = Counter((row["same"] == "1", judged(row)) for row in rows)
    wrong = [row for row in rows if (row["same"] == "1") != judged(row)]

    precision = counts[True, True] / (counts[True, True] + counts[False, True])
    recall = counts[True, True] / (counts[True, True] + counts[True, False])
    with capsys.disabled():
        print(f"\nidentity: {len(rows)} pairs, precision {precision:.3f}, recall {recall:.3f}")  # noqa: T201
        for row in wrong:
            print("  " + " | ".join(row.values()))  # noqa: T201
    assert len(rows) >= 750
    assert precision >= 0.995
    assert recall >= 0.93


def test_what_a_search_brings_is_judged_at_least_as_kindly_as_keys_judge() -> None:
    refused = [
        row
        for row in labelled()
        if judged(row)
        and not same_recording(
            row["artist"], row["title"], (row["other_artist"],), row["other_title"]
        )
    ]

    assert refused == []


@pytest.mark.parametrize(
    ("artist", "title", "version"),
    [
        ("A", "Song (Live at Wembley)", Version.LIVE),
        ("A", "Song - Ao Vivo", Version.LIVE),
        ("A", "Пісня (наживо)", Version.LIVE),
        ("A", "Song (Karaoke Version)", Version.KARAOKE),
        ("Sing King Karaoke", "Song", Version.KARAOKE),
        ("A", "Song (B Cover)", Version.COVER),
        ("Vitamin String Quartet", "Song", Version.COVER),
        ("A", "Song - Sped Up", Version.SPED_UP),
        ("A", "Song nightcore", Version.SPED_UP),
        ("A", "Song (Slowed + Reverb)", Version.SLOWED),
        ("A", "Song (B Remix)", Version.REMIX),
        ("A", "Песня (ремикс)", Version.REMIX),
        ("A", "Song - Radio Edit", Version.EDIT),
        ("A", "Song (Instrumental)", Version.INSTRUMENTAL),
        ("A", "Song (Skit)", Version.SPOKEN),
        ("A", "Song (Audiobook)", Version.SPOKEN),
        ("A", "Song (Acoustic)", Version.ALTERNATE),
        ("A", "Song (Live) [B Remix]", Version.LIVE | Version.REMIX),
        ("A", "Song (In concerto)", Version.LIVE),
        ("A", "Song - En Concierto", Version.LIVE),
        ("A", "Song (Konzertmitschnitt)", Version.LIVE),
        ("A", "Песня (живьём)", Version.LIVE),
        ("A", "Пісня (live, Львів 2013)", Version.LIVE),
        ("A", "歌 (ライブ)", Version.LIVE),
        ("A", "歌 (2019现场版)", Version.LIVE),
        ("A", "노래 (라이브)", Version.LIVE),
        ("A", "أغنية (مباشر)", Version.LIVE),
        ("A", "Song (BBC John Doe Session)", Version.LIVE),
        ("A", "歌 (カラオケ)", Version.KARAOKE),
        ("A", "Пісня (мінусовка)", Version.KARAOKE),
        ("A", "Песня (кавер на гитаре)", Version.COVER),
        ("The Tribute Co.", "Song", Version.COVER),
        ("A", "Song sped up + reverb", Version.SPED_UP),
        ("A", "Song (Chipmunk Version)", Version.SPED_UP),
        ("A", "Song (s l o w e d)", Version.SLOWED),
        ("A", "Song (Remezcla)", Version.REMIX),
        ("A", "Песня (радиоверсия)", Version.EDIT),
        ("A", "Song 8D", Version.EDIT),
        ("A", "Jimmy Skit", Version.SPOKEN),
        ("A", "Песня (интервью)", Version.SPOKEN),
        ("A", "Song (Interlude)", Version.SPOKEN),
        ("A", "Song (Korean Ver.)", Version.ALTERNATE),
        ("A", "Песня (акапелла)", Version.ALTERNATE),
    ],
)
def test_versions_are_recognised(artist: str, title: str, version: Version) -> None:
    assert version_of(artist, title) == version
    assert version_in_key(recording_key(artist, title)) == version


@pytest.mark.parametrize(
    "title",
    [
        "Live Forever",
        "Live and Let Die",
        "Cover Me",
        "Piano Man",
        "The Instrumental",
        "Edit",
        "Slow Hands",
        "Speed of Life",
        "Where Do We Live",
        "Demons",
        "Mixed Emotions",
        "Remastered",
        "Song (2011 Remaster)",
        "Song (feat. Live)",
        "Song (We Live)",
        "Paper Planes (And Live to Tell)",
        "People Who Live at Home",
        "Edit the Sad Parts",
        "The Remix",
        "My Karaoke",
        "Interlude",
        "Concerto",
        "Song (2019 Mix)",
        "Song (Album Ver.)",
        "Song (Version Originale)",
        "Song (Official Video Eurovision 2022)",
        "Song (2018 Reissue)",
        'Song (From "Film")',
        'Song - Love Theme from "Film"',
    ],
)
def test_a_word_in_a_song_s_own_name_makes_no_version(title: str) -> None:
    assert version_of("A", title) == Version.PLAIN


@given(st.text(max_size=40), st.text(max_size=60))
def test_keys_are_stable_and_bear_any_text(artist: str, title: str) -> None:
    key = recording_key(artist, title)

    assert key == recording_key(artist, title)
    assert song_key(key) == song_key(song_key(key))
    assert key.count("|") in {1, 2}


@given(st.text(min_size=1, max_size=40))
def test_case_does_not_matter(name: str) -> None:
    if name.upper().casefold() == name.casefold():
        assert artist_key(name.upper()) == artist_key(name)


@given(st.text(min_size=1, max_size=30).filter(lambda text: text.strip()))
def test_a_name_is_never_nothing(name: str) -> None:
    assert artist_key(name) or not any(letter.isprintable() for letter in name)
