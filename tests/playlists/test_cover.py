"""Covers: small, legible in any script, the same for an edition, never in a list's way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from PIL import Image

from tests.support.blank_accounts import set_up_store
from vibe_pipeline.accounts.records import (
    Edition,
    EditionKind,
    EditionState,
    Summary,
    Tokens,
)
from vibe_pipeline.accounts.store import AccountStore, open_store
from vibe_pipeline.clients.errors import PermissionMissing, RateLimited
from vibe_pipeline.clients.spotify_accounts import COVER_SCOPE, SCOPES
from vibe_pipeline.playlists import cover as covers
from vibe_pipeline.playlists.cover import MOST_BYTES, SIDE, Cover, contrast, drawn, ink_on, legible
from vibe_pipeline.playlists.cover_upload import CoverUpload, cover_of
from vibe_pipeline.ranking.flavour import MOODS
from vibe_pipeline.records import EditionId, Mode, UserId

SOUL = Cover(
    words="dusty soul", day=date(2026, 11, 21), language="en", mood="dusty", seed="edition"
)
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "words",
    [
        "dusty soul",
        "психоделический рок со старых пластинок",
        "шуґейз крізь сон",
        "朝の音楽と静かな時間のためのプレイリスト",
        "👩\u200d🎤 My ☕ mix",
        "🎧",
        "W" * 80,
        "",
    ],
)
def test_any_words_make_a_small_square_jpeg(words: str) -> None:
    picture = drawn(replace(SOUL, words=words))

    image = Image.open(BytesIO(picture))
    assert (image.format, image.size) == ("JPEG", (SIDE, SIDE))
    assert len(picture) <= MOST_BYTES


def test_the_same_edition_gives_the_same_picture_and_another_another() -> None:
    assert drawn(SOUL) == drawn(SOUL)
    assert drawn(SOUL) != drawn(replace(SOUL, seed="other"))


@pytest.mark.parametrize("mood", [None, *MOODS])
def test_words_stand_out_from_the_colours_of_every_mood(mood: str | None) -> None:
    grounds = covers._colours(mood)

    assert min(contrast(ink_on(*grounds), ground) for ground in grounds) >= 4.5


def test_signs_that_no_font_has_are_left_out_and_all_letters_stay() -> None:
    assert legible("👩\u200d🎤 My ☕ mix 🎧") == "My mix"
    for words in ("Пʼятниця їжак ґрунт єдність", "съёмка", "朝の音楽", "été ĳs Łódź"):
        assert legible(words) == words


def test_vowels_that_a_script_writes_as_marks_stay_and_heaps_of_marks_do_not() -> None:
    assert legible("हिन्दी संगीत") == "हिन्दी संगीत"
    assert legible("z\u0338\u0322\u031ba\u0336lgo") == "zalgo"
    assert legible("\u0651 \u0e34") == ""


def test_a_name_that_no_font_of_ours_can_write_gives_way_to_what_the_list_sounds_like(
    hanger: Hanger,
) -> None:
    account = hanger.store.people.get(hanger.user_id)

    assert account is not None
    for name in ("🎧🔥", "مرحبا"):
        cover = cover_of(replace(account, own_title=name), hanger.edition())
        assert "soul" in cover.words


def test_long_words_are_as_large_as_they_fit() -> None:
    short, _, _ = covers._fitted("soul")
    long, lines, _ = covers._fitted("психоделический рок со старых пластинок")

    assert short > long >= 72
    assert "".join(lines).replace(" ", "") == "психоделическийроксостарыхпластинок"


class Wall:
    """Where covers hang, or are refused."""

    def __init__(self) -> None:
        self.hung: list[str] = []
        self.asked = 0
        self.refusal: Exception | None = None

    async def upload_cover(self, playlist_id: str, jpeg: bytes) -> None:
        assert jpeg.startswith(b"\xff\xd8\xff")
        self.asked += 1
        if self.refusal is not None:
            raise self.refusal
        self.hung.append(playlist_id)


class Hanger:
    """One person, their ledger, and the wall."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'accounts.sqlite'}"
        set_up_store(url)
        self.now = NOON
        self.store: AccountStore = open_store(
            url, Fernet.generate_key().decode(), now=lambda: self.now
        )
        self.user_id: UserId = self.store.people.register(1, "Anna", "en").user_id
        self.wall = Wall()

    def agrees_to(self, *scopes: str) -> None:
        """The person's consent."""
        granted = Tokens(
            access_token="a",
            refresh_token="r",
            expires_at=NOON + timedelta(days=9),
            scopes=frozenset(scopes),
            consented_at=NOON,
        )
        self.store.people.connect(self.user_id, "spotify-anna", "Anna", granted)

    def edition(self, state: EditionState = EditionState.RECORDED) -> Edition:
        """A list in its playlist."""
        return Edition(
            edition_id=EditionId("e1"),
            user_id=self.user_id,
            vibe_date=self.now.date(),
            occasion="asked:e1",
            kind=EditionKind.DAILY,
            mode=Mode.LIVING,
            state=state,
            created_at=self.now,
            updated_at=self.now,
            title="Saturday afternoon, dusty soul",
            summary=Summary(new=1, familiar=0, wished_new=1, styles=("soul",)),
            playlist_id="p1",
        )

    def uploads(self, edition: Edition | None = None) -> bool:
        """Whether the cover came about."""
        uploading = CoverUpload(store=self.store, spotify=self.wall, now=self.now)
        return asyncio.run(uploading.upload(edition or self.edition()))


@pytest.fixture
def hanger(tmp_path: Path) -> Hanger:
    made = Hanger(tmp_path)
    made.agrees_to(*SCOPES, COVER_SCOPE)
    return made


def test_nobody_gets_a_cover_unasked_or_without_having_agreed(hanger: Hanger) -> None:
    assert not hanger.uploads()

    hanger.store.people.change(hanger.user_id, covers=True)
    hanger.agrees_to(*SCOPES)
    assert not hanger.uploads()
    assert hanger.wall.asked == 0

    hanger.agrees_to(*SCOPES, COVER_SCOPE)
    assert not hanger.uploads(hanger.edition(EditionState.PLAYLIST_MADE))
    assert hanger.uploads()


def test_a_day_has_one_cover_and_the_next_another(hanger: Hanger) -> None:
    hanger.store.people.change(hanger.user_id, covers=True)

    assert [hanger.uploads(), hanger.uploads()] == [True, False]
    hanger.now += timedelta(days=1)
    assert hanger.uploads()
    assert hanger.wall.hung == ["p1", "p1"]


@pytest.mark.parametrize(
    "refusal",
    [
        PermissionMissing("spotify", "no"),
        RateLimited("spotify", "no", until=NOON + timedelta(hours=1)),
        ValueError("no such picture"),
    ],
)
def test_a_refused_cover_raises_nothing_and_is_not_tried_again_that_day(
    hanger: Hanger, refusal: Exception
) -> None:
    hanger.store.people.change(hanger.user_id, covers=True)
    hanger.wall.refusal = refusal

    assert [hanger.uploads(), hanger.uploads()] == [False, False]
    assert hanger.wall.asked == 1


def test_a_cover_bears_the_name_a_person_fixed_else_what_the_list_sounds_like(
    hanger: Hanger,
) -> None:
    account = hanger.store.people.change(hanger.user_id, language="uk")
    assert cover_of(account, hanger.edition()).words.startswith("соул ")

    fixed = hanger.store.people.change(hanger.user_id, own_title="Моє")
    assert cover_of(fixed, hanger.edition()).words == "Моє"
