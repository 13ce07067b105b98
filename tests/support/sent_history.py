"""A streaming history as Spotify writes it, and laid down as the bot leaves one that was sent."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.vibe_world import VibeWorld
from vibe_pipeline.accounts.records import Account
from vibe_pipeline.personal_data.sent_files import receiving, sent_file, sent_name


def plays(year: int, count: int = 40, *, artist: str = "Zoë & the Owls") -> bytes:
    """So many plays of as many tracks, half an hour apart at least, in the extended shape."""
    entries = [
        {
            "ts": f"{year}-03-{number % 28 + 1:02d}T10:{number % 60:02d}:13Z",
            "ms_played": 180_000,
            "master_metadata_track_name": f"Song {number}",
            "master_metadata_album_artist_name": artist,
            "spotify_track_uri": f"spotify:track:{number:022d}",
        }
        for number in range(count)
    ]
    return json.dumps(entries, ensure_ascii=False).encode()


def lay_down(world: VibeWorld, anna: Account, content: bytes, number: int = 0) -> Path:
    """The file in the home, waiting for a run."""
    name = sent_name(f"{number:012d}", "my_spotify_data.zip")
    path = sent_file(world.settings.home, anna.user_id, name)
    with receiving(path) as file:
        file.write(content)
    return path
