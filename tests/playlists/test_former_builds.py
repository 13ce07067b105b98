"""What former builds stored still opens here, and their lists are made again byte for byte.

Each folder under ``former_builds/`` holds the stores of one release: a listener of the built-in
world with a list of thirty, one of twelve the next day, and a preview.
"""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from vibe_pipeline.accounts.records import Edition, EditionKind
from vibe_pipeline.accounts.store import AccountStore, migrate, open_for
from vibe_pipeline.playlists.replay import edition_on, replay
from vibe_pipeline.settings import Settings
from vibe_pipeline.warehouse import Warehouse

RELEASES = sorted(path for path in (Path(__file__).parent / "former_builds").iterdir())


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """An installation whose home was left by that release."""
    for packed in request.param.glob("*.xz"):
        (tmp_path / packed.stem).write_bytes(lzma.decompress(packed.read_bytes()))
    return Settings(vibe_home=tmp_path)


def editions_in(store: AccountStore) -> list[Edition]:
    """Everybody's editions."""
    people = store.people.all()
    return [edition for person in people for edition in store.editions.history(person.user_id)]


def test_every_list_of_a_former_build_is_made_again_byte_for_byte(settings: Settings) -> None:
    migrate(settings.accounts_address)
    editions = editions_in(open_for(settings))

    with Warehouse(settings.warehouse_path).open() as tables:
        replays = [
            replay(tables, *edition_on(tables, one.user_id, one.vibe_date, one.edition_id))
            for one in editions
        ]

    assert {edition.kind for edition in editions} == {EditionKind.DAILY, EditionKind.PREVIEW}
    assert all(one.equal for one in replays)
    assert [[track.uri for track in one.again.tracks] for one in replays] == [
        [track.uri for track in edition.tracks] for edition in editions
    ]


def test_what_a_former_build_knew_of_a_person_is_still_known(settings: Settings) -> None:
    migrate(settings.accounts_address)
    store = open_for(settings)
    (person,) = store.people.all()

    latest = store.editions.latest(person.user_id)
    with Warehouse(settings.warehouse_path).open() as tables:
        likes = tables.library.likes(person.user_id)
        recommended = tables.playlists.recommended(person.user_id)

    assert person.connected
    assert latest is not None
    assert latest.playlist_url
    assert likes
    assert len(recommended) >= len(latest.tracks)
