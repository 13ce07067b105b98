"""What one publication finds out about tracks so far, and what a list is mended by.

Moving an edition on is ``publish``'s; finding the tracks that are to blame, ``refused_tracks``'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from vibe_pipeline.accounts.records import Edition, Summary
from vibe_pipeline.accounts.store import AccountStore
from vibe_pipeline.clients.spotify_records import PlaylistLine
from vibe_pipeline.playlists.playlist_writes import ItemsClient, PlaylistWrites, playlist_of
from vibe_pipeline.playlists.refused_tracks import RefusedTracks
from vibe_pipeline.playlists.unusable_tracks import Shown, Unusable
from vibe_pipeline.ranking.selection import Note
from vibe_pipeline.records import ChosenTrack, Track


class ListMender(Protocol):
    """What a list with unusable tracks is mended by."""

    def forget(self, edition: Edition, unusable: Unusable) -> None:
        """See that no list holds these again."""
        ...

    def choose_again(
        self, edition: Edition, besides: Collection[str], *, only: Collection[str] | None
    ) -> bool:
        """Put a choice without these ids into the ledger; false when there is none.

        ``only``: of what is known by its id alone, nothing but these.
        """
        ...

    def heed(self, edition: Edition) -> bool:
        """Put a choice into the ledger without what the person never wants to hear by now.

        False where nothing of that changed since the list was chosen, or there is no such choice.
        """
        ...

    def confirmed(self, tracks: Iterable[Track]) -> None:
        """Spotify showed these tracks, which were known by their ids alone."""
        ...

    def marked(self, marks: Mapping[str, bool]) -> None:
        """By Spotify id: whether Spotify marks a track as explicit."""
        ...

    def known_marks(self, edition: Edition) -> Mapping[str, bool]:
        """What is known of that of a list's tracks."""
        ...

    def published_before(self, edition: Edition) -> tuple[ChosenTrack, ...]:
        """What the list held when it stood in its playlist, if it did and was not taken back."""
        ...


@dataclass(slots=True)
class Mending:
    """What one publication found out about tracks so far."""

    heeded: bool = False
    stays: bool = False
    looked_for_it: bool = False
    second_choices: int = 0
    shown: set[str] = field(default_factory=set)
    former_lines: list[PlaylistLine] = field(default_factory=list)
    writes: PlaylistWrites | None = None
    tried: RefusedTracks | None = None

    def refused(self, writes: PlaylistWrites, stood: Sequence[str]) -> RefusedTracks:
        """What tells good tracks from bad; what it learned holds for later writes too."""
        if self.tried is None:
            self.tried = RefusedTracks(writes, stood=stood)
        return self.tried

    def saw(self, pairs: Shown, unusable: Unusable) -> None:
        """Note what was seen of a list that is going to be changed, or is whole."""
        self.former_lines = [line for _, line in pairs]
        seen = {one.spotify_id for one, line in pairs if line.track is not None}
        self.shown |= seen - unusable.ids

    @property
    def good(self) -> frozenset[str]:
        """The ids that Spotify took, or showed as what was meant."""
        taken = self.tried.good if self.tried is not None else ()
        return _ids(taken) | self.shown

    def writes_to(
        self, store: AccountStore, spotify: ItemsClient, edition: Edition
    ) -> PlaylistWrites:
        """The way to its playlist, the same for the whole publication while that stays."""
        playlist_id, known = playlist_of(edition), self.writes
        if known is None or known.playlist_id != playlist_id:
            known = PlaylistWrites.beside(store, spotify, playlist_id, edition)
            self.writes, self.tried = known, None
        return known


def shortened(summary: Summary, tracks: Sequence[ChosenTrack]) -> Summary:
    """The counts of a list that some tracks were left out of, and a word about it."""
    notes = dict.fromkeys((*summary.notes, str(Note.SHORTER)))
    wished = summary.wished or summary.new + summary.familiar
    return replace(recounted(summary, tracks), notes=tuple(notes), wished=wished)


def recounted(summary: Summary, tracks: Sequence[ChosenTrack]) -> Summary:
    """The counts of a list that holds these tracks."""
    new = sum(track.is_new for track in tracks)
    sources = dict(Counter(str(track.source) for track in tracks))
    return replace(summary, new=new, familiar=len(tracks) - new, sources=sources)


def _ids(uris: Collection[str]) -> frozenset[str]:
    return frozenset(uri.rpartition(":")[2] for uri in uris)
