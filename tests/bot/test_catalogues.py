"""The four catalogues say the same things, each in its own language."""

from __future__ import annotations

import re
import string
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo, available_timezones

import pytest
from babel import Locale

from vibe_pipeline.accounts.records import FailureCause
from vibe_pipeline.locales import (
    LANGUAGES,
    PLURAL_CATEGORIES,
    Text,
    catalogue,
    clock,
    day,
    listed,
    moment,
    number,
    percent,
    say,
    spoken,
)
from vibe_pipeline.locales.source_keys import keys_of
from vibe_pipeline.sources.registry import REGISTRY

pytestmark = pytest.mark.every_language

OTHERS = tuple(language for language in LANGUAGES if language != "en")
SAME_EVERYWHERE = ("language.", "bot.words.", "style.")
"""Names of languages and of music are what they are; words to be understood are lists."""
ALIKE_BY_NATURE = {"nl": {"button.later", "mood_name.warm"}}
LATIN_NAMES = re.compile(
    r"<[^>]*>|\{\w+\}|/\w+|Spotify|Last\.fm|ListenBrainz|Telegram|Premium|MusicBrainz|UTC|lastfm"
    r"|README|JSON|vibe import|CSV|accounts/|warehouse/|ntfys?(?:://ntfy\.sh)?|[Gg]otifys?|https"
)
ENGLISH_ONLY = frozenset(
    {
        *("the", "and", "you", "your", "to", "are", "with", "for", "from", "this"),
        *("that", "it", "not", "again", "please", "tracks", "track", "send", "tap", "which"),
        *("when", "what", "something", "made", "make", "new", "no"),
    }
)


def forms(text: Text) -> list[str]:
    return list(text.values()) if isinstance(text, dict) else [text]


def blanks(text: Text) -> set[str]:
    return {
        name
        for form in forms(text)
        for _, name, _, _ in string.Formatter().parse(form)
        if name is not None
    }


@pytest.mark.parametrize("language", OTHERS)
def test_every_catalogue_holds_the_same_keys(language: str) -> None:
    assert set(catalogue(language)) == set(catalogue("en"))


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_has_the_same_blanks_in_every_language(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)

    assert [key for key in english if blanks(english[key]) != blanks(other[key])] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty(language: str) -> None:
    assert [
        key for key, text in catalogue(language).items() if not all(map(str.strip, forms(text)))
    ] == []


