"""Pauses before something is believed or tried again, so short that no story waits for them.

How long they really are is seen where a story passes its own ``sleep`` and reads what it was asked
to wait.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from vibe_pipeline import authorization
from vibe_pipeline.authorization import RenewalPolicy
from vibe_pipeline.clients import factory, spotify, spotify_web
from vibe_pipeline.defs import resources
from vibe_pipeline.playlists import (
    kept_playlist,
    leftover_playlists,
    missing_playlist,
    playlist_creation,
    publish,
    read_back,
)

SECONDS = 0.02
_PAUSES = {
    "SECOND_LOOK_SECONDS": (
        kept_playlist,
        missing_playlist,
        playlist_creation,
        spotify,
        spotify_web,
    ),
    "ANOTHER_LOOK_SECONDS": (leftover_playlists, read_back),
    "ANOTHER_TRY_SECONDS": (publish,),
}


def shorten(patch: pytest.MonkeyPatch) -> None:
    """Have whatever runs in this process wait but a moment, for as long as ``patch`` holds."""
    for name, modules in _PAUSES.items():
        for module in modules:
            patch.setattr(module, name, SECONDS)
    patience = replace(factory.PATIENT, backoff_seconds=SECONDS)
    patch.setattr(resources, "ClientFactory", partial(factory.ClientFactory, patience=patience))
    soon = partial(RenewalPolicy, recheck_seconds=SECONDS)
    patch.setattr(authorization, "RenewalPolicy", soon)
