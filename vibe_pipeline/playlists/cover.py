"""The cover of a playlist: its title, its day and the colours of its mood, drawn by us (Pillow).

No foreign artwork. The same edition gives the same picture. Letters are Noto's (SIL Open Font
License 1.1): Latin, Cyrillic and Greek, and for the rest Japanese; signs that neither has, such as
emoji, are left out. Putting it on Spotify is ``playlists.cover_upload``'s.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from io import BytesIO
from types import MappingProxyType
from typing import Final

from babel.dates import format_date
from PIL import Image, ImageDraw, ImageFont

from vibe_pipeline.locales import spoken

SIDE = 640
"""Pixels of the square."""
MOST_BYTES = 190_000
"""Spotify takes 256 KB of base64 text."""

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont

_WHITE: Final[Colour] = (255, 255, 255)
_BLACK: Final[Colour] = (20, 20, 28)
_COLOURS: Final[Mapping[str | None, tuple[Colour, Colour]]] = MappingProxyType(
    {
        None: ((52, 73, 94), (30, 39, 58)),
        "bright": ((255, 205, 74), (255, 158, 88)),
        "calm": ((126, 190, 183), (176, 217, 196)),
        "dark": ((38, 32, 58), (14, 14, 24)),
        "deep": ((18, 62, 98), (10, 26, 54)),
        "dreamy": ((122, 92, 172), (74, 58, 128)),
        "dusty": ((222, 184, 135), (205, 160, 120)),
        "hazy": ((196, 178, 206), (226, 202, 196)),
        "lively": ((206, 32, 78), (150, 26, 104)),
        "raw": ((120, 34, 30), (48, 22, 22)),
        "tender": ((246, 196, 196), (250, 222, 206)),
        "warm": ((176, 72, 34), (122, 42, 40)),
        "wistful": ((62, 84, 120), (44, 58, 84)),
        "winter": ((206, 222, 236), (232, 238, 244)),
        "spring": ((188, 218, 132), (228, 234, 164)),
        "summer": ((250, 190, 96), (250, 218, 150)),
        "autumn": ((150, 62, 30), (88, 36, 34)),
    }
)
"""From top to bottom, by mood, or by season where the title names none; ``None``: of neither."""
_FONTS = (
    ("fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf"),
    ("noto_cjk_sans_jp_bold", "NotoSansCJKjp-Bold.otf"),
)
_MARKS = frozenset({"Mn", "Mc"})
_COMBINING = "COMBINING"
_MARGIN = 44
_LARGEST, _SMALLEST, _STEP = 128, 40, 4
_COMFORTABLE = 76
"""Words that would have to be smaller are set in narrower letters."""
_USUAL, _NARROW = 100, 68
"""The width of Latin, Cyrillic and Greek letters, in hundredths."""
_BOLD = 700
_MOST_LINES = 4
_LINE = 1.14
_DAY_SIZE, _MONTH_SIZE = 190, 104
_WORDS_HEIGHT = 330
_DISCS = 5
_FINE = 2
"""Drawn so much larger and made small again, for smooth edges."""
_QUALITIES = (90, 82, 70, 55)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What a cover shows: ``seed`` places what is drawn behind the words, ``mood`` colours it.

    In place of a mood it may name a season.
    """

    words: str
    day: date
    language: str
    mood: str | None
    seed: str


def drawn(cover: Cover) -> bytes:
    """The cover as a JPEG of at most ``MOST_BYTES``."""
    picture = _background(cover)
    ink = ink_on(*_colours(cover.mood))
    pen = ImageDraw.Draw(picture)
    _write_day(pen, cover, ink)
    _write_words(pen, cover.words, ink)
    return _as_jpeg(picture)


def ink_on(*grounds: Colour) -> Colour:
    """Black or white, whichever is easier to read on these."""
    return max(_WHITE, _BLACK, key=lambda ink: min(contrast(ink, one) for one in grounds))


def contrast(one: Colour, other: Colour) -> float:
    """WCAG's contrast ratio, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def legible(text: str) -> str:
    """The text without signs that none of our fonts has, and without marks heaped upon letters."""
    shown: list[str] = []
    for sign in text:
        mark = unicodedata.category(sign) in _MARKS
        if sign.isspace() or (mark and _belongs(sign, shown)) or (not mark and _shows(sign)):
            shown.append(sign)
    return " ".join("".join(shown).split())


def _belongs(mark: str, shown: Sequence[str]) -> bool:
    """Whether it is a vowel or the like of a script that needs it, on a letter that stays."""
    heaped = unicodedata.name(mark, _COMBINING).startswith(_COMBINING)
    return not heaped and bool(shown) and not shown[-1].isspace()


def _shows(sign: str) -> bool:
    return unicodedata.category(sign) != "Cf" and _font_index(sign) is not None


def _luminance(colour: Colour) -> float:
    parts = [part / 255 for part in colour]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _colours(mood: str | None) -> tuple[Colour, Colour]:
    return _COLOURS.get(mood, _COLOURS[None])


def _background(cover: Cover) -> Image.Image:
    """One colour running into another, with discs of the upper one's shade in it."""
    top, bottom = _colours(cover.mood)
    fade = Image.linear_gradient("L").resize((SIDE * _FINE, SIDE * _FINE))
    size = fade.size
    ground = Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), fade)
    places = random.Random(cover.seed)
    discs = Image.new("L", size, 0)
    pen = ImageDraw.Draw(discs)
    for number in range(_DISCS):
        radius = size[0] * places.uniform(0.16, 0.42)
        x, y = (size[0] * places.uniform(0.1, 1.1), size[1] * places.uniform(-0.1, 0.9))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=14 + 6 * number)
    shade = _BLACK if ink_on(top, bottom) == _WHITE else _WHITE
    ground.paste(Image.new("RGB", size, shade), mask=discs)
    return ground.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _write_day(pen: ImageDraw.ImageDraw, cover: Cover, ink: Colour) -> None:
    """The day large enough for a thumbnail, the month beside it."""
    number = str(cover.day.day)
    month = format_date(cover.day, "LLL", locale=spoken(cover.language)).rstrip(".")
    large, small = _fonts(_DAY_SIZE), _fonts(_MONTH_SIZE)
    x = _written(pen, (_MARGIN, _MARGIN + _DAY_SIZE * 0.74), number, large, ink)
    _written(pen, (x + 20, _MARGIN + _DAY_SIZE * 0.74), month, small, ink)


