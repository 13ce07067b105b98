"""Which tracks of a list that was written nobody can hear, or are not what was meant.

By what Spotify shows of the list. What comes in their place is ``second_choice``'s; which of a
refused list are to blame is ``refused_tracks``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vibe_pipeline.clients.spotify_records import PlaylistLine
from vibe_pipeline.ranking.recording_match import agrees, same_recording
from vibe_pipeline.records import ChosenTrack, Track

Shown = Sequence[tuple[ChosenTrack, PlaylistLine]]
"""Each track of a list with what Spotify shows in its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """Spotify ids that a list must not hold: no longer there, greyed out here, or another's.

    ``untold``: one of these may be bad, and finding out would cost too much now. ``explicit``: what
    is marked so, where the person wants none of that; ``unseen``: what might be, and nothing else
    speaks against.
    """

    gone: frozenset[str] = frozenset()
    greyed_out: frozenset[str] = frozenset()
    mistaken: frozenset[str] = frozenset()
    untold: frozenset[str] = frozenset()
    explicit: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()

    @property
    def unplayable(self) -> frozenset[str]:
        """What nobody can play here, whatever it is."""
        return self.gone | self.greyed_out

    @property
    def broken(self) -> frozenset[str]:
        """What is not, or cannot be heard as, what was meant."""
        return self.unplayable | self.mistaken

    @property
    def ids(self) -> frozenset[str]:
        """All of them."""
        return self.broken | self.untold | self.explicit | self.unseen


def confirmed_tracks(pairs: Shown) -> list[Track]:
    """The tracks that Spotify shows where only an id was known, and that are what was meant."""
    return [
        line.track
        for chosen, line in pairs
        if line.track is not None
        and line.playable
        and not chosen.confirmed
        and chosen.is_new
        and is_meant(chosen, line.track)
    ]


def explicit_marks(pairs: Shown) -> dict[str, bool]:
    """By the id we know a track by: whether Spotify marks what it shows there as explicit."""
    return {
        chosen.spotify_id: line.track.explicit
        for chosen, line in pairs
        if line.track is not None and line.track.explicit is not None
    }


def unusable_tracks(pairs: Shown, *, clean: bool = False) -> Unusable:
    """What is greyed out here, and what an unconfirmed id turned out to be instead.

    With ``clean`` what Spotify marks as explicit is unusable too, and what it does not show.
    """
    marks = explicit_marks(pairs) if clean else {}
    return Unusable(
        unseen=frozenset(
            one.spotify_id
            for one, line in pairs
            if clean and line.track is None and line.playable and not one.confirmed
        ),
        explicit=frozenset(spotify_id for spotify_id, marked in marks.items() if marked),
        greyed_out=frozenset(one.spotify_id for one, line in pairs if not line.playable),
        mistaken=frozenset(
            one.spotify_id
            for one, line in pairs
            if line.track is not None and not one.confirmed and not is_meant(one, line.track)
        ),
    )


def is_meant(chosen: ChosenTrack, track: Track) -> bool:
    """Whether this is the recording that was chosen, as far as names tell."""
    return same_recording(chosen.artist, chosen.title, track.artists, track.title) or agrees(
        chosen.artist, chosen.title, track.artist, track.title
    )
