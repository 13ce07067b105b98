"""What became of recommendations: liked, replayed, skipped, from history, likes and plays.

How two policies compare on it is ``policy_comparison``'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from vibe_pipeline.accounts.records import SourceOutcome
from vibe_pipeline.ranking.identity import recording_key
from vibe_pipeline.ranking.merge import valid_isrc
from vibe_pipeline.records import LikedTrack, Play, Track, UserId
from vibe_pipeline.taste.policy_comparison import RIPE_DAYS
from vibe_pipeline.warehouse import Fate, Outcome, Recommended, Warehouse

SKIPPED_WITHIN = timedelta(seconds=30)
"""A play that another one follows this soon was skipped, as far as plays tell."""
BAND = 10
"""So many places of a list are told together."""


def outcomes(
    recommended: Iterable[Recommended],
    *,
    likes: Sequence[LikedTrack],
    plays: Sequence[Play],
) -> list[Outcome]:
    """For each line of a past list: liked after it, played, only skipped, or nothing yet.

    Tracks are told apart by recording, for Spotify answers under another id now and then. What
    was skipped within seconds Spotify mostly does not list at all; then it counts as nothing.
    """
    liked_at: dict[str, list[datetime]] = {}
    for like in likes:
        for name in _names(like.track):
            liked_at.setdefault(name, []).append(like.added_at)
    played_at: dict[str, list[datetime]] = {}
    for play in plays:
        for name in _names(play.track):
            played_at.setdefault(name, []).append(play.played_at)
    cut_short = skips(plays)
    return [_outcome(line, liked_at, played_at, cut_short) for line in recommended]


def skips(plays: Iterable[Play]) -> frozenset[datetime]:
    """The moments of plays that another one followed at once."""
    moments = sorted({play.played_at for play in plays})
    return frozenset(
        earlier for earlier, later in pairwise(moments) if later - earlier < SKIPPED_WITHIN
    )


def by_band(outcomes: Iterable[Outcome]) -> dict[str, Counter[Fate]]:
    """How often each fate befell the tracks of each ten places, first places first."""
    bands: dict[int, Counter[Fate]] = {}
    for outcome in outcomes:
        bands.setdefault((outcome.line.position - 1) // BAND, Counter())[outcome.fate] += 1
    return {f"{band * BAND + 1} to {(band + 1) * BAND}": bands[band] for band in sorted(bands)}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeReport:
    """The outcome of every line ever recommended, and per source how many met which fate.

    A row of ``by_source`` has ``source``, ``lines`` and a count for each ``Fate``.
    """

    outcomes: Sequence[Outcome]
    by_source: Sequence[Mapping[str, Any]]

    def source_outcomes(self) -> list[SourceOutcome]:
        """What the account store keeps of it, for the bot to tell."""
        return [
            SourceOutcome(
                source=row["source"],
                chosen=row["lines"],
                liked=row["liked"],
                replayed=row["replayed"],
            )
            for row in self.by_source
        ]


def review_outcomes(warehouse: Warehouse, user_id: UserId, *, now: datetime) -> OutcomeReport:
    """Look anew at everything recommended to this person, and keep what became of it.

    The warehouse is open while it is read and written, not while likes and plays are searched.
    """
    with warehouse.open() as tables:
        recommended = tables.playlists.recommended(user_id)
        likes, plays = tables.library.likes(user_id), tables.library.plays(user_id)
        kept = tables.playlists.kept_outcomes(user_id)
    looked_at = outcomes(recommended, likes=likes, plays=plays)
    changes = kept.changed_to(looked_at, looked_at=now, settled_days=RIPE_DAYS)
    with warehouse.open() as tables:
        tables.playlists.change_outcomes(changes)
    return OutcomeReport(outcomes=looked_at, by_source=_by_source(looked_at))


def _by_source(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    counts: dict[str, Counter[Fate]] = {}
    for outcome in outcomes:
        counts.setdefault(str(outcome.line.source), Counter())[outcome.fate] += 1
    return [
        {
            "source": source,
            "lines": counts[source].total(),
            **{str(fate): counts[source][fate] for fate in Fate},
        }
        for source in sorted(counts)
    ]


def _outcome(
    line: Recommended,
    liked_at: dict[str, list[datetime]],
    played_at: dict[str, list[datetime]],
    cut_short: frozenset[datetime],
) -> Outcome:
    likes, plays = _after(line, liked_at), _after(line, played_at)
    if likes:
        fate = Fate.LIKED
    elif plays - cut_short:
        fate = Fate.REPLAYED
    elif plays:
        fate = Fate.SKIPPED
    else:
        fate = Fate.NOTHING
    return Outcome(
        line=line,
        fate=fate,
        liked_at=min(likes, default=None),
        plays=len(plays),
        first_played_at=min(plays, default=None),
    )


def _after(line: Recommended, moments: dict[str, list[datetime]]) -> set[datetime]:
    """What happened since the list was there; Spotify tells ``added_at`` in whole seconds."""
    since = line.recorded_at.replace(microsecond=0)
    names = [line.key, recording_key(line.artist, line.title), f"id:{line.spotify_id}"]
    if code := valid_isrc(line.isrc):
        names.append(f"isrc:{code}")
    return {moment for name in names for moment in moments.get(name, ()) if moment >= since}


def _names(track: Track) -> list[str]:
    names = [recording_key(track.artist, track.title), f"id:{track.spotify_id}"]
    return [*names, f"isrc:{code}"] if (code := valid_isrc(track.isrc)) else names
