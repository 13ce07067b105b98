"""Reading marked-up text: Telegram's HTML, MarkdownV2, and what it finds by itself."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe_pipeline.simulator.telegram.entities import read_text, typed
from vibe_pipeline.simulator.telegram.html import parse_html
from vibe_pipeline.simulator.telegram.links import WrongLink, checked_link
from vibe_pipeline.simulator.telegram.markdown import parse_markdown
from vibe_pipeline.simulator.telegram.text import Unparsable, utf16_length
from vibe_pipeline.simulator.telegram.wire import Parameters


@pytest.mark.parametrize(
    ("source", "text", "marks"),
    [
        ("plain", "plain", []),
        ("<B>a</B>", "a", [("bold", 0, 1)]),
        ("<strong>a</strong><em>b</em>", "ab", [("bold", 0, 1), ("italic", 1, 1)]),
        (
            "<u>a</u><s>b</s><code>c</code>",
            "abc",
            [("underline", 0, 1), ("strikethrough", 1, 1), ("code", 2, 1)],
        ),
        ("<b>a<i>b</i></b>", "ab", [("italic", 1, 1), ("bold", 0, 2)]),
        ("😀<b>😀</b>", "😀😀", [("bold", 2, 2)]),
        ('<span class="tg-spoiler">a</span>', "a", [("spoiler", 0, 1)]),
        ("<blockquote>a</blockquote>", "a", [("blockquote", 0, 1)]),
        ("<blockquote expandable>a</blockquote>", "a", [("expandable_blockquote", 0, 1)]),
        ("<b></b>a", "a", []),
        (
            "a &lt; b &amp;&amp; c &gt; d &quot;e&quot; &#1103; &#x44f;",
            'a < b && c > d "e" я я',
            [],
        ),
        ("rock & roll &nbsp; &copy;", "rock & roll &nbsp; &copy;", []),
        ('<pre><code class="language-python">x</code></pre>', "x", [("pre", 0, 1)]),
    ],
)
def test_html_gives_text_and_marks(
    source: str, text: str, marks: list[tuple[str, int, int]]
) -> None:
    shown, entities = parse_html(source)

    assert shown == text
    assert [(entity.kind, entity.offset, entity.length) for entity in entities] == marks


@pytest.mark.parametrize(
    ("source", "refusal"),
    [
        ("<b>unclosed", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<script>x</script>", 'Unsupported start tag "script" at byte offset 0'),
        ("I <3", "Unclosed start tag at byte offset 2"),
        ("I <3 > you", 'Unsupported start tag "3" at byte offset 2'),
        ("я <br>", 'Unsupported start tag "br" at byte offset 3'),
        ("a < b >", 'Unsupported start tag "" at byte offset 2'),
        (
            "<b><i>test</b></i>",
            'Unmatched end tag at byte offset 10, expected "</i>", found "</b>"',
        ),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("<a href=>x</b>", None),
        (
            "<a href>x</a>",
            'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0',
        ),
        ("<a href=x?y>x</a>", "Unexpected end of name token at byte offset 8"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ('<tg-emoji emoji-id="x">x</tg-emoji>', "Invalid custom emoji identifier specified"),
    ],
)
def test_wrong_html_is_refused_with_the_place(source: str, refusal: str | None) -> None:
    with pytest.raises(Unparsable) as caught:
        parse_html(source)

    assert refusal is None or str(caught.value) == refusal


def test_a_link_needs_an_address_that_telegram_accepts() -> None:
    _, good = parse_html('<a href="https://example.org/?a=1&amp;b=2">x</a>')
    _, local = parse_html('<a href="http://localhost:3000">x</a>')
    _, mention = parse_html('<a href="tg://user?id=7">x</a>')

    assert [entity.detail for entity in good] == [{"url": "https://example.org/?a=1&b=2"}]
    assert local == []
    assert mention[0].kind == "text_mention"


@given(st.text(max_size=60))
def test_escaped_text_always_comes_back_unharmed(words: str) -> None:
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    shown, entities = parse_html(f"<b>{escaped}</b>")

    assert shown == words
    assert [entity.length for entity in entities] == ([utf16_length(words)] if words else [])


@given(st.text(alphabet="<>/ab\"'=& ;#x1&", max_size=30))
def test_any_text_is_read_or_refused(words: str) -> None:
    with suppress(Unparsable):
        shown, _ = parse_html(words)
        assert len(shown) <= len(words)


@pytest.mark.parametrize(
    ("source", "text", "marks"),
    [
        (
            "*a* _b_ __c__ ~d~ ||e||",
            "a b c d e",
            ["bold", "italic", "underline", "strikethrough", "spoiler"],
        ),
        ("`a\\`b` ok\\.", "a`b ok.", ["code"]),
        ("```py\nx = 1\n```", "x = 1\n", ["pre"]),
        ("[site](https://example.org)", "site", ["text_link"]),
    ],
)
def test_markdown_gives_text_and_marks(source: str, text: str, marks: list[str]) -> None:
    shown, entities = parse_markdown(source)

    assert shown == text
    assert [entity.kind for entity in entities] == marks


@pytest.mark.parametrize(
    ("source", "refusal"),
    [
        ("*unclosed", "Can't find end of Bold entity at byte offset 0"),
        ("`unclosed", "Can't find end of Code entity at byte offset 0"),
        ("hello.", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("a-b", "Character '-' is reserved and must be escaped with the preceding '\\'"),
    ],
)
def test_wrong_markdown_is_refused(source: str, refusal: str) -> None:
    with pytest.raises(Unparsable) as caught:
        parse_markdown(source)

    assert str(caught.value) == refusal


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("/start", [("bot_command", "/start")]),
        ("/start abc /stop", [("bot_command", "/start"), ("bot_command", "/stop")]),
        ("/day@daily_vibe_bot 2026-11-20", [("bot_command", "/day@daily_vibe_bot")]),
        ("../etc and 1/2 and a/b", []),
        ("see https://example.org/a?b=c.", [("url", "https://example.org/a?b=c")]),
        ("http://127.0.0.1:8000/x ok", [("url", "http://127.0.0.1:8000/x")]),
        ("http://localhost:8000/x", []),
        (
            "mail me@example.org #tag @somebody",
            [("email", "me@example.org"), ("hashtag", "#tag"), ("mention", "@somebody")],
        ),
        ("🎧 /generate", [("bot_command", "/generate")]),
    ],
)
def test_commands_and_links_are_found_in_what_people_type(
    words: str, found: list[tuple[str, str]]
) -> None:
    body = typed(words)
    units = body.text.encode("utf-16-le")

    marked = [
        (
            mark["type"],
            units[2 * mark["offset"] : 2 * (mark["offset"] + mark["length"])].decode("utf-16-le"),
        )
        for mark in body.entities
    ]
    assert marked == found


def test_control_characters_become_blanks() -> None:
    assert typed("a\x00b\tc\r\nd\u202ee").text == "a b c\nde"


def test_given_marks_move_with_the_text() -> None:
    marks = [{"type": "bold", "offset": 2, "length": 3}, {"type": "url", "offset": 0, "length": 1}]
    parameters = Parameters(values={"text": "  abc  ", "entities": marks}, uploads={})

    body = read_text(parameters)

    assert (body.text, body.entities) == ("abc", ({"type": "bold", "offset": 0, "length": 3},))


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.org", "https://example.org/"),
        ("example.org/a", "http://example.org/a"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ("tg://resolve?domain=x", "tg://resolve?domain=x"),
    ],
)
def test_good_addresses_are_kept(url: str, kept: str) -> None:
    assert checked_link(url) == kept


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("", "URL host is empty"),
        ("http://localhost/x", "Wrong HTTP URL"),
        ("http://vibe:99999/x", "Wrong HTTP URL"),
        ("https://exa mple.org", "Wrong HTTP URL"),
        ("javascript://example.org", "Unsupported URL protocol"),
    ],
)
def test_wrong_addresses_are_refused(url: str, refusal: str) -> None:
    with pytest.raises(WrongLink, match=refusal):
        checked_link(url)