def _write_words(pen: ImageDraw.ImageDraw, words: str, ink: Colour) -> None:
    """As large as they fit above the lower edge, in a few lines."""
    size, lines, width = _fitted(legible(words))
    fonts = _fonts(size, width)
    base = SIDE - _MARGIN - size * 0.2
    for number, line in enumerate(reversed(lines)):
        _written(pen, (_MARGIN, base - number * size * _LINE), line, fonts, ink)


def _fitted(words: str) -> tuple[int, list[str], int]:
    """The largest size at which the words fit, the lines they make, and the width of the letters.

    At the smallest they are cut off.
    """
    for width, least in ((_USUAL, _COMFORTABLE), (_NARROW, _SMALLEST)):
        for size in range(_LARGEST, least - 1, -_STEP):
            lines = _lines(words, _fonts(size, width))
            if len(lines) <= _MOST_LINES and len(lines) * size * _LINE <= _WORDS_HEIGHT:
                return size, lines, width
    lines = _lines(words, _fonts(_SMALLEST, _NARROW), anywhere=True)
    most = int(_WORDS_HEIGHT // (_SMALLEST * _LINE))
    shown = [*lines[: most - 1], lines[most - 1] + "…"] if len(lines) > most else lines
    return _SMALLEST, shown, _NARROW


def _lines(words: str, fonts: Sequence[Font], *, anywhere: bool = False) -> list[str]:
    """Words broken to the width; a word wider than it makes one line too many, or is torn."""
    width, lines = SIDE - 2 * _MARGIN, [""]
    for piece in _pieces(words, fonts, anywhere=anywhere):
        longer = f"{lines[-1]}{piece}".lstrip()
        if lines[-1] and _width(longer.rstrip(), fonts) > width:
            lines.append(piece.lstrip())
        else:
            lines[-1] = longer
    if not anywhere and any(_width(line.rstrip(), fonts) > width for line in lines):
        return [*lines, *[""] * _MOST_LINES]
    return [line.rstrip() for line in lines if line.strip()]


def _pieces(words: str, fonts: Sequence[Font], *, anywhere: bool) -> Iterator[str]:
    """What stays together: words, and single signs of a script that is written without spaces."""
    for word in words.split():
        if anywhere or any(_font_index(sign) for sign in word):
            yield " "
            yield from word
        else:
            yield f" {word}"


def _written(
    pen: ImageDraw.ImageDraw,
    start: tuple[float, float],
    text: str,
    fonts: Sequence[Font],
    ink: Colour,
) -> float:
    """Write from a baseline's left end, each sign in a font that has it; gives the right end."""
    x, y = start
    for run, font in _runs(text, fonts):
        pen.text((x, y), run, fill=ink, font=font, anchor="ls")
        x += font.getlength(run)
    return x


def _width(text: str, fonts: Sequence[Font]) -> float:
    return sum(font.getlength(run) for run, font in _runs(text, fonts))


def _runs(text: str, fonts: Sequence[Font]) -> Iterator[tuple[str, Font]]:
    run, current = "", 0
    for sign in text:
        follows = sign.isspace() or unicodedata.category(sign) in _MARKS
        index = current if follows else _font_index(sign) or 0
        if index != current and run:
            yield run, fonts[current]
            run = ""
        run, current = run + sign, index
    if run:
        yield run, fonts[current]


@cache
def _font_index(sign: str) -> int | None:
    """Which font has the sign; ``None`` when none has."""
    for index, font in enumerate(_fonts(_SMALLEST)):
        if bytes(font.getmask(sign)) != bytes(font.getmask("\uffff")):
            return index
    return None


@cache
def _fonts(size: int, width: int = _USUAL) -> tuple[Font, ...]:
    """The fonts in the order they are asked."""
    usual, japanese = (
        ImageFont.truetype(str(files(package).joinpath(name)), size) for package, name in _FONTS
    )
    usual.set_variation_by_axes([_BOLD, width])
    return usual, japanese


def _as_jpeg(picture: Image.Image) -> bytes:
    for quality in _QUALITIES:
        file = BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() <= MOST_BYTES:
            break
    return file.getvalue()
