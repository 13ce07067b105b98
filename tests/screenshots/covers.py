"""Ten lists of one listener, day by day: their titles, and their covers large and small."""

from __future__ import annotations

import io
import tempfile
import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.support.vibe_world import vibe_world
from vibe_pipeline import runs
from vibe_pipeline.accounts.records import Edition
from vibe_pipeline.playlists.cover import drawn
from vibe_pipeline.playlists.cover_upload import cover_of

DAYS = 10
IN_A_ROW = 5
LARGE, SMALL, WORDS, GAP = 220, 64, 44, 14


def contact_sheet(language: str = "en") -> bytes:
    """A JPEG: each cover, the same at 64 pixels, and the title as Spotify gets it."""
    with tempfile.TemporaryDirectory() as folder, vibe_world(Path(folder)) as world:
        patch = pytest.MonkeyPatch()
        world.point_here(patch)
        anna = world.connected("Anna", covers=True)
        anna = world.store.people.change(anna.user_id, language=language)
        made = []
        for day in range(DAYS):
            list_made = world.run(runs.DAILY_VIBE, anna.user_id, days_later=day)
            made.append(world.list_of(list_made))
            ahead = runs.LaunchRequest.preparing(anna.user_id, list_made.run_id)
            world.run(runs.PREPARE_VIBE, anna.user_id, tags=ahead.tags, days_later=day)
        patch.undo()
        return _sheet(made, [drawn(cover_of(anna, edition)) for edition in made])


def _sheet(made: Sequence[Edition], covers: Sequence[bytes]) -> bytes:
    rows = -(-len(made) // IN_A_ROW)
    size = (IN_A_ROW * (LARGE + GAP) + GAP, rows * (LARGE + SMALL + WORDS + 2 * GAP) + GAP)
    sheet = Image.new("RGB", size, "white")
    pen, letters = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for number, (edition, cover) in enumerate(zip(made, covers, strict=True)):
        left = GAP + number % IN_A_ROW * (LARGE + GAP)
        top = GAP + number // IN_A_ROW * (LARGE + SMALL + WORDS + 2 * GAP)
        picture = Image.open(io.BytesIO(cover))
        sheet.paste(picture.resize((LARGE, LARGE), Image.Resampling.LANCZOS), (left, top))
        below = top + LARGE + 6
        sheet.paste(picture.resize((SMALL, SMALL), Image.Resampling.LANCZOS), (left, below))
        words = f"{edition.vibe_date:%d %b}\n{_broken(edition.title or '')}"
        pen.multiline_text((left + SMALL + 8, below), words, fill="black", font=letters)
    memory = io.BytesIO()
    sheet.save(memory, "JPEG", quality=82, optimize=True)
    return memory.getvalue()


def _broken(title: str, width: int = 20) -> str:
    return "\n".join(textwrap.wrap(title, width))
