"""Which plays the person chose: not those that our own playlists put before them.

What is played from a list of ours says how the list was received, which is an outcome
(``outcomes``); taken as taste, every list would lean on the one before it (a feedback loop).
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from vibe_pipeline.records import Play

_PLAYLIST = "playlist"


def is_free_choice(play: Play, own_lists: AbstractSet[str]) -> bool:
    """Whether the play came from anywhere else than these playlists, given by their Spotify ids.

    Where Spotify told no context, as with plays kept by earlier versions or a phone that was
    offline, it counts as chosen.
    """
    if play.context_uri is None:
        return True
    kind, _, playlist_id = play.context_uri.rpartition(":")
    return not (kind.endswith(_PLAYLIST) and playlist_id in own_lists)