def plural_categories(language: str) -> frozenset[str]:
    """The plural forms a counted sentence needs for whole numbers in this language."""
    return Locale.parse(language).plural_form.tags | {"other"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_counted_sentences_have_every_plural_form_of_their_language(language: str) -> None:
    counted = {key: set(it) for key, it in catalogue(language).items() if isinstance(it, dict)}

    assert counted
    assert {key for key, have in counted.items() if have != plural_categories(language)} == set()
    assert PLURAL_CATEGORIES.issuperset(plural_categories(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_counted_form_names_the_number(language: str) -> None:
    silent = [
        key
        for key, text in catalogue(language).items()
        if isinstance(text, dict) and not all("{count}" in form for form in text.values())
    ]

    assert silent == []


@pytest.mark.parametrize("language", ["ru", "uk"])
def test_no_latin_words_are_left_in_cyrillic_catalogues(language: str) -> None:
    left = {
        key: found
        for key, text in catalogue(language).items()
        if not key.startswith(SAME_EVERYWHERE)
        for form in forms(text)
        if (found := re.findall(r"[A-Za-z]{2,}", LATIN_NAMES.sub(" ", form)))
    }

    assert left == {}


@pytest.mark.parametrize("language", ["ru", "uk"])
def test_no_letter_of_the_neighbouring_alphabet_slips_in(language: str) -> None:
    foreign = {"ru": "іїєґ", "uk": "ыэёъ"}[language]
    slipped = [
        key
        for key, text in catalogue(language).items()
        if not key.startswith(SAME_EVERYWHERE)
        and any(letter in form.lower() for form in forms(text) for letter in foreign)
    ]

    assert slipped == []


def test_no_english_words_are_left_in_the_dutch_catalogue() -> None:
    left = {
        key: words
        for key, text in catalogue("nl").items()
        if not key.startswith(SAME_EVERYWHERE)
        for form in forms(text)
        if (words := ENGLISH_ONLY & set(re.findall(r"[a-z]+", LATIN_NAMES.sub(" ", form.lower()))))
    }

    assert left == {}


@pytest.mark.parametrize("language", OTHERS)
def test_no_longer_sentence_is_the_english_one(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)
    same = [
        key
        for key in english
        if not key.startswith(SAME_EVERYWHERE)
        and key not in ALIKE_BY_NATURE.get(language, ())
        and english[key] == other[key]
        and re.search(r"[A-Za-z]{3,}", LATIN_NAMES.sub(" ", " ".join(forms(english[key]))))
    ]

    assert same == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_time_zones_offered_exist(language: str) -> None:
    offered = str(catalogue(language)["bot.words.zones"]).split(", ")

    assert set(offered) <= available_timezones()


@pytest.mark.parametrize("language", LANGUAGES)
def test_causes_and_sources_have_their_words(language: str) -> None:
    required = [f"bot.failed.{cause}" for cause in FailureCause]
    required += [key for entry in REGISTRY for key in keys_of(entry.source)]

    assert [key for key in required if key not in catalogue(language)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_words_are_left_of_a_source_that_is_gone(language: str) -> None:
    known = {key for entry in REGISTRY for key in keys_of(entry.source)}

    assert {
        key for key in catalogue(language) if key.startswith(("source.", "reason."))
    } - known == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_nobody_is_addressed_formally(language: str) -> None:
    formal = {
        "ru": r"\b(вы|вас|вам|ваш\w*|нажмите|отправьте|откройте|подключите)\b",
        "uk": r"\b(ви|вас|вам|ваш\w*|натисніть|надішліть|відкрийте|підключіть)\b",
        "nl": r"\b(u|uw)\b",
        "en": r"\b(sir|madam)\b",
    }[language]
    found = [
        key
        for key, text in catalogue(language).items()
        if not key.startswith("bot.words.")
        and any(re.search(formal, form.lower()) for form in forms(text))
    ]

    assert found == []


@pytest.mark.parametrize(
    ("language", "count", "words"),
    [
        ("en", 1, "1 track"),
        ("en", 2, "2 tracks"),
        ("ru", 1, "1 трек"),
        ("ru", 3, "3 трека"),
        ("ru", 11, "11 треков"),
        ("ru", 21, "21 трек"),
        ("uk", 1, "1 трек"),
        ("uk", 4, "4 треки"),
        ("uk", 12, "12 треків"),
        ("uk", 1000, "1 000 треків"),
        ("nl", 1, "1 nummer"),
        ("nl", 1200, "1.200 nummers"),
    ],
)
def test_plurals_follow_the_language(language: str, count: int, words: str) -> None:
    assert say(language, "bot.count.tracks", count=count).replace("\xa0", " ") == words


def test_an_unknown_language_is_answered_in_english() -> None:
    assert say("zz", "bot.done") == say("en", "bot.done")
    assert [spoken(hint) for hint in ("uk-UA", "NL_be", "zz", "", None, 5)] == [
        *("uk", "nl", "en", "en", "en", "en"),
    ]


def test_an_unknown_sentence_or_a_missing_blank_is_a_mistake_of_ours() -> None:
    with pytest.raises(KeyError):
        say("en", "bot.nothing_like_it")
    with pytest.raises(KeyError):
        say("en", "bot.hello")
    with pytest.raises(KeyError):
        say("en", "bot.count.tracks")


def test_numbers_dates_and_times_are_written_as_the_language_does() -> None:
    winter = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)

    assert [percent(it, 0.8).replace("\xa0", " ") for it in ("en", "ru", "uk", "nl")] == [
        *("80%", "80 %", "80%", "80%"),
    ]
    assert number("nl", 1234.5) == "1.234,5"
    assert day("uk", date(2026, 11, 20)).startswith("20 листопада 2026")
    assert clock("en", time(6, 5)) == "06:05"
    assert clock("en", winter, ZoneInfo("Europe/Kyiv")) == "07:00"
    assert moment("nl", winter, ZoneInfo("Europe/Amsterdam")) == "20 nov, 06:00"
    assert listed("ru", ["один", "два", "три"]) == "один, два и три"


def test_blanks_cannot_reach_into_our_objects() -> None:
    assert say("en", "bot.unknown_command", command="{0.__class__} {name}") == (
        "I don't know the command {0.__class__} {name}. /help lists the ones I do."
    )
