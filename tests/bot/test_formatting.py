"""Whatever fills our sentences, what leaves is HTML that Telegram takes."""

from __future__ import annotations

import pytest

from vibe_bot import formatting as telling
from vibe_pipeline.locales import say


def test_names_cannot_break_the_html() -> None:
    said = telling.tell("en", "bot.made.title", title="<b>&\"'</a>")

    assert said == "🎧 <b>&lt;b&gt;&amp;&quot;&#x27;&lt;/a&gt;</b>"


def test_control_and_direction_characters_are_left_out() -> None:
    assert telling.escaped("a\x00b\u202ec\u2066d\ne") == "abcd e"


def test_right_to_left_names_do_not_turn_their_line_around() -> None:
    assert telling.escaped("שלום") == "\u2068שלום\u2069"


def test_a_long_name_is_shortened() -> None:
    assert len(telling.escaped("x" * 5000)) == telling.BLANK_LIMIT


def test_emoji_stay_whole() -> None:
    assert telling.escaped("👩‍🎤🇺🇦") == "👩‍🎤🇺🇦"


def test_long_texts_are_cut_between_lines() -> None:
    lines = [f"<b>{number}</b> " + "x" * 90 for number in range(100)]

    cut = telling.pages("\n".join(lines))

    assert "\n".join(cut).split("\n") == lines
    assert all(len(page) <= telling.MESSAGE_LIMIT for page in cut)


def test_a_line_that_is_too_long_by_itself_loses_its_tags_and_its_end() -> None:
    (page,) = telling.pages("<b>" + "я & " * 3000 + "</b>")

    assert len(page) <= telling.MESSAGE_LIMIT
    assert "<b>" not in page
    assert page.endswith("…")


def test_emoji_count_double_towards_the_limit() -> None:
    pages = telling.pages("\n".join("🎧" * 30 for _ in range(100)))

    assert len(pages) == 2


def test_a_button_never_carries_more_than_64_bytes() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        telling.button("x", "й" * 33)


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        ("https://vibe.example.org/connect/x", True),
        ("http://vibe.example.org/connect/x", True),
        ("https://192.168.1.5/connect/x", True),
        ("http://localhost:8000/connect/x", False),
        ("http://127.0.0.1:8000/connect/x", False),
        ("http://[::1]:8000/connect/x", False),
        ("https://vibe/connect/x", False),
        ("ftp://vibe.example.org/x", False),
    ],
)
def test_only_addresses_others_can_open_go_into_buttons(address: str, *, fits: bool) -> None:
    assert (telling.opening("open", address) is not None) is fits


def test_plain_text_is_what_the_html_says() -> None:
    assert telling.plain('<b>a &lt;3</b> &amp; <a href="x">b</a>') == "a <3 & b"


@pytest.mark.parametrize("last", [None, "<b>Which one?</b>"])
def test_a_list_that_is_too_long_for_a_message_is_cut_with_a_word(last: str | None) -> None:
    lines = [f"• {number} " + "Тридцать восьмой &amp; попугай " * 6 for number in range(35)]

    text, shown = telling.listing("en", "<b>Title</b>", lines, last, most=40)

    assert len(telling.pages(text)) == 1
    assert 10 < shown < 35
    assert text.count("•") == shown
    assert say("en", "bot.list_cut", count=35 - shown) in text


def test_a_list_that_fits_a_message_is_whole() -> None:
    text, shown = telling.listing("en", "Title", ["one", "two"], None, most=40)

    assert (text, shown) == ("Title\n\none\ntwo", 2)


def test_of_a_list_with_more_lines_than_buttons_have_room_the_rest_is_counted() -> None:
    text, shown = telling.listing("en", "Title", ["x"] * 50, "last", most=40)

    assert shown == 40
    assert text.endswith(f"x\n{say('en', 'bot.list_cut', count=10)}\n\nlast")
